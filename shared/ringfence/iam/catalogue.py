"""The action catalogue: every action of AWS, its access level and the shapes of its resources; sets of actions are bit masks.

The data file is made by `tools/write_actions.py` and says its date and sources. It is a constant of the package, read once.
An action or pattern that it lacks expands to the empty set: whoever judges has to say so, never pass it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import accumulate
from pkgutil import get_data

import msgspec
from msgspec import Struct

from ringfence.iam.document import lower
from ringfence.iam.patterns import action_pattern

type ActionSet = int  # bit n is the n-th action of the catalogue


class Service(Struct, frozen=True):
    """A service: the shapes of its resources, and per action its level and the numbers of its shapes, `!` for a required one."""

    resources: tuple[str, ...]
    actions: dict[str, str]


class Catalogue(Struct, frozen=True):
    """The data file."""

    date: str
    source: str
    services: dict[str, Service]


class Shapes(Struct, frozen=True):
    """On what an action works. `known` is false where AWS's reference does not say."""

    every: tuple[str, ...]
    required: tuple[str, ...]
    known: bool


def package_data(name: str) -> bytes:
    """Read a data file of the package; it ships with the code, so a missing one is a broken installation."""
    found = get_data(__name__, name)
    if found is None:  # pragma: no cover - only an unusual import system answers so
        raise FileNotFoundError(f"{name} is missing beside ringfence.iam: install the package again")
    return found


@cache
def catalogue() -> Catalogue:
    """Give the catalogue."""
    return msgspec.json.decode(package_data("actions.json"), type=Catalogue)


@cache
def _starts() -> dict[str, int]:
    """Give the number of each service's first action, and behind all of them the number of actions."""
    services = catalogue().services
    return dict(zip([*services, ""], accumulate((len(s.actions) for s in services.values()), initial=0), strict=True))


@cache
def _bits(service: str) -> dict[str, int]:
    """Give the numbers of a service's actions by their names in lower case."""
    start = _starts()[service]
    return {name.lower(): start + n for n, name in enumerate(catalogue().services[service].actions)}


@cache
def _spelled(service: str) -> tuple[str, ...]:
    """Give the names of a service's actions in their order."""
    return tuple(catalogue().services[service].actions)


@lru_cache(maxsize=65536)
def number(action: str) -> int | None:
    """Give the number of an action by its name in lower case; None for a pattern, and where the catalogue lacks it."""
    prefix, _, name = action.partition(":")
    return _bits(prefix).get(name) if prefix in catalogue().services else None


@lru_cache(maxsize=4096)
def union(patterns: tuple[str, ...]) -> ActionSet:
    """Give the actions that some patterns, in lower case, stand for together: those without a wildcard in one go."""
    found, single = 0, bytearray(size() // 8 + 1)
    for pattern in patterns:
        if (bit := number(pattern)) is not None:
            single[bit >> 3] |= 1 << (bit & 7)
        elif "*" in pattern or "?" in pattern:
            found |= expand(pattern)
    return found | int.from_bytes(single, "little")


def size() -> int:
    """How many actions there are."""
    return _starts()[""]


def everything() -> ActionSet:
    """Give the set of all actions."""
    return (1 << size()) - 1


def known(pattern: str) -> bool:
    """Whether the catalogue knows an action, or any that a pattern stands for; in lower case."""
    return number(pattern) is not None or expand(pattern) != 0


def every(patterns: Iterable[str]) -> ActionSet:
    """Give the actions that some patterns stand for together, in whatever case."""
    return union(tuple([lower(pattern) for pattern in patterns]))


@lru_cache(maxsize=16384)
def expand(pattern: str) -> ActionSet:
    """Give the actions that a pattern stands for, in whatever case; none where the catalogue knows none."""
    pattern = lower(pattern)
    prefix, colon, name = pattern.partition(":")
    if not colon:
        return everything() if set(pattern) == {"*"} else 0
    if "*" not in pattern and "?" not in pattern:
        bit = number(pattern)
        return 0 if bit is None else 1 << bit
    found = 0
    services = [s for s in catalogue().services if action_pattern(prefix).fullmatch(s)] if re.search(r"[*?]", prefix) else [prefix]
    for service in services:
        if service not in catalogue().services:
            continue
        start, count = _starts()[service], len(catalogue().services[service].actions)
        if set(name) == {"*"}:
            found |= ((1 << count) - 1) << start
        elif re.search(r"[*?]", name[:-1]) or name[-1:] != "*":
            found |= sum(1 << (bit - start) for action, bit in _bits(service).items() if action_pattern(name).fullmatch(action)) << start
        else:  # most patterns end in their only wildcard
            found |= sum(1 << (bit - start) for action, bit in _bits(service).items() if action.startswith(name[:-1])) << start
    return found


def numbers(actions: ActionSet) -> Iterator[int]:
    """Give the numbers of a set's actions. Looking for ones in a text is much faster than taking an integer of 21,000 bits apart."""
    digits = bin(actions)[:1:-1]
    at = digits.find("1")
    while at >= 0:
        yield at
        at = digits.find("1", at + 1)


@lru_cache(maxsize=1024)
def names(actions: ActionSet) -> tuple[str, ...]:
    """Give the names of a set's actions as AWS writes them, in the catalogue's order."""
    starts, services, found = list(_starts().values()), tuple(catalogue().services), []
    for number in numbers(actions):
        at = bisect_right(starts, number) - 1
        prefix = services[at]
        found.append(f"{prefix}:{_spelled(prefix)[number - starts[at]]}")
    return tuple(found)


@lru_cache(maxsize=4096)
def shapes(action: str) -> Shapes:
    """Give the shapes of the resources on which an action works, by its name in whatever case."""
    prefix, _, name = lower(action).partition(":")
    service = catalogue().services.get(prefix)
    place = _bits(prefix).get(name) if service else None
    coded = "?" if service is None or place is None else service.actions[_spelled(prefix)[place - _starts()[prefix]]]
    if service is None or coded == "?":
        return Shapes((), (), known=False)
    numbers = [part for part in coded[1:].split(",") if part]
    every = tuple(service.resources[int(n.rstrip("!"))] for n in numbers)
    required = tuple(service.resources[int(n[:-1])] for n in numbers if n.endswith("!"))
    return Shapes(every, required, known=True)


@cache
def of_level(levels: str, service_pattern: str = "*") -> ActionSet:
    """Give the actions of access levels (R, L, W, T, P; `?` where unknown), of the services that match a pattern."""
    found = 0
    for prefix, service in catalogue().services.items():
        if action_pattern(service_pattern).fullmatch(prefix):
            start = _starts()[prefix]
            found |= sum(1 << (start + n) for n, coded in enumerate(service.actions.values()) if coded[0] in levels)
    return found
