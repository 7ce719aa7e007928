"""aws.cloudtrail.restore-logging: switch a trail on again, with the settings and the selectors that it had.

CloudTrail API Reference: StartLogging, UpdateTrail, PutEventSelectors, CreateTrail. A trail is changed in its home region. Delivery to CloudWatch
Logs is left alone: it needs a role to be passed, which this product may not.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.state import Document, Facet, Fact, FactKind

LOGGING, TRAIL, SELECTORS = "logging", "trail", "selectors"  # the parts of a trail's settings
ON: Document = {"IsLogging": True}
# What a trail selects that nobody told anything else: then it has no such part.
DEFAULT: Document = {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]}


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """A step for each part that is not as it was: settings, then selectors, then logging. Without a snapshot logging alone is switched on."""
    trail = case.target
    if trail is None or trail.kind is not Kind.TRAIL:
        return Impossible("the finding is about no trail")
    known = case.target_state.settings if case.target_state else None
    now = {} if known is None else known
    old = case.before.settings if case.before else None
    if finding.evidence.get("stopped") is True:
        old = {LOGGING: ON}  # nothing else was done to it
    if old is None:
        return Impossible(f"how the trail {trail.name} was set before is not known: there is no snapshot of it")
    steps = tuple(_steps(trail, now, old))
    return steps or Impossible(f"the trail {trail.name} is as it was")


def _steps(trail: Identity, now: Mapping[str, Document], old: Mapping[str, Document]) -> Iterator[Step]:
    settings, selectors = old.get(TRAIL), old.get(SELECTORS)
    if settings is not None and now.get(TRAIL) != settings:
        made = now.get(TRAIL)
        back = _call(trail, "DeleteTrail", Name=trail.name) if made is None else _call(trail, "UpdateTrail", **made)
        yield _step(TRAIL, made, settings, _call(trail, "CreateTrail" if made is None else "UpdateTrail", **settings), back)
    if settings is not None and now.get(SELECTORS) != selectors:
        narrowed = now.get(SELECTORS)
        put, back = (_call(trail, "PutEventSelectors", TrailName=trail.arn, **(chosen or DEFAULT)) for chosen in (selectors, narrowed))
        yield _step(SELECTORS, narrowed, selectors, put, back)
    if LOGGING in old and LOGGING not in now:
        start, stop = (_call(trail, name, Name=trail.arn) for name in ("StartLogging", "StopLogging"))
        yield _step(LOGGING, None, ON, start, stop)


def _call(trail: Identity, operation: str, **parameters: Any) -> Call:
    return Call("cloudtrail", operation, parameters, region=trail.region)


def _step(part: str, before: Document | None, after: Document | None, call: Call, inverse: Call) -> Step:
    return Step(
        action=ACTION.id,
        action_class=ACTION.action_class,
        fact=Fact(FactKind.SETTINGS, part),
        before=None if before is None else digest(before),
        after=None if after is None else digest(after),
        call=call,
        inverse=inverse,
    )


ACTION = Action(
    id="aws.cloudtrail.restore-logging",
    title="Restart logging and put back trail settings",
    before="the trail is stopped, narrowed or gone",
    after="it logs as before",
    action_class=ActionClass.REVERSAL,
    on=On.TARGET,
    reads=frozenset({Facet.SETTINGS}),
    writes=(
        Permission("cloudtrail:StartLogging"),
        Permission("cloudtrail:UpdateTrail"),
        Permission("cloudtrail:PutEventSelectors"),
        Permission("cloudtrail:CreateTrail"),
    ),
    undo="Puts the newer settings back, or stops logging again, under the operator's own credentials.",
    impact="None on running work. Delivery to CloudWatch Logs, and what a deleted trail had of it, has to be put back by hand.",
    plan=plan,
)
