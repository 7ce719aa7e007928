"""Google's escalation paths: data in `paths.json`, each with the permissions it needs, where they may be granted, and where it comes from.

gcp-001 to gcp-051 are the published and inferred sets of 2026-11, one for one; from gcp-101 on are those that we add. A path is open
where every permission of `all` is held, and one of `any` where it names some. One that is inferred follows from what the permissions
mean and was not seen as a published attack: it is never certain.
"""

from functools import cache, lru_cache

import msgspec
from msgspec import Struct

from ringfence.iam.catalogue import package_data
from ringfence.iam.google.roles import PermissionSet, permissions

# What does harm with what somebody has, and makes nobody more than he is.
MISUSES = frozenset({"abuse", "evasion", "exfiltration", "poisoning", "secrets"})


class Path(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dangerous combination.

    `category`: policy, ai-policy (grants itself a role), credentials (takes those of an account), run-as, ai-run-as (has code run as an
    account), guardrail (lifts what holds it back); the misuses: secrets, exfiltration, poisoning, abuse, evasion. `scope`: the levels
    at which a grant opens it. `certain` is false where only the account could tell whether it leads on: whether there is a custom role
    that the holder has, a grant that asks for a tag, a pool, a strong account of builds. `ai`: of AI's services.
    """

    id: str
    name: str
    category: str
    all: tuple[str, ...]
    any: tuple[str, ...] = ()
    scope: tuple[str, ...]
    description: str
    source: str
    inferred: bool = False
    certain: bool = True
    ai: bool = False

    @property
    def misuse(self) -> bool:
        """Whether it leads to no more permissions."""
        return self.category in MISUSES


class Need(Struct, frozen=True, gc=False):
    """A path with its sets, and what it needs at any rate one by one."""

    path: Path
    all: PermissionSet
    any: PermissionSet
    each: tuple[PermissionSet, ...]


@cache
def paths() -> tuple[Path, ...]:
    """Give the catalogue of Google's paths."""
    return msgspec.json.decode(package_data("google/paths.json"), type=tuple[Path, ...])


@cache
def _needs() -> tuple[Need, ...]:
    return tuple(Need(p, permissions(p.all), permissions(p.any), tuple(permissions([name]) for name in p.all)) for p in paths())


@cache
def _any_needed() -> PermissionSet:
    return permissions(name for path in paths() for name in (*path.all, *path.any))


def opened(held: PermissionSet) -> tuple[Need, ...]:
    """Give the paths that some permissions open, whatever the resources and conditions."""
    needed = held & _any_needed()
    return _with(needed) if needed else ()


@lru_cache(maxsize=4096)
def _with(held: PermissionSet) -> tuple[Need, ...]:
    return tuple([n for n in _needs() if n.all & held == n.all and (not n.any or n.any & held)])
