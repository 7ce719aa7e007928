"""What policies allow that they did not allow before, and the sentence that says so.

A grant is an action on a pattern of resources under conditions. It is new unless an old grant of the action covers the pattern, under the
same conditions or under none that ever fails, and no denial that touched it was lifted. A pattern that only several old ones cover together counts
as new: more is said rather than less.
"""

from collections.abc import Sequence

from msgspec import Struct

from ringfence.iam.catalogue import ActionSet, expand, names, of_level
from ringfence.iam.conditions import Truth, judge_all, judge_denial
from ringfence.iam.document import Policy, Statement
from ringfence.iam.escalation import Escalation, escalations
from ringfence.iam.granted import Rule, Rules
from ringfence.iam.resources import covers, open_variables, overlaps

# What a reader wants to hear of first, the most telling first.
TELLING = ("iam:PassRole", "sts:AssumeRole", "s3:GetObject", "secretsmanager:GetSecretValue", "kms:Decrypt")
NAMED = 3  # actions that the sentence names


class Added(Struct, frozen=True):
    """Actions that are new on a resource pattern (or on all but some: `NotResource ...`), and the conditions' judgement."""

    actions: ActionSet
    resource: str
    conditions: str


class Difference(Struct, frozen=True):
    """What is new: the grants, and the paths that were not open, or not certain, before."""

    added: tuple[Added, ...]
    opened: tuple[Escalation, ...]

    @property
    def actions(self) -> ActionSet:
        """All actions of which something is new."""
        found = 0
        for one in self.added:
            found |= one.actions
        return found

    @property
    def sentence(self) -> str:
        """Say it in one sentence."""
        if not self.added:
            return "allows nothing that was not allowed before"
        listed = names(self.actions)
        sensitive = names(self.actions & of_level("P"))
        known = frozenset(listed)
        first = [n for n in dict.fromkeys((*TELLING, *sensitive, *listed)) if n in known][:NAMED]
        where = [next(one.resource for one in self.added if one.actions & expand(n)) for n in first]
        told = ", ".join(f"{n} on {'everything' if set(r) == {'*'} else r}" for n, r in zip(first, where, strict=True))
        count = f"adds {len(listed)} action{'s' if len(listed) > 1 else ''}"
        words = f"{count}, among them {told}" if len(listed) > len(first) else f"{count}: {told}"
        return f"{words}; {self._ways()}" if self.opened else words

    def _ways(self) -> str:
        first = self.opened[0]
        more = f" and {len(self.opened) - 1} more" if len(self.opened) > 1 else ""
        return f"opens {'a certain' if first.certain else 'a possible'} path to more permissions: {first.path.id}{more}"


def difference(old: Sequence[Policy], new: Sequence[Policy]) -> Difference:
    """Give what the new policies allow that the old ones did not. Policies with problems count as far as they could be read."""
    before, after = Rules(old), Rules(new)
    added = [found for rule in after.allows for pattern in _patterns(rule.statement) if (found := _new(rule, pattern, before, after))]
    certain = {e.path.id: e.certain for e in escalations(before)}
    opened = tuple(e for e in escalations(after) if e.path.id not in certain or (e.certain and not certain[e.path.id]))
    return Difference(tuple(added), opened)


def _patterns(statement: Statement) -> tuple[str, ...]:
    """Give a statement's patterns of resources; NotResource is one, for all that it leaves."""
    if statement.not_resources is None:
        return statement.resources or ()
    return (f"NotResource {', '.join(statement.not_resources)}",)


def _new(rule: Rule, pattern: str, before: Rules, after: Rules) -> Added | None:
    judged = judge_all(rule.statement.conditions)
    left = 0 if judged.truth is Truth.NEVER else rule.actions
    for denial in after.denies:
        if judge_denial(denial.statement.conditions).truth is Truth.ALWAYS and _covers(denial.statement, pattern):
            left &= ~denial.actions
    touched = 0
    for denial in before.denies:
        if judge_denial(denial.statement.conditions).truth is not Truth.NEVER and _touches(denial.statement, pattern):
            touched |= _lifted(denial, after)
    for earlier in before.allows:
        same = earlier.statement.conditions == rule.statement.conditions
        if (same or judge_all(earlier.statement.conditions).truth is Truth.ALWAYS) and _covers(earlier.statement, pattern):
            left &= ~(earlier.actions & ~touched)
    words = f"{judged.truth}: {judged.reason}" if rule.statement.conditions else "none"
    return Added(left, pattern, words) if left else None


def _lifted(denial: Rule, after: Rules) -> ActionSet:
    """Give the actions of an old denial that no new one with the same resources and conditions denies."""
    left, was = denial.actions, denial.statement
    for rule in after.denies:
        now = rule.statement
        if (now.resources, now.not_resources, now.conditions) == (was.resources, was.not_resources, was.conditions):
            left &= ~rule.actions
    return left


def _covers(statement: Statement, pattern: str) -> bool:
    """Whether a statement's resources hold everything that a pattern stands for."""
    if pattern in _patterns(statement):
        return True
    if statement.not_resources is not None:
        return not pattern.startswith("NotResource ") and not any(_meet(p, pattern) for p in statement.not_resources)
    return any(set(p) == {"*"} or covers(p, pattern) for p in statement.resources or ())


def _touches(statement: Statement, pattern: str) -> bool:
    if pattern.startswith("NotResource ") or statement.not_resources is not None:
        return True
    return any(_meet(p, pattern) for p in statement.resources or ())


def _meet(left: str, right: str) -> bool:
    """Whether two patterns may have something in common, whatever their variables hold."""
    return overlaps(open_variables(left), open_variables(right))
