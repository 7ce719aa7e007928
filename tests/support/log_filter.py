"""Filters as Cloud Logging and Security Command Center read them, for what tools/write_google_filter.py and deploy/gcp write.

Cloud Logging documentation, "Logging query language": `=` compares texts in any case, `=~` searches for an RE2 pattern, log_id() names the log. OR
binds tighter than AND there, and looser in most other languages: a filter that has both without brackets is refused here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

type Entry = Mapping[str, Any]
type Test = Callable[[Entry], bool]

TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|=~|[()=]|[A-Za-z_][\w.]*)', re.ASCII)


def passes(text: str, entry: Entry) -> bool:
    """Whether a filter lets an entry through."""
    assert re.fullmatch(rf"({TOKEN.pattern})*\s*", text, re.ASCII), "the whole filter is understood"
    tokens = [found[1] for found in TOKEN.finditer(text)]
    test = _either(tokens)
    assert not tokens, f"left over: {tokens}"
    return test(entry)


def _either(tokens: list[str]) -> Test:
    tests, words = [_single(tokens)], set()
    while tokens and tokens[0] in ("AND", "OR"):
        words.add(tokens.pop(0))
        tests.append(_single(tokens))
    assert len(words) <= 1, "AND and OR side by side without brackets"
    return (lambda entry: any(test(entry) for test in tests)) if words == {"OR"} else (lambda entry: all(test(entry) for test in tests))


def _single(tokens: list[str]) -> Test:
    word = tokens.pop(0)
    if word == "NOT":
        inner = _single(tokens)
        return lambda entry: not inner(entry)
    if word == "(":
        return _closed(tokens)
    if word == "log_id":
        assert tokens.pop(0) == "("
        wanted = _text(tokens.pop(0))
        assert tokens.pop(0) == ")"
        return lambda entry: unquote(str(entry.get("logName", ""))).partition("/logs/")[2] == wanted
    operator, value = tokens.pop(0), tokens.pop(0)
    if operator == "=~":
        pattern = re.compile(_text(value))
        return lambda entry: pattern.search(_field(entry, word)) is not None
    assert operator == "="
    values = [value]
    if value == "(":
        values = [tokens.pop(0)]
        while (after := tokens.pop(0)) == "OR":
            values.append(tokens.pop(0))
        assert after == ")"
    allowed = {_text(one).lower() for one in values}
    return lambda entry: _field(entry, word).lower() in allowed


def _closed(tokens: list[str]) -> Test:
    inner = _either(tokens)
    assert tokens.pop(0) == ")"
    return inner


def _text(word: str) -> str:
    assert word.startswith('"'), word
    return re.sub(r"\\(.)", r"\1", word[1:-1])


def _field(entry: Entry, path: str) -> str:
    found: Any = entry
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return "" if found is None else str(found)
