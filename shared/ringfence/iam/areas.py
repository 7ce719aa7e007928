"""Where a set of policies grants an action: areas of resources, as patterns, so that no member has to be looked at by itself.

An area is what matches one pattern of each group in `within` and none in `without`. What a denial surely takes is left out; what it may
take splits an area in two: the certain one without it, and one in doubt with it. A boundary's areas are met with those below it.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from ringfence.iam.catalogue import ActionSet, expand
from ringfence.iam.document import Statement
from ringfence.iam.granted import Granted, Rule, Rules, holding, told
from ringfence.iam.patterns import VARIABLE, like
from ringfence.iam.resources import WILD, Reach, overlaps

USERNAME = "aws:username"


class Area(Struct, frozen=True, gc=False):
    """One area in which an action is granted. No group in `within` is everything; a group without patterns is nothing."""

    granted: Granted
    within: tuple[tuple[str, ...], ...] = ()
    without: tuple[str, ...] = ()

    def holds(self, arn: str) -> bool:
        """Whether an ARN is in the area."""
        return all(any(names(p, arn) for p in group) for group in self.within) and not any(names(p, arn) for p in self.without)

    def touches(self, pattern: str) -> bool:
        """Whether something of what a pattern names may be in the area."""
        return all(any(overlaps(p, pattern) for p in group) for group in self.within)


class _Limits(Struct, frozen=True, gc=False):
    within: tuple[tuple[str, ...], ...] = ()
    without: tuple[str, ...] = ()


def names(pattern: str, arn: str) -> bool:
    """Whether a pattern, its variables filled, names an ARN."""
    return like(pattern, arn, {}, variables=False)


def areas(rules: Rules, action: str, service: str = "", username: str = "") -> tuple[Area, ...]:
    """Give the areas in which an action is granted, the certain ones first.

    `service`: to whom a role is passed. `username`: the holder's, empty where it is a role.
    """
    key = (action, service, username if rules.personal else "")
    if key not in rules.areas:
        found = tuple(_granted(rules, expand(action), action, service, username))
        if rules.ceiling is not None and found:
            above = areas(rules.ceiling, action, service, username)
            found = tuple(met for one in found for other in above if (met := meet(one, other)) is not None)
        whole = next((a for a in found if a.granted.certain and not a.within and not a.without), None)
        rules.areas[key] = (whole,) if whole else tuple(sorted(found, key=lambda a: not a.granted.certain))
    return rules.areas[key]


def meet(one: Area, other: Area) -> Area | None:
    """Give what is in both areas, with the first one's grant; None where that is easily seen to be nothing."""
    granted = one.granted if other.granted.certain else replace(one.granted, certain=False)
    literal = next((g[0] for g in one.within if len(g) == 1 and not WILD.search(g[0])), None)
    if literal is not None:
        return Area(granted, ((literal,),), one.without) if one.holds(literal) and other.holds(literal) else None
    reverse = next((g[0] for g in other.within if len(g) == 1 and not WILD.search(g[0])), None)
    if reverse is not None:
        return Area(granted, ((reverse,),), other.without) if one.holds(reverse) and other.holds(reverse) else None
    within = one.within + tuple(group for group in other.within if group not in one.within)
    return Area(granted, within, one.without + other.without)


def _granted(rules: Rules, bit: ActionSet, action: str, service: str, username: str) -> Iterator[Area]:
    sure, maybe = _limits([r for r in rules.denies if r.actions & bit], service, username)
    for rule in rules.allows:
        if not rule.actions & bit or (truth := holding(rule.statement, service)) is Reach.NONE:
            continue
        for resource, exact, within, without in _spread(rule.statement, username):
            certain = exact and truth is Reach.ALL
            if certain:
                yield Area(_told(rule, action, resource, service, certain=True), within + sure.within, without + sure.without)
            if not certain or sure != maybe:
                told = _told(rule, action, resource, service, certain=False, cut=sure != maybe)
                yield Area(told, within + maybe.within, without + maybe.without)


def _told(rule: Rule, action: str, resource: str, service: str, *, certain: bool, cut: bool = False) -> Granted:
    return Granted(action, rule.policy, rule.statement.index, resource, told(rule.statement, service, cut=cut), certain)


def _spread(statement: Statement, username: str) -> Iterator[tuple[str, bool, tuple[tuple[str, ...], ...], tuple[str, ...]]]:
    """Give what an Allow names, pattern by pattern: as written, whether that is exact, and its limits."""
    if statement.not_resources is not None:
        left_out = filled(statement.not_resources, username)
        yield f"NotResource {', '.join(statement.not_resources)}", all(e for _, e in left_out), (), tuple(p for p, _ in left_out)
        return
    for pattern in statement.resources or ():
        for text, exact in filled((pattern,), username):
            yield pattern, exact, _group((text,)), ()


def _group(patterns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Give the group of patterns; none where one of them is everything."""
    return () if any(set(p) == {"*"} for p in patterns) else (patterns,)


def _limits(denies: Iterable[Rule], service: str, username: str) -> tuple[_Limits, _Limits]:
    """Give what the denials leave surely, and what they may leave."""
    sure, maybe = _Limits(), _Limits()
    for rule in denies:
        truth = holding(rule.statement, service)
        if truth is Reach.NONE:
            continue
        patterns = filled(rule.statement.resources or rule.statement.not_resources or (), username)
        every, exact = tuple(p for p, _ in patterns), tuple(p for p, e in patterns if e)
        if rule.statement.not_resources is None:
            sure = replace(sure, without=sure.without + every)
            maybe = replace(maybe, without=maybe.without + exact) if truth is Reach.ALL else maybe
        else:
            sure = replace(sure, within=sure.within + _group(exact))
            maybe = replace(maybe, within=maybe.within + _group(every)) if truth is Reach.ALL else maybe
    return sure, maybe


def filled(patterns: tuple[str, ...], username: str) -> tuple[tuple[str, bool], ...]:
    """Fill in the holder's name; any other variable may be anything, so that the pattern is no longer exact.

    A pattern with the name of a user names nothing for a role, which has none.
    """
    found = []
    for pattern in patterns:
        keys = {match.group(1).strip().lower() for match in VARIABLE.finditer(pattern)}
        if USERNAME in keys and not username:
            continue
        named = VARIABLE.sub(lambda m: username if m.group(1).strip().lower() == USERNAME else "*", pattern)
        found.append((named, keys <= {USERNAME}))
    return tuple(found)
