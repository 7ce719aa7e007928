"""What Google checks in an allow policy, and how it shows one (IAM documentation, "Policies", "Understanding allow policies", "Quotas and limits").

Two things are a reading of ours, since no page states them. A `_withcond_` role that is written back is refused. Without an etag, where every
check of versions is skipped, its grant stands without its condition: the worst that "all of the conditions are lost" can mean.
"""

import hashlib
import json
import re
from collections.abc import Iterator

from tests.support.google.schema import invalid
from tests.support.google.world import JSON

EMAIL = r"[^\s@:/?]+@[^\s@:/?]+"
MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers"
    rf"|(?:user|serviceAccount|group):{EMAIL}|serviceAccount:[^\s@:/?]+\.svc\.id\.goog\[[^\s\[\]/]+/[^\s\[\]/]+\]|domain:[^\s@:/?]+"
    rf"|deleted:(?:user|serviceAccount|group):{EMAIL}\?uid=\d+"
    r"|(?:deleted:)?principal(?:Set)?://[^\s]+"
)
CONVENIENCE = re.compile(r"project(?:Owner|Editor|Viewer):[^\s:]+")  # Cloud Storage's alone
ROLE = re.compile(r"(?:(?:projects|organizations)/[^/]+/)?roles/[\w.]+")
BASIC = ("roles/owner", "roles/editor", "roles/viewer")
PUBLIC = ("allUsers", "allAuthenticatedUsers")
WITHCOND = re.compile(r"_withcond_[0-9a-f]{20}$")
MEMBERS, GROUPS = 1500, 250
VERSIONS = (0, 1, 3)
CONDITIONS = 3  # the version that has them


def members(policy: JSON) -> Iterator[str]:
    """Give every member, once for each appearance."""
    for binding in policy.get("bindings", []):
        yield from binding.get("members", [])


def conditional(policy: JSON) -> bool:
    """Whether any binding has a condition."""
    return any(binding.get("condition") for binding in policy.get("bindings", []))


def merged(bindings: list[JSON]) -> list[JSON]:
    """Give the bindings with one for each (role, condition), each member once, and none without members."""
    made: dict[str, JSON] = {}
    for binding in bindings:
        condition = binding.get("condition") or {}
        key = json.dumps([binding.get("role"), sorted(condition.items())])
        one = made.setdefault(key, {"role": binding["role"], "members": [], **({"condition": condition} if condition else {})})
        one["members"] = list(dict.fromkeys([*one["members"], *(binding.get("members") or [])]))
    return [binding for binding in made.values() if binding["members"]]


def blind(bindings: list[JSON]) -> list[JSON]:
    """Give what a version 1 policy without an etag leaves: no condition at all."""
    return [{"role": WITHCOND.sub("", one.get("role", "")), "members": one.get("members") or []} for one in bindings]


def shown(policy: JSON, version: int) -> JSON:
    """Give a policy in a version: below 3, conditions are hidden behind names of roles that do not exist."""
    bindings = policy.get("bindings", [])
    if not conditional(policy):
        return {**policy, "version": 1} if bindings or "auditConfigs" in policy else policy
    if version == CONDITIONS:
        return {**policy, "version": CONDITIONS}
    hidden = [
        {"role": f"{one['role']}_withcond_{_hash(one['condition'])}", "members": one["members"]} if one.get("condition") else one
        for one in bindings
    ]
    return {**policy, "version": 1, "bindings": hidden}


def _hash(condition: JSON) -> str:
    return hashlib.sha256(json.dumps(condition, sort_keys=True).encode()).hexdigest()[:20]


def check(bindings: list[JSON], *, convenience: bool) -> None:
    """Refuse roles, members and conditions that Google refuses everywhere; `convenience`: `projectOwner:p` and the like are members too."""
    for binding in bindings:
        role, condition = binding.get("role", ""), binding.get("condition")
        if not ROLE.fullmatch(role) or WITHCOND.search(role):
            raise invalid(f"Role {role} is not supported for this resource.")
        for member in binding.get("members") or []:
            if not MEMBER.fullmatch(member) and not (convenience and CONVENIENCE.fullmatch(member)):
                raise invalid(f"The member {member} is of an unknown type. Please set a valid type prefix for the member.")
        if condition and not condition.get("expression"):
            raise invalid("Expression in condition is required.")
        if condition and (role in BASIC or any(member in PUBLIC for member in binding.get("members") or [])):
            raise invalid("Conditions are not allowed on basic roles and on public members.")
    policy = {"bindings": bindings}
    if sum(1 for _ in members(policy)) > MEMBERS:
        raise invalid(
            f"The number of members in the policy ({sum(1 for _ in members(policy)):,}) is larger than the maximum allowed size {MEMBERS:,}."
        )
    if sum(member.startswith(("group:", "domain:")) for member in members(policy)) > GROUPS:
        raise invalid(f"The number of groups and domains in the policy is larger than the maximum allowed size {GROUPS}.")
    _check_deleted(set(members(policy)))


def _check_deleted(present: set[str]) -> None:
    for member in (one for one in present if one.startswith("deleted:")):
        plain = member.removeprefix("deleted:").split("?")[0]
        if plain in present:
            raise invalid(f"Inconsistent representation of deleted member: '{member}' and '{plain}'.")
