"""Deny policies of IAM v2: what they take from a principal, surely or perhaps; and what none of them can take.

A rule that names the principal itself, or everybody, takes surely; one that names a set whose members are not known here, one with a
condition, and one whose exceptions may hold the principal only perhaps. Facts: IAM documentation, "Deny policies", "Principal
identifiers" and "Permissions supported in deny policies"; which permissions are supported is data (`denials.json`), dated. What is not
known to be supported counts as out of a deny policy's reach.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import Struct

from ringfence.domain.identity import folded
from ringfence.domain.member import Member, MemberKind
from ringfence.iam.catalogue import package_data
from ringfence.iam.document import Problem
from ringfence.iam.google.roles import PermissionSet, beginning, facts, permissions

HOST = ".googleapis.com"
EVERYBODY = "principalSet://goog/public:all"
SUBJECT = "principal://goog/subject/"
ACCOUNT = "principal://iam.googleapis.com/projects/-/serviceAccounts/"
GROUP = "principalSet://goog/group/"
POOL = re.compile(
    r"principal(?:Set)?://(iam\.googleapis\.com/(?:locations/global/workforcePools|projects/[^/]+/locations/global/workloadIdentityPools)/[^/]+)/.+"
)
ATTACHED = re.compile(
    r"policies/cloudresourcemanager\.googleapis\.com(?:%2F|/)(organizations|folders|projects)(?:%2F|/)[^/]+/.*", re.IGNORECASE
)
ONE = (MemberKind.USER, MemberKind.SERVICE_ACCOUNT, MemberKind.PRINCIPAL)


class _Support(Struct, frozen=True):
    """The data file: names of services that are not those of their permissions, what is deniable, and what begins so is not."""

    date: str
    source: str
    services: dict[str, str]
    deniable: frozenset[str]
    never: tuple[str, ...]


class Denial(Struct, frozen=True):
    """One rule, with the permissions that it surely denies and those that it may deny."""

    principals: tuple[str, ...]
    exceptions: tuple[str, ...]
    surely: PermissionSet
    perhaps: PermissionSet


@cache
def support() -> _Support:
    """Give what is known of the permissions that deny policies support."""
    return msgspec.json.decode(package_data("google/denials.json"), type=_Support)


@cache
def _names() -> dict[str, PermissionSet]:
    """Give each dangerous permission by its name in deny policies."""
    return {deny_name(name): 1 << n for n, name in enumerate(facts().permissions)}


def deny_name(permission: str) -> str:
    """Write a permission as deny policies do: `aiplatform.googleapis.com/customJobs.create`. One that is written so stays."""
    service, _, rest = permission.partition(".")
    return permission if "/" in permission else f"{support().services.get(service, service)}{HOST}/{rest}"


def deniable() -> tuple[str, ...]:
    """Give the dangerous permissions that a deny policy can deny, as far as is known; sorted."""
    return tuple(sorted(support().deniable))


def undeniable(held: Iterable[str]) -> tuple[str, ...]:
    """Give those of some permissions that a deny policy cannot deny, as far as is known; sorted. One that nobody knows is among them."""
    return tuple(sorted(set(held) - support().deniable))


def parse_denials(documents: Iterable[object]) -> tuple[tuple[Denial, ...], tuple[Problem, ...]]:
    """Parse deny policies. A rule that cannot be read takes nothing away, and is a problem."""
    denials: list[Denial] = []
    problems: list[Problem] = []
    for n, document in enumerate(documents):
        rules = document.get("rules") if isinstance(document, Mapping) else None
        if not isinstance(document, Mapping) or not isinstance(rules, list):
            problems.append(Problem(f"denials[{n}]", "is no deny policy with rules"))
            continue
        beyond = _beyond(document.get("name"))
        for i, entry in enumerate(rules):
            rule = entry.get("denyRule") if isinstance(entry, Mapping) else None
            if isinstance(rule, Mapping) and all(_strings(rule.get(key, [])) for key in LISTS):
                denials.append(_denial(rule, beyond))
            else:
                problems.append(Problem(f"denials[{n}].rules[{i}]", "cannot be read as a denyRule"))
    return tuple(denials), tuple(problems)


LISTS = ("deniedPrincipals", "exceptionPrincipals", "deniedPermissions", "exceptionPermissions")


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _beyond(name: object) -> PermissionSet:
    """Give the permissions on what lies above the place where a policy is attached; not said where, that is a project."""
    found = ATTACHED.fullmatch(name) if isinstance(name, str) else None
    level = found[1].lower() if found else "projects"
    of_organizations = beginning("resourcemanager.organizations.", "iam.googleapis.com/workforcePool")
    return {"organizations": 0, "folders": of_organizations}.get(level, of_organizations | beginning("resourcemanager.folders."))


def _denial(rule: Mapping[Any, Any], beyond: PermissionSet) -> Denial:
    """Read a rule. A group stands for what deny policies support of it, so that the rest is in doubt; an exception is taken for all of it."""
    exact, group = _meant(rule.get("deniedPermissions", []))
    spared = beyond | beginning(*support().never)
    for part in _meant(rule.get("exceptionPermissions", [])):
        spared |= part
    sure = exact | group & permissions(support().deniable) if rule.get("denialCondition") is None else 0
    principals, exceptions = (tuple(rule.get(key, [])) for key in ("deniedPrincipals", "exceptionPrincipals"))
    return Denial(principals, exceptions, sure & ~spared, (exact | group) & ~spared)


def _meant(patterns: Iterable[str]) -> tuple[PermissionSet, PermissionSet]:
    """Give what permissions name, and what groups of them do: `service/*.*`, `service/resource.*`, `service/*.verb`."""
    exact, group = 0, 0
    for pattern in patterns:
        exact |= _names().get(pattern, 0)
        if "*" in pattern:
            form = re.compile(re.escape(pattern).replace(r"\*", ".*"))
            group |= reduce(or_, (bit for name, bit in _names().items() if form.fullmatch(name)), 0)
    return exact, group


def denied(member: Member, denials: Iterable[Denial]) -> tuple[PermissionSet, PermissionSet]:
    """Give what rules take from a member: surely, and surely or perhaps."""
    surely, perhaps = 0, 0
    own = deny_principal(member)
    for rule in denials:
        named = _named(member, own, rule.principals)
        spared = _named(member, own, rule.exceptions)
        if named is None or spared is True:
            continue
        perhaps |= rule.perhaps
        if named and spared is None:
            surely |= rule.surely
    return surely, perhaps


def deny_principal(member: Member) -> str:
    """Write a member as IAM v2 does; empty where it has no such form that is surely the same."""
    if member.deleted:
        return ""
    match member.kind:
        case MemberKind.USER:
            return SUBJECT + folded(member.id)
        case MemberKind.SERVICE_ACCOUNT:
            return ACCOUNT + folded(member.id)
        case MemberKind.GROUP:
            return GROUP + folded(member.id)
        case MemberKind.PRINCIPAL | MemberKind.PRINCIPAL_SET:
            return member.text
        case _:
            return ""


def _named(member: Member, own: str, principals: tuple[str, ...]) -> bool | None:
    """Say whether some principals hold a member: True surely, False perhaps, None surely not."""
    pool, same = POOL.fullmatch(own), _comparable(own)
    whole = f"principalSet://{pool[1]}/*" if pool else ""
    found: bool | None = None
    for principal in principals:
        if principal == EVERYBODY or (own and _comparable(principal) == same) or (pool and principal == whole):
            return True
        if not (member.kind in ONE and _another(member, principal)):
            found = False
    return found


def _comparable(principal: str) -> str:
    """Write a principal so that it compares: addresses without regard to case, names of pools as they are."""
    return folded(principal) if principal.startswith((SUBJECT, ACCOUNT, GROUP)) else principal


def _another(member: Member, principal: str) -> bool:
    """Whether a principal is surely somebody else than a single member. A set may hold it; a number may be its unique id."""
    numbered = principal.startswith(ACCOUNT) and "@" not in principal
    return principal.startswith("principal://") and not (numbered and member.kind is MemberKind.SERVICE_ACCOUNT)
