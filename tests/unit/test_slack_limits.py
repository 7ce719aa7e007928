"""What Slack refuses, limit by limit, and what text could do: the checks of the double, each with a hit and a near miss."""

from collections.abc import Callable

import pytest

from tests.support.slack_limits import inert, problems
from tests.support.slack_payloads import METADATA, Json, actions, button, entry, modal, mrkdwn, plain, post, repeated, rich, section

WORD = {"type": "text", "text": "x"}
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
