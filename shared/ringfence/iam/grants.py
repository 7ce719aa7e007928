"""What a document grants too widely: administrator-class and wildcard grants, each with its proof.

A grant counts unless a condition narrows it or an unconditional Deny on every resource takes all of it away. A condition that
cannot be judged does not make a danger harmless: the grant counts and says so.
"""

from collections.abc import Iterable

from msgspec import Struct

from ringfence.domain.glob import matches
from ringfence.iam.conditions import Truth, judge_all
from ringfence.iam.document import Policy, Statement

# One of these on every resource is as good as administrator: its holder can give itself the rest (IAM API Reference).
ADMIN_EQUIVALENT = (
    "iam:attachgrouppolicy",
    "iam:attachrolepolicy",
    "iam:attachuserpolicy",
    "iam:createpolicyversion",
    "iam:putgrouppolicy",
    "iam:putrolepolicy",
    "iam:putuserpolicy",
    "iam:setdefaultpolicyversion",
)
EVERY_RESOURCE = frozenset({"*", "**", "arn:*", "arn:*:*", "arn:*:*:*:*:*"})
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


class Grant(Struct, frozen=True):
    """One grant that is too wide: which statement, which action, on what, and how its conditions were judged."""

    statement: int
    action: str
    resource: str
    conditions: str


def admin_grants(policy: Policy) -> tuple[Grant, ...]:
    """Give the grants that make the holder an administrator: `*`, `iam:*`, or a power to give oneself more, on everything."""
    found: list[Grant] = []
    for statement in policy.statements:
        conditions = _counts(statement)
        resource = every_resource(statement, "iam")
        if conditions is None or resource is None:
            continue
        if statement.not_actions is not None:
            excluded = statement.not_actions
            left = [a for a in ADMIN_EQUIVALENT if not _any(excluded, a) and not _denied(policy, a)]
            found += [Grant(statement.index, f"NotAction {', '.join(excluded)}", resource, conditions)] if left else []
            continue
        for action in statement.actions or ():
            if any(matches(action, a) and not _denied(policy, a) for a in ADMIN_EQUIVALENT):
                found.append(Grant(statement.index, action, resource, conditions))
    return tuple(found)


def wildcard_grants(policy: Policy, services: Iterable[str], data_actions: Iterable[str]) -> tuple[Grant, ...]:
    """Give grants of whole sensitive services, of NotAction, and of data-plane actions on every resource."""
    wanted, data = frozenset(services), tuple(data_actions)
    found: list[Grant] = []
    for statement in policy.statements:
        conditions = _counts(statement)
        if conditions is None:
            continue
        if statement.not_actions is not None:
            found.append(Grant(statement.index, f"NotAction {', '.join(statement.not_actions)}", _resource(statement), conditions))
            continue
        for action in statement.actions or ():
            service, _, rest = action.partition(":")
            whole = set(rest or service) == {"*"} and (not rest or any(matches(service, name) for name in wanted))
            resource = every_resource(statement, service)
            on_all = resource is not None and any(matches(action, a) and not _denied(policy, a) for a in data)
            if (whole and not _denied(policy, action)) or on_all:
                found.append(Grant(statement.index, action, resource or _resource(statement), conditions))
    return tuple(found)


def every_resource(statement: Statement, service: str) -> str | None:
    """Give the resource pattern that covers every resource of a service, NotResource included; None when it is limited."""
    if statement.not_resources is not None:
        return f"NotResource {', '.join(statement.not_resources)}"
    for pattern in statement.resources or ():
        if pattern in EVERY_RESOURCE or any(_covers(pattern, partition, service) for partition in PARTITIONS):
            return pattern
    return None


def _covers(pattern: str, partition: str, service: str) -> bool:
    """Whether a pattern matches resources of any name and any type of the service."""
    place = {"iam": ":999999999999", "sts": ":999999999999", "s3": ":"}.get(service, "Zq9:999999999999")
    probes = (f"arn:{partition}:{service}:{place}:Zq9/x", f"arn:{partition}:{service}:{place}:y/Zq9/z")
    return all(matches(_any_account(pattern), probe) for probe in probes)


def _any_account(pattern: str) -> str:
    """Read a literal account id as any: `arn:aws:iam::123456789012:*` is every IAM resource of the account that holds the policy."""
    parts = pattern.split(":", 5)
    return ":".join([*parts[:4], "*", parts[5]]) if len(parts) == 6 and parts[4].isdigit() else pattern  # noqa: PLR2004 - an ARN has six parts


def _counts(statement: Statement) -> str | None:
    """How the conditions of an Allow were judged, or None where it grants nothing widely."""
    if not statement.allow or (statement.resources is None and statement.not_resources is None):
        return None
    judged = judge_all(statement.conditions)
    if judged.truth in (Truth.NARROWING, Truth.NEVER):
        return None
    return f"{judged.truth}: {judged.reason}" if statement.conditions else "none"


def _denied(policy: Policy, action: str) -> bool:
    """Whether an unconditional Deny on every resource takes the whole action (or pattern) away."""
    for statement in policy.statements:
        if statement.allow or judge_all(statement.conditions).truth is not Truth.ALWAYS:
            continue
        if statement.resources is None or not EVERY_RESOURCE & set(statement.resources):
            continue
        if statement.not_actions is not None:
            if not _any(statement.not_actions, action):
                return True
        elif _any(statement.actions or (), action):
            return True
    return False


def _any(patterns: Iterable[str], action: str) -> bool:
    return any(matches(pattern, action) for pattern in patterns)


def _resource(statement: Statement) -> str:
    return ", ".join(statement.resources or ()) or f"NotResource {', '.join(statement.not_resources or ())}"
