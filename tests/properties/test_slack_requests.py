"""21: whatever arrives at the function URL is turned away with a status, and costs nothing before it is known to be signed."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.chat.slack import SlackChat
from ringfence.chat.slack_desk import SlackDesk
from ringfence.chat.slack_request import Turned, read
from ringfence.clouds.memory import MemoryQueue, MemoryStore, MemoryThreads
from ringfence.domain.card import Press
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.engine import cards
from ringfence.engine.chatops import Asked
from ringfence.engine.commands import Desk
from ringfence.settings import Settings, Slack
from tests.support.jobs import CONTAINMENT, NOW, Clock, job, put
from tests.support.scale import cases
from tests.support.slack_requests import APP, FORM, TEAM, Signed, click, command, function_url_event, interaction, sign
from tests.support.workspace import API, CHANNEL, OneToken, Workspace, slack_settings

SECRET = "synthetic-signing-secret"  # noqa: S105 - of no app
HOOK = "https://hooks.slack.com/actions/T0000TEAM/1/synthetic"
PINS = Slack(TEAM, APP, CHANNEL)
PENDING = job(CONTAINMENT, state=JobState.PENDING)
STAMP = str(int(NOW.timestamp()))


class Keys:
    """The signing secrets."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = secrets or (SECRET,)

    def values(self) -> tuple[str, ...]:
        return self.secrets

    def again(self) -> tuple[str, ...]:
        return self.secrets


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, msg: object, **more: Any) -> None:
        self.lines.append(f"{msg} {more}")

    def info(self, msg: object, **more: Any) -> None:
        self.lines.append(f"{msg} {more}")


