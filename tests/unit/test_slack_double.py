"""The double of Slack refuses what Slack refuses, fails as networks fail, and its requests are signed as Slack's are."""

import base64
import copy
import http.client
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import Clock, SignatureVerifier

from tests.support.slack_double import TOKEN, Channel, Fault, SlackDouble, User, serving
from tests.support.slack_limits import inert, problems
from tests.support.slack_requests import ADDRESS, GONE, Signed, click, command, function_url_event, interaction, submission

SECRET = "synthetic-signing-secret"  # noqa: S105 - of no app
NOW = datetime(2026, 3, 2, 9, 0, 0, 250_000, UTC)
PLAIN = {"unfurl_links": False, "unfurl_media": False}
Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


def button(number: int = 0, **more: Any) -> Json:
    return {"type": "button", "text": plain(), "action_id": f"a{number}", **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def section(text: Json | None = None, **more: Any) -> Json:
    return {"type": "section", "text": text or plain(), **more}


def entry(**more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": {"type": "plain_text_input", "action_id": "a"}, **more}


def rich(*inline: Json, kind: str = "rich_text_section") -> Json:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(inline)}]}


def post(*blocks: Json, **more: Any) -> tuple[str, Json]:
    return "chat.postMessage", {"channel": "C0000OPS", "text": "x", "blocks": list(blocks), **PLAIN, **more}


def modal(*blocks: Json, **more: Any) -> tuple[str, Json]:
    view = {"type": "modal", "title": plain(), "submit": plain(), "blocks": list(blocks) or [section()], **more}
    return "views.open", {"trigger_id": "1.1.synthetic", "view": view}


def repeated(count: int) -> list[Json]:
    return [{"type": "divider"}] * count


