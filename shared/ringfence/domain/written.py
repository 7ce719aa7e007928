"""Documents as clouds write them: an object, JSON text, or URL-encoded JSON text (IAM's API returns policies so, RFC 3986)."""

import json
from typing import Any
from urllib.parse import unquote

import msgspec


class UnreadableError(Exception):
    """A text that is no JSON; says why."""


def decode(document: object) -> Any:
    """Read a document given as text, plain or URL-encoded; leave anything that cannot be read as it is, for whoever judges it to say so."""
    if not isinstance(document, str):
        return document
    try:
        return read_text(document)
    except UnreadableError:
        return document


def read_text(text: str) -> Any:
    """Read JSON text, plain or URL-encoded. Raises UnreadableError."""
    text = text.strip().lstrip("\ufeff")
    if not text.startswith(("{", "[")) and "%" in text:
        text = unquote(text).strip().lstrip("\ufeff")
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        return _lenient(text, f"is no JSON: {error}")


def _lenient(text: str, problem: str) -> Any:
    """Read what the standard library takes and msgspec does not: a lone surrogate."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(problem) from error
