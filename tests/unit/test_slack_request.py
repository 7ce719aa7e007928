"""22 to 24, 27, 28 and 41: only what Slack signed, fresh, from our app, workspace and channel, by a full member, is heard, and heard once."""

import json
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec
import pytest

from ringfence.chat.slack import over_https, reply
from ringfence.chat.slack_request import Turned, _depth, read
from ringfence.domain.caller import Caller
from ringfence.domain.card import Press
from ringfence.domain.job import JobState
from ringfence.engine.chatops import SEEN, Asked
from ringfence.errors import UpstreamError
from tests.properties.test_slack_requests import PENDING, PINS, SECRET, Edge, Keys
from tests.support.jobs import NOW, Clock
from tests.support.scale import cases
from tests.support.slack_double import Answer, Fault, SlackDouble, User, serving
from tests.support.slack_requests import APP, FORM, GONE, TEAM, Signed, command, function_url_event, interaction, sign, submission
from tests.support.workspace import CHANNEL

DEEPEST, LARGEST = 50, 65_536  # levels, bytes


@pytest.mark.parametrize(
    ("age", "heard"),
    [
        *((age, True) for age in (0, 1, 299, 299.9, 300, -1, -59, -60)),
        *((age, False) for age in (300.1, 301, 3600, 1e9, -60.1, -61, -300, -301, -1e9)),
    ],
)
def test_22_a_request_is_heard_for_five_minutes_and_from_a_minute_ahead(age: float, heard: bool) -> None:
    edge = Edge(PENDING)
    made = edge.click("approve")
    edge.clock.time += timedelta(seconds=age)
    assert edge.handle(made)["statusCode"] == (200 if heard else 401)
    assert edge.votes() == heard


def percent_encoded(rnd: random.Random, text: str) -> bytes:
    """Encode a text as a form may: more than is needed, in either case, spaces either way."""
    ways: tuple[Callable[[bytes], str], ...] = (quote_plus, quote_plus, lambda c: f"%{c.hex()}", lambda c: f"%{c.hex().upper()}")
    return "".join(rnd.choice(ways)(bytes([c])) for c in text.encode()).encode()


CHARSETS = ("", "; charset=utf-8", ";charset=UTF-7", "; charset=utf-16", "; charset=latin-1; boundary=x", " ; charset=\u00e9", ";")


def test_23_the_signature_is_over_the_raw_bytes_however_they_are_encoded() -> None:
    rnd = random.Random(23)  # noqa: S311 - repeatable on purpose
    for number in range(cases(1000)):
        words = "".join(rnd.choice("abc &=+%;é\u202e😀<>\\") for _ in range(rnd.randint(0, 12)))
        body = b"payload=" + percent_encoded(
            rnd, json.dumps(payload(state=words, trigger_id=f"1.{number}"), ensure_ascii=rnd.random() < 0.5)
        )
        sent = sign(SECRET, body, NOW) | {"Content-Type": rnd.choice([FORM, FORM.upper()]) + rnd.choice(CHARSETS)}
        made = function_url_event(Signed(sent, body), base64=rnd.random() < 0.5)
        assert read(made, Keys, PINS, NOW) == Asked(
            press=Press.APPROVE, who=Caller(f"slack:{TEAM}/U0000ANA"), job="j", shown="s", once=f"1.{number}", trigger=f"1.{number}"
        )
        normal = urlencode({"payload": json.dumps(payload(state=words, trigger_id=f"1.{number}"))}).encode()
        if normal != body:
            with pytest.raises(Turned, match="not Slack's"):
                read(function_url_event(Signed(sent, normal)), Keys, PINS, NOW)


def payload(**more: Any) -> dict[str, Any]:
    """The least that is a click."""
    least = {"type": "block_actions", "team": {"id": TEAM}, "api_app_id": APP, "user": {"id": "U0000ANA"}, "channel": {"id": CHANNEL}}
    return {**least, "trigger_id": "1.1", "actions": [{"action_id": "approve", "value": "j s"}], **more}


