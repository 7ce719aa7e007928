"""From a finding to steps: what each of its actions would do, what of it stands already, and what the mode makes of each step."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from msgspec import Struct

from ringfence.actions import ACTIONS, Action, Impossible, On
from ringfence.domain.census import Census
from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding
from ringfence.domain.glob import any_match
from ringfence.domain.identity import Identity
from ringfence.domain.plan import ActionClass, Step, When
from ringfence.domain.state import Facet, State
from ringfence.engine.discovery import people_use, trusted_services
from ringfence.engine.ids import grant_name
from ringfence.engine.judgement import Planned, PlannedStep
from ringfence.engine.own_policies import resting_on, void
from ringfence.engine.ports import Reader, Wanted
from ringfence.engine.protect import any_protected
from ringfence.settings import Mode, Settings

CLOCK_SKEW = timedelta(minutes=1)


class _Place(Struct, frozen=True):
    """What an action changes, as it is now, and who loses something by it."""

    target: Identity
    state: State | None
    affects: tuple[Identity, ...]


class Planner:
    """Plans what findings call for, under one configuration."""

    def __init__(
        self, settings: Settings, reader: Reader | None, census: Callable[[], Census | None], actions: Iterable[Action] = ACTIONS
    ) -> None:
        """Take the settings, the reader of states where there is one, and how to get at the newest census."""
        self.settings = settings
        self.reader = reader
        self.census = census
        self.actions: Mapping[str, Action] = {action.id: action for action in actions}

    def reads(self, actions: Iterable[str]) -> set[Facet]:
        """Give the parts of an identity's state that the actions that change identities look at."""
        return {facet for name in actions if self.actions[name].on is On.IDENTITY for facet in self.actions[name].reads}

    def plan(self, case: Case, finding: Finding) -> Planned | None:
        """Plan what a finding calls for; None where all of it is so already."""
        census = self.census()
        steps: list[PlannedStep] = []
        remarks: list[str] = []
        barred: list[str] = []
        stakes: list[str] = []
        handled, open_ = False, False
        for name in finding.actions:
            action, place = self.actions[name], self._place(self.actions[name], case)
            if place is None:
                remarks.append(f"{name}: what it would change is not known")
                continue
            if why := any_protected((place.target, *place.affects), self.settings, census):
                barred.append(f"out of reach: {why}")
                continue
            made = action.plan(case, finding)
            if isinstance(made, Impossible):
                remarks.append(f"{name}: {made.reason}")
                continue
            stands = [self._stands(step, place) for step in made]
            contained = action.action_class is ActionClass.CONTAINMENT
            planned = [(p.target, p.step.call) for p in steps]  # two actions may share a step
            left = [s for s, so in zip(made, stands, strict=True) if (contained or not so) and (place.target, s.call) not in planned]
            asks = len(place.affects) > self.settings.max_blast_radius or _stood(case, census, deployed=self.settings.deployed)
            steps += [PlannedStep(s, self._when(s, case, finding, asks=asks), place.target, place.affects) for s in left]
            handled = handled or any(stands)
            open_ = open_ or not all(stands)
            stakes += [action.impact, *_at_stake(place)] if left else []
        if not finding.actions and (why := any_protected((finding.identity,), self.settings, census)):
            barred.append(f"out of reach: {why}")
        if handled and not steps and not remarks and not barred:
            return None
        return Planned(
            finding=finding,
            steps=tuple(steps),
            people=people_use(case.identity, case.state),
            stakes=tuple(dict.fromkeys(stakes)),
            remark="; ".join(dict.fromkeys((*barred, *remarks))),
            out_of_reach=bool(barred) and not steps,
            held=bool(steps) and not open_ and not remarks and not barred,
        )

    def _place(self, action: Action, case: Case) -> _Place | None:
        if action.on is On.IDENTITY:
            members = case.state.members if case.state else None
            return _Place(case.identity, case.state, (case.identity,) if members is None else members)
        if case.target is None:
            return None
        if action.on is On.GRANT:
            return _Place(case.target, case.target_state, (case.identity,))
        holders = case.target_state.members if case.target_state else None
        return _Place(case.target, case.target_state, (case.target,) if holders is None else holders)

    def _stands(self, step: Step, place: _Place) -> bool:
        """Whether a step's effect is there already: by a policy of ours only where that still says what it should."""
        if place.state is None or not step.holds(place.state):
            return False
        own = resting_on((step,), self.settings.deployment)
        if not own or self.reader is None:
            return not own
        read = self.reader.read(place.target, Wanted(frozenset({Facet.DOCUMENTS}), own))
        return isinstance(read, State) and not void(step, read, self.settings.deployment)

    def _when(self, step: Step, case: Case, finding: Finding, *, asks: bool) -> When:
        mode = self.settings.mode_of(finding.guardrail, case.project)
        if mode is Mode.OBSERVE or step.action_class is ActionClass.LOSS:
            return When.NEVER
        if step.action_class is ActionClass.REVERSAL:
            return When.ACT if not asks and self._may_reverse(case, finding) else When.ASK
        strict_here = self.settings.overrides.get(finding.guardrail) is Mode.STRICT
        critical = finding.severity.rank == 3 or strict_here  # noqa: PLR2004 - critical is the highest
        return When.ACT if mode is Mode.STRICT and critical and finding.certain else When.ASK

    def _may_reverse(self, case: Case, finding: Finding) -> bool:
        """Freshness alone decides whether a change may be reversed without asking - but a deployer's change asks."""
        if finding.standing or not finding.certain:
            return False
        time = case.event.time if case.event else None
        if time is None or not -CLOCK_SKEW <= case.now - time < timedelta(minutes=self.settings.fresh_window_minutes):
            return False
        actor = case.event.actor.identity if case.event and case.event.actor else None
        by_deployer = actor is not None and any_match(self.settings.deployers, actor.arn)
        return not by_deployer or finding.severity.rank == 3  # noqa: PLR2004 - critical is the highest


def _at_stake(place: _Place) -> list[str]:
    """Say who works with what is changed, as far as was read: that is where something may break."""
    said: list[str] = []
    if place.state is not None and place.state.last_used is not None:
        said.append(f"{place.target.name} was last used at {place.state.last_used:%Y-%m-%d %H:%M} UTC")
    if services := trusted_services(place.state):
        said.append(f"what runs as {place.target.name} in {', '.join(services)} loses it")
    if len(place.affects) > 1:
        said.append(f"{len(place.affects)} identities lose something")
    return said


def _stood(case: Case, census: Census | None, *, deployed: bool) -> bool:
    """Whether the grant stood at the last census: giving again what somebody has had for long is no fresh change, but may be a bait.

    In a deployment without a census it may have; offline there is none, and an event is taken at its word.
    """
    event = case.event
    if event is None or event.source is Source.GCP_AUDIT:
        return False  # Google's logs tell as a delta what is new, and nothing else; where they tell none the finding says `standing`
    if census is None or event.name == "AddUserToGroup":
        return deployed  # whoever is a member can be added again, and no census tells since when they are
    return grant_name(case.identity.unique_id, event.name, event.parameters) in census.standing