WORD = {"type": "text", "text": "x"}
METADATA = {"event_type": "job", "event_payload": {"id": "1"}}
PICTURE = {"type": "image", "image_url": "https://example.com/i.png", "alt_text": "i"}
OPTION = {"text": plain(), "value": "v"}
LIMITS: dict[str, tuple[Callable[[int], tuple[str, Json]], int]] = {
    "blocks in a message": (lambda n: post(*repeated(n)), 50),
    "blocks in a view": (lambda n: modal(*repeated(n)), 100),
    "text of a message": (lambda n: post(text="x" * n), 4_000),
    "blocks together": (lambda n: post(*[section(plain("x" * 2_900))] * 4, section(plain("x" * n))), 12_000 - 11961),
    "section": (lambda n: post(section(mrkdwn("x" * n))), 3_000),
    "plain text": (lambda n: post({"type": "context", "elements": [plain("x" * n)]}), 3_000),
    "field": (lambda n: post(section(fields=[mrkdwn("x" * n)])), 2_000),
    "fields": (lambda n: post(section(fields=[mrkdwn()] * n)), 10),
    "header": (lambda n: post({"type": "header", "text": plain("x" * n)}), 150),
    "context elements": (lambda n: post({"type": "context", "elements": [mrkdwn()] * n}), 10),
    "actions elements": (lambda n: post(actions(*map(button, range(n)))), 25),
    "button text": (lambda n: post(actions(button(text=plain("x" * n)))), 75),
    "button value": (lambda n: post(actions(button(value="x" * n))), 2_000),
    "button url": (lambda n: post(actions(button(url="x" * n))), 3_000),
    "action_id": (lambda n: post(actions(button(action_id="x" * n))), 255),
    "block_id": (lambda n: post(section(block_id="x" * n)), 255),
    "alt text": (lambda n: post({**PICTURE, "alt_text": "x" * n}), 2_000),
    "image title": (lambda n: post({**PICTURE, "title": plain("x" * n)}), 2_000),
    "image url": (lambda n: post({**PICTURE, "image_url": "x" * n}), 3_000),
    "accessibility label": (lambda n: post(actions(button(accessibility_label="x" * n))), 75),
    "options": (lambda n: post(actions({"type": "static_select", "action_id": "a", "options": [OPTION] * n})), 100),
    "overflow": (lambda n: post(actions({"type": "overflow", "action_id": "a", "options": [OPTION] * n})), 5),
    "checkboxes": (lambda n: post(actions({"type": "checkboxes", "action_id": "a", "options": [OPTION] * n})), 10),
    "option value": (lambda n: post(actions({"type": "overflow", "action_id": "a", "options": [{**OPTION, "value": "x" * n}]})), 150),
    "option text": (lambda n: post(actions({"type": "overflow", "action_id": "a", "options": [{**OPTION, "text": plain("x" * n)}]})), 75),
    "confirm title": (lambda n: post(actions(button(confirm={"title": plain("x" * n), "text": plain()}))), 100),
    "option description": (
        lambda n: post(actions({"type": "overflow", "action_id": "a", "options": [{**OPTION, "description": plain("x" * n)}]})), 75,
    ),
    "option group": (
        lambda n: post(actions({"type": "static_select", "action_id": "a", "option_groups": [{"label": plain("x" * n), "options": [OPTION]}]})), 75,
    ),
    "radio buttons": (lambda n: post(actions({"type": "radio_buttons", "action_id": "a", "options": [OPTION] * n})), 10),
    "confirm yes": (lambda n: post(actions(button(confirm={"title": plain(), "text": plain(), "confirm": plain("x" * n)}))), 30),
    "confirm no": (lambda n: post(actions(button(confirm={"title": plain(), "text": plain(), "deny": plain("x" * n)}))), 30),
    "confirm text": (lambda n: post(actions(button(confirm={"title": plain(), "text": plain("x" * n)}))), 300),
    "view title": (lambda n: modal(title=plain("x" * n)), 24),
    "view submit": (lambda n: modal(submit=plain("x" * n)), 24),
    "view close": (lambda n: modal(close=plain("x" * n)), 24),
    "callback_id": (lambda n: modal(callback_id="x" * n), 255),
    "private_metadata": (lambda n: modal(private_metadata="x" * n), 3_000),
    "external_id": (lambda n: modal(external_id="x" * n), 255),
    "hint": (lambda n: modal(entry(hint=plain("x" * n))), 2_000),
    "label": (lambda n: modal(entry(label=plain("x" * n))), 2_000),
    "placeholder": (lambda n: modal(entry(element={"type": "plain_text_input", "action_id": "a", "placeholder": plain("x" * n)})), 150),
    "input length": (lambda n: modal(entry(element={"type": "plain_text_input", "action_id": "a", "max_length": n})), 3_000),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_a_limit(name: str) -> None:
    make, limit = LIMITS[name]
    assert problems(*make(limit)) == []
    assert [p for p in problems(*make(limit + 1)) if "slack_sdk" not in p] != []


GOOD = {
    "all there is": post(
        {"type": "header", "text": plain()}, section(mrkdwn(), accessory=button(1, style="danger")), {"type": "divider"},
        {"type": "context", "elements": [mrkdwn(), PICTURE]},
        rich({"type": "text", "text": "x", "style": {"bold": True}}, {"type": "user", "user_id": "U1"}), actions(button(1), button(2)),
        metadata=METADATA,
    ),
    "the same action_id in two blocks": post(actions(button(1)), actions(button(1))),
    "two block_ids": post(section(block_id="a"), section(block_id="b")),
    "text alone": ("chat.postEphemeral", {"channel": "C", "user": "U", "text": "x"}),
    "blocks alone": ("chat.update", {"channel": "C", "ts": "1.1", "blocks": [section()]}),
    "metadata taken away": ("chat.update", {"channel": "C", "ts": "1.1", "text": "x", "metadata": {}}),
    "a list": post({"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": rich(WORD)["elements"]}]}),
    "a modal with a choice": modal(entry(element={"type": "radio_buttons", "action_id": "a", "options": [OPTION]})),
}  # fmt: skip
BAD = {
    "no channel": ("chat.postMessage", {"text": "x"}),
    "no ts": ("chat.update", {"channel": "C", "text": "x"}),
    "no user": ("chat.postEphemeral", {"channel": "C", "text": "x"}),
    "no view": ("views.open", {"trigger_id": "1"}),
    "a channel that is no string": post(channel=5),
    "a text that is no string": post(text=5),
    "blocks that are no list": post(blocks={"type": "divider"}),
    "a block_id that is no string": post(section(block_id=5)),
    "a view of no blocks": modal(blocks="x"),
    "nothing to say": post(text=""),
    "empty metadata": post(metadata={}),
    "metadata without payload": post(metadata={"event_type": "job"}),
    "metadata without type": post(metadata={"event_payload": {}}),
    "metadata with more": post(metadata={**METADATA, "more": 1}),
    "an unknown block": post({"type": "sections", "text": plain()}),
    "a block of no type": post({"text": plain()}),
    "a block that is text": post("x"),  # type: ignore[arg-type]
    "an unknown element": post(actions({"type": "knob", "action_id": "a"})),
    "an element in the wrong place": post(actions({"type": "plain_text_input", "action_id": "a"})),
    "an unknown rich text element": post(rich({"type": "script", "text": "x"})),
    "an unknown rich text block": post(rich(kind="rich_text_table")),
    "a mention in preformatted text": post(rich({"type": "user", "user_id": "U1"}, kind="rich_text_preformatted")),
    "an empty rich text": post(rich({"type": "text", "text": ""})),
    "an unknown field": post(section(txt="x")),
    "emoji in mrkdwn": post(section({**mrkdwn(), "emoji": False})),
    "a header in mrkdwn": post({"type": "header", "text": mrkdwn()}),
    "a section without text": post({"type": "section"}),
    "an empty text": post(section(plain(""))),
    "a button without action_id": post(actions({"type": "button", "text": plain()})),
    "a button of another style": post(actions(button(style="warning"))),
    "a block_id twice": post(section(block_id="a"), actions(button(), block_id="a")),
    "an action_id twice": post(actions(button(1), button(1))),
    "no elements": post(actions()),
    "an image without alt_text": post({"type": "image", "image_url": "https://example.com/i.png"}),
    "a view without title": modal(title=None),
    "a view of another type": modal(type="dialog"),
    "a title in mrkdwn": modal(title=mrkdwn()),
    "an input and no submit": modal(entry(), submit=None),
    "a view too large": modal(*[section(plain("x" * 3_000))] * 90),
    "markdown in a view": modal({"type": "markdown", "text": "x"}),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_payloads_pass(name: str) -> None:
    assert problems(*GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_bad_payloads_are_told(name: str) -> None:
    assert problems(*BAD[name]) != []


@pytest.mark.parametrize("block", [{"type": "section", "text": {"text": "x"}}, actions(button(confirm={"title": "x" * 101, "text": "x"}))])
def test_slack_sdk_has_a_say(block: Json) -> None:
    assert any("slack_sdk" in p for p in problems(*post(block)))


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (post(section(mrkdwn("a &lt;b&gt; &amp; c\nd")), rich({"type": "text", "text": "<!here> & <@U1>"})), 0),
        (post(section(mrkdwn("<!channel>"))), 1),
        (post(section(mrkdwn("a & b"))), 1),
        (post(section(mrkdwn("&nbsp;"))), 1),
        (post(text="<@U1>"), 1),
        (post(section(plain("<!channel> & co"))), 0),
        (post(section({"type": "plain_text", "text": "x"})), 1),
        (post(section({**plain(), "emoji": True})), 1),
        (post(rich({"type": "link", "url": "https://example.com"})), 1),
        (post(rich({"type": "broadcast", "range": "here"})), 1),
        (post(rich({"type": "usergroup", "usergroup_id": "S1"})), 1),
        (post(rich({"type": "user", "user_id": "U0000ANA"}, {"type": "channel", "channel_id": "C0000OPS"})), 0),
        (post(rich({"type": "user", "user_id": "U0000EVE"})), 1),
        (post(rich({"type": "channel", "channel_id": "C0000EVE"})), 1),
        (post(text="\u202egnp.exe"), 1),
        (post(section(plain("a\u200bb"))), 1),
        (post(section(plain("a\x07b"))), 1),
        (post(rich({"type": "text", "text": "a\u2066b"})), 1),
        (post(actions(button(value="\u3164"))), 1),
        (post(actions(button(text=plain("a\tb")))), 1),
        (post(unfurl_links=True), 1),
        (("chat.postMessage", {"channel": "C0000OPS", "text": "x"}), 2),
        (("chat.update", {"channel": "C0000OPS", "ts": "1.1", "text": "x"}), 0),
        (post(link_names=True), 1),
        (post(parse="full"), 1),
        (post(parse="none"), 0),
        (post(attachments=[{}]), 1),
        (post({"type": "markdown", "text": "x"}), 1),
        (modal(title={"type": "plain_text", "text": "x", "emoji": True}), 1),
        (modal(private_metadata="a\tb"), 0),
    ],
)
def test_text_that_could_do_something_is_told(payload: tuple[str, Json], found: int) -> None:
    assert len(inert(payload[1], method=payload[0], allowed={"U0000ANA", "C0000OPS"})) == found


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def double(time: Time) -> SlackDouble:
    made = SlackDouble(time)
    made.add_channel(Channel("C0000OPS", "ops", members={"U0000ANA"}))
    made.add_channel(Channel("C000OPEN", "open", is_member=False))
    made.add_channel(Channel("C0HIDDEN", "hidden", is_private=True, is_member=False))
    made.add_channel(Channel("C0000OLD", "old", is_archived=True))
    made.add_user(User("U0000ANA", "Ana", "ana@example.com"))
    made.add_user(User("U0000EVE", "Eve", team_id="T000OTHER", is_stranger=True, is_restricted=True))
    return made