def form(body: bytes) -> Signed:
    return Signed(sign(SECRET, body, NOW), body)


ONE = urlencode({"payload": json.dumps(payload())}).encode()
FORMS = {
    "payload twice": ONE + b"&" + ONE,
    "payload twice, once percent-encoded": ONE + b"&%70ayload=%7B%7D",
    "payload and an empty one": ONE + b"&payload=",
    "another field twice": b"team_id=a&team_id=a&" + ONE,
    "no UTF-8": b"payload=\xff",
    "no UTF-8 behind percent signs": b"payload=%ff",
    "half a character behind percent signs": b"payload=%ed%a0%80",
    "UTF-16": "payload={}".encode("utf-16"),
    "a field without a value": b"payload",
    "only separators": b"&&&",
    "65 fields": b"&".join(b"f%d=1" % n for n in range(65)),
    "no JSON": b"payload=%7B",
    "JSON but no object": b"payload=[]",
    "JSON but a number": b"payload=1",
    "no number that JSON knows": b"payload=NaN",
    "an empty payload": b"payload=",
    "a NUL": b"payload=%00",
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_23_a_form_that_two_readers_could_read_differently_is_refused(body: bytes) -> None:
    edge = Edge(PENDING)
    assert edge.handle(form(body)) == {"statusCode": 400, "body": ""}
    assert edge.fetched == {"keys": 1}


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


def about(**more: Any) -> Signed:
    """A click, rightly signed, with some of what it is changed."""
    return interaction(SECRET, NOW, payload(**more))


def view(**more: Any) -> Signed:
    """A form that was filled in, the same."""
    return submission(SECRET, NOW, user="U0000ANA", callback_id="deny", private_metadata="j s", values={}, **more)


def typed(**more: Any) -> Signed:
    """A command, the same."""
    return command(SECRET, NOW, **{"user": "U0000ANA", "channel": CHANNEL, "text": "stop", "trigger_id": "1.1", **more})


ELSEWHERE = {
    "64 KiB and a byte": (413, form(b"payload=" + b"x" * (LARGEST - 7))),
    "a megabyte": (413, form(b"payload=" + b"x" * 1_000_000)),
    "click: 51 deep": (400, about(deep=nested(DEEPEST - 1))),
    "click: 51 deep in objects": (400, about(deep=json.loads('{"a":' * (DEEPEST - 1) + "[]" + "}" * (DEEPEST - 1)))),
    "click: 5,000 deep": (400, form(b"payload=" + b"[" * 5000 + b"]" * 5000)),
    "click: another app": (403, about(api_app_id="A0000OTHER")),
    "click: the app in lower case": (403, about(api_app_id=APP.lower())),
    "click: no app": (403, about(api_app_id=None)),
    "click: another team": (403, about(team={"id": "T0000OTHER"})),
    "click: no team": (403, about(team=None)),
    "click: a team of another form": (403, about(team=[{"id": TEAM}])),
    "click: of an organisation": (403, about(enterprise={"id": "E0000ORG"})),
    "click: another channel": (403, about(channel={"id": "C0000OTHER"})),
    "click: no channel": (403, about(channel=None)),
    "click: on a message of another channel": (403, about(container={"channel_id": "C0000OTHER"})),
    "click: a user of another team": (403, about(user={"id": "U0000ANA", "team_id": "T0000OTHER"})),
    "click: nobody": (400, about(user=None)),
    "click: a name and no id": (400, about(user={"id": "ana"})),
    "click: no trigger": (400, about(trigger_id=None)),
    "click: a trigger with other letters": (400, about(trigger_id="1.1\n")),
    "click: a button of another app": (400, about(actions=[{"action_id": "run", "value": "j s"}])),
    "click: two buttons": (400, about(actions=[{"action_id": "approve", "value": "j s"}] * 2)),
    "click: no value": (400, about(actions=[{"action_id": "approve"}])),
    "click: of a kind that is not known": (400, about(type="block_suggestion")),
    "form: another app": (403, view(app="A0000OTHER")),
    "form: another team": (403, view(team="T0000OTHER")),
    "form: of an organisation": (403, view(enterprise={"id": "E0000ORG"})),
    "form: a view of another app": (400, view(view={"app_id": "A0000OTHER"})),
    "form: of another name": (400, view(view={"callback_id": "run"})),
    "form: no view": (400, interaction(SECRET, NOW, payload(type="view_submission"))),
    "command: another app": (403, typed(api_app_id="A0000OTHER")),
    "command: another team": (403, typed(team_id="T0000OTHER")),
    "command: no team": (403, typed(team_id=GONE)),
    "command: of an organisation": (403, typed(enterprise_id="E0000ORG")),
    "command: another channel": (403, typed(channel="C0000OTHER")),
    "command: a direct message": (403, typed(channel="D0000ANA")),
    "command: nobody": (400, typed(user="ana")),
    "command: no trigger": (400, typed(trigger_id="")),
    "nothing": (403, form(b"")),
}


@pytest.mark.parametrize(("status", "made"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_27_what_is_too_large_too_deep_or_from_elsewhere_is_refused_before_a_store_is_read(status: int, made: Signed) -> None:
    edge = Edge(PENDING)
    assert edge.handle(made) == {"statusCode": status, "body": ""}
    assert edge.fetched == ({} if status == 413 else {"keys": 1})


def test_27_up_to_the_limits_it_is_heard() -> None:
    fill = LARGEST - len(form(urlencode({"payload": json.dumps(payload(fill=""))}).encode()).body)
    largest = form(urlencode({"payload": json.dumps(payload(fill="x" * fill))}).encode())
    assert len(largest.body) == LARGEST
    for made in (largest, about(deep=nested(DEEPEST - 2)), about(text="[" * 1000 + '\\"{' * 100)):
        assert read(function_url_event(made), Keys, PINS, NOW).press is Press.APPROVE


def test_27_an_organisation_is_pinned_where_the_configuration_names_one() -> None:
    pins = msgspec.structs.replace(PINS, enterprise="E0000ORG")
    assert read(function_url_event(about(enterprise={"id": "E0000ORG"})), Keys, pins, NOW).job == "j"
    for made in (about(), about(enterprise={"id": "E0000OTHER"}), typed(), typed(enterprise_id="")):
        with pytest.raises(Turned, match="organisation"):
            read(function_url_event(made), Keys, pins, NOW)


ANA = {"id": "U0000ANA", "team_id": TEAM, "name": "ana", "profile": {"email": "ana@example.com"}}
SENDERS: dict[str, Any] = {
    "deactivated": {**ANA, "deleted": True},
    "a guest of many channels": {**ANA, "is_restricted": True},
    "a guest of one channel": {**ANA, "is_restricted": True, "is_ultra_restricted": True},
    "a guest of one channel, told by that alone": {**ANA, "is_ultra_restricted": True},
    "a bot": {**ANA, "is_bot": True},
    "an app's user": {**ANA, "is_app_user": True},
    "a workflow's bot": {**ANA, "is_workflow_bot": True},
    "a stranger of a shared channel": {**ANA, "is_stranger": True},
    "invited, not here yet": {**ANA, "is_invited_user": True},
    "of another workspace": {**ANA, "team_id": "T0000OTHER"},
    "of no workspace": {**ANA, "team_id": None},
    "somebody else of that name and address": {**ANA, "id": "U0000ANA2"},
    "nobody": {},
}


@pytest.mark.parametrize("info", SENDERS.values(), ids=SENDERS)
def test_28_who_is_no_full_member_is_refused_before_a_store_is_read(info: Mapping[str, Any]) -> None:
    edge = Edge(PENDING, info={"ok": True, "user": info})
    assert edge.handle(edge.click("approve"))["statusCode"] == 200
    assert "no full member" in edge.said
    assert (edge.votes(), edge.fetched) == (0, {"keys": 1, "chat": 1})


@pytest.mark.parametrize("kind", ["down", "500", "429", "lost", "timeout", "garbled", "error:fatal_error", "error:user_not_found"])
def test_28_where_slack_does_not_say_who_it_is_nobody_is_heard(kind: str) -> None:
    edge = Edge(PENDING)
    edge.space.double.faults.append(Fault("users.info", kind))
    edge.handle(edge.click("approve"))
    assert "Slack" in edge.said
    assert (edge.votes(), edge.fetched["desk"]) == (0, 0)


NAMED = {"name": "ana", "real_name": "U0000Ana", "email": "u0000ana@example.com"}


@pytest.mark.parametrize(
    ("user", "says"), [("U0000MALLORY", "nobody under `people`"), ("U0000UNKNOWN", "user_not_found"), ("W0000ANA", "nobody under `people`")]
)
def test_28_who_is_not_in_the_configuration_is_refused_whatever_they_are_called(user: str, says: str) -> None:
    edge = Edge(PENDING)
    if user != "U0000UNKNOWN":
        edge.space.double.add_user(User(user, real_name=NAMED["real_name"], email=NAMED["email"]))
    edge.handle(edge.click("approve", user=user))
    assert says in edge.said
    assert edge.votes() == 0
    edge.handle(edge.click("approve"))
    assert edge.votes() == 1, "and who is fine is heard"


@pytest.mark.parametrize("signed_again", [False, True])
def test_24_the_same_click_a_hundred_times_is_one_vote_and_one_record(signed_again: bool) -> None:
    two = msgspec.structs.replace(PENDING, needs=2)
    edge = Edge(two)
    made = edge.click("approve", two)
    for number in range(100):
        edge.clock.time = NOW + timedelta(seconds=number)
        again = Signed(sign(SECRET, made.body, edge.clock()), made.body) if signed_again else made
        assert edge.handle(again)["statusCode"] == 200
    assert edge.votes(two) == 1
    stored = edge.store.job(two.id)
    assert stored is not None
    assert (stored.state, stored.version, stored.approvals) == (JobState.PENDING, 1, ("person ana",))
    assert SEEN in edge.said
    edge.handle(edge.click("approve", two))
    assert "has approved already" in edge.said
    assert len(edge.queue.notices) == edge.votes(two) == 1


GOOD = [
    "https://hooks.slack.com/actions/T0/1/aZ",
    "https://hooks.slack.com/commands/T0/1/a-Z_.9",
    "https://hooks.slack-gov.com/actions/T0/1/aZ",
]
PLAIN = """
x https://hooks.slack.com https://hooks.slack.com/ //hooks.slack.com/actions/x /actions/x http://hooks.slack.com/actions/x
HTTPS://hooks.slack.com/actions/x ftp://hooks.slack.com/actions/x file:///etc/passwd file://hooks.slack.com/etc/passwd
data:text/plain,https://hooks.slack.com/x https:hooks.slack.com/actions/x https:///hooks.slack.com/actions/x
https://HOOKS.slack.com/actions/x https://hooks.slack.com:443/actions/x https://hooks.slack.com:8443/actions/x
https://hooks.slack.com:@evil.example/x https://user@hooks.slack.com/actions/x https://user:word@hooks.slack.com/actions/x
https://hooks.slack.com@evil.example/x https://hooks.slack.com%40evil.example/x https://hooks.slack.com%2eevil.example/x
https://hooks.slack.com.evil.example/actions/x https://hooks.slack.com./actions/x https://hooks-slack.com/actions/x
https://hooksxslack.com/actions/x https://hooks.slackxcom/actions/x https://slack.com/actions/x
https://evil.hooks.slack.com/actions/x https://hooks.slack.co/actions/x https://hooks.slack.community/actions/x
https://xn--hooks-slack.com/actions/x https://hooks.xn--slck-0na.com/actions/x https://127.0.0.1/actions/x
https://169.254.169.254/latest/meta-data https://2130706433/actions/x https://[::1]/actions/x https://localhost/actions/x
https://hooks.slack.com/actions/x#@evil.example https://hooks.slack.com#@evil.example/x
https://hooks.slack.com/actions/x?to=https://evil.example https://hooks.slack.com?x/actions
https://hooks.slack.com/redirect?url=//evil.example https://hooks.slack.com/%2e%2e/x https://hooks.slack.com/@evil.example
https://evil.example/https://hooks.slack.com/actions/x https://evil.example?https://hooks.slack.com/actions/x
"""
HOSTILE = [
    *PLAIN.split(),
    "",
    "https:\\\\hooks.slack.com\\actions\\x",
    "https://hooks.slack.com\\.evil.example/x",
    "https://evil.example\\@hooks.slack.com/x",
    "https://hooks.sl\u0430ck.com/actions/x",
    "https://hooks\u3002slack\u3002com/actions/x",
    "https://hooks\uff0eslack.com/actions/x",
    "https://hooks.slac\u212a.com/actions/x",
    "https://\u02b0ooks.slack.com/actions/x",
    " https://hooks.slack.com/actions/x",
    "https://hooks.slack.com/actions/x ",
    "https://hooks.slack.com /actions/x",
    "https://hooks.slack.com/actions/x\n",
    "https://hooks.slack.com/actions/x\r\nHost: evil.example",
    "https://hooks.slack.com\t/actions/x",
    "https://hooks.slack.com/actions/\x00x",
    f"https://hooks.slack.com/{'x' * 301}",
]


@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_41_nothing_is_sent_where_slack_does_not_listen(url: str) -> None:
    edge = Edge(PENDING)
    assert edge.handle(edge.click("details", response_url=url)) == {"statusCode": 200, "body": ""}
    assert edge.replies == []
    assert "did not reach" in edge.log.lines[-1]
    assert reply(url, "x", edge._reply) is False
    assert edge.replies == []


@pytest.mark.parametrize("url", GOOD)
def test_41_where_slack_listens_it_is_told(url: str) -> None:
    edge = Edge(PENDING)
    edge.handle(edge.click("details", response_url=url))
    assert [sent for sent, _ in edge.replies] == [url]


@pytest.mark.enable_socket  # loopback only
def test_41_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    double = SlackDouble(Clock())
    asked: list[str] = []

    def moved(method: str, *_: object) -> Answer:
        asked.append(method)
        return 302, {"Location": "/api/elsewhere"}, b""

    monkeypatch.setattr(double, "handle", moved)
    with serving(double) as url:
        assert over_https(f"{url}first", {}, b"x") == (302, b"")
    assert asked == ["first"]


def test_what_is_shaped_oddly_is_turned_away_and_never_raises_anything_else() -> None:
    views: tuple[dict[str, Any], ...] = ({"state": {}}, {"state": None}, {"state": {"values": []}})
    for view in views:
        made = submission(SECRET, NOW, user="U0000ANA", callback_id="deny", private_metadata="j s", values={}, view=view)
        assert read(function_url_event(made), Keys, PINS, NOW).fields == {}
    nobody = {"id": GONE, "hash": GONE}
    made = submission(SECRET, NOW, user="U0000ANA", callback_id="deny", private_metadata="j s", values={}, trigger_id="", view=nobody)
    with pytest.raises(Turned, match="whether it is new"):
        read(function_url_event(made), Keys, PINS, NOW)


def test_depth_is_counted_by_reading_once() -> None:
    assert _depth('"' + '\\"' * 30_000) == 0
    assert _depth('{"a]": ["[[\\"[", {"b": []}]}') == 4


def test_an_outage_of_the_secret_is_a_status() -> None:
    class Out:
        def values(self) -> tuple[str, ...]:
            raise UpstreamError("reading a secret failed")

        again = values

    edge = Edge(PENDING)
    desk = msgspec.structs.replace(edge.desk, keys=Out)
    assert desk.handle(function_url_event(edge.click("approve")), NOW)["statusCode"] == 503


def test_28_an_answer_about_nobody_is_a_no() -> None:
    edge = Edge(PENDING, info={"ok": True, "user": None})
    edge.handle(edge.click("approve"))
    assert edge.replies
