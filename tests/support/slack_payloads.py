"""Payloads for Slack, in a word each."""

from datetime import UTC, datetime
from typing import Any

SECRET = "synthetic-signing-secret"  # noqa: S105 - of no app
NOW = datetime(2026, 3, 2, 9, 0, 0, 250_000, UTC)
METADATA = {"event_type": "job", "event_payload": {"id": "1"}}
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
