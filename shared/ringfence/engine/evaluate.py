"""Judge one event: which identities it touches, what the guardrails say of each, and which steps would follow.

The event is only a reason to look: with a reader, the current state decides. Without one (offline, no snapshot) the event alone is
judged, and what it cannot tell is `needs-state`. A guardrail judges whom the event touches, or - where it guards the whole account - who did it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from ringfence.actions import ACTIONS, Action
from ringfence.domain.census import Census
from ringfence.domain.event import Event, Outcome, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Trigger, Unknown, Verdict, Workload, service_of
from ringfence.domain.identity import GOOGLE, Identity, Kind
from ringfence.domain.signal import Signal
from ringfence.domain.state import Facet, State
from ringfence.engine.deltas_gcp import heard_names, judged, still_granted, still_known, with_deltas
from ringfence.engine.discovery import Membership, membership, project_of
from ringfence.engine.discovery_gcp import of_the_grant, of_the_place
from ringfence.engine.judgement import Judgement, Planned, joined, merged
from ringfence.engine.planning import Planner
from ringfence.engine.ports import Absence, Reader, Wanted
from ringfence.engine.protect import exempts
from ringfence.guardrails import GUARDRAILS
from ringfence.settings import DISCOVERED, Exemption, Settings

# What discovery and the blast radius look at, whatever the guardrail.
ALSO: Mapping[Kind, frozenset[Facet]] = {
    Kind.USER: frozenset({Facet.ATTACHED, Facet.LOGIN}),
    Kind.GROUP: frozenset({Facet.MEMBERS}),
    Kind.ROLE: frozenset({Facet.ATTACHED}),
    Kind.POLICY: frozenset({Facet.MEMBERS}),
    Kind.MEMBER: frozenset(),
}
COPIES = {Source.GUARDDUTY: (Source.SECURITY_HUB,)}  # Security Hub passes GuardDuty's findings on
DETECTIONS = (Source.GUARDDUTY, Source.SECURITY_HUB, Source.HEALTH, Source.GCP_SCC)  # what somebody did: that they are gone is no all-clear
FOUND = "finding"  # in the index: what a guardrail found, which playbooks hear
NOTHING: frozenset[Facet] = frozenset()
MANY = 50  # identities that are read for one event: a minute is enough for them


class _About(Struct, frozen=True):
    """An event with what it changed, as that is now and as it was."""

    event: Event
    at: datetime
    target: Identity | None = None
    target_state: State | None = None
    before: State | None = None
    recent: tuple[Signal, ...] = ()


class Evaluator:
    """Judges events under one configuration. Guardrails are indexed by what they hear, once."""

    def __init__(
        self,
        settings: Settings,
        reader: Reader | None,
        guardrails: Iterable[Guardrail] = GUARDRAILS,
        actions: Iterable[Action] = ACTIONS,
        census: Callable[[], Census | None] = lambda: None,
        before: Callable[[Identity], State | None] = lambda _: None,
        waived: Callable[[], tuple[Exemption, ...]] = tuple,
    ) -> None:
        """Take the settings, the reader of states where there is one, and how to get at the newest census, at what something was before, and at exemptions made at run time."""
        self.waived = waived
        self.settings = settings
        self.census = census
        self.before = before
        self.reader = reader
        self.planner = Planner(settings, reader, census, actions)
        known = tuple(guardrails)
        self.reads = {g.id: g.reads.union(*(self.planner.reads((name,)) for name in g.actions)) for g in known}
        self.index: dict[tuple[str, str], list[tuple[Trigger, Guardrail]]] = {}
        for guardrail in known:
            for name in guardrail.follows:
                self.index.setdefault((FOUND, name), []).append((Trigger(Source.OTHER, name), guardrail))
            for trigger in guardrail.triggers:
                for source in (trigger.source, *COPIES.get(trigger.source, ())):
                    self.index.setdefault((source, trigger.name), []).append((trigger, guardrail))

    def judge(self, event: Event, now: datetime) -> Judgement:
        """Judge one event by the guardrails. Raises UpstreamError where the state cannot be read: the event is then tried again."""
        known = (event.subject,) if event.subject is not None else ()
        if event.conflict and self.settings.deployed:
            return Judgement(event=event, outcome=Outcome.MALFORMED, reason=event.conflict, identities=known)
        if event.actor and event.actor.identity and event.actor.identity.arn in self.settings.deployment.own_roles:
            return Judgement(event=event, outcome=Outcome.IGNORED, reason="our own act", identities=known, own=True)
        if event.set_aside is not None:
            return Judgement(event=event, outcome=event.set_aside.outcome, reason=event.set_aside.reason, identities=known)
        of_subjects, of_actors = self._hearing(event)
        if not of_subjects and not of_actors:
            return Judgement(
                event=event, outcome=Outcome.QUIET, reason=f"no guardrail hears {event.name or 'an event without a name'}", identities=known
            )
        if not event.account:
            return Judgement(
                event=event, outcome=Outcome.NEEDS_STATE, reason="the event does not say in which account it happened", identities=known
            )
        about = self._about(event, [*of_subjects, *of_actors], now)
        event = about.event
        parts: list[Judgement] = []
        if of_subjects:
            parts += self._judge_subjects(about, of_subjects)
        if of_actors:
            case, found = self._judge_actor(about, of_actors)
            if not of_subjects or [verdict for _, verdict in found if verdict is not None]:
                parts.append(self._run(case, found))
        return merged(event, parts)

    def _hearing(self, event: Event) -> tuple[list[Guardrail], list[Guardrail]]:
        """Give the guardrails that hear an event: those that judge whom it touches, and those that judge who did it; each once."""
        service, found = service_of(event), dict[tuple[Judged, str], Guardrail]()
        for name in heard_names(event):
            for trigger, guardrail in self.index.get((event.source, name), ()):
                if guardrail.window is None and trigger.hears(service):
                    found.setdefault((trigger.judges, guardrail.id), guardrail)
        subjects = [guardrail for (judges, _), guardrail in found.items() if judges is Judged.SUBJECT]
        return subjects, [guardrail for (judges, _), guardrail in found.items() if judges is Judged.ACTOR]

    def looks_back(self, event: Event, signal: Signal) -> timedelta:
        """Give how far the playbooks look back that hear a signal; nothing where none does."""
        return max((g.window for g in self._playbooks(event, signal) if g.window is not None), default=timedelta())

    def _playbooks(self, event: Event, signal: Signal) -> list[Guardrail]:
        names = {(event.source.value, event.name), *((FOUND, name) for name in signal.guardrails)}
        return list({g.id: g for name in sorted(names) for _, g in self.index.get(name, ()) if g.window is not None}.values())

    def correlate(self, event: Event, signal: Signal, recent: tuple[Signal, ...], now: datetime) -> Judgement:
        """Judge what was signalled of one identity by the playbooks that hear the event or what the guardrails found in it."""
        return self._judge_one(_About(event, now, recent=recent), signal.identity, self._playbooks(event, signal))

    def _about(self, event: Event, heard: list[Guardrail], now: datetime) -> _About:
        """Read what the event changed beside the identity, as far as a guardrail looks at it."""
        target = event.target
        if target is None:
            return _About(event, now)
        compares = any(g.compares for g in heard)
        state: State | Absence | None = None
        facets = {facet for g in heard for facet in g.reads_target}
        if self.reader is not None and (facets or (event.subject is None and target.partition != GOOGLE)):
            state = self.reader.read(target, Wanted(frozenset(facets | ALSO.get(target.kind, frozenset()))))
        read = state if isinstance(state, State) else None
        place = read.identity if read else target
        before = self.before(place) if compares else None
        return _About(with_deltas(event, read, before), now, place, read, before)

    def _judge_subjects(self, about: _About, heard: list[Guardrail]) -> list[Judgement]:
        event = about.event
        subjects = self._subjects(about)
        if isinstance(subjects, Unknown):
            known = (event.subject,) if event.subject is not None else ()
            return [Judgement(event=event, outcome=Outcome.NEEDS_STATE, reason=subjects.reason, identities=known)]
        return [self._judge_one(about, subject, heard) for subject in subjects]

    def _subjects(self, about: _About) -> tuple[Identity, ...] | Unknown:
        event = about.event
        if event.parameters.get("many") is True:
            return Unknown(f"more members were granted something at once than can be judged ({MANY})")
        if event.subject is not None:
            return (event.subject, *event.also)
        if event.parameters.get("setAsDefault") is False or event.parameters.get("deltas"):
            return ()  # a version that is not the default grants nothing; nor does it where bindings were only taken away
        if (key := event.parameters.get("key_of")) and self.reader is not None:
            owner = self.reader.owner(str(key))
            return Unknown(f"whose access key {key} is, is not known") if isinstance(owner, Absence) else (owner,)
        if about.target is None or about.target.kind is not Kind.POLICY:
            return Unknown("the event does not name the identity that it touches")
        holders = about.target_state.members if about.target_state else None
        if holders is None:
            return Unknown(f"who holds {about.target.arn} is not known")
        if len(holders) > MANY:
            return Unknown(
                f"{about.target.arn} was changed and {len(holders)} identities hold it, more than can be judged at once ({MANY})"
            )
        return holders

    def _judge_one(self, about: _About, subject: Identity, heard: list[Guardrail]) -> Judgement:
        event = about.event
        state = self._read(event, subject, heard)
        if state is Absence.GONE and event.source not in DETECTIONS and not still_granted(event, subject, about.target_state):
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
        member = membership(identity, known, self.settings) or _of_the_place(event, self.settings)
        member = _of_the_grant(event, identity, member, self.settings)
        if member is None:
            return Judgement(event=event, outcome=Outcome.QUIET, reason=f"{identity.name} belongs to no AI project", identities=(identity,))
        supposed = Membership(DISCOVERED, Workload.UNKNOWN) if isinstance(member, Unknown) else member
        case = self._case(about, identity, known, supposed, heard)
        verdict = self._run(case, [(g, self._check(g, case)) for g in heard])
        if isinstance(member, Unknown) and verdict.outcome is not Outcome.QUIET:
            return Judgement(event=event, outcome=Outcome.NEEDS_STATE, reason=member.reason, identities=(identity,))
        return verdict

    def _judge_actor(self, about: _About, heard: list[Guardrail]) -> tuple[Case, list[tuple[Guardrail, Verdict]]]:
        """Give what the guardrails say of who did it. Who belongs to no project counts too: what such a guardrail guards is everybody's.

        The actor is read where a guardrail looks at its state, otherwise only where something was found: to be contained.
        """
        event = about.event
        named = event.actor.identity if event.actor else event.subject if event.source in DETECTIONS else None
        who = named or Identity(Kind.OUTSIDE, "", (event.actor and event.actor.display) or "somebody", event.account, event.partition)
        looks = NOTHING.union(*[g.reads for g in heard])
        state = self._same(who, looks) if looks else None
        member = _of_the_place(event, self.settings) or membership(who, state, self.settings)
        supposed = member if isinstance(member, Membership) else Membership(project_of(event.account, self.settings), Workload.UNKNOWN)
        case = self._case(about, state.identity if state else who, state, supposed, ())
        found = [(g, self._check(g, case)) for g in heard]
        if [verdict for _, verdict in found if isinstance(verdict, Finding)]:
            state = self._same(who, NOTHING.union(*[self.reads[g.id] for g in heard]))
            if state is not None:
                case = msgspec.structs.replace(case, identity=state.identity, state=state)
        return case, found

    def _check(self, guardrail: Guardrail, case: Case) -> Verdict:
        """Ask a guardrail, with what it looks at besides where that can be read."""
        whom = guardrail.about(case.event) if guardrail.about is not None and case.event is not None else None
        if whom is None or self.reader is None:
            return guardrail.check(case)
        read = self.reader.read(whom, Wanted(frozenset({Facet.BINDINGS})))
        return guardrail.check(msgspec.structs.replace(case, other=read if isinstance(read, State) else None))

    def _same(self, who: Identity, facets: frozenset[Facet]) -> State | None:
        """Read an identity; nothing where it is not known, gone, or another one of the same name by now."""
        if self.reader is None or who.kind not in ALSO:
            return None
        state = self.reader.read(who, Wanted(ALSO[who.kind] | facets))
        same = isinstance(state, State) and state.identity.unique_id in (None, who.unique_id or state.identity.unique_id)
        return state if isinstance(state, State) and same else None

    def _case(self, about: _About, identity: Identity, state: State | None, member: Membership, heard: Iterable[Guardrail]) -> Case:
        # Who vouches for a part compares it, too; for the others nothing is read of what was before.
        own = about.target is None and bool([g for g in heard if g.vouches])
        return Case(
            identity=identity,
            event=about.event,
            state=state,
            target=about.target,
            target_state=about.target_state,
            before=self.before(identity) if own else about.before,
            recent=about.recent,
            project=member.project,
            workload=member.workload,
            settings=self.settings,
            now=about.at,
        )

    def _read(self, event: Event, subject: Identity, heard: list[Guardrail]) -> State | Absence:
        if self.reader is None or subject.kind not in ALSO:
            return Absence.NOT_KNOWN
        facets = ALSO[subject.kind].union(*[self.reads[g.id] for g in heard])
        policy = event.parameters.get("policyArn")
        wanted = Wanted(facets, (policy,) if isinstance(policy, str) and Facet.DOCUMENTS in facets else ())
        return self.reader.read(subject, wanted)

    def _run(self, case: Case, verdicts: list[tuple[Guardrail, Verdict]]) -> Judgement:
        name = case.event.name if case.event else "what stands"
        event = case.event or Event(source=Source.OTHER, name=name, id="", time=None)
        if not [verdict for _, verdict in verdicts if verdict is not None]:
            reason = f"{name} on {case.identity.name} breaks no guardrail"
            good = _good(case, [guardrail for guardrail, _ in verdicts])
            return Judgement(event=event, outcome=Outcome.QUIET, reason=reason, identities=(case.identity,), good=good, seen=case.now)
        planned: list[Planned] = []
        held: list[Planned] = []
        exempted: list[Planned] = []
        unknown: list[Unknown] = []
        handled: list[str] = []
        for _, verdict in verdicts:
            if isinstance(verdict, Unknown):
                unknown.append(verdict)
                continue
            if verdict is None:
                continue
            finding = msgspec.structs.replace(verdict, identity=case.identity, project=case.project.name)
            if exemption := self._exempt(finding, case):
                exempt = f"exempt until {exemption.until:%Y-%m-%d}: {exemption.reason}"
                exempted.append(Planned(finding=finding, steps=(), exempt=exempt))
                continue
            made = self.planner.plan(case, finding)
            if made is not None:
                (held if made.held else planned).append(made)
            if made is None or made.held:
                handled.append(f"already remediated: {finding.reason}")
        outcome, reasons = Outcome.QUIET, list[str]()
        for found, words in (
            (Outcome.QUIET, [p.exempt for p in exempted]),
            (Outcome.IGNORED, handled),
            (Outcome.NEEDS_STATE, [u.reason for u in unknown]),
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
            cause=joined(u.cause for u in unknown),
        )

    def _exempt(self, finding: Finding, case: Case) -> Exemption | None:
        ours = (case.project.name, finding.guardrail)
        here = [e for e in (*self.settings.exemptions, *self.waived()) if (e.project, e.guardrail) == ours and case.now < e.until]
        census = self.census() if here else None
        return next((e for e in here if exempts(e, finding.identity, census)), None)


def _of_the_place(event: Event, settings: Settings) -> Membership | None:
    claim = of_the_place(event, settings)
    return None if claim is None else Membership(*claim)


def _of_the_grant(event: Event, subject: Identity, member: Membership | Unknown | None, settings: Settings) -> Membership | Unknown | None:
    """Where something was granted in a declared project it is that project's, unless whoever got it is of another one that is declared."""
    if isinstance(member, Membership) and member.project.declared:
        return member
    claim = of_the_grant(event, subject, settings)
    return member if claim is None else Membership(*claim)


def _good(case: Case, heard: list[Guardrail]) -> tuple[State, ...]:
    """Give what is known to be fine now: the parts that the guardrails vouch for as they are, all others as they were.

    A first boundary is no proof that it belongs there, and ours is on for as long as a quarantine lasts: a census may remember the one,
    and nobody the other.
    """
    parts = {part for guardrail in heard for part in guardrail.vouches}
    state = case.state if case.target is None else case.target_state
    if state is not None and case.event is not None and state.identity.kind is Kind.RESOURCE:
        parts &= judged(case.event, state.identity)
    if not parts or state is None:
        return ()
    known = case.before or State(identity=state.identity)
    if known.boundary is None or state.boundary == case.settings.deployment.quarantine_boundary:
        parts -= {"boundary"}
    fine = {part: getattr(state, part) for part in parts}
    if "settings" in fine:
        fine["settings"] = still_known(state.settings, known.settings)
    return (msgspec.structs.replace(known, identity=state.identity, **fine),)