class Edge:
    """The Slack edge over memory. What is fetched is counted, and what goes to response URLs is kept."""

    def __init__(self, *jobs: Job, settings: Settings | None = None, info: Mapping[str, Any] | None = None) -> None:
        self.clock, self.log, self.fetched = Clock(), Log(), Counter[str]()
        self.space = Workspace(self.clock)
        self.store, self.queue, self.threads = MemoryStore(), MemoryQueue(), MemoryThreads()
        self.replies: list[tuple[str, dict[str, Any]]] = []
        for one in jobs:
            put(self.store, one)
        chat = self.space.chat if info is None else SlackChat(CHANNEL, OneToken(), API, lambda *_: (200, json.dumps(info).encode()))
        self.desk = SlackDesk(
            settings or slack_settings(),
            self._counted("keys", Keys()),
            self._counted("chat", chat),
            self._counted("desk", Desk(self.store, self.queue, self.clock)),
            self._counted("threads", self.threads),
            self.log,
            self._reply,
        )

    def _counted[T](self, name: str, thing: T) -> Callable[[], T]:
        def get() -> T:
            self.fetched[name] += 1
            return thing

        return get

    def _reply(self, url: str, _: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        self.replies.append((url, json.loads(body)))
        return 200, b"ok"

    def handle(self, signed: Signed) -> dict[str, Any]:
        return self.desk.handle(function_url_event(signed), self.clock())

    def click(self, press: str, about: Job = PENDING, user: str = "U0000ANA", **more: Any) -> Signed:
        """Make the click on a button of a message about a job."""
        there = {"channel": CHANNEL, "message_ts": "1.1", "block_id": "decide", "response_url": HOOK}
        given = {"trigger_id": self.space.double.trigger(), "value": cards.value(about), **there, **more}
        return click(SECRET, self.clock(), user=user, action_id=press, **given)

    def command(self, text: str, user: str = "U0000ANA", **more: Any) -> Signed:
        """Make a slash command."""
        given = {"trigger_id": self.space.double.trigger(), "channel": CHANNEL, **more}
        return command(SECRET, self.clock(), user=user, text=text, **given)

    @property
    def said(self) -> str:
        """What the last reply tells."""
        return json.dumps(self.replies[-1][1]["blocks"])

    def votes(self, about: Job = PENDING) -> int:
        """How many votes are on record."""
        return sum(r.kind is RecordKind.APPROVAL_DECIDED for r in self.store.records(about.id))


def event(**headers: str | None) -> dict[str, Any]:
    """A click, rightly signed, with some of its headers changed."""
    made = function_url_event(Edge().click("approve"))
    made["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return made


SIGNATURES = {
    "none": None,
    "empty": "",
    "another version": f"v1={'0' * 64}",
    "no version": "0" * 64,
    "of upper case": f"V0={'0' * 64}",
    "hex of upper case": f"v0={'A' * 64}",
    "truncated": f"v0={'0' * 63}",
    "longer": f"v0={'0' * 65}",
    "no digest": "v0=",
    "Arabic digits": f"v0={'٣' * 64}",
    "full-width digits": f"v0={chr(0xFF10) * 64}",
    "Cyrillic letters": f"v0={chr(0x430) * 64}",
    "a newline behind": f"v0={'0' * 64}\n",
    "a space before": f" v0={'0' * 64}",
    "two of them": f"v0={'0' * 64},v0={'0' * 64}",
    "half a character": f"v0={chr(0xD800) * 64}",
    "a megabyte": "v0=" + "0" * 1_000_000,
}
STAMPS = {
    "none": None,
    "empty": "",
    "a word": "yesterday",
    "negative": f"-{STAMP}",
    "with a plus": f"+{STAMP}",
    "a fraction": f"{STAMP}.0",
    "an exponent": "1.7e9",
    "hexadecimal": hex(int(STAMP)),
    "underscores": f"{STAMP[:3]}_{STAMP[3:]}",
    "full-width digits": "".join(chr(0xFF10 + int(digit)) for digit in STAMP),
    "Arabic digits": "".join(chr(0x660 + int(digit)) for digit in STAMP),
    "superscript": "²" * 10,
    "a space before": f" {STAMP}",
    "a newline behind": f"{STAMP}\n",
    "12 digits": "9" * 12,
    "13 digits": "9" * 13,
    "5,000 digits": "9" * 5000,  # more than Python turns into a number
    "zero": "0",
    "milliseconds": f"{STAMP}000",
}
SHAPES: dict[str, dict[str, Any]] = {
    "no headers": {"headers": ...},
    "headers None": {"headers": None},
    "headers a list": {"headers": [["x-slack-signature", "v0="]]},
    "headers a text": {"headers": "x-slack-signature"},
    "headers of numbers": {"headers": {1: 2, "x-slack-signature": 5, "x-slack-request-timestamp": None}},
    "headers of lists": {"headers": {"x-slack-signature": ["v0="], "x-slack-request-timestamp": [STAMP]}},
    "no body": {"body": ...},
    "body None": {"body": None},
    "body a number": {"body": 5},
    "body an object": {"body": {"payload": "{}"}},
    "body bytes": {"body": b"payload=%7B%7D"},
    "body no base64": {"body": "payload=!"},
    "body base64 of another alphabet": {"body": "_-_-"},
    "body base64 with full-width letters": {"body": "\uff21\uff21\uff21\uff21"},
    "body base64 cut": {"body": "cGF5bG9hZ"},
    "body half a character": {"body": "\ud800", "isBase64Encoded": False},
    "no context": {"requestContext": ...},
    "context None": {"requestContext": None},
    "context a list": {"requestContext": []},
    "context a text": {"requestContext": "http"},
    "context empty": {"requestContext": {}},
    "http None": {"requestContext": {"http": None}},
    "http a list": {"requestContext": {"http": ["POST"]}},
    "GET": {"requestContext": {"http": {"method": "GET"}}},
    "post": {"requestContext": {"http": {"method": "post"}}},
    "method no text": {"requestContext": {"http": {"method": 7}}},
}
CONTENT_TYPES = {
    "none": None,
    "empty": "",
    "JSON": "application/json",
    "multipart": "multipart/form-data; boundary=x",
    "text": "text/plain",
}
CHEAP: list[Any] = [
    *(pytest.param(event(x_slack_signature=s), id=f"signature: {n}") for n, s in SIGNATURES.items()),
    *(pytest.param(event(x_slack_request_timestamp=s), id=f"timestamp: {n}") for n, s in STAMPS.items()),
    *(pytest.param(event(content_type=s), id=f"content type: {n}") for n, s in CONTENT_TYPES.items()),
    *(pytest.param({k: v for k, v in {**event(), **s}.items() if v is not ...}, id=n) for n, s in SHAPES.items()),
    pytest.param({}, id="nothing"),
]


@pytest.mark.parametrize("made", CHEAP)
def test_21_what_is_not_signed_as_slack_signs_is_turned_away_before_a_secret_is_read(made: dict[str, Any]) -> None:
    edge = Edge(PENDING)
    assert edge.desk.handle(made, NOW) == {"statusCode": 401, "body": ""}
    assert edge.fetched == {}
    with pytest.raises(Turned):
        read(made, Keys, PINS, NOW)


def test_21_where_no_slack_is_configured_nobody_is_heard() -> None:
    edge = Edge(PENDING, settings=Settings())
    assert edge.handle(edge.click("approve")) == {"statusCode": 404, "body": ""}
    assert edge.fetched == {}


def signed_wrongly() -> dict[str, Signed]:
    body = Edge().click("approve").body
    right = sign(SECRET, body, NOW)
    later = sign(SECRET, body, NOW + timedelta(seconds=1))
    return {
        "with another secret": Signed(sign("another", body, NOW), body),
        "with an empty secret": Signed(sign("", body, NOW), body),
        "of another body": Signed(sign(SECRET, body + b"&x=1", NOW), body),
        "of another time": Signed({**right, "X-Slack-Request-Timestamp": later["X-Slack-Request-Timestamp"]}, body),
        "of the same time with a zero before it": Signed({**right, "X-Slack-Request-Timestamp": f"0{STAMP}"}, body),
        "of a body with another end": Signed(right, body + b"\n"),
        "all zeros": Signed({**right, "X-Slack-Signature": f"v0={'0' * 64}"}, body),
    }


@pytest.mark.parametrize(("how", "made"), signed_wrongly().items())
def test_21_what_is_signed_wrongly_is_turned_away_before_anything_else_is_read(how: str, made: Signed) -> None:
    edge = Edge(PENDING)
    assert edge.handle(made) == {"statusCode": 401, "body": ""}
    assert edge.fetched == {"keys": 1}
    assert SECRET not in "".join(edge.log.lines)


ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=20), st.lists(st.integers(), max_size=2)
)
NAMES = st.sampled_from(("x-slack-signature", "X-Slack-Signature", "x-slack-request-timestamp", "content-type", "host")) | ODD.filter(
    lambda odd: not isinstance(odd, list)
)
WELL = st.sampled_from((STAMP, f"v0={'0' * 64}", FORM, "v0=", "v1=", "POST"))
HEADERS = ODD | st.dictionaries(NAMES, ODD | WELL, max_size=5)
CONTEXT = ODD | st.fixed_dictionaries({"http": ODD | st.fixed_dictionaries({"method": ODD | WELL})})
FIELDS = {"headers": HEADERS, "body": ODD, "requestContext": CONTEXT, "isBase64Encoded": ODD}
EVENTS = st.fixed_dictionaries({}, optional=FIELDS)
RIGHT = event()
NEARLY = st.tuples(
    st.dictionaries(st.sampled_from(sorted(RIGHT["headers"])), ODD | st.text(st.characters(), max_size=80) | WELL, min_size=1, max_size=2),
    st.fixed_dictionaries({}, optional={k: v for k, v in FIELDS.items() if k != "headers"}),
)


