"""A payload is good when Slack's documented limits, slack_sdk's own models and the rules for inert text all let it pass.

The numbers come from Slack's reference, by page: `reference/block-kit/blocks/*` (section 3000, fields 10 of 2000, header 150, context 10,
actions 25, label and hint 2000, block_id 255; 50 blocks a message, 100 a view), `reference/block-kit/block-elements/*` (button text 75, value
2000, url 3000, action_id 255, placeholder 150, options 100, overflow 5, checkboxes and radio buttons 10), `reference/block-kit/
composition-objects/*` (text object 1 to 3000, option text 75 and value 150, confirmation 100/300/30/30), `reference/views` (title, submit and
close 24, callback_id 255, private_metadata 3000, external_id 255), `reference/methods/chat.postMessage` (text 4,000 is advised, 40,000 is the
end), `messaging/message-metadata` (event_type and event_payload), `reference/methods/views.open` (250 kB).

One number is on no page: Slack answers `msg_blocks_too_long` to blocks of about 13,200 characters together (bolt-js, issues 2509 and 2867).
Block types that are not listed here exist in Slack; they are refused because nothing here knows their limits.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

TEXT_ADVISED, TEXT_END, BLOCKS_TOGETHER, VIEW_BYTES = 4_000, 40_000, 12_000, 250_000
BLOCKS_IN_MESSAGE, BLOCKS_IN_VIEW = 50, 100
ARGUMENTS = {
    "chat.postMessage": ("channel",),
    "chat.update": ("channel", "ts"),
    "chat.postEphemeral": ("channel", "user"),
    "views.open": ("trigger_id", "view"),
}
_NONE: Mapping[str, int] = MappingProxyType({})


class Shape(NamedTuple):
    """What an object may hold: each field with the longest it may be."""

    required: str = ""
    plain: Mapping[str, int] = _NONE  # plain_text objects
    either: Mapping[str, int] = _NONE  # plain_text or mrkdwn objects
    strings: Mapping[str, int] = _NONE
    lists: Mapping[str, int] = _NONE
    other: str = ""

    def fields(self) -> set[str]:
        """Give every field it knows."""
        return {*self.plain, *self.either, *self.strings, *self.lists, *self.other.split(), "type"}


def _select(lists: Mapping[str, int] = _NONE, other: str = "", required: str = "") -> Shape:
    given = f"confirm focus_on_load max_selected_items {other}"
    return Shape(required, plain={"placeholder": 150}, strings={"action_id": 255}, lists=lists, other=given)


_BLOCK_ID, _STYLED = {"block_id": 255}, "style"
_INPUT, _TICKED = "initial_value focus_on_load dispatch_action_config min_length", "initial_options confirm focus_on_load"
SHAPES = {
    "section": Shape(either={"text": 3000}, strings=_BLOCK_ID, lists={"fields": 10}, other="accessory expand"),
    "divider": Shape(strings=_BLOCK_ID),
    "header": Shape("text", plain={"text": 150}, strings=_BLOCK_ID),
    "context": Shape("elements", strings=_BLOCK_ID, lists={"elements": 10}),
    "actions": Shape("elements", strings=_BLOCK_ID, lists={"elements": 25}),
    "image": Shape("alt_text", plain={"title": 2000}, strings={"alt_text": 2000, "image_url": 3000, **_BLOCK_ID}, other="slack_file"),
    "input": Shape("label element", plain={"label": 2000, "hint": 2000}, strings=_BLOCK_ID, other="element optional dispatch_action"),
    "markdown": Shape("text", strings={"text": 12_000, **_BLOCK_ID}),
    "rich_text": Shape("elements", strings=_BLOCK_ID, other="elements"),
    "image element": Shape("alt_text", strings={"alt_text": 2000, "image_url": 3000}, other="slack_file"),
    "button": Shape(
        "text action_id",
        plain={"text": 75},
        strings={"action_id": 255, "value": 2000, "url": 3000, "accessibility_label": 75},
        other="style confirm",
    ),
    "static_select": _select({"options": 100, "option_groups": 100}, "initial_option"),
    "multi_static_select": _select({"options": 100, "option_groups": 100}, "initial_options"),
    "users_select": _select(other="initial_user"),
    "conversations_select": _select(other="initial_conversation default_to_current_conversation filter"),
    "datepicker": _select(other="initial_date"),
    "overflow": Shape("options", strings={"action_id": 255}, lists={"options": 5}, other="confirm"),
    "checkboxes": Shape("options", strings={"action_id": 255}, lists={"options": 10}, other=_TICKED),
    "radio_buttons": Shape("options", strings={"action_id": 255}, lists={"options": 10}, other=f"initial_option {_TICKED}"),
    "plain_text_input": Shape(plain={"placeholder": 150}, strings={"action_id": 255}, other=f"multiline max_length {_INPUT}"),
    "option": Shape("text value", either={"text": 75, "description": 75}, strings={"value": 150, "url": 3000}),
    "option_group": Shape("label options", plain={"label": 75}, lists={"options": 100}),
    "confirm": Shape("title text", plain={"title": 100, "confirm": 30, "deny": 30}, either={"text": 300}, other="style"),
    "plain_text": Shape("text", strings={"text": 3000}, other="emoji"),
    "mrkdwn": Shape("text", strings={"text": 3000}, other="verbatim"),
    "rich_text_section": Shape("elements", other="elements"),
    "rich_text_list": Shape("elements style", other="elements style indent offset border"),
    "rich_text_preformatted": Shape("elements", other="elements border language"),
    "rich_text_quote": Shape("elements", other="elements border"),
    "text": Shape("text", strings={"text": BLOCKS_TOGETHER}, other=_STYLED),
    "link": Shape("url", strings={"url": 3000, "text": BLOCKS_TOGETHER}, other="style unsafe"),
    "user": Shape("user_id", strings={"user_id": 255}, other=_STYLED),
    "channel": Shape("channel_id", strings={"channel_id": 255}, other=_STYLED),
    "usergroup": Shape("usergroup_id", strings={"usergroup_id": 255}, other=_STYLED),
    "broadcast": Shape("range", strings={"range": 255}, other=_STYLED),
    "emoji": Shape("name", strings={"name": 255}, other="unicode skin_tone style"),
    "date": Shape("timestamp format", strings={"format": 255, "fallback": 255, "url": 3000}, other="timestamp style"),
    "color": Shape("value", strings={"value": 255}, other=_STYLED),
    "modal": Shape(
        "title blocks",
        plain={"title": 24, "submit": 24, "close": 24},
        strings={"callback_id": 255, "private_metadata": 3000, "external_id": 255},
        lists={"blocks": BLOCKS_IN_VIEW},
        other="clear_on_close notify_on_close submit_disabled",
    ),
    "home": Shape(
        "blocks",
        strings={"callback_id": 255, "private_metadata": 3000, "external_id": 255},
        lists={"blocks": BLOCKS_IN_VIEW},
    ),
}
_IN_VIEW = frozenset({"section", "divider", "header", "context", "actions", "image", "input", "rich_text"})
_PICKS = frozenset({"static_select", "users_select", "conversations_select", "datepicker", "checkboxes", "radio_buttons"})
_INLINE = frozenset({"text", "link", "user", "channel", "usergroup", "broadcast", "emoji", "date", "color"})
CHILDREN: Mapping[str, Mapping[str, frozenset[str]]] = {
    "message": {"blocks": _IN_VIEW | {"markdown"}},
    "modal": {"blocks": _IN_VIEW},
    "home": {"blocks": _IN_VIEW},
    "section": {
        "accessory": _PICKS | {"button", "overflow", "multi_static_select", "image"},
        "fields": frozenset({"plain_text", "mrkdwn"}),
    },
    "context": {"elements": frozenset({"image", "plain_text", "mrkdwn"})},
    "actions": {"elements": _PICKS | {"button", "overflow"}},
    "input": {"element": _PICKS | {"plain_text_input", "multi_static_select"}},
    "rich_text": {"elements": frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})},
    "rich_text_list": {"elements": frozenset({"rich_text_section"})},
    "rich_text_section": {"elements": _INLINE},
    "rich_text_quote": {"elements": _INLINE},
    "rich_text_preformatted": {"elements": frozenset({"text", "link"})},
}
_TYPELESS = {
    "options": "option",
    "initial_options": "option",
    "initial_option": "option",
    "option_groups": "option_group",
    "confirm": "confirm",
}
_MAY_BE_EMPTY = frozenset({"private_metadata", "callback_id", "external_id", "value", "alt_text"})
_FIELD_TEXT, _INPUT_LENGTH = 2000, 3000  # blocks/section-block; block-elements/plain-text-input-element


def _says(at: str, what: str) -> str:
    return f"{what} [json-pointer:{at}]"


def problems(method: str, payload: Mapping[str, Any]) -> list[str]:
    """List what Slack, or slack_sdk's models, would refuse in the arguments of a method that writes."""
    given = {name for name, value in payload.items() if value and isinstance(value, Mapping if name == "view" else str)}
    missing = [_says(f"/{name}", f"missing required field: {name}") for name in ARGUMENTS[method] if name not in given]
    if method != "views.open":
        return [*missing, *_message(method, payload)]
    return [*missing, *(_view(payload["view"]) if "view" in given else ())]


