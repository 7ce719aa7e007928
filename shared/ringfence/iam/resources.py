"""How far a statement's resources reach for an action: not at all, to some, or to all resources that the action works on.

Shapes of resources come from the catalogue, with a wildcard for each placeholder. A pattern reaches all of a shape when it matches
whatever the placeholders hold; a literal partition, account or region does not count as a limit, because it may be the holder's own.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache

from ringfence.domain.glob import fits, stretches
from ringfence.iam.catalogue import shapes
from ringfence.iam.document import Statement

VARIABLE = re.compile(r"\$\{[^}]*\}")
OWN = re.compile(r":user/(.*/)?\$\{aws:username\}", re.IGNORECASE)  # the holder itself, where it is a user
PARTS = 6
HIDDEN = "\1"  # a variable, of which nothing is known
FENCED = "\0"
WILD = re.compile(r"[*?\0]")
STARS = ("*", FENCED)
PLACE = (1, 3, 4)  # partition, region, account


class Reach(IntEnum):
    """How much of what an action works on is reached."""

    NONE = 0
    SOME = 1
    ALL = 2


@lru_cache(maxsize=65536)
def covers(pattern: str, shape: str) -> bool:
    """Whether a pattern matches everything that a shape stands for: only `*` may swallow a wildcard of the shape."""
    if "?" not in pattern:
        return fits(pattern.split("*"), shape)
    return _covering(pattern).fullmatch(shape) is not None


@lru_cache(maxsize=16384)
def service(pattern: str) -> str:
    """Give the service that an ARN's pattern names; empty where a wildcard may stand for it."""
    parts = pattern.split(":", PARTS - 1)
    named = parts[2] if len(parts) == PARTS else ""
    return "" if "*" in named or "?" in named else named


@lru_cache(maxsize=16384)
def everything_of(pattern: str) -> bool:
    """Whether a pattern names all that its service has, in some account: `*`, or an ARN whose last part has no name in it."""
    return not re.search(r"[^*/:]", pattern.split(":", PARTS - 1)[-1] if pattern.count(":") >= PARTS - 1 else pattern)


@lru_cache(maxsize=16384)
def _covering(pattern: str) -> re.Pattern[str]:
    return re.compile(stretches(["[^*]".join(map(re.escape, part.split("?"))) for part in pattern.split("*")]), re.DOTALL)


@lru_cache(maxsize=65536)
def overlaps(left: str, right: str) -> bool:
    """Whether two patterns have a text in common: each wildcard of one may swallow a stretch of the other.

    `right` may hold FENCED, a wildcard that no colon is in.
    """

    def stars(positions: set[int]) -> set[int]:
        found = set(positions)
        for start in positions:
            at = start
            while at < len(right) and right[at] in STARS:
                at += 1
                found.add(at)
        return found

    if _apart(left, right):
        return False
    if (easy := _easy(left, right)) is not None:
        return easy
    reached = stars({0})  # positions in `right` up to which it may have been read, together with what is read of `left`
    for char in left:
        if char == "*":
            reached = set(range(min(reached), len(right) + 1))
            continue
        inside = {at for at in reached if at < len(right)}
        step = {at for at in inside if right[at] == "*" or (right[at] == FENCED and char != ":")}
        step |= {at + 1 for at in inside if right[at] not in STARS and (char in ("?", right[at]) or right[at] == "?")}
        reached = stars(step)
        if not reached:
            return False
    return len(right) in reached


def _easy(left: str, right: str) -> bool | None:
    """Say what is cheap to see of two patterns that begin and end alike; None where it is not.

    One without wildcards is matched; two that end in their only wildcard meet. ARNs are compared part by part where a `*` is all of a part
    before the last and the last ones hold no colon: that it swallows a colon there would need a resource whose name looks like an ARN.
    """
    (start, _), (head, _) = ends(left), ends(right)
    if head == right:
        return fits(left.split("*"), right) if "?" not in left else None
    if left == f"{start}*" and right == f"{head}*":
        return True
    mine, other = left.split(":", PARTS - 1), right.split(":", PARTS - 1)
    if not len(mine) == len(other) == PARTS or any(WILD.search(p) and p not in STARS for p in (*mine[:-1], *other[:-1])):
        return None
    alike = all(a == b or a in STARS or b in STARS for a, b in zip(mine[:-1], other[:-1], strict=True))
    if alike and overlaps(mine[-1], other[-1]):
        return True
    return None if ":" in mine[-1] + other[-1] else False


@lru_cache(maxsize=16384)
def ends(pattern: str) -> tuple[str, str]:
    """Give what is before the first wildcard of a pattern and what is behind its last."""
    parts = WILD.split(pattern)
    return parts[0], parts[-1]


def _apart(left: str, right: str) -> bool:
    """Whether two patterns begin or end differently, or name two services, so that nothing can be in both: the usual case, and cheap.

    A `*` in the partition may swallow colons, and with them the service.
    """
    (start, end), (head, tail) = ends(left), ends(right)
    if not (start.startswith(head) or head.startswith(start)) or not (end.endswith(tail) or tail.endswith(end)):
        return True
    mine, other = service(left), service(right)
    if not mine or not other or mine == other:
        return False
    return "*" not in left.split(":", 2)[1] + right.split(":", 2)[1]