def turned_away(made: dict[str, Any]) -> Edge:
    """Hand an event over: a status from 400 on, no word, and no store, channel or job is touched."""
    edge = Edge(PENDING)
    answer = edge.desk.handle(made, NOW)
    assert answer["body"] == ""
    assert 400 <= answer["statusCode"] < 500
    assert edge.fetched.keys() <= {"keys"}
    return edge


def well_formed(made: Mapping[str, Any]) -> bool:
    """Whether an event carries a signature and a time of Slack's form."""
    headers = made.get("headers")
    held = [str(v) for v in headers.values()] if isinstance(headers, Mapping) else []
    return any(re.fullmatch("v0=[0-9a-f]{64}", v) for v in held) and any(re.fullmatch("[0-9]{1,12}", v) for v in held)


@settings(max_examples=cases(5000))
@given(EVENTS)
def test_21_events_of_any_shape_are_turned_away(made: dict[str, Any]) -> None:
    assert turned_away(made).fetched["keys"] <= well_formed(made)


@settings(max_examples=cases(5000))
@given(NEARLY)
def test_21_requests_with_any_other_header_body_or_context_are_turned_away(changed: tuple[dict[str, Any], dict[str, Any]]) -> None:
    headers, fields = changed
    made = {**RIGHT, **fields, "headers": {**RIGHT["headers"], **headers}}
    read_by_us = ("x-slack-signature", "x-slack-request-timestamp")
    if all(made[k] == RIGHT[k] for k in fields) and all(made["headers"][k] == RIGHT["headers"][k] for k in read_by_us):
        return  # nothing that counts was changed
    assert turned_away(made).fetched["keys"] <= well_formed(made)


