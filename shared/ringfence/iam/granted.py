"""What a set of policies grants for one action: the statement, the resources, how its conditions were judged, and how surely.

The policies count together, as they do for their holder. A denial without a condition takes away what it covers; one that reaches a
part only, or under a condition, leaves the grant, but no longer certain.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from ringfence.iam.catalogue import ActionSet, everything, expand, size, union
from ringfence.iam.conditions import Truth, judge_all, judge_denial
from ringfence.iam.document import Condition, Policy, Statement
from ringfence.iam.operators import holds
from ringfence.iam.resources import OWN, Reach, everything_of, reach, taken, touching
from ringfence.iam.resources import service as service_of

if TYPE_CHECKING:
    from ringfence.iam.areas import Area

RUN = re.compile(r"(?<![^/:])[*?]*\*[*?]*")  # where a name begins
PASSED_TO = "iam:passedtoservice"


class Granted(Struct, frozen=True, gc=False):
    """One action that is granted: by which statement of which policy, on what, under which conditions; whether it is certain."""

    action: str
    policy: int
    statement: int
    resource: str
    conditions: str
    certain: bool


class Rule(Struct, frozen=True, gc=False):
    """A statement with the set of its actions."""

    policy: int
    statement: Statement
    actions: ActionSet


class Rules:
    """The statements of a set of policies, sorted by effect, with their action sets; a boundary's are the ceiling."""

    def __init__(self, policies: Iterable[Policy], ceiling: "Rules | None" = None) -> None:
        found = [Rule(n, _plain(s, policy), actions_of(s)) for n, policy in enumerate(policies) for s in policy.statements]
        self.allows = [r for r in found if r.statement.allow and not _never(r.statement)]
        self.denies = [r for r in found if not r.statement.allow]
        self.allowed: ActionSet = 0
        for rule in self.allows:
            self.allowed |= rule.actions
        self.ceiling = ceiling
        if ceiling is not None:
            self.allowed &= ceiling.allowed
        self.areas: dict[tuple[str, str, str], tuple[Area, ...]] = {}  # filled by ringfence.iam.areas
        self._found: dict[tuple[str, str, str, bool], Granted | None] = {}

    def grant(self, action: str, *, service: str = "", on: str = "", own_counts: bool = True) -> Granted | None:
        """Give the surest grant of an action, or None.

        `service`: to whom a role is passed; `on`: the one shape that matters; `own_counts` is false where a grant on oneself alone
        (`${aws:username}`) is no danger.
        """
        asked = (action, service, on, own_counts)
        if asked not in self._found:
            bit = expand(action)
            candidates = (g for r in self.allows if r.actions & bit and (g := self._by(r, bit, action, service, on, own_counts=own_counts)))
            best = max(candidates, key=lambda g: g.certain, default=None)
            above = self.ceiling.grant(action, service=service, on=on) if self.ceiling and best else None
            self._found[asked] = self._under(best, above)
        return self._found[asked]

    @cached_property
    def denied_everywhere(self) -> ActionSet:
        """The actions that are surely denied on every resource."""
        found = 0
        for rule in self.denies:
            if any(set(p) == {"*"} for p in rule.statement.resources or ()) and holding(rule.statement, "") is Reach.ALL:
                found |= rule.actions
        return found

    @cached_property
    def strength(self) -> ActionSet:
        """What may be done, to compare holders: the actions allowed on something, and once more those that are allowed on everything.

        What is surely denied on everything counts in neither.
        """
        everywhere = 0
        for rule in self.allows:
            everywhere |= rule.actions if rule.statement.not_resources is not None else 0
            for service in {service_of(p) for p in rule.statement.resources or () if everything_of(p)}:
                everywhere |= rule.actions & (expand(f"{service}:*") if service else rule.actions)
        if self.ceiling is not None:
            everywhere &= self.ceiling.strength >> size()
        denied = self.denied_everywhere
        return (self.allowed & ~denied) | (everywhere & ~denied) << size()

    def _under(self, found: Granted | None, above: Granted | None) -> Granted | None:
        """Give what is left of a grant under the ceiling."""
        if found is None or self.ceiling is None:
            return found
        return None if above is None else found if above.certain else replace(found, certain=False)

    def _by(self, rule: Rule, bit: ActionSet, action: str, service: str, on: str, *, own_counts: bool) -> Granted | None:
        statement = rule.statement
        rest, passed = _passed_to(statement.conditions, *principals(service))
        judged = judge_all(rest)
        if not passed or judged.truth is Truth.NEVER:
            return None
        best: Granted | None = None
        for how_far, resource, patterns in _ways(statement, action, on):
            own = len(patterns) == 1 and OWN.search(resource) is not None and resource.endswith("}")
            if own and not own_counts:
                continue
            lost = max((_denied(d.statement, action, patterns, service) for d in self.denies if d.actions & bit), default=Reach.NONE)
            if lost is Reach.ALL:
                continue
            certain = (how_far is Reach.ALL or own) and judged.truth is Truth.ALWAYS and lost is Reach.NONE
            if best is None or certain:
                best = Granted(
                    action, rule.policy, statement.index, resource, told(statement, service, cut=lost is not Reach.NONE), certain
                )
            if certain or judged.truth is not Truth.ALWAYS:
                break  # no other resource makes it surer
        return best

    @cached_property
    def personal(self) -> bool:
        """Whether a policy variable is in a resource, so that what is granted is another thing for each holder."""
        every = (*self.allows, *self.denies, *(self.ceiling.allows + self.ceiling.denies if self.ceiling else ()))
        return any("${" in p for r in every for p in (*(r.statement.resources or ()), *(r.statement.not_resources or ())))