def code_for(method: str, payload: Mapping[str, Any], found: Sequence[str]) -> str:
    """Give the error that Slack has for what was found: `reference/methods/<method>`, errors."""
    at = [problem.rpartition("json-pointer:")[2].rstrip("]") for problem in found]
    if method == "views.open" or any(where == f"/{name}" for where in at for name in ARGUMENTS[method]):
        return "view_too_large" if any("larger than" in problem for problem in found) else "invalid_arguments"
    if "/text" in at:
        return "msg_too_long" if payload.get("text") else "no_text"
    if any(where.startswith("/metadata") for where in at):
        return "invalid_metadata_format"
    return "msg_blocks_too_long" if len(found) == 1 and "together" in found[0] else "invalid_blocks"


def _message(method: str, payload: Mapping[str, Any]) -> Iterator[str]:
    text, blocks, metadata = payload.get("text"), payload.get("blocks") or [], payload.get("metadata")
    if not isinstance(text, str | None):
        yield _says("/text", "must be a string")
    elif not text and not blocks:
        yield _says("/text", "no text")
    elif text and len(text) > TEXT_ADVISED:
        limit = f"Slack ends at {TEXT_END}" if len(text) > TEXT_END else f"Slack advises {TEXT_ADVISED}"
        yield _says("/text", f"{len(text)} characters: {limit}")
    # chat.update: an empty object takes the metadata away.
    if metadata is not None and not (metadata == {} and method == "chat.update"):
        yield from _metadata(metadata)
    if not isinstance(blocks, list):
        yield _says("/blocks", "must be a list")
        return
    if len(blocks) > BLOCKS_IN_MESSAGE:
        yield _says("/blocks", f"no more than {BLOCKS_IN_MESSAGE} items allowed")
    if len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > BLOCKS_TOGETHER:
        yield _says("/blocks", f"blocks are longer than {BLOCKS_TOGETHER} characters together")
    yield from _children("", "message", payload)
    yield from _twice("", blocks)
    yield from _models("", blocks)


