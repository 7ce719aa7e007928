"""What a document grants too widely: administrator-class and wildcard grants, each with its proof.

A grant counts unless a condition narrows it or an unconditional Deny on every resource takes all of it away. A condition that
cannot be judged does not make a danger harmless: the grant counts and says so.
"""

from collections.abc import Iterable

from msgspec import Struct

from ringfence.domain.glob import matches
from ringfence.iam.conditions import Judgement, Truth, judge_all
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
GLOBAL = ":999999999999:{}/Zq9", ":999999999999:{}/y/Zq9"
REGIONAL = "zz-9:999999999999:{}", "zz-9:999999999999:{}/y"
# The resources on which an action works, as ARNs that no pattern names on purpose (Service Authorization Reference).
RESOURCES = {
    "iam": tuple(f"iam:{place}" for place in GLOBAL),
    "s3": ("s3:::Zq9/x", "s3:::y/Zq9/z"),
    "kms": ("kms:zz-9:999999999999:key/Zq9", "kms:yy-9:999999999999:key/y"),
    "secretsmanager": ("secretsmanager:zz-9:999999999999:secret:Zq9", "secretsmanager:yy-9:999999999999:secret:y/z"),
}


class Grant(Struct, frozen=True):
    """One grant that is too wide: which statement, which action, on what, and how its conditions were judged."""

    statement: int
    action: str
    resource: str
    conditions: str
    certain: bool = True  # no condition that could not be judged


def admin_grants(policy: Policy) -> tuple[Grant, ...]:
    """Give the grants that make the holder an administrator: `*`, `iam:*`, or a power to give oneself more, on everything."""
    found: list[Grant] = []
    for statement in policy.statements:
        judged = _counts(statement)
        if judged is None:
            continue
        for action in _granted(statement):
            reached = [a for a in ADMIN_EQUIVALENT if _grants(statement, action, a) and not _denied(policy, a)]
            resource = next((r for a in reached if (r := every_resource(statement, a)) is not None), None)
            if resource is not None:
                found.append(_grant(statement, action, resource, judged))
    return tuple(found)


def wildcard_grants(policy: Policy, services: Iterable[str], data_actions: Iterable[str]) -> tuple[Grant, ...]:
    """Give grants of whole sensitive services, of NotAction, and of data-plane actions on every resource."""
    wanted, data = tuple(services), tuple(data_actions)
    found: list[Grant] = []
    for statement in policy.statements:
        judged = _counts(statement)
        if judged is None:
            continue
        for action in _granted(statement):
            on_all = next(
                (r for a in data if _grants(statement, action, a) and not _denied(policy, a) and (r := every_resource(statement, a))), None
            )
            if on_all is not None or _whole(policy, statement, action, wanted):
                found.append(_grant(statement, action, on_all or _resource(statement), judged))
    return tuple(found)


def every_resource(statement: Statement, action: str) -> str | None:
    """Give the resource pattern that covers everything an action works on, NotResource included; None when it is limited."""
    if statement.not_resources is not None:
        return None if EVERY_RESOURCE & set(statement.not_resources) else f"NotResource {', '.join(statement.not_resources)}"
    return next(
        (p for p in statement.resources or () if p in EVERY_RESOURCE or any(_covers(p, partition, action) for partition in PARTITIONS)),
        None,
    )


def _covers(pattern: str, partition: str, action: str) -> bool:
    service, _, name = action.partition(":")
    if action == "sts:assumerole":
        service, name = "iam", "role"
    kind = next((k for k in ("role", "user", "group") if k in name), "policy")
    places = RESOURCES.get(service) or tuple(f"{service}:{place}" for place in REGIONAL)
    return all(matches(_any_account(pattern), f"arn:{partition}:{place.format(kind)}") for place in places)


def _any_account(pattern: str) -> str:
    """Read a literal account id as any: `arn:aws:iam::123456789012:*` is every IAM resource of the account that holds the policy."""
    parts = pattern.split(":", 5)
    return ":".join([*parts[:4], "*", parts[5]]) if len(parts) == 6 and parts[4].isdigit() else pattern  # noqa: PLR2004 - an ARN has six parts


def _counts(statement: Statement) -> Judgement | None:
    """How the conditions of an Allow were judged, or None where it grants nothing widely."""
    if not statement.allow or (statement.resources is None and statement.not_resources is None):
        return None
    judged = judge_all(statement.conditions)
    return None if judged.truth in (Truth.NARROWING, Truth.NEVER) else judged


def _granted(statement: Statement) -> tuple[str, ...]:
    """Give the action patterns of a statement; one for all that a NotAction leaves."""
    return statement.actions if statement.actions is not None else ("",)


def _grants(statement: Statement, pattern: str, action: str) -> bool:
    return matches(pattern, action) if statement.not_actions is None else not _any(statement.not_actions, action)


def _whole(policy: Policy, statement: Statement, pattern: str, services: tuple[str, ...]) -> bool:
    """Whether a pattern takes in all of a sensitive service, and no denial takes it back."""
    if statement.not_actions is not None:
        return any(not _any(statement.not_actions, f"{s}:zq9") and not _denied(policy, f"{s}:*") for s in services)
    service, _, rest = pattern.partition(":")
    everything = set(rest or service) <= {"*", "?"} and "*" in (rest or service)
    return everything and (not rest or any(matches(service, s) for s in services)) and not _denied(policy, pattern)


def _grant(statement: Statement, action: str, resource: str, judged: Judgement) -> Grant:
    words = f"{judged.truth}: {judged.reason}" if statement.conditions else "none"
    named = action or f"NotAction {', '.join(statement.not_actions or ())}"
    return Grant(statement.index, named, resource, words, judged.truth is Truth.ALWAYS)


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