@settings(max_examples=cases(5000))
@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode(errors="surrogatepass")), st.booleans(), st.booleans())
def test_21_bodies_of_any_bytes_are_turned_away_signed_or_not(body: bytes, signed: bool, with_payload: bool) -> None:
    whole = b"payload=" + body if with_payload else body
    turned_away(function_url_event(Signed(sign(SECRET if signed else "another", whole, NOW), whole)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PEOPLE = JSON | st.fixed_dictionaries({}, optional={"id": JSON | st.just("U0000ANA"), "team_id": JSON | st.just(TEAM)})
VIEWS = JSON | st.fixed_dictionaries(
    {}, optional={"callback_id": JSON | st.just("deny"), "state": st.fixed_dictionaries({"values": JSON}), "app_id": JSON, "hash": JSON}
)
ACTIONS = JSON | st.lists(st.fixed_dictionaries({}, optional={"action_id": JSON | st.just("approve"), "value": JSON}), max_size=2)
SIGNED = st.fixed_dictionaries(
    {"type": JSON | st.sampled_from(("block_actions", "view_submission")), "team": st.just({"id": TEAM}), "api_app_id": st.just(APP)},
    optional={
        "user": PEOPLE,
        "view": VIEWS,
        "actions": ACTIONS,
        "channel": JSON | st.just({"id": CHANNEL}),
        "container": JSON,
        "enterprise": st.none(),
        "trigger_id": JSON | st.just("1.1"),
    },
)


def heard(made: dict[str, Any]) -> Asked | Turned:
    """Read a request; give what is asked, or that it is turned away."""
    try:
        return read(made, Keys, PINS, NOW)
    except Turned as turned:
        return turned


@settings(max_examples=cases(5000))
@given(SIGNED)
def test_21_payloads_of_any_shape_are_read_or_turned_away(payload: dict[str, Any]) -> None:
    asked = heard(function_url_event(interaction(SECRET, NOW, payload)))
    if isinstance(asked, Turned):
        assert asked.status in (400, 403)
    else:
        assert isinstance(asked.press, Press)
        assert asked.who.name == f"slack:{TEAM}/{payload['user']['id']}"
        assert re.fullmatch("[0-9A-Za-z.]+", asked.once)