def _metadata(metadata: object) -> Iterator[str]:
    if not isinstance(metadata, Mapping) or not metadata.keys() <= {"event_type", "event_payload"}:
        yield _says("/metadata", "must be an object of event_type and event_payload")
        return
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        yield _says("/metadata/event_type", "missing required field: event_type")
    if not isinstance(metadata.get("event_payload"), Mapping):
        yield _says("/metadata/event_payload", "missing required field: event_payload")


def _view(view: Mapping[str, Any]) -> Iterator[str]:
    if view.get("type") not in ("modal", "home"):
        yield _says("/view/type", "must be a view of type modal or home")
        return
    yield from _object("/view", str(view["type"]), view)
    blocks = view.get("blocks")
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        yield _says("/view", f"larger than {VIEW_BYTES} bytes")
    if isinstance(blocks, list):
        if not view.get("submit") and any(isinstance(b, Mapping) and b.get("type") == "input" for b in blocks):
            yield _says("/view/submit", "required where a block is an input")
        yield from _twice("/view", blocks)
        yield from _models("/view", blocks)
    try:
        View(**view).to_dict()
    except (SlackObjectFormationError, TypeError, KeyError, AttributeError) as refusal:
        yield _says("/view", f"slack_sdk: {refusal}")


def _object(at: str, kind: str, value: Mapping[str, Any]) -> Iterator[str]:
    shape = SHAPES[kind]
    yield from (_says(at, f"missing required field: {name}") for name in shape.required.split() if value.get(name) in (None, "", []))
    yield from (_says(at, f"invalid additional property: {name}") for name in sorted(value.keys() - shape.fields()))
    if kind == "section" and not value.get("text") and not value.get("fields"):
        yield _says(at, "missing required field: text or fields")
    if kind == "button" and value.get("style", "primary") not in ("primary", "danger"):
        yield _says(f"{at}/style", "must be primary or danger")
    if kind == "plain_text_input" and value.get("max_length", 1) not in range(1, _INPUT_LENGTH + 1):
        yield _says(f"{at}/max_length", f"must be from 1 to {_INPUT_LENGTH}")
    for name, limit in shape.strings.items():
        if name in value:
            yield from _string(f"{at}/{name}", value[name], limit, 0 if name in _MAY_BE_EMPTY else 1)
    for kinds, limits in ((("plain_text",), shape.plain), (("plain_text", "mrkdwn"), shape.either)):
        for name in limits.keys() & value.keys():
            yield from _text(f"{at}/{name}", value[name], limits[name], kinds)
    for name, limit in shape.lists.items():
        if name in value and (not isinstance(value[name], list) or not 1 <= len(value[name]) <= limit):
            yield _says(f"{at}/{name}", f"must be a list of 1 item, and no more than {limit} items allowed")
    yield from _children(at, kind, value)


