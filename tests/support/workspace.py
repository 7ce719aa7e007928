"""A synthetic Slack workspace with one private channel and its people, and the product's client talking to it in this process."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ringfence.chat.slack import SlackChat
from ringfence.settings import Settings
from tests.support.cases import settings_of
from tests.support.slack_double import TOKEN, Channel, SlackDouble, User
from tests.support.slack_requests import APP, TEAM

CHANNEL = "C0000SECAPPR"
API = "https://slack.example.com/api/"
PEOPLE: tuple[Mapping[str, Any], ...] = (
    {"name": "ana", "slack": ["U0000ANA"], "aws": ["arn:aws:iam::123456789012:user/ana"]},
    {"name": "bo", "slack": ["U0000BO", "U0000BO2"], "aws": ["arn:aws:iam::123456789012:user/bo"]},
    {"name": "zoe", "slack": ["U0000ZOE"]},
    {"name": "eve", "slack": ["U0000EVE"], "aws": ["arn:aws:iam::123456789012:user/eve"]},
    {"name": "olga", "slack": ["U0000OLGA"], "owns": ["arn:aws:iam::*:role/fraud-train"]},
)


def slack_settings(**approval: Any) -> Settings:
    """Give settings with Slack, its people and two approvers."""
    asked = {"channel": CHANNEL, "approvers": ["ana", "bo", "eve", "olga"], "escalation": ["zoe"], **approval}
    slack = {"team": TEAM, "app": APP}
    config = {"defaults": {"mode": "graduated", "approval": asked}, "people": [dict(p) for p in PEOPLE], "chat": {"slack": slack}}
    return settings_of(config)


class OneToken:
    """The bot's token."""

    def values(self) -> tuple[str, ...]:
        """Give it."""
        return (TOKEN,)


class Workspace:
    """The double, and the client."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        users = tuple(user for person in PEOPLE for user in person["slack"])
        self.double = SlackDouble(clock, named=frozenset(users))
        self.double.add_channel(Channel(CHANNEL, "sec-approvals", is_private=True))
        for user in users:
            self.double.add_user(User(user, real_name=user.title(), email=f"{user.lower()}@example.com"))
        self.chat = SlackChat(CHANNEL, OneToken(), API, self.send)

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Carry a request to the double, as `over_https` would."""
        status, _, answer = self.double.handle(url.removeprefix(API), headers, body)
        return status, answer if status == 200 else b""

    @property
    def top(self) -> list[Any]:
        """The messages of the channel that are in no thread."""
        return [m for m in self.double.messages[CHANNEL] if m.thread_ts in (None, m.ts)]

    def under(self, ts: str) -> list[Any]:
        """The messages of a thread."""
        return [m for m in self.double.messages[CHANNEL] if m.thread_ts == ts and m.ts != ts]


def text_of(message: Any) -> str:
    """Everything that a message says."""
    return msgspec.json.encode(message.blocks).decode()
