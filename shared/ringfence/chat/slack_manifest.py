"""The manifest of the Slack app of one deployment (Slack's documentation, "App manifest reference")."""

from typing import Any

SCOPES = (
    "chat:write",  # post and replace messages
    "commands",  # /ringfence
    "groups:history",  # look for a message whose reply was lost
    "groups:read",  # is the channel private?
    "users:read",  # is somebody still a full member?
)


def manifest(url: str, suffix: str) -> dict[str, Any]:
    """Make the manifest: one app for each deployment, so that a command names the account that it is about."""
    name = f"ringfence-{suffix}" if suffix else "ringfence"
    return {
        "_metadata": {"major_version": 2},
        "display_information": {
            "name": name,
            "description": "Asks before it contains identities of AI projects, and tells what it did.",
            "background_color": "#1b2a41",
        },
        "features": {
            "bot_user": {"display_name": name, "always_online": True},
            "slash_commands": [
                {
                    "command": f"/{name}",
                    "url": url,
                    "description": "Status, kill switch, undo and exemptions",
                    "usage_hint": "status | stop | resume | undo JOB | exempt JOB",
                    "should_escape": True,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "interactivity": {"is_enabled": True, "request_url": url},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }
