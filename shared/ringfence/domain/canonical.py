"""RFC 8785 bytes of JSON values, and digests over them."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import rfc8785

BEYOND = 2**53  # from here on not every integer is a double


def canonical(value: object) -> bytes:
    """Give the RFC 8785 bytes of a JSON value.

    RFC 8785 knows no integers from 2^53 on, no infinities and no half characters; policy documents may hold them, so those are written
    as text.
    """
    return rfc8785.dumps(_plain(value))


def digest(value: object) -> str:
    """SHA-256 over the RFC 8785 bytes of a JSON value, as lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str) and not value.isprintable() and any("\ud800" <= char <= "\udfff" for char in value):
        return f"text {value!a}"  # half a character: JSON can write it, UTF-8 cannot
    odd = (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and abs(value) >= BEYOND)
    return f"number {value}" if odd else value