def ask(double: SlackDouble, method: str, payload: Json, **headers: str) -> Json:
    writes = method.startswith(("chat", "views"))
    kind = "application/json; charset=utf-8" if writes else "application/x-www-form-urlencoded"
    body = json.dumps(payload) if writes else urlencode(payload)
    sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    status, _, answer = double.handle(method, {name: value for name, value in sent.items() if value}, body.encode())
    assert status == 200
    told: Json = json.loads(answer)
    assert told["ok"] is ("error" not in told)
    return told


def test_a_message_is_posted_updated_and_read(double: SlackDouble) -> None:
    posted = ask(double, *post(actions(button()), metadata=METADATA))
    assert posted["ts"] == "1772442000.250000"
    assert posted["message"]["blocks"][0]["block_id"]
    reply = ask(double, *post(thread_ts=posted["ts"]))
    assert reply["ts"] == "1772442000.250001"  # the clock stands still
    history = ask(double, "conversations.history", {"channel": "C0000OPS", "include_all_metadata": "true"})
    assert [(m["ts"], m["metadata"]) for m in history["messages"]] == [(posted["ts"], METADATA)]
    assert ask(double, "conversations.history", {"channel": "C0000OPS"})["messages"][0]["metadata"] == {"event_type": "job"}

    ask(double, "chat.update", {"channel": "C0000OPS", "ts": posted["ts"], "text": "done"})
    message = double.message("C0000OPS", posted["ts"])
    assert (message.text, message.blocks, message.metadata) == ("done", [], METADATA)
    assert message.edited
    ask(double, "chat.update", {"channel": "C0000OPS", "ts": posted["ts"], "text": "done", "metadata": {}})
    assert message.metadata is None
    assert double.unsafe == []
    assert [c.method for c in double.calls][-1] == "chat.update"
    assert double.calls[0].payload["metadata"] == METADATA