def _string(at: str, value: object, limit: int, least: int) -> Iterator[str]:
    if not isinstance(value, str):
        yield _says(at, "must be a string")
    elif len(value) > limit:
        yield _says(at, f"must be less than {limit + 1} characters")
    elif len(value) < least:
        yield _says(at, f"must be more than {least - 1} characters")


def _text(at: str, value: object, limit: int, kinds: Sequence[str]) -> Iterator[str]:
    if not isinstance(value, Mapping) or value.get("type") not in kinds:
        yield _says(f"{at}/type", f"must be a text object of type {' or '.join(kinds)}")
        return
    yield from _object(at, value["type"], value)
    if limit < SHAPES["plain_text"].strings["text"] and "text" in value:
        yield from _string(f"{at}/text", value["text"], limit, 0)


def _children(at: str, kind: str, value: Mapping[str, Any]) -> Iterator[str]:
    known = CHILDREN.get(kind, {})
    typeless = _TYPELESS.keys() - SHAPES[kind].plain.keys() if kind in SHAPES else set()  # a confirmation's `confirm` is its button's text
    for name in sorted(value.keys() & (known.keys() | typeless)):
        held = value[name]
        for number, child in enumerate(held if isinstance(held, list) else [held]):
            here = f"{at}/{name}/{number}" if isinstance(held, list) else f"{at}/{name}"
            of = str(child.get("type")) if isinstance(child, Mapping) and name in known else _TYPELESS.get(name, "nothing known")
            if not isinstance(child, Mapping) or of not in known.get(name, _TYPELESS.values()):
                yield _says(f"{here}/type", f"unsupported type: {of}")
                continue
            yield from _object(here, "image element" if of == "image" and name != "blocks" else of, child)
            if kind == "section" and name == "fields":
                yield from _string(f"{here}/text", child.get("text"), _FIELD_TEXT, 1)


