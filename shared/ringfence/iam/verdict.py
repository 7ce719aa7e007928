"""The verdict on a document or a set of them: admin, escalation, broad, ok - or unknown, which is never ok.

- admin: all of IAM's levers on everything, surely: whoever has them can give itself whatever is missing;
- escalation: at least one path is open, surely or not;
- unknown: the document cannot be read, or names actions that no catalogue knows;
- broad: sensitive actions, or all that a service can do, on everything, unless a condition narrows it;
- ok: none of these.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache, lru_cache

import msgspec
from msgspec import Struct

from ringfence.iam.catalogue import ActionSet, every, expand, known, names, of_level, package_data
from ringfence.iam.conditions import Truth, judge_all
from ringfence.iam.document import Policy, Problem, Statement
from ringfence.iam.escalation import Escalation, escalations
from ringfence.iam.granted import Rule, Rules
from ringfence.iam.resources import Reach, reach, wholly

# What an administrator of IAM can do to anybody, on every kind of identity and policy (IAM API Reference).
LEVERS = (
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreatePolicyVersion",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:UpdateAssumeRolePolicy",
)
MUTATING = "WP"


class Verdict(StrEnum):
    """What a document amounts to."""

    ADMIN = "admin"
    ESCALATION = "escalation"
    BROAD = "broad"
    OK = "ok"
    UNKNOWN = "unknown"


class Risks(Struct, frozen=True):
    """Sensitive actions on everything, by what they put at risk."""

    data_access: tuple[str, ...] = ()
    credentials_exposure: tuple[str, ...] = ()
    resource_exposure: tuple[str, ...] = ()
    ai: tuple[str, ...] = ()


class Judged(Struct, frozen=True, kw_only=True):
    """The verdict with everything it stands on."""

    verdict: Verdict
    escalations: tuple[Escalation, ...] = ()
    unknown_actions: tuple[str, ...] = ()
    risks: Risks = Risks()
    problems: tuple[Problem, ...] = ()


class _Ai(Struct, frozen=True):
    services: tuple[str, ...]
    uses: tuple[str, ...]


class _Sensitive(Struct, frozen=True):
    data_access: tuple[str, ...]
    credentials_exposure: tuple[str, ...]
    ai: _Ai


def judge_policies(policies: Sequence[Policy]) -> Judged:
    """Judge policies that one holder has together."""
    problems = tuple(p for policy in policies for p in (*policy.problems, *_misplaced(policy)))
    if problems:
        return Judged(verdict=Verdict.UNKNOWN, problems=problems)
    rules = Rules(policies)
    found = escalations(rules)
    unknown = tuple(dict.fromkeys(a for policy in policies for s in policy.statements for a in unknown_actions(s)))
    risks, broad = _risks(rules)
    if is_admin(rules):
        verdict = Verdict.ADMIN
    elif found:
        verdict = Verdict.ESCALATION
    elif unknown:
        verdict = Verdict.UNKNOWN
    else:
        verdict = Verdict.BROAD if broad else Verdict.OK
    return Judged(verdict=verdict, escalations=found, unknown_actions=unknown, risks=risks)


def _misplaced(policy: Policy) -> Iterator[Problem]:
    """Give what makes a document no policy of an identity: that of a resource grants to others, and is judged by whom it names."""
    for statement in policy.statements:
        where = f"Statement[{statement.index}]"
        if statement.principal is not None or statement.not_principal is not None:
            yield Problem(where, "names a Principal: this is the policy of a resource or a role's trust, not of an identity")
        elif statement.resources is None and statement.not_resources is None:
            yield Problem(where, "has neither Resource nor NotResource")


def unknown_actions(statement: Statement) -> tuple[str, ...]:
    """Give the actions and patterns of a statement that stand for nothing in the catalogue, as they are written."""
    lower = statement.actions if statement.actions is not None else statement.not_actions or ()
    return tuple([spelled for spelled, pattern in zip(statement.spelled, lower, strict=True) if not known(pattern)])


def is_admin(rules: Rules) -> bool:
    """Whether all of IAM's levers are granted on everything, surely."""
    levers = every(LEVERS)
    return not levers & ~rules.allowed and all((g := rules.grant(lever)) is not None and g.certain for lever in LEVERS)


@cache
def _sensitive() -> tuple[ActionSet, ActionSet, ActionSet, ActionSet]:
    """Give the sets behind the four risks."""
    read = msgspec.json.decode(package_data("risks.json"), type=_Sensitive)
    ai = every(read.ai.uses)
    for service in read.ai.services:
        ai |= of_level(MUTATING, service)
    return every(read.data_access), every(read.credentials_exposure), of_level("P"), ai


@cache
def reading() -> ActionSet:
    """Give the actions that hand out data, or use a model."""
    data, _, _, _ = _sensitive()
    return data | every(msgspec.json.decode(package_data("risks.json"), type=_Sensitive).ai.uses)


def _risks(rules: Rules) -> tuple[Risks, bool]:
    """Give the sensitive actions on everything, and whether the whole is broad."""
    denied = rules.denied_everywhere
    sets = _sensitive()
    sensitive, wide, whole = sets[0] | sets[1] | sets[2] | sets[3], 0, False
    for rule in rules.allows:
        if judge_all(rule.statement.conditions).truth in (Truth.NARROWING, Truth.NEVER):
            continue
        wide |= _everywhere(rule, sensitive & ~denied)
        whole = whole or _whole_service(rule, denied)
    found = Risks(*(names(wide & one) for one in sets))
    return found, whole or wide != 0


def _everywhere(rule: Rule, sensitive: ActionSet) -> ActionSet:
    """Give the sensitive actions that a statement grants on everything they work on."""
    statement, wanted = rule.statement, rule.actions & sensitive
    if any(set(p) == {"*"} for p in statement.resources or ()):
        return wanted
    found = 0
    for name in names(wanted):
        patterns = statement.resources
        if wholly(patterns, name) if patterns is not None else reach(statement, name)[0] is not Reach.NONE:
            found |= expand(name)
    return found


def _whole_service(rule: Rule, denied: ActionSet) -> bool:
    """Whether a statement grants all that a service can do, changes included, on every resource; NotAction does of most services."""
    statement = rule.statement
    named = statement.resources if statement.not_resources is None else statement.not_resources
    everywhere = any(set(p) == {"*"} for p in named or ()) == (statement.not_resources is None)
    if not everywhere or not rule.actions & ~denied & of_level(MUTATING):
        return False
    return statement.not_actions is not None or any(_is_whole(pattern) for pattern in statement.actions or () if pattern.endswith("*"))


@lru_cache(maxsize=4096)
def _is_whole(pattern: str) -> bool:
    name = pattern.rpartition(":")[2]
    return set(name) == {"*"} and expand(pattern) & of_level(MUTATING) != 0