def test_history_is_paged_and_bounded(double: SlackDouble) -> None:
    made = [ask(double, *post(text=str(n)))["ts"] for n in range(5)]
    first = ask(double, "conversations.history", {"channel": "C0000OPS", "limit": 2})
    assert ([m["text"] for m in first["messages"]], first["has_more"]) == (["4", "3"], True)
    rest = ask(double, "conversations.history", {"channel": "C0000OPS", "cursor": first["response_metadata"]["next_cursor"]})
    assert ([m["text"] for m in rest["messages"]], rest["has_more"]) == (["2", "1", "0"], False)
    bounds = {"channel": "C0000OPS", "oldest": made[1], "latest": made[3]}
    assert [m["text"] for m in ask(double, "conversations.history", bounds)["messages"]] == ["2"]
    assert [m["text"] for m in ask(double, "conversations.history", {**bounds, "inclusive": "1"})["messages"]] == ["3", "2", "1"]


def test_people_and_channels_are_told(double: SlackDouble) -> None:
    ana, eve = (ask(double, "users.info", {"user": key})["user"] for key in ("U0000ANA", "U0000EVE"))
    assert (ana["profile"]["email"], ana["team_id"], ana.get("is_stranger")) == ("ana@example.com", "T0000TEAM", None)
    assert (eve["team_id"], eve["is_restricted"], eve["is_stranger"], eve["profile"].get("email")) == ("T000OTHER", True, True, None)
    channel = ask(double, "conversations.info", {"channel": "C000OPEN"})["channel"]
    assert (channel["name"], channel["is_private"], channel["is_member"], channel["is_archived"]) == ("open", False, False, False)


