"""Policy documents, parsed once: one clear result with what is wrong and where, never a crash.

Grammar: IAM User Guide, "Grammar of the IAM JSON policy language". IAM's API returns documents URL-encoded (RFC 3986).
"""

from collections.abc import Mapping
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
from typing import Any, TypeGuard

import msgspec
from msgspec import Struct

from ringfence.domain.written import UnreadableError, read_text

Document = Mapping[str, Any]
REMEMBERED = 20_000  # bytes of a document that is remembered: three times what IAM takes


class Problem(Struct, frozen=True, gc=False):
    """Something that keeps a document from being judged."""

    where: str
    what: str


class Condition(Struct, frozen=True, gc=False):
    """One operator on one key. The operator keeps its qualifier and IfExists; names are in lower case."""

    operator: str
    key: str
    values: tuple[str, ...]


class Statement(Struct, frozen=True, kw_only=True):
    """One statement; `actions` are in lower case. Exactly one of each pair is set, resources may both be None (trust policies)."""

    index: int
    sid: str
    allow: bool
    actions: tuple[str, ...] | None = None
    spelled: tuple[str, ...] = ()  # Action or NotAction as it is written
    not_actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    not_resources: tuple[str, ...] | None = None
    principal: Any = None
    not_principal: Any = None
    conditions: tuple[Condition, ...] = ()


class Policy(Struct, frozen=True):
    """A parsed document. With problems it cannot be judged: unknown, never ok."""

    statements: tuple[Statement, ...]
    problems: tuple[Problem, ...] = ()
    variables: bool = False  # of version 2012-10-17: policy variables count


SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
LONGEST = 2048  # an ARN (IAM API Reference)
DEEPEST = 12  # Statement, condition, operator, key and value need six
KEYS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"}


def parse(document: object) -> Policy:
    """Parse a document given as a mapping, JSON text, or URL-encoded JSON text."""
    if isinstance(document, str):
        try:
            document = read_text(document)
        except UnreadableError as error:
            return Policy((), (Problem("document", str(error)),))
    if not _is_object(document):
        return Policy((), (Problem("document", f"is {_kind(document)}, expected an object"),))
    try:
        text = msgspec.json.encode(document)
    except (TypeError, ValueError, RecursionError):  # no plain JSON: a lone surrogate, say
        return _read(document)
    return _remembered(text) if len(text) <= REMEMBERED else _read(document)


@lru_cache(maxsize=256)
def _remembered(text: bytes) -> Policy:
    """Read a document whose like was read a moment ago: one event makes several guardrails ask for the same."""
    return _read(msgspec.json.decode(text))


def _read(document: Mapping[Any, Any]) -> Policy:
    if not document:
        return Policy((), (Problem("document", "is empty"),))
    if _too_deep(document):
        return Policy((), (Problem("document", f"is nested more than {DEEPEST} deep"),))
    raw = document.get("Statement")
    entries = list(raw) if isinstance(raw, (list, tuple)) else [raw]
    if raw is None or not entries:
        return Policy((), (Problem("Statement", "is missing or empty: the document grants nothing that can be judged"),))
    problems: list[Problem] = []
    statements = [s for i, entry in enumerate(entries) if (s := _statement(i, entry, problems)) is not None]
    return Policy(tuple(statements), tuple(problems), document.get("Version") == "2012-10-17")


def _too_deep(value: object) -> bool:
    """Whether a value is nested deeper than any policy: what reads it further recurses."""
    level: list[Any] = [value]
    for _ in range(DEEPEST + 1):
        inner = [item for outer in level for item in (outer.values() if _is_object(outer) else outer) if type(item) is not str]
        level = [item for item in inner if _is_object(item) or isinstance(item, (list, tuple))]
        if not level:
            return False
    return True


def _is_object(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value is an object of JSON; asking a plain dict for its type is ten times faster than asking what it can do."""
    return type(value) is dict or isinstance(value, Mapping)


def _statement(index: int, entry: object, problems: list[Problem]) -> Statement | None:
    where = f"Statement[{index}]"
    if not _is_object(entry):
        problems.append(Problem(where, f"is {_kind(entry)}, expected an object"))
        return None
    found = len(problems)
    problems += [Problem(f"{where}.{key}", "is no element of a statement") for key in entry if key not in KEYS]
    effect = entry.get("Effect")
    if effect not in ("Allow", "Deny"):
        problems.append(Problem(f"{where}.Effect", f"is {effect!r}, expected Allow or Deny"))
    lists = {
        name: _strings(f"{where}.{name}", entry[name], problems)
        for name in ("Action", "NotAction", "Resource", "NotResource")
        if name in entry
    }
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if one in lists and other in lists:
            problems.append(Problem(where, f"has both {one} and {other}"))
    if "Action" not in lists and "NotAction" not in lists:
        problems.append(Problem(where, "has neither Action nor NotAction"))
    conditions = _conditions(where, entry.get("Condition", {}), problems)
    if len(problems) > found:
        return None
    if "Principal" not in entry and "NotPrincipal" not in entry:
        lists.update({name: tuple(map(_completed, lists[name])) for name in ("Resource", "NotResource") if name in lists})
    return Statement(
        index=index,
        sid=str(entry.get("Sid", "")),
        allow=effect == "Allow",
        actions=_lower(lists.get("Action")),
        spelled=lists.get("Action", lists.get("NotAction", ())),
        not_actions=_lower(lists.get("NotAction")),
        resources=lists.get("Resource"),
        not_resources=lists.get("NotResource"),
        principal=entry.get("Principal"),
        not_principal=entry.get("NotPrincipal"),
        conditions=conditions,
    )


def _strings(where: str, value: object, problems: list[Problem]) -> tuple[str, ...]:
    items = value if isinstance(value, (list, tuple)) else [value]
    for item in items or (None,):
        if not isinstance(item, str):
            problems.append(Problem(where, f"is {value!r:.60}, expected a string or a list of strings"))
            return ()
        if len(item) > LONGEST:
            problems.append(Problem(where, f"holds {item!r:.40} of {len(item)} characters, more than any ARN ({LONGEST})"))
            return ()
    return tuple(items)


def _completed(resource: str) -> str:
    """Complete an ARN of less than six parts with wildcards, as AWS does in identity-based policies (IAM User Guide, "ARNs").

    One with wildcards may hold the missing parts already.
    """
    missing = 5 - resource.count(":")
    return resource + ":*" * missing if missing > 0 and resource.startswith("arn:") and "*" not in resource else resource


def _conditions(where: str, block: object, problems: list[Problem]) -> tuple[Condition, ...]:
    found: list[Condition] = []
    if not _is_object(block):
        problems.append(Problem(f"{where}.Condition", f"is {_kind(block)}, expected an object"))
        return ()
    for operator, keys in block.items():
        if not _is_object(keys):
            problems.append(Problem(f"{where}.Condition.{operator}", f"is {_kind(keys)}, expected an object"))
            continue
        for key, value in keys.items():
            items = value if isinstance(value, (list, tuple)) else [value]
            if not all(isinstance(item, (str, bool, int, float)) for item in items):
                problems.append(Problem(f"{where}.Condition.{operator}.{key}", f"is {value!r:.60}, expected a scalar or a list of scalars"))
                continue
            texts = tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items)
            found.append(Condition(str(operator).lower(), str(key).lower(), texts))
    return tuple(found)


def _lower(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple([v.lower() if v.isascii() else lower(v) for v in values])  # a list: faster than a generator


def lower(text: str) -> str:
    """Write ASCII letters small and leave all others: a Kelvin sign is no k."""
    return text.lower() if text.isascii() else text.translate(SMALL)


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