def _ways(statement: Statement, action: str, on: str) -> Iterator[tuple[Reach, str, tuple[str, ...]]]:
    """Give how a statement reaches what an action works on: by all its resources together, then by each."""
    how_far, resource = reach(statement, action, on)
    if statement.not_resources is not None:
        if how_far is not Reach.NONE:
            yield how_far, resource, ("*",)
        return
    if how_far is Reach.ALL:
        yield how_far, resource, tuple(resource.split(", "))
    for each, pattern in touching(statement.resources or (), action, on):
        yield each, pattern, (pattern,)


def holding(statement: Statement, service: str) -> Reach:
    """Say when a statement's conditions hold: never, sometimes or who knows, always."""
    rest, passed = _passed_to(statement.conditions, *(principals(service) if statement.allow else (service,)))
    truth = (judge_all if statement.allow else judge_denial)(rest).truth
    if not passed or truth is Truth.NEVER:
        return Reach.NONE
    return Reach.ALL if truth is Truth.ALWAYS else Reach.SOME


def _never(statement: Statement) -> bool:
    """Whether an Allow never holds, and so grants nothing."""
    return bool(statement.conditions) and judge_all(statement.conditions).truth is Truth.NEVER


def _plain(statement: Statement, policy: Policy) -> Statement:
    """Write the resources so that they mean what they say without further ado.

    `?` beside `*` asks for one character more, which every name has where one begins; `${` is no variable in documents of an older version.
    """
    name = "resources" if statement.not_resources is None else "not_resources"
    patterns: tuple[str, ...] = getattr(statement, name) or ()
    if not any("?" in p or ("${" in p and not policy.variables) for p in patterns):
        return statement
    plain = tuple([RUN.sub("*", p if policy.variables else p.replace("${", "$ {")) for p in patterns])
    return replace(statement, **{name: plain})


def actions_of(statement: Statement) -> ActionSet:
    """Give the set of a statement's actions, NotAction included."""
    found = union(statement.actions if statement.actions is not None else statement.not_actions or ())
    return found if statement.actions is not None else everything() & ~found


def principals(service: str) -> tuple[str, ...]:
    """Give the names of a service principal, in China's partition too."""
    return (service, f"{service}.cn") if service else ()


def _passed_to(conditions: tuple[Condition, ...], *services: str) -> tuple[tuple[Condition, ...], bool]:
    """Give the conditions that are not about the service a role is passed to, and whether those that are hold for it."""
    if not any(services):
        return conditions, True
    about = [c for c in conditions if c.key == PASSED_TO]
    held = any(all(holds(c, {PASSED_TO: (name,)}, variables=True) for c in about) for name in services)
    return tuple(c for c in conditions if c.key != PASSED_TO), held


def _denied(statement: Statement, action: str, resources: tuple[str, ...], service: str) -> Reach:
    """Say how much of a grant on resources a denial takes away."""
    return min(holding(statement, service), taken(statement, action, resources))


def told(statement: Statement, service: str, *, cut: bool) -> str:
    """Say how the conditions of a grant were judged; `cut`: a denial takes a part of it away."""
    rest, _ = _passed_to(statement.conditions, *principals(service))
    judged = judge_all(rest)
    words = [f"holds for {service}"] if len(rest) < len(statement.conditions) else []
    if rest:
        words.append(str(judged.truth) if judged.truth is Truth.ALWAYS else f"{judged.truth}: {judged.reason}")
    if cut:
        words.append("a denial takes a part away")
    return "; ".join(words) or "none"