def test_only_one_reads_an_ephemeral_and_nobody_updates_it(double: SlackDouble) -> None:
    told = ask(double, "chat.postEphemeral", {"channel": "C0000OPS", "user": "U0000ANA", "text": "x"})
    assert [(m.reader, m.ts) for m in double.ephemerals] == [("U0000ANA", told["message_ts"])]
    assert ask(double, "conversations.history", {"channel": "C0000OPS"})["messages"] == []
    assert ask(double, "chat.update", {"channel": "C0000OPS", "ts": told["message_ts"], "text": "y"})["error"] == "message_not_found"


@pytest.mark.parametrize(
    ("method", "payload", "code"),
    [
        (*post(channel="C0000NOT"), "channel_not_found"),
        (*post(channel="C0HIDDEN"), "channel_not_found"),
        (*post(channel="C000OPEN"), "not_in_channel"),
        (*post(channel="C0000OLD"), "is_archived"),
        (*post(text=""), "no_text"),
        (*post(text="x" * 40_001), "msg_too_long"),
        (*post(section(plain("x" * 3_001))), "invalid_blocks"),
        (*post(*[section(plain("x" * 3_000))] * 5), "msg_blocks_too_long"),
        (*post(metadata={"event_type": "job"}), "invalid_metadata_format"),
        (*post(thread_ts="1.1"), "thread_not_found"),
        ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
        ("chat.update", {"channel": "C0000OPS", "ts": "1.1", "text": "x"}, "message_not_found"),
        ("chat.update", {"channel": "C0000OLD", "ts": "1.1", "text": "x"}, "is_inactive"),
        ("chat.postEphemeral", {"channel": "C0000OPS", "user": "U0000EVE", "text": "x"}, "user_not_in_channel"),
        ("users.info", {"user": "U0000NOT"}, "user_not_found"),
        ("users.info", {}, "invalid_arguments"),
        ("conversations.info", {"channel": "C0HIDDEN"}, "channel_not_found"),
        ("conversations.history", {"channel": "C000OPEN"}, "not_in_channel"),
        ("conversations.history", {"channel": "C0000OPS", "oldest": "x"}, "invalid_ts_oldest"),
        ("conversations.history", {"channel": "C0000OPS", "cursor": "x"}, "invalid_cursor"),
        ("conversations.history", {"channel": "C0000OPS", "limit": "x"}, "invalid_limit"),
        (*modal(), "invalid_trigger_id"),
        (*modal(title=plain("x" * 25)), "invalid_arguments"),
        ("chat.shout", {}, "unknown_method"),
    ],
)
def test_refusals_have_their_codes(double: SlackDouble, method: str, payload: Json, code: str) -> None:
    before = copy.deepcopy(double.messages)
    assert ask(double, method, payload)["error"] == code
    assert (double.messages, double.ephemerals, double.views) == (before, [], [])