@lru_cache(maxsize=16384)
def fenced(shape: str) -> str:
    """Write the wildcards of a shape's partition, region and account so that they hold no colon."""
    parts = shape.split(":", PARTS - 1)
    return ":".join(part.replace("*", FENCED) if n in PLACE else part for n, part in enumerate(parts))


@lru_cache(maxsize=65536)
def reaches_all(pattern: str, shape: str) -> bool:
    """Whether a pattern reaches all of a shape, where a literal partition, region or account may be the holder's own.

    Not so where the shape has none (an ARN of IAM has no region), nor for the account `aws`, whose policies nobody else changes.
    """
    parts = VARIABLE.sub(HIDDEN, pattern).split(":", PARTS - 1)
    theirs = shape.split(":", PARTS - 1)
    if len(parts) == len(theirs) == PARTS and ":" not in theirs[-1] and not theirs[-1].startswith(ends(parts[-1])[0]):
        return False  # the usual case: a name that is not all names
    free = [n for n in PLACE if (n < min(len(parts), len(theirs)) and parts[n] and theirs[n] and parts[n] != "aws") or n == 1 < len(parts)]
    return covers(":".join("*" if n in free else part for n, part in enumerate(parts)), shape)


@lru_cache(maxsize=65536)
def takes_all(pattern: str, shape: str) -> bool:
    """Whether a pattern of a denial takes all of a shape away: only the partition does not count, since an account has one."""
    parts = pattern.split(":", PARTS - 1)
    return covers(":".join("*" if n == 1 else part for n, part in enumerate(parts)), shape)


@lru_cache(maxsize=16384)
def open_variables(pattern: str) -> str:
    """Read a policy variable as any text."""
    return VARIABLE.sub("*", pattern)


def reach(statement: Statement, action: str, on: str = "") -> tuple[Reach, str]:
    """Say how far a statement's resources reach for an action, and by which pattern. `on`: the one shape that matters."""
    if statement.not_resources is not None:
        return _reach_of_rest(statement.not_resources, action, on)
    return _reach(statement.resources or (), action, on)


@lru_cache(maxsize=65536)
def _reach(patterns: tuple[str, ...], action: str, on: str) -> tuple[Reach, str]:
    if whole := wholly(patterns, action, on):
        return Reach.ALL, whole
    known = shapes(action)
    part = next((p for p in patterns if not known.known or any(overlaps(open_variables(p), fenced(shape)) for shape in known.every)), None)
    return (Reach.NONE, "") if part is None else (Reach.SOME, part)


@lru_cache(maxsize=65536)
def wholly(patterns: tuple[str, ...], action: str, on: str = "") -> str:
    """Give the patterns by which an Allow reaches all that an action works on; empty where they do not."""
    for pattern in patterns:
        if set(pattern) == {"*"}:
            return pattern
    known = shapes(action)
    targets = (on,) if on else known.required or known.every
    wide = {target: next((p for p in patterns if reaches_all(p, target)), None) for target in targets}
    by = [pattern for pattern in wide.values() if pattern is not None]
    enough = by and (len(by) == len(targets) or not (on or known.required))  # of shapes that are all optional, one is enough
    return ", ".join(dict.fromkeys(by)) if enough else ""


@lru_cache(maxsize=16384)
def _reach_of_rest(patterns: tuple[str, ...], action: str, on: str) -> tuple[Reach, str]:
    known = shapes(action)
    words = f"NotResource {', '.join(patterns)}"
    targets = (on,) if on else known.every
    if any(set(p) == {"*"} for p in patterns) or (targets and all(any(takes_all(p, t) for p in patterns) for t in targets)):
        return Reach.NONE, words
    touched = not known.known or any(overlaps(open_variables(p), fenced(target)) for p in patterns for target in targets)
    return (Reach.SOME if touched else Reach.ALL), words


def touching(patterns: tuple[str, ...], action: str, on: str) -> Iterator[tuple[Reach, str]]:
    """Say how far each pattern of an Allow reaches by itself; those that reach nothing are left out."""
    for pattern in patterns:
        how_far, named = _reach((pattern,), action, on)
        if how_far is not Reach.NONE:
            yield how_far, named


def taken(statement: Statement, action: str, resources: tuple[str, ...]) -> Reach:
    """Say how much a denial takes away of an action on the resources that a grant names (or all, by `*`)."""
    if statement.not_resources is not None:
        how_far, _ = _reach_of_rest(statement.not_resources, action, "")
        return how_far
    patterns, known = statement.resources or (), shapes(action)
    whole = any(set(p) == {"*"} for p in patterns) or (known.every and all(any(takes_all(p, s) for p in patterns) for s in known.every))
    if whole or (resources and all(any(covers(p, r) for p in patterns) for r in resources)):
        return Reach.ALL
    return Reach.SOME if any(overlaps(open_variables(p), open_variables(r)) for p in patterns for r in resources) else Reach.NONE