def _twice(at: str, blocks: Sequence[Any]) -> Iterator[str]:
    """Tell of ids that are there twice: a block_id in the message, an action_id in its block."""
    known = [b for b in blocks if isinstance(b, Mapping)]
    for block_id, times in Counter(b["block_id"] for b in known if isinstance(b.get("block_id"), str)).items():
        if times > 1:
            yield _says(f"{at}/blocks", f"block_id {block_id} is there {times} times")
    for number, block in enumerate(known):
        actions = Counter(value for where, value in _walk("", block) if where.endswith("/action_id"))
        for action_id, times in actions.items():
            if times > 1:
                yield _says(f"{at}/blocks/{number}", f"action_id {action_id} is there {times} times in its block")


def _models(at: str, blocks: Sequence[Any]) -> Iterator[str]:
    """Tell what slack_sdk's models refuse; `to_dict` has the elements validate themselves too."""
    for number, block in enumerate(blocks):
        try:
            models: Sequence[Block | None] = Block.parse_all([block])
            if (model := models[0]) is None:
                yield _says(f"{at}/blocks/{number}", "slack_sdk: knows no such block")
                continue
            model.validate_json()
            model.to_dict()
        except (SlackObjectFormationError, TypeError, KeyError, AttributeError) as refusal:
            yield _says(f"{at}/blocks/{number}", f"slack_sdk: {refusal}")


_RAW = re.compile(r"[<>]|&(?!(?:amp|lt|gt);)")  # messaging/formatting-message-text: only these three are control characters
_ACTS = frozenset({"link", "broadcast", "usergroup", "markdown"})
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # nothing is drawn for them, though they count as letters
_NAMED = {"user": "user_id", "channel": "channel_id"}


def inert(payload: Mapping[str, Any], *, method: str = "chat.postMessage", allowed: Collection[str] = ()) -> list[str]:
    """List where text could do more than be read; `allowed`: ids of users and channels that may be named in rich text."""
    found = [
        _says(f"/{name}", "may unfurl")
        for name in ("unfurl_links", "unfurl_media")
        if method == "chat.postMessage" and payload.get(name) is not False
    ]
    if payload.get("link_names"):
        found.append(_says("/link_names", "links names"))
    if payload.get("parse", "none") != "none":
        found.append(_says("/parse", "parses text"))
    found += [_says(f"/{name}", "is formatted text of another kind") for name in ("attachments", "markdown_text") if payload.get(name)]
    if _RAW.search(str(payload.get("text") or "")):
        found.append(_says("/text", "holds a raw <, > or &"))
    for at, node in _walk("", {name: value for name, value in payload.items() if name != "metadata"}):
        found += [_says(at, what) for what in _deeds(at, node, allowed)]
    return found


def _deeds(at: str, node: object, allowed: Collection[str]) -> Iterator[str]:
    if isinstance(node, str) and not at.endswith("/private_metadata"):
        bad = sorted({c for c in node if c in _UNSEEN or (c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp"))})
        yield from (f"holds U+{ord(c):04X}" for c in bad)
    if not isinstance(node, Mapping):
        return
    kind = node.get("type")
    if kind == "mrkdwn" and _RAW.search(str(node.get("text"))):
        yield "holds a raw <, > or &"
    if kind == "plain_text" and node.get("emoji") is not False:
        yield "turns :names: into emoji"
    if kind in _ACTS:
        yield f"is a {kind}"
    if isinstance(kind, str) and kind in _NAMED and node.get(_NAMED[kind]) not in allowed:
        yield f"names the {kind} {node.get(_NAMED[kind])}"


def _walk(at: str, node: object) -> Iterator[tuple[str, Any]]:
    yield at, node
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from _walk(f"{at}/{name}", value)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _walk(f"{at}/{number}", value)
