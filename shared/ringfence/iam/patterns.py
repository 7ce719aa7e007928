"""Patterns of policies: wildcards anywhere, and policy variables with their defaults.

`*` is any run of characters, `?` exactly one; `${*}`, `${?}` and `${$}` stand for themselves; `${key}` is the request's value of a
single-valued key, `${key, 'default'}` the default where there is none. Variables count only in documents of version 2012-10-17
(IAM User Guide, "IAM policy elements: Variables and tags"). Actions know no case, resources do.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from ringfence.domain.glob import fits, stretches

VARIABLE = re.compile(r"\$\{([^}]*)\}")
ESCAPES = {"*": "*", "?": "?", "$": "$"}
Context = Mapping[str, tuple[str, ...]]  # key in lower case -> values


@lru_cache(maxsize=16384)
def _compiled(tokens: tuple[tuple[bool, str], ...], flags: int) -> re.Pattern[str]:
    """Compile tokens: (True, text) holds wildcards, (False, text) is literal."""
    pieces = [""]
    for wild, text in tokens:
        for n, part in enumerate(text.split("*") if wild else [text]):
            if n:
                pieces.append("")
            pieces[-1] += ".".join(map(re.escape, part.split("?"))) if wild else re.escape(part)
    return re.compile(stretches(pieces), re.DOTALL | flags)


@lru_cache(maxsize=16384)
def action_pattern(pattern: str) -> re.Pattern[str]:
    """Compile an action pattern, which knows no case."""
    return _compiled(((True, pattern),), re.IGNORECASE | re.ASCII)


def tokens(pattern: str, context: Context, *, variables: bool) -> tuple[tuple[bool, str], ...] | None:
    """Split a pattern into wild and literal parts with its variables filled in; None where a variable has no value."""
    if not variables or "${" not in pattern:
        return ((True, pattern),)
    found: list[tuple[bool, str]] = []
    at = 0
    for match in VARIABLE.finditer(pattern):
        value = _value(match.group(1), context)
        if value is None:
            return None
        found += [(True, pattern[at : match.start()]), (False, value)]
        at = match.end()
    return (*found, (True, pattern[at:]))


def _value(inside: str, context: Context) -> str | None:
    if inside in ESCAPES:
        return ESCAPES[inside]
    key, comma, default = inside.partition(",")
    values = context.get(key.strip().lower(), ())
    if len(values) == 1:
        return values[0]
    default = default.strip()
    quoted = comma and len(default) > 1 and default[0] == default[-1] == "'"
    return default[1:-1] if quoted and not values else None


def like(pattern: str, text: str, context: Context, *, variables: bool, flags: int = 0) -> bool:
    """Whether a text matches a pattern with wildcards and variables."""
    if "?" not in pattern and not flags and not (variables and "${" in pattern):
        return fits(pattern.split("*"), text)
    found = tokens(pattern, context, variables=variables)
    return found is not None and _compiled(found, flags).fullmatch(text) is not None


def literal(pattern: str, context: Context, *, variables: bool) -> str | None:
    """Give a pattern without wildcards as text, its variables filled in."""
    found = tokens(pattern, context, variables=variables)
    return None if found is None else "".join(text for _, text in found)


def arn_like(pattern: str, text: str, context: Context, *, variables: bool) -> bool:
    """Whether an ARN matches a pattern part by part: a wildcard does not reach over a colon, except in the last part."""
    found = tokens(pattern, context, variables=variables)
    if found is None:
        return False
    parts, wanted = text.split(":", 5), _split(found)
    if len(parts) != 6 or len(wanted) != 6:  # noqa: PLR2004 - an ARN has six parts
        return False
    return all(_compiled(w, 0).fullmatch(part) is not None for w, part in zip(wanted, parts, strict=True))


def _split(found: tuple[tuple[bool, str], ...]) -> list[tuple[tuple[bool, str], ...]]:
    """Split tokens at their first five colons; a colon inside a variable's value counts like any other."""
    parts: list[list[tuple[bool, str]]] = [[]]
    for wild, text in found:
        pieces = text.split(":", 6 - len(parts))
        parts[-1].append((wild, pieces[0]))
        parts += [[(wild, piece)] for piece in pieces[1:]]
    return [tuple(part) for part in parts]
