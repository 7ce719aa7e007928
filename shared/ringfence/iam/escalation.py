"""Escalation paths: data in `paths.json`, each with its actions, the service a role is passed to, and where it comes from.

A path is matched where every action is granted on something it works on. It is certain where every grant is, and the path itself
leads on without anything that only the account could tell; that somebody stronger exists may be assumed, how strong may not.
"""

from functools import cache, lru_cache

import msgspec
from msgspec import Struct

from ringfence.iam.catalogue import ActionSet, every, numbers, package_data
from ringfence.iam.granted import Granted, Rules

PASSING = "iam:PassRole"


class Path(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to more permissions.

    `kind`: permissions (changes its own), credentials (takes a user's), assume (enters a role), pass (hands a role to a service),
    existing (uses what already has a role, of the service `runs_as`). `self_service`: harmless on oneself. `on`: the shape that matters, by action. `services`: for whose actions alone the credentials are good.
    """

    id: str
    kind: str
    actions: tuple[str, ...]
    description: str
    source: str
    passes: str = ""
    runs_as: str = ""
    on: dict[str, str] = {}
    certain: bool = True
    self_service: bool = False
    services: tuple[str, ...] = ()


class Escalation(Struct, frozen=True):
    """A path that is open, with its proof: one grant for each of its actions."""

    path: Path
    certain: bool
    proof: tuple[Granted, ...]


@cache
def paths() -> tuple[Path, ...]:
    """Give the catalogue of paths."""
    return msgspec.json.decode(package_data("paths.json"), type=tuple[Path, ...])


@cache
def path_of(name: str) -> Path:
    """Give a path by its id."""
    return next(path for path in paths() if path.id == name)


@cache
def _places() -> dict[int, int]:
    """Give each action that some path needs a place among them: paths are compared with few bits, not with those of all actions."""
    return {number: place for place, number in enumerate(sorted({n for path in paths() for n in numbers(needed(path))}))}


@cache
def _any_needed() -> ActionSet:
    return every(action for path in paths() for action in path.actions)


def _among(actions: ActionSet) -> int:
    return sum(1 << _places()[number] for number in numbers(actions))


@cache
def _needs() -> tuple[tuple[Path, int], ...]:
    return tuple((path, _among(needed(path))) for path in paths())


def needed(path: Path) -> ActionSet:
    """Give the set of a path's actions."""
    return every(path.actions)


def escalations(rules: Rules) -> tuple[Escalation, ...]:
    """Give the paths that a set of policies opens to its holder, the certain ones first."""
    found = [e for path in candidates(rules) if (e := _match(path, rules))]
    return tuple(sorted(found, key=lambda e: not e.certain))


def candidates(rules: Rules) -> tuple[Path, ...]:
    """Give the paths whose every action is granted on something, whatever the resources and conditions."""
    allowed = _any_needed() & rules.allowed
    return _with(_among(allowed)) if allowed else ()


def opened(allowed: ActionSet) -> tuple[int, int]:
    """Say how many paths need only some actions: those by which somebody changes or becomes somebody by itself, and the others."""
    found = _with(_among(_any_needed() & allowed))
    by_itself = sum(path.kind not in ("pass", "existing") for path in found)
    return by_itself, len(found) - by_itself


@lru_cache(maxsize=4096)
def _with(allowed: int) -> tuple[Path, ...]:
    """Give the paths that need only allowed actions, by their places."""
    return tuple(path for path, need in _needs() if need & allowed == need)


def _match(path: Path, rules: Rules) -> Escalation | None:
    proof = []
    for action in path.actions:
        service = path.passes if action == PASSING else ""
        grant = rules.grant(action, service=service, on=path.on.get(action, ""), own_counts=not path.self_service)
        if grant is None:
            return None
        proof.append(grant)
    return Escalation(path, path.certain and all(g.certain for g in proof), tuple(proof))
