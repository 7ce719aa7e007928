"""Reading what machines and attackers send: nothing is trusted to be there, or to be of its type."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


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