def test_a_refusal_points_at_the_place(double: SlackDouble) -> None:
    (message,) = ask(double, *post(section(fields=[plain("x" * 2_001)])))["response_metadata"]["messages"]
    assert message == "[ERROR] must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"


def test_another_s_message_is_not_ours_to_update(double: SlackDouble) -> None:
    said = double.say("C0000OPS", "U0000ANA", "hello")
    assert ask(double, "chat.update", {"channel": "C0000OPS", "ts": said.ts, "text": "y"})["error"] == "cant_update_message"
    assert said.text == "hello"


@pytest.mark.parametrize(
    ("method", "headers", "answer"),
    [
        ("chat.postMessage", {"Authorization": ""}, "not_authed"),
        ("chat.postMessage", {"Authorization": "Bearer xoxb-other"}, "invalid_auth"),
        ("chat.postMessage", {"Authorization": TOKEN}, "invalid_auth"),
        ("chat.postMessage", {"Content_Type": "application/x-www-form-urlencoded"}, "invalid_post_type"),
        ("chat.postMessage", {"Content_Type": ""}, "missing_post_type"),
        ("conversations.info", {"Content_Type": "application/json"}, "invalid_arguments"),
    ],
)
def test_headers_are_checked(double: SlackDouble, method: str, headers: dict[str, str], answer: str) -> None:
    assert ask(double, method, post()[1], **headers)["error"] == answer
    assert double.messages["C0000OPS"] == []


def test_json_without_a_charset_is_warned_of(double: SlackDouble) -> None:
    assert ask(double, *post(), Content_Type="application/json")["warning"] == "missing_charset"
    assert "warning" not in ask(double, *post())


@pytest.mark.parametrize(("body", "code"), [(b"{", "invalid_json"), (b"[]", "json_not_object"), (b"\xff", "invalid_json")])
def test_a_body_that_is_no_object_is_refused(double: SlackDouble, body: bytes, code: str) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json; charset=utf-8"}
    assert json.loads(double.handle("chat.postMessage", headers, body)[2])["error"] == code


def test_what_is_unsafe_is_kept(double: SlackDouble) -> None:
    assert ask(double, *post(section(mrkdwn("<!here>"))))["ok"]
    assert double.unsafe == ["chat.postMessage: holds a raw <, > or & [json-pointer:/blocks/0/text]"]


@pytest.mark.parametrize(("seconds", "error"), [(3, None), (3.001, "expired_trigger_id")])
def test_a_trigger_works_once_and_not_for_long(double: SlackDouble, time: Time, seconds: float, error: str | None) -> None:
    method, payload = modal(callback_id="deny")
    payload["trigger_id"] = double.trigger()
    time.now += timedelta(seconds=seconds)
    assert ask(double, method, payload).get("error") == error
    assert [v["callback_id"] for v in double.views] == ([] if error else ["deny"])
    if error is None:
        assert ask(double, method, payload)["error"] == "exchanged_trigger_id"


