"""The requests of the double are signed, and shaped, as Slack's are."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from slack_sdk.signature import Clock, SignatureVerifier

from tests.support.slack_payloads import (
    NOW,
    SECRET,
    Json,
)
from tests.support.slack_requests import ADDRESS, GONE, Signed, click, command, function_url_event, interaction, submission


class At(Clock):
    def __init__(self, when: datetime) -> None:
        self.when = when

    def now(self) -> float:
        return self.when.timestamp()


def made_click(**overrides: Any) -> Signed:
    given: Json = {
        "user": "U0000ANA", "channel": "C0000OPS", "message_ts": "1.1", "thread_ts": "1.0", "action_id": "approve", "block_id": "vote",
        "value": "job-1", "trigger_id": "1.1.synthetic",
    }  # fmt: skip
    return click(SECRET, NOW, **{**given, **overrides})


def made_submission(**overrides: Any) -> Signed:
    values = {"reason": {"text": {"type": "plain_text_input", "value": "über & out"}}}
    return submission(SECRET, NOW, user="U0000ANA", callback_id="deny", private_metadata='{"job":"1"}', values=values, **overrides)


def made_command(**overrides: str) -> Signed:
    return command(SECRET, NOW, user="U0000ANA", channel="C0000OPS", text="held & more", trigger_id="1.1.synthetic", **overrides)


def fields(signed: Signed) -> dict[str, str]:
    return dict(parse_qsl(signed.body.decode(), keep_blank_values=True, strict_parsing=True))


def payload_of(signed: Signed) -> Json:
    read: Json = json.loads(fields(signed)["payload"])
    return read


@pytest.mark.parametrize("make", [made_click, made_submission, made_command])
def test_signatures_are_slack_s(make: Callable[[], Signed]) -> None:
    signed = make()
    body, headers = signed.body, signed.headers
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"

    def valid(body: bytes, headers: Mapping[str, str], late: float = 0, secret: str = SECRET) -> bool:
        return SignatureVerifier(secret, At(NOW + timedelta(seconds=late))).is_valid_request(body, dict(headers))

    assert valid(body, headers)
    assert valid(body, headers, late=299)
    assert not valid(body, headers, late=301)
    assert not valid(body, headers, late=-301)
    assert not valid(body + b"&x=1", headers)
    assert not valid(body, headers, secret="synthetic-other-secret")  # noqa: S106 - of no app
    assert not valid(body, {**headers, "X-Slack-Request-Timestamp": str(int(NOW.timestamp()) + 1)})
    assert not valid(body, {**headers, "X-Slack-Signature": headers["X-Slack-Signature"].upper()})


def test_a_click_parses_back() -> None:
    read = payload_of(made_click())
    assert (read["type"], read["user"]["id"], read["user"]["team_id"], read["team"]["id"], read["api_app_id"]) == (
        "block_actions", "U0000ANA", "T0000TEAM", "T0000TEAM", "A00000APP",
    )  # fmt: skip
    assert read["container"] == {
        "type": "message", "message_ts": "1.1", "channel_id": "C0000OPS", "is_ephemeral": False, "thread_ts": "1.0",
    }  # fmt: skip
    (action,) = read["actions"]
    assert (action["action_id"], action["block_id"], action["value"], action["type"]) == ("approve", "vote", "job-1", "button")
    assert "thread_ts" not in payload_of(made_click(thread_ts=None))["container"]
    assert "value" not in payload_of(made_click(value=None))["actions"][0]


def test_a_click_can_be_hostile() -> None:
    assert payload_of(made_click(team="T000OTHER"))["user"]["team_id"] == "T000OTHER"
    assert payload_of(made_click(actions=[]))["actions"] == []
    assert "container" not in payload_of(made_click(container=GONE))
    assert json.loads(fields(interaction(SECRET, NOW, [1]))["payload"]) == [1]


def test_a_submission_parses_back() -> None:
    read = payload_of(made_submission())
    assert (read["type"], read["view"]["callback_id"], read["view"]["private_metadata"]) == ("view_submission", "deny", '{"job":"1"}')
    assert read["view"]["state"]["values"]["reason"]["text"]["value"] == "über & out"
    assert payload_of(made_submission(view={"team_id": "T000OTHER", "state": GONE}))["view"].keys() ^ read["view"].keys() == {"state"}


def test_a_command_parses_back() -> None:
    read = fields(made_command())
    assert (read["command"], read["text"], read["user_id"], read["team_id"]) == ("/ringfence", "held & more", "U0000ANA", "T0000TEAM")
    assert fields(made_command(team_id="T000OTHER"))["team_id"] == "T000OTHER"
    assert "user_id" not in fields(made_command(user_id=GONE))


@pytest.mark.parametrize("encoded", [True, False])
def test_a_function_url_hands_it_over(encoded: bool) -> None:
    signed = made_click()
    event = function_url_event(signed, base64=encoded)
    assert (event["version"], event["rawPath"], event["isBase64Encoded"]) == ("2.0", "/", encoded)
    assert event["requestContext"]["http"]["sourceIp"] == ADDRESS == "198.51.100.7"
    assert event["requestContext"]["http"]["method"] == "POST"
    body = base64.b64decode(event["body"]) if encoded else event["body"].encode()
    assert all(name == name.lower() for name in event["headers"])
    assert SignatureVerifier(SECRET, At(NOW)).is_valid_request(body, event["headers"])
