"""Envelopes: what EventBridge and Pub/Sub write round a record."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from ringfence.domain.raw import moment, text


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
