"""Judge one event: which identities it touches, what the guardrails say of each, and which steps would follow.

The event is only a reason to look: with a reader, the current state decides. Without one (offline, no snapshot) the event alone is
judged, and what it cannot tell is `needs-state`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from ringfence.actions import ACTIONS, Action, Impossible
from ringfence.domain.census import Census
from ringfence.domain.event import Event, Outcome, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Unknown, Workload
from ringfence.domain.glob import any_match
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.plan import ActionClass, Step, When
from ringfence.domain.state import Facet, State
from ringfence.engine.discovery import Membership, membership, used_by_people
from ringfence.engine.ids import grant_name
from ringfence.engine.own_policies import resting_on, void
from ringfence.engine.ports import Absence, Reader, Wanted
from ringfence.engine.protect import any_protected, exempts
from ringfence.guardrails import GUARDRAILS
from ringfence.settings import DISCOVERED, Exemption, Mode, Settings

# What discovery and the blast radius look at, whatever the guardrail.
ALSO = {
    Kind.USER: {Facet.ATTACHED, Facet.LOGIN},
    Kind.GROUP: {Facet.MEMBERS},
    Kind.ROLE: {Facet.ATTACHED},
    Kind.ROOT: set[Facet](),
    Kind.OUTSIDE: set[Facet](),
}
COPIES = {Source.GUARDDUTY: (Source.SECURITY_HUB,)}  # Security Hub passes GuardDuty's findings on
DETECTIONS = (Source.GUARDDUTY, Source.SECURITY_HUB)  # they tell what somebody did: that they are gone since is no all-clear
MANY = 50  # identities that are read for one event: a minute is enough for them
CLOCK_SKEW = timedelta(minutes=1)


class PlannedStep(Struct, frozen=True):
    """A step, and what the mode makes of it."""

    step: Step
    when: When


class Planned(Struct, frozen=True, kw_only=True):
    """A finding with its steps, or with the reason why there are none."""

    finding: Finding
    steps: tuple[PlannedStep, ...]
    affects: tuple[Identity, ...] = ()  # who loses something, the members of a group for one; empty: the target itself
    people: bool = True  # people can use one of them, as far as is known
    remark: str = ""
    out_of_reach: bool = False  # the target is protected
    exempt: str = ""  # the exception that covers the finding
    held: bool = False  # every step is a containment that stands already
    about: tuple[str, ...] = ()  # the events that it is about, beside the one that was judged


class Judgement(Struct, frozen=True, kw_only=True):
    """What became of one event, in plain words."""

    event: Event
    outcome: Outcome
    reason: str
    identities: tuple[Identity, ...] = ()
    planned: tuple[Planned, ...] = ()
    held: tuple[Planned, ...] = ()  # containments that stand already: is it ours that stands?
    exempted: tuple[Planned, ...] = ()  # findings that an exception covers
    own: bool = False  # a call by our own role: to be reconciled with the job that made it


class Evaluator:
    """Judges events under one configuration. Guardrails are indexed by what they hear, once."""

    def __init__(
        self,
        settings: Settings,
        reader: Reader | None,
        guardrails: Iterable[Guardrail] = GUARDRAILS,
        actions: Iterable[Action] = ACTIONS,
        census: Callable[[], Census | None] = lambda: None,
    ) -> None:
        """Take the settings, the reader of states where there is one, and how to get at the newest census."""
        self.settings = settings
        self.census = census
        self.reader = reader
        self.actions: Mapping[str, Action] = {action.id: action for action in actions}
        self.index: dict[tuple[str, str], list[Guardrail]] = {}
        for guardrail in guardrails:
            for trigger in guardrail.triggers:
                for source in (trigger.source, *COPIES.get(trigger.source, ())):
                    self.index.setdefault((source, trigger.name), []).append(guardrail)

    def judge(self, event: Event, now: datetime, recent: tuple[Event, ...] = ()) -> Judgement:
        """Judge one event. Raises UpstreamError where the state cannot be read: the event is then tried again."""
        known = (event.subject,) if event.subject is not None else ()
        if event.conflict and self.settings.deployed:
            return Judgement(event=event, outcome=Outcome.MALFORMED, reason=event.conflict, identities=known)
        if event.actor and event.actor.identity and event.actor.identity.arn in self.settings.deployment.own_roles:
            return Judgement(event=event, outcome=Outcome.IGNORED, reason="our own act", identities=known, own=True)
        if event.set_aside is not None:
            return Judgement(event=event, outcome=event.set_aside.outcome, reason=event.set_aside.reason, identities=known)
        heard = self.index.get((event.source, event.name))
        if not heard:
            return Judgement(
                event=event, outcome=Outcome.QUIET, reason=f"no guardrail hears {event.name or 'an event without a name'}", identities=known
            )
        if not event.account:
            return Judgement(
                event=event, outcome=Outcome.NEEDS_STATE, reason="the event does not say in which account it happened", identities=known
            )
        subjects = self._subjects(event)
        if isinstance(subjects, Unknown):
            return Judgement(event=event, outcome=Outcome.NEEDS_STATE, reason=subjects.reason, identities=known)
        return self._merge(event, [self._judge_one(event, subject, heard, now, recent) for subject in subjects])

    def _subjects(self, event: Event) -> tuple[Identity, ...] | Unknown:
        if event.subject is not None:
            return (event.subject,)
        if event.parameters.get("setAsDefault") is False:
            return ()  # a version that is not the default grants nothing
        policy = event.parameters.get("policyArn")
        if not isinstance(policy, str):
            return Unknown("the event does not name the identity that it touches")
        holders = self.reader.holders(policy) if self.reader else Absence.NOT_KNOWN
        if isinstance(holders, Absence):
            return Unknown(f"who holds {policy} is not known")
        if len(holders) > MANY:
            return Unknown(f"{policy} was changed and {len(holders)} identities hold it, more than can be judged at once ({MANY})")
        return holders

    def _judge_one(self, event: Event, subject: Identity, heard: list[Guardrail], now: datetime, recent: tuple[Event, ...]) -> Judgement:
        state = self._read(event, subject, heard)
        if state is Absence.GONE and event.source not in DETECTIONS:
            return Judgement(
                event=event, outcome=Outcome.QUIET, reason=f"{subject.kind} {subject.name} does not exist any more", identities=(subject,)
            )
        known = None if isinstance(state, Absence) else state
        identity = known.identity if known else subject
        if known and subject.unique_id and identity.unique_id != subject.unique_id:
            return Judgement(
                event=event,
                outcome=Outcome.QUIET,
                reason=f"{identity.name} was deleted and made anew since: it is another identity",
                identities=(identity,),
            )
        member = membership(identity, known, self.settings)
        if member is None:
            return Judgement(event=event, outcome=Outcome.QUIET, reason=f"{identity.name} belongs to no AI project", identities=(identity,))
        supposed = Membership(DISCOVERED, Workload.UNKNOWN) if isinstance(member, Unknown) else member
        case = Case(
            identity=identity,
            event=event,
            state=known,
            recent=recent,
            project=supposed.project,
            workload=supposed.workload,
            settings=self.settings,
            now=now,
        )
        verdict = self._run(case, heard, event)
        if isinstance(member, Unknown) and verdict.outcome is not Outcome.QUIET:
            return Judgement(event=event, outcome=Outcome.NEEDS_STATE, reason=member.reason, identities=(identity,))
        return verdict

    def _read(self, event: Event, subject: Identity, heard: list[Guardrail]) -> State | Absence:
        if self.reader is None:
            return Absence.NOT_KNOWN
        facets = {facet for guardrail in heard for facet in guardrail.reads}
        for guardrail in heard:
            facets |= {facet for action in guardrail.actions for facet in self.actions[action].reads}
        facets |= ALSO[subject.kind]
        policy = event.parameters.get("policyArn")
        wanted = Wanted(frozenset(facets), (policy,) if isinstance(policy, str) and Facet.DOCUMENTS in facets else ())
        return self.reader.read(subject, wanted)

    def _run(self, case: Case, heard: list[Guardrail], event: Event) -> Judgement:
        planned: list[Planned] = []
        held: list[Planned] = []
        exempted: list[Planned] = []
        unknown: list[str] = []
        handled: list[str] = []
        for guardrail in heard:
            verdict = guardrail.check(case)
            if isinstance(verdict, Unknown):
                unknown.append(verdict.reason)
            elif verdict is not None and (exemption := self._exempt(verdict, case)):
                exempt = f"exempt until {exemption.until:%Y-%m-%d}: {exemption.reason}"
                exempted.append(Planned(finding=verdict, steps=(), exempt=exempt))
            elif verdict is not None:
                made = self._plan(case, verdict)
                if made is not None:
                    (held if made.held else planned).append(made)
                if made is None or made.held:
                    handled.append(f"already remediated: {verdict.reason}")
        outcome, reasons = Outcome.QUIET, [f"{event.name} on {case.identity.name} breaks no guardrail"]
        for found, words in (
            (Outcome.QUIET, [p.exempt for p in exempted]),
            (Outcome.IGNORED, handled),
            (Outcome.NEEDS_STATE, unknown),
            (Outcome.FINDING, [p.finding.reason for p in planned]),
        ):
            outcome, reasons = (found, words) if words else (outcome, reasons)
        return Judgement(
            event=event,
            outcome=outcome,
            reason="; ".join(dict.fromkeys(reasons)),
            identities=(case.identity,),
            planned=tuple(planned),
            held=tuple(held),
            exempted=tuple(exempted),
        )

    def _exempt(self, finding: Finding, case: Case) -> Exemption | None:
        ours = (case.project.name, finding.guardrail)
        here = [e for e in self.settings.exemptions if (e.project, e.guardrail) == ours and case.now < e.until]
        census = self.census() if here else None
        return next((e for e in here if exempts(e, finding.identity, census)), None)

    def _plan(self, case: Case, finding: Finding) -> Planned | None:
        """Plan what the finding calls for; None where all of it is so already."""
        members = case.state.members if case.state else None
        affects = (case.identity,) if members is None else members
        census = self.census()
        if why := any_protected((case.identity, *affects), self.settings, census):
            return Planned(finding=finding, steps=(), affects=affects, remark=f"out of reach: {why}", out_of_reach=True)
        steps: list[PlannedStep] = []
        remarks: list[str] = []
        handled = False
        open_ = False
        for name in finding.actions:
            made = self.actions[name].plan(case, finding)
            if isinstance(made, Impossible):
                remarks.append(f"{name}: {made.reason}")
                continue
            stands = [self._stands(step, case) for step in made]
            contained = self.actions[name].action_class is ActionClass.CONTAINMENT
            left = made if contained else [step for step, so in zip(made, stands, strict=True) if not so]
            asks = len(affects) > self.settings.max_blast_radius or _stood(case, census, deployed=self.settings.deployed)
            steps += [PlannedStep(step, self._when(step, case, finding, asks=asks)) for step in left]
            handled = handled or any(stands)
            open_ = open_ or not all(stands)
        if handled and not steps and not remarks:
            return None
        return Planned(
            finding=finding,
            steps=tuple(steps),
            affects=affects,
            people=used_by_people(case.state),
            remark="; ".join(remarks),
            held=bool(steps) and not open_ and not remarks,
        )

    def _stands(self, step: Step, case: Case) -> bool:
        """Whether a step's effect is there already: by a policy of ours only where that still says what it should."""
        if case.state is None or not step.holds(case.state):
            return False
        own = resting_on((step,), self.settings.deployment)
        if not own or self.reader is None:
            return not own
        read = self.reader.read(case.identity, Wanted(frozenset({Facet.DOCUMENTS}), own))
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
        """Freshness alone decides whether a grant may be reversed without asking - but a deployer's change asks."""
        if finding.standing or not finding.certain:
            return False
        time = case.event.time if case.event else None
        if time is None or not -CLOCK_SKEW <= case.now - time < timedelta(minutes=self.settings.fresh_window_minutes):
            return False
        actor = case.event.actor.identity if case.event and case.event.actor else None
        by_deployer = actor is not None and any_match(self.settings.deployers, actor.arn)
        return not by_deployer or finding.severity.rank == 3  # noqa: PLR2004 - critical is the highest

    def _merge(self, event: Event, parts: list[Judgement]) -> Judgement:
        """One event may touch several identities (the holders of a policy): the gravest outcome speaks for the event."""
        if not parts:
            return Judgement(event=event, outcome=Outcome.QUIET, reason="it changes what nobody holds")
        order = (Outcome.FINDING, Outcome.NEEDS_STATE, Outcome.IGNORED, Outcome.QUIET)
        gravest = min((part.outcome for part in parts), key=order.index)
        return Judgement(
            event=event,
            outcome=gravest,
            reason="; ".join(dict.fromkeys(part.reason for part in parts if part.outcome is gravest)),
            identities=tuple(identity for part in parts for identity in part.identities),
            planned=tuple(planned for part in parts for planned in part.planned),
            held=tuple(held for part in parts for held in part.held),
            exempted=tuple(used for part in parts for used in part.exempted),
        )


def _stood(case: Case, census: Census | None, *, deployed: bool) -> bool:
    """Whether the grant stood at the last census: giving again what somebody has had for long is no fresh change, but may be a bait.

    In a deployment without a census it may have; offline there is none, and an event is taken at its word.
    """
    event = case.event
    if event is None:
        return False
    if census is None:
        return deployed
    return grant_name(case.identity.unique_id, event.name, event.parameters) in census.standing
