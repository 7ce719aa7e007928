"""Reading what machines and attackers send: nothing is trusted to be there, or to be of its type."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct


class Envelope(Struct, frozen=True):
    """A record and what EventBridge wrote round it; a bare record has an empty envelope."""

    detail: Mapping[str, Any]
    source: str = ""
    detail_type: str = ""
    id: str = ""
    account: str = ""
    region: str = ""
    time: datetime | None = None


def open_envelope(raw: Mapping[str, Any]) -> Envelope:
    """Take a record out of its EventBridge envelope, or out of a message of Pub/Sub, if it is in one."""
    raw = _published(raw)
    detail = raw.get("detail")
    if not isinstance(detail, dict) or not detail or "detail-type" not in raw:
        return Envelope(raw)
    return Envelope(
        detail,
        text(raw, "source"),
        text(raw, "detail-type"),
        text(raw, "id"),
        text(raw, "account"),
        text(raw, "region"),
        moment(raw.get("time")),
    )


def _published(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what a message of Pub/Sub carries, as it is pushed or in a CloudEvent (Pub/Sub documentation, "Push subscriptions")."""
    data = text(raw, "message", "data") or text(raw, "data", "message", "data")
    if not data:
        return raw
    try:
        found: object = msgspec.json.decode(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return raw
    return found if isinstance(found, dict) else raw


def text(record: object, *path: str) -> str:
    """Give the string at a path; empty where there is none. Spelled out, as each event is read by dozens of these."""
    for key in path:
        if not isinstance(record, dict):
            return ""
        record = record.get(key)
    return record if isinstance(record, str) else ""


def table(record: object, *path: str) -> Mapping[str, Any]:
    """Give the object at a path; empty where there is none."""
    value = dig(record, *path)
    return value if isinstance(value, dict) else {}


def items(record: object, *path: str) -> tuple[Any, ...]:
    """Give the list at a path; empty where there is none."""
    value = dig(record, *path)
    return tuple(value) if isinstance(value, (list, tuple)) else ()


def dig(record: object, *path: str) -> Any:
    """Give the value at a path, None where there is none."""
    for key in path:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def number(value: object) -> float:
    """Give a number as float; 0 for whatever is none, or too large to be one."""
    try:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
    except OverflowError:
        return 0.0


def flag(value: object) -> bool:
    """Read a flag, also where a feed writes it as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def moment(value: object) -> datetime | None:
    """Read an ISO 8601 time as UTC; None for whatever is none (anonymised logs hold odd ones)."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    try:
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except OverflowError:
        return None
