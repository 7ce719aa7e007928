"""Slack as the deployed stack sees it: the double on loopback, two secrets, and clicks on the stack's function URL."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3

from tests.e2e.local import STACK, Box
from tests.support.cases import ROOT
from tests.support.slack_double import TOKEN, Channel, SlackDouble, User, serving
from tests.support.slack_requests import Signed, click

CHANNEL = "C0000SECAPPR"
SECRET = "synthetic-signing-secret"  # noqa: S105 - of no app
LAYER = ROOT / ".aws-sam/build/RingfenceLayer/python/ringfence/compiled.json"


def now() -> datetime:
    return datetime.now(UTC)


class Slack:
    """A workspace with the channel, an approver and an owner."""

    def __init__(self) -> None:
        self.double = SlackDouble(now, named=frozenset({"U0000CALL", "U0000OLGA"}))
        self.double.add_channel(Channel(CHANNEL, "sec-approvals", is_private=True))
        for user in ("U0000CALL", "U0000OLGA"):
            self.double.add_user(User(user))

    def about(self, job: str) -> Any:
        """Give the message in which a job can be decided, None where there is none."""
        found = [m for m in self.double.messages[CHANNEL] if m.thread_ts in (None, m.ts) and job in str(m.blocks)]
        return found[-1] if found else None

    def press(self, message: Any, action: str, user: str = "U0000CALL", secret: str = SECRET) -> Signed:
        """Make the click on a button of a message."""
        (button,) = [e for b in message.blocks if b["type"] == "actions" for e in b["elements"] if e["action_id"] == action]
        where = {"channel": CHANNEL, "message_ts": message.ts, "block_id": "decide", "trigger_id": self.double.trigger()}
        return click(secret, now(), user=user, action_id=action, value=button["value"], **where)


@contextmanager
def slack_for(box: Box) -> Iterator[tuple[Slack, tuple[str, ...]]]:
    """Have Slack answer, put its secrets and the configuration where the stack finds them; give it and the stack's parameters."""
    made = Slack()
    secrets = boto3.client("secretsmanager", **box.keys)
    arns = [secrets.create_secret(Name=f"slack/{name}", SecretString=text)["ARN"] for name, text in (("signing", SECRET), ("token", TOKEN))]
    box.run("ringfence", "--config", "tests/e2e/ringfence.yaml", "config", "compile", "--to", str(LAYER))
    with serving(made.double) as url:
        yield made, (f"SlackSigningSecret={arns[0]}", f"SlackToken={arns[1]}", f"SlackApi={url}")


def send(box: Box, signed: Signed) -> tuple[int, bytes]:
    """Post a request to the stack's function URL, as Slack would."""
    outputs = boto3.client("cloudformation", **box.keys).describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    url = next(o["OutputValue"] for o in outputs if o["OutputKey"] == "ChatUrl")
    here = urlsplit(box.url)
    connection = http.client.HTTPConnection(str(here.hostname), here.port, timeout=30)
    try:
        connection.request("POST", "/", body=signed.body, headers={**signed.headers, "Host": str(urlsplit(url).hostname)})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()