@pytest.mark.parametrize(
    ("kind", "raises", "effect"),
    [("down", ConnectionError, 0), ("timeout", TimeoutError, 0), ("slow", TimeoutError, 0), ("lost", TimeoutError, 1)],
)
def test_a_fault_without_answer(double: SlackDouble, kind: str, raises: type[OSError], effect: int) -> None:
    double.faults = [Fault("chat.postMessage", kind)]
    with pytest.raises(raises):
        ask(double, *post())
    assert len(double.messages["C0000OPS"]) == effect
    assert ask(double, *post())["ok"]
    assert len(double.calls) == 2


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("429", 429), ("garbled", 200), ("error:fatal_error", 200)])
def test_a_fault_with_an_answer(double: SlackDouble, kind: str, status: int) -> None:
    double.faults = [Fault("users.info", "down"), Fault("*", kind, times=2, retry_after=7)]
    for _ in range(2):
        got, headers, body = double.handle("chat.postMessage", {"Authorization": f"Bearer {TOKEN}"}, b"{}")
        assert got == status
        assert headers.get("Retry-After") == ("7" if kind == "429" else None)
        if kind in ("500", "garbled"):
            with pytest.raises(ValueError, match="Expecting value"):
                json.loads(body)
        else:
            assert json.loads(body) == {"ok": False, "error": {"429": "ratelimited"}.get(kind, "fatal_error")}
    assert ask(double, *post())["ok"]
    assert double.faults == [Fault("users.info", "down")]


def test_there_is_no_other_fault() -> None:
    with pytest.raises(ValueError, match="no kind of fault"):
        Fault("*", "sulks")


def test_many_callers_get_times_of_their_own(double: SlackDouble) -> None:
    with ThreadPoolExecutor(8) as pool:
        times = list(pool.map(lambda n: ask(double, *post(text=f"{n}"))["ts"], range(64)))
    assert len(set(times)) == 64
    assert [m.ts for m in double.messages["C0000OPS"]] == sorted(times)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], WebClient]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return lambda url: WebClient(TOKEN, base_url=url, retry_handlers=[])


@pytest.mark.enable_socket  # loopback only
def test_slack_s_own_client_works_with_it(double: SlackDouble, client: Callable[[str], WebClient]) -> None:
    with serving(double) as url:
        slack = client(url)
        posted = slack.chat_postMessage(channel="C0000OPS", text="x", blocks=[section()], metadata=METADATA, unfurl_links=False)
        slack.chat_update(channel="C0000OPS", ts=posted["ts"], text="y")
        slack.chat_postEphemeral(channel="C0000OPS", user="U0000ANA", text="x")
        slack.views_open(trigger_id=double.trigger(), view=modal()[1]["view"])
        assert slack.users_info(user="U0000ANA")["user"]["real_name"] == "Ana"
        assert slack.conversations_info(channel="C0000OPS")["channel"]["name"] == "ops"
        history = slack.conversations_history(channel="C0000OPS", include_all_metadata=True)
        assert [(m["text"], m["metadata"]) for m in history["messages"]] == [("y", METADATA)]
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        connection.request("GET", "/api/users.info?user=U0000ANA", headers={"Authorization": f"Bearer {TOKEN}"})
        assert json.loads(connection.getresponse().read())["user"]["id"] == "U0000ANA"
        connection.close()
        with pytest.raises(SlackApiError, match="user_not_found"):
            slack.users_info(user="U0000NOT")
        double.faults = [Fault("*", "429")]
        with pytest.raises(SlackApiError) as limited:
            slack.users_info(user="U0000ANA")
        assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "30")


@pytest.mark.enable_socket  # loopback only
@pytest.mark.parametrize(("kind", "effect"), [("down", 0), ("timeout", 0), ("lost", 1)])
def test_a_fault_closes_the_connection(double: SlackDouble, kind: str, effect: int) -> None:
    double.faults = [Fault("chat.postMessage", kind)]
    with serving(double) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json; charset=utf-8"}
        connection.request("POST", "/api/chat.postMessage", json.dumps(post()[1]), headers)
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
    assert len(double.messages["C0000OPS"]) == effect


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
