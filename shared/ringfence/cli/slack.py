"""ringfence slack: the app's manifest, and whether workspace, channel and people are as the configuration says."""

import json
import os
import re

import click

from ringfence.chat.slack import API, SlackChat
from ringfence.chat.slack_manifest import manifest
from ringfence.cli.main import Context
from ringfence.cli.settings import settings
from ringfence.cli.state import Stack, stack_option
from ringfence.errors import RingfenceError, UsageError

SUFFIX = re.compile(r"[a-z0-9][a-z0-9-]{0,20}", re.ASCII)  # a command has 32 characters at most (Slack's manifest reference)


@click.group(name="slack")
def command() -> None:
    """Make the Slack app of a deployment, and check that its channel is private and its people are who they should be."""


@command.command(name="manifest")
@click.option("--url", metavar="URL", default="", help="Where Slack sends clicks: the stack's output ChatUrl. Else taken from --stack.")
@click.option(
    "--suffix", metavar="NAME", default="", help="Ends the app's and the command's name, so that several accounts fit one workspace."
)
@stack_option
@click.pass_obj
def make(context: Context, url: str, suffix: str, stack: str | None) -> None:
    """Print the manifest of the Slack app, to be pasted at api.slack.com/apps under `From a manifest`.

    One app for each deployment: with --suffix prod its command is /ringfence-prod.
    """
    if not url and not stack:
        raise UsageError("where Slack should send clicks is not known", "Give --url, or --stack with a stack that has the output ChatUrl")
    if suffix and not SUFFIX.fullmatch(suffix):
        raise UsageError(f"{suffix!r:.60} cannot end a command of Slack", "Lower-case letters, digits and dashes, 21 at most, such as prod")
    if url and not url.startswith("https://"):
        raise UsageError(f"{url:.200} is no https address", "Slack sends to https alone")
    made = manifest(url or Stack(str(stack)).output("ChatUrl"), suffix)
    click.echo(json.dumps(made, indent=None if context.output.as_json else 2))


class _FromEnvironment:
    """The token, from the environment: it never stands in a command."""

    def values(self) -> tuple[str, ...]:
        """Give it."""
        token = os.environ.get("SLACK_BOT_TOKEN", "")
        if not token:
            raise UsageError("SLACK_BOT_TOKEN is not set", "Set it for this command; it is not kept")
        return (token,)


@command.command(name="check")
@click.pass_obj
def check(context: Context) -> int:
    """Check the channel and the people of the configuration against Slack, before deploying: exit 1 where something is wrong.

    The channel has to be private: messages name identities and what they may do. Everybody who decides has to be a full member of the
    workspace. The bot token is read from SLACK_BOT_TOKEN.
    """
    known = settings(context)
    slack = known.slack
    if slack is None:
        raise UsageError("no Slack is configured", "See `chat.slack` in `ringfence config schema`")
    chat = SlackChat(slack.channel, _FromEnvironment(), os.environ.get("SLACK_API") or API)
    wrong = 0
    checks = [(f"channel {slack.channel}", chat.check_channel)]
    checks += [
        (f"{person.name} ({user})", lambda user=user: chat.check_member(user, slack.team))  # type: ignore[misc]  # bound now
        for person in known.people
        for user in (name.rsplit("/", 1)[-1] for name in person.chat)
    ]
    for what, looks in checks:
        try:
            looks()
            said = "fine"
        except UsageError:
            raise
        except RingfenceError as error:
            said, wrong = str(error), wrong + 1
        if context.output.as_json:
            context.output.line({"what": what, "ok": said == "fine", "reason": said})
        else:
            context.output.text(f"{what}: {said}")
    return 1 if wrong else 0
