"""Cards in Slack's Block Kit. Every text goes into `plain_text` or rich text, which Slack shows as it is; there is no mrkdwn but the fallback line.

Limits: Slack's reference of blocks, composition objects and views. A message's blocks together have to stay below about 13,000 characters
(bolt-js issue 2509), so a card that is longer is cut, and says so.
"""

import json
from collections.abc import Iterable
from typing import Any

from ringfence.domain.card import Button, Card, Digest, Field, Form, Line, Press, Row

HEADER, SECTION, BUTTON, CONFIRM, TITLE, FALLBACK, TEXT = 150, 3000, 75, 300, 24, 300, 3000
ROW = 160  # characters of one of many
ROOM = 7000  # characters of a card's lines
CUT = "... (cut: `ringfence trail show` tells all of it)"

type Json = dict[str, Any]


def message(shown: Card | Digest | str) -> Json:
    """Lay out a message: its blocks, and the line that a notification shows."""
    match shown:
        case Card():
            blocks, first = _card(shown), shown.title
        case Digest():
            blocks, first = _digest(shown), shown.title
        case _:
            blocks, first = [_rich([_section([_text(shown[:TEXT])])])], shown
    return {"text": escaped(first[:FALLBACK]), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def escaped(text: str) -> str:
    """Escape what Slack reads in mrkdwn: exactly these three (Slack's documentation, "Formatting text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def modal(form: Form) -> Json:
    """Lay out a form."""
    return {
        "type": "modal",
        "callback_id": form.press.value,
        "private_metadata": form.about,
        "title": plain(form.title[:TITLE]),
        "submit": plain(form.send[:TITLE]),
        "close": plain("Cancel"),
        "blocks": [{"type": "section", "text": plain(form.says[:SECTION])}, *map(_input, form.fields)],
    }


def said(title: str, text: str) -> Json:
    """Lay out what became of a form, in its place."""
    return {
        "type": "modal",
        "title": plain(title[:TITLE]),
        "close": plain("Close"),
        "blocks": [{"type": "section", "text": plain(text[:SECTION])}],
    }


def plain(text: str) -> Json:
    """Make a text that Slack shows as it is."""
    return {"type": "plain_text", "text": text or "-", "emoji": False}


def _card(card: Card) -> list[Json]:
    blocks: list[Json] = [{"type": "header", "text": plain(card.title[:HEADER])}]
    blocks += [*_called("Please decide: ", card.calls), *_called("Was it you? ", card.asks)]
    if lines := list(_lines((*(Line("CAREFUL", w) for w in card.warnings), *card.lines))):
        blocks.append(_rich([_section(lines)]))
    if card.buttons:
        blocks.append({"type": "actions", "block_id": "decide", "elements": [_button(b) for b in card.buttons]})
    if card.footer:
        blocks.append({"type": "context", "elements": [plain(card.footer[:SECTION])]})
    return blocks


def _called(says: str, names: Iterable[str]) -> list[Json]:
    """Name people so that Slack calls them: the configuration gave their ids."""
    people = [part for name in names for part in ({"type": "user", "user_id": name.rsplit("/", 1)[-1]}, _text(" "))]
    return [_rich([_section([_text(says), *people])])] if people else []


def _lines(lines: Iterable[Line]) -> Iterable[Json]:
    room = ROOM
    for line in lines:
        text = line.text[:TEXT]
        size = len(json.dumps(text)) + len(line.label)  # as it is sent: quotes count twice
        if size > room:
            yield _text(CUT)
            return
        room -= size
        yield _text(f"{line.label}: ", bold=True)
        yield _text(f"{text}\n")


def _digest(digest: Digest) -> list[Json]:
    rows = [_row(number, row) for number, row in enumerate(digest.rows)]
    footer: list[Json] = [{"type": "context", "elements": [plain(digest.footer[:SECTION])]}] if digest.footer else []
    return [{"type": "header", "text": plain(digest.title[:HEADER])}, *_called("Please decide: ", digest.calls), *rows, *footer]


def _row(number: int, row: Row) -> Json:
    made: Json = {"type": "section", "block_id": f"row {number}", "text": plain(row.text[:ROW])}
    return made | ({"accessory": _button(row.button)} if row.button else {})


def _button(button: Button) -> Json:
    made: Json = {"type": "button", "action_id": button.press.value, "text": plain(button.text[:BUTTON]), "value": button.value}
    if button.press is Press.APPROVE:
        made["style"] = "primary"
    if button.danger:
        made["style"] = "danger"
    if button.confirm:
        made["confirm"] = {
            "title": plain("Sure?"),
            "text": plain(button.confirm[:CONFIRM]),
            "confirm": plain(button.text[:30]),
            "deny": plain("Back"),
        }
    return made


def _input(field: Field) -> Json:
    element: Json = {"type": "plain_text_input", "action_id": field.id, "multiline": True, "max_length": 300}
    if field.day:
        element = {"type": "datepicker", "action_id": field.id}
    elif field.choices:
        options = [{"text": plain(words), "value": value} for value, words in field.choices]
        element = {"type": "radio_buttons", "action_id": field.id, "options": options}
    made: Json = {"type": "input", "block_id": field.id, "label": plain(field.label), "element": element}
    return made | ({"hint": plain(field.hint)} if field.hint else {})


def _rich(elements: list[Json]) -> Json:
    return {"type": "rich_text", "elements": elements}


def _section(elements: list[Json]) -> Json:
    return {"type": "rich_text_section", "elements": elements}


def _text(text: str, *, bold: bool = False) -> Json:
    return {"type": "text", "text": text or "-"} | ({"style": {"bold": True}} if bold else {})
