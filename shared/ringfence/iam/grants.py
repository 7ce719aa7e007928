"""What a document grants too widely: administrator-class and wildcard grants, each with its proof.

A grant counts unless a condition narrows it or an unconditional Deny on every resource takes all of it away. A condition that
cannot be judged does not make a danger harmless: the grant counts and says so.
"""

from collections.abc import Iterable

from msgspec import Struct

from ringfence.iam.catalogue import ActionSet, everything, expand
from ringfence.iam.conditions import Judgement, Truth, judge_all, judge_denial
from ringfence.iam.document import Policy, Statement
from ringfence.iam.granted import Rules
from ringfence.iam.resources import Reach, reach, taken

# One of these on every resource is as good as administrator: its holder can give itself the rest (IAM API Reference).
ADMIN_EQUIVALENT = (
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreatePolicyVersion",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
)


class Grant(Struct, frozen=True):
    """One grant that is too wide: which statement, which action, on what, and how its conditions were judged."""

    statement: int
    action: str
    resource: str
    conditions: str
    certain: bool = True  # no condition that could not be judged


def admin_grants(policy: Policy) -> tuple[Grant, ...]:
    """Give the grants that make the holder an administrator: `*`, `iam:*`, or a power to give oneself more, on everything."""
    rules, found = Rules((policy,)), list[Grant]()
    for statement, judged in _counting(rules):
        for named, actions in _granted(statement):
            if (resource := _on_everything(rules, statement, actions, ADMIN_EQUIVALENT)) is not None:
                found.append(_grant(statement, named, resource, judged))
    return tuple(found)


def wildcard_grants(policy: Policy, services: Iterable[str], data_actions: Iterable[str]) -> tuple[Grant, ...]:
    """Give grants of whole sensitive services, of NotAction, and of data-plane actions on every resource."""
    wanted, data = tuple(services), tuple(data_actions)
    rules, found = Rules((policy,)), list[Grant]()
    for statement, judged in _counting(rules):
        for named, actions in _granted(statement):
            resource = _on_everything(rules, statement, actions, data)
            if resource is not None or _whole(rules, actions, wanted):
                found.append(_grant(statement, named, resource or _resource(statement), judged))
    return tuple(found)


def _counting(rules: Rules) -> Iterable[tuple[Statement, Judgement]]:
    """Give the Allow statements that grant something widely, with how their conditions were judged."""
    for rule in rules.allows:
        judged = judge_all(rule.statement.conditions)
        named = rule.statement.resources is not None or rule.statement.not_resources is not None
        if named and judged.truth not in (Truth.NARROWING, Truth.NEVER):
            yield rule.statement, judged


def _granted(statement: Statement) -> tuple[tuple[str, ActionSet], ...]:
    """Give the action patterns of a statement with what they stand for; one for all that a NotAction leaves."""
    if statement.actions is not None:
        return tuple((pattern, expand(pattern)) for pattern in statement.actions)
    left, patterns = everything(), statement.not_actions or ()
    for pattern in patterns:
        left &= ~expand(pattern)
    return ((f"NotAction {', '.join(patterns)}", left),)


def _on_everything(rules: Rules, statement: Statement, actions: ActionSet, wanted: tuple[str, ...]) -> str | None:
    """Give what grants one of the wanted actions on everything it works on, unless it is denied there; None where nothing does."""
    for action in wanted:
        how_far, resource = reach(statement, action) if actions & expand(action) else (Reach.NONE, "")
        if how_far is Reach.ALL and not _denied(rules, expand(action), action):
            return resource
    return None


def _denied(rules: Rules, actions: ActionSet, example: str) -> bool:
    """Whether an unconditional Deny takes all of a set of actions away, on everything that one of them works on."""
    return any(
        not actions & ~rule.actions
        and judge_denial(rule.statement.conditions).truth is Truth.ALWAYS
        and taken(rule.statement, example, ()) is Reach.ALL
        for rule in rules.denies
    )


def _whole(rules: Rules, actions: ActionSet, services: tuple[str, ...]) -> bool:
    """Whether a set takes in all of a sensitive service, and no denial takes it back."""
    wholes = ((service, expand(f"{service}:*")) for service in services)
    return any(whole and not whole & ~actions and not _denied(rules, whole, f"{service}:*") for service, whole in wholes)


def _grant(statement: Statement, named: str, resource: str, judged: Judgement) -> Grant:
    words = f"{judged.truth}: {judged.reason}" if statement.conditions else "none"
    return Grant(statement.index, named, resource, words, judged.truth is Truth.ALWAYS)


def _resource(statement: Statement) -> str:
    return ", ".join(statement.resources or ()) or f"NotResource {', '.join(statement.not_resources or ())}"
