"""What Slack sends to an app is made here as Slack makes it: a form, signed with the app's secret at a time that is given.

Shapes: `reference/interaction-payloads/block_actions-payload`, `reference/interaction-payloads/view-interactions-payload`,
`interactivity/implementing-slash-commands`; the signature: `authentication/verifying-requests-from-slack` (version v0, HMAC-SHA256 over
`v0:timestamp:body`). The event of a function URL: AWS Lambda's guide, "urls-invocation", payload format 2.0.
"""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

TEAM, APP, BOT_USER, BOT = "T0000TEAM", "A00000APP", "U0000BOT", "B0000BOT"
ADDRESS, AGENT = "198.51.100.7", "Slackbot 1.0 (+https://api.slack.com/robots)"
FORM = "application/x-www-form-urlencoded"
GONE: Any = ...  # as an override: the field is not sent
_HOOK = "https://hooks.slack.example/synthetic"  # response URLs are of example: nothing may call them


@dataclass(frozen=True)
class Signed:
    """A request as it is sent."""

    headers: dict[str, str]
    body: bytes


def sign(secret: str, body: bytes, now: datetime) -> dict[str, str]:
    """Give the headers of a body that is sent at a time."""
    timestamp = str(int(now.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"Content-Type": FORM, "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def form(secret: str, now: datetime, fields: Mapping[str, str]) -> Signed:
    """Sign a form."""
    body = urlencode(fields).encode()
    return Signed(sign(secret, body, now), body)


def interaction(secret: str, now: datetime, payload: object) -> Signed:
    """Sign any payload, well formed or not, as interactions are sent: JSON in the field `payload`."""
    return form(secret, now, {"payload": json.dumps(payload, separators=(",", ":"))})


def _changed(fields: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**fields, **overrides}.items() if value is not GONE}


def _common(user: str, team: str, app: str, trigger_id: str) -> dict[str, Any]:
    return {
        "user": {"id": user, "username": f"name-{user.lower()}", "name": f"name-{user.lower()}", "team_id": team},
        "api_app_id": app,
        "token": "synthetic-verification-token",
        "trigger_id": trigger_id,
        "team": {"id": team, "domain": "synthetic"},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def click(  # noqa: PLR0913 - a click has this many parts
    secret: str,
    now: datetime,
    *,
    user: str,
    channel: str,
    message_ts: str,
    action_id: str,
    block_id: str,
    value: str | None,
    trigger_id: str,
    team: str = TEAM,
    app: str = APP,
    thread_ts: str | None = None,
    **overrides: Any,
) -> Signed:
    """Make the click on a button of a message; `overrides` replace top fields, and GONE takes one away."""
    thread = {} if thread_ts is None else {"thread_ts": thread_ts}
    action = {"action_id": action_id, "block_id": block_id, "type": "button", "action_ts": f"{now.timestamp():.6f}"}
    action_text = {"text": {"type": "plain_text", "text": "Button", "emoji": False}}
    payload = {
        "type": "block_actions",
        **_common(user, team, app, trigger_id),
        "container": {"type": "message", "message_ts": message_ts, "channel_id": channel, "is_ephemeral": False, **thread},
        "channel": {"id": channel, "name": f"name-{channel.lower()}"},
        "message": {
            "type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": app, "team": team, "ts": message_ts, "text": "", "blocks": [], **thread,
        },
        "state": {"values": {}},
        "response_url": f"{_HOOK}/actions",
        "actions": [{**action, **action_text, **({} if value is None else {"value": value})}],
    }  # fmt: skip
    return interaction(secret, now, _changed(payload, overrides))


def submission(  # noqa: PLR0913 - a submission has this many parts
    secret: str,
    now: datetime,
    *,
    user: str,
    callback_id: str,
    private_metadata: str,
    values: Mapping[str, Mapping[str, Mapping[str, Any]]],
    trigger_id: str = "11.22.synthetic",
    team: str = TEAM,
    app: str = APP,
    view: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> Signed:
    """Make the submission of a modal; `values` by block_id and action_id, `view` replaces fields of the view, `overrides` top fields."""
    shown: dict[str, Any] = {
        "id": "V0000VIEW",
        "team_id": team,
        "type": "modal",
        "blocks": [],
        "private_metadata": private_metadata,
        "callback_id": callback_id,
        "state": {"values": values},
        "hash": f"{int(now.timestamp())}.synthetic",
        "title": {"type": "plain_text", "text": "Title", "emoji": False},
        "submit": {"type": "plain_text", "text": "Send", "emoji": False},
        "close": None,
        "clear_on_close": False,
        "notify_on_close": False,
        "previous_view_id": None,
        "root_view_id": "V0000VIEW",
        "app_id": app,
        "external_id": "",
        "app_installed_team_id": team,
        "bot_id": BOT,
    }
    payload = {
        "type": "view_submission",
        **_common(user, team, app, trigger_id),
        "view": _changed(shown, view or {}),
        "response_urls": [],
    }
    return interaction(secret, now, _changed(payload, overrides))


def command(
    secret: str, now: datetime, *, user: str, channel: str, text: str, trigger_id: str, name: str = "/ringfence", **overrides: str
) -> Signed:
    """Make a slash command; `overrides` replace fields, GONE takes one away."""
    fields = {
        "token": "synthetic-verification-token",
        "team_id": TEAM,
        "team_domain": "synthetic",
        "channel_id": channel,
        "channel_name": f"name-{channel.lower()}",
        "user_id": user,
        "user_name": f"name-{user.lower()}",
        "command": name,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": f"{_HOOK}/commands",
        "trigger_id": trigger_id,
    }
    return form(secret, now, _changed(fields, overrides))


def function_url_event(signed: Signed, *, base64: bool = True, path: str = "/", method: str = "POST") -> dict[str, Any]:
    """Give the event that a Lambda function URL hands over; Lambda encodes forms, and may hand over text as it is."""
    host = "synthetic.lambda-url.us-east-1.on.aws"
    sent = {name.lower(): value for name, value in signed.headers.items()}
    stamp = sent.get("x-slack-request-timestamp", "")
    when = datetime.fromtimestamp(int(stamp) if stamp.isdecimal() else 0, UTC)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            **sent,
            "content-length": str(len(signed.body)),
            "host": host,
            "user-agent": AGENT,
            "x-forwarded-for": ADDRESS,
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "synthetic",
            "domainName": host,
            "domainPrefix": "synthetic",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": ADDRESS, "userAgent": AGENT},
            "requestId": "00000000-0000-4000-8000-000000000000",
            "routeKey": "$default",
            "stage": "$default",
            "time": when.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(when.timestamp() * 1000),
        },
        "body": b64encode(signed.body).decode() if base64 else signed.body.decode(),
        "isBase64Encoded": base64,
    }
