"""An account as the judge sees it: who holds which policies, under which boundary, and who may become whom by trust."""

from msgspec import Struct

from ringfence.iam.conditions import Truth, judge_all, judge_denial
from ringfence.iam.document import Policy, Statement
from ringfence.iam.patterns import action_pattern
from ringfence.iam.principals import entries

ASSUME = "sts:AssumeRole"


class Group(Struct, frozen=True, kw_only=True):
    """A group: its policies, and the ARNs of those that the account itself manages."""

    arn: str
    policies: tuple[Policy, ...]
    own: tuple[str, ...] = ()


class Holder(Struct, frozen=True, kw_only=True):
    """A user or role. `policies` are its own and its groups'; `own`: ARNs of those that the account itself manages."""

    arn: str
    name: str
    is_user: bool
    policies: tuple[Policy, ...]
    own: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    boundary: Policy | None = None
    boundary_arn: str = ""
    trust: Policy | None = None


class Account(Struct, frozen=True, kw_only=True):
    """The account. `missing`: ARNs of policies that somebody holds and whose document is not known."""

    holders: tuple[Holder, ...]
    groups: dict[str, Group]
    missing: tuple[str, ...] = ()


class Trusted(Struct, frozen=True):
    """One principal that a trust policy names: kind, entry, by which statement, and whether without a condition in doubt."""

    kind: str
    entry: str
    statement: Statement
    certain: bool


def trusted(trust: Policy | None) -> tuple[Trusted, ...]:
    """Give the principals that may assume a role by its trust policy. A denial in it leaves nothing certain."""
    if trust is None or trust.problems:
        return ()
    denials = [s for s in trust.statements if not s.allow and _about(s) and judge_denial(s.conditions).truth is not Truth.NEVER]
    out = {e for s in denials if judge_denial(s.conditions).truth is Truth.ALWAYS for e in entries(s.principal)}
    found = []
    for statement in trust.statements:
        judged = judge_all(statement.conditions)
        if not statement.allow or judged.truth is Truth.NEVER or not _about(statement):
            continue
        certain = judged.truth is Truth.ALWAYS and not denials
        found += [
            Trusted(kind, entry, statement, certain)
            for kind, entry in entries(statement.principal)
            if not out & {(kind, entry), (kind, "*"), ("*", "*")}
        ]
    return tuple(found)


def _about(statement: Statement) -> bool:
    """Whether a statement is about assuming the role."""
    if statement.actions is None:
        return not any(action_pattern(p).fullmatch(ASSUME) for p in statement.not_actions or ())
    return any(action_pattern(p).fullmatch(ASSUME) for p in statement.actions)
