"""What Google's predefined roles hold of the dangerous permissions; sets of permissions are bit masks, as those of AWS's actions are.

The data file is made by `tools/write_google_roles.py` and says its date and source. It is a constant of the package, read once.
A role that is neither in it nor among the custom roles that were given is unknown: whoever judges has to say so, never pass it.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache, reduce
from operator import or_

import msgspec
from msgspec import Struct

from ringfence.iam.catalogue import numbers, package_data

type PermissionSet = int  # bit n is the n-th dangerous permission
type Custom = Mapping[str, Iterable[str]]  # custom roles by their full names, with their permissions

PREFIX = "roles/"
WRITES_POLICY = ".setIamPolicy"


class Facts(Struct, frozen=True):
    """The data file: dangerous permissions, which of them a role holds, and by service the names of the roles that hold none."""

    date: str
    source: str
    count: int
    permissions: tuple[str, ...]
    roles: dict[str, tuple[int, ...]]
    others: dict[str, str]


class _Sensitive(Struct, frozen=True):
    data_access: tuple[str, ...]
    credentials_exposure: tuple[str, ...]
    ai: tuple[str, ...]


class Sensitive(Struct, frozen=True):
    """The sets behind the risks."""

    data_access: PermissionSet
    credentials_exposure: PermissionSet
    resource_exposure: PermissionSet
    ai: PermissionSet


@cache
def facts() -> Facts:
    """Give the facts about predefined roles."""
    return msgspec.json.decode(package_data("google/roles.json"), type=Facts)


@cache
def _places() -> dict[str, int]:
    return {name: n for n, name in enumerate(facts().permissions)}


@cache
def _others() -> frozenset[str]:
    """Give the names of the roles that hold nothing dangerous, without their prefix."""
    return frozenset(f"{service}.{name}" if service else name for service, names in facts().others.items() for name in names.split(" "))


def permissions(names: Iterable[str]) -> PermissionSet:
    """Give the set of some permissions; one that is not dangerous adds nothing."""
    return _set(_places()[name] for name in names if name in _places())


def names(held: PermissionSet) -> tuple[str, ...]:
    """Give the names of a set's permissions, sorted."""
    return tuple(facts().permissions[n] for n in numbers(held))


def name_of(bit: PermissionSet) -> str:
    """Give the name of one permission."""
    return facts().permissions[bit.bit_length() - 1]


@lru_cache(maxsize=4096)
def _predefined(role: str) -> PermissionSet | None:
    name = role.removeprefix(PREFIX)
    if name == role:
        return None
    held = facts().roles.get(name)
    if held is None:
        return 0 if name in _others() else None
    return _set(held)


def _set(places: Iterable[int]) -> PermissionSet:
    return reduce(or_, (1 << place for place in places), 0)


def holds(role: str, custom: Custom) -> PermissionSet | None:
    """Give the dangerous permissions of a role; None where the role is unknown."""
    found = _predefined(role)
    return permissions(custom[role]) if found is None and role in custom else found


def dangerous(roles: Iterable[str], custom: Custom | None = None) -> frozenset[str]:
    """Give the dangerous permissions that some roles hold together. An unknown role adds nothing: ask `unknown_roles` as well."""
    found = 0
    for role in roles:
        found |= holds(role, custom or {}) or 0
    return frozenset(names(found))


def unknown_roles(roles: Iterable[str], custom: Custom | None = None) -> tuple[str, ...]:
    """Give the roles of which nothing is known, in their order."""
    return tuple(dict.fromkeys(role for role in roles if holds(role, custom or {}) is None))


@cache
def sensitive() -> Sensitive:
    """Give the sets of permissions that put something at risk."""
    read = msgspec.json.decode(package_data("google/risks.json"), type=_Sensitive)
    writing = permissions(name for name in facts().permissions if name.endswith(WRITES_POLICY))
    return Sensitive(permissions(read.data_access), permissions(read.credentials_exposure), writing, permissions(read.ai))


def beginning(*prefixes: str) -> PermissionSet:
    """Give the dangerous permissions whose names begin with one of some words."""
    return permissions(_starting(prefixes))


def _starting(prefixes: tuple[str, ...]) -> Iterator[str]:
    return (name for name in facts().permissions if name.startswith(prefixes))
