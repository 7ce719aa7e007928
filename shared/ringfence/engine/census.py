"""Taking a census: who is administrator, who is protected, and what each guardrail would find about what stands."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from ringfence.domain.census import Census
from ringfence.domain.event import Event, Outcome, Source
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.state import State
from ringfence.engine.budget import heard_name
from ringfence.engine.commands import Process, ReadJob, ReadSlots
from ringfence.engine.discovery import Membership, membership, used_by_people
from ringfence.engine.ids import grant_name
from ringfence.engine.judgement import Judgement, Planned
from ringfence.engine.ports import Slot
from ringfence.engine.protect import exemption_pattern, exempts, means, nominations, patterns
from ringfence.iam import Account, Graph
from ringfence.settings import Settings

BADGE = "protected-pattern"
A_DAY = timedelta(hours=24)
A_HANDFUL = 10
TAKEN_OFF = (JobState.DONE, JobState.NOTHING_TO_DO, JobState.STALE)
LATE = timedelta(hours=1)  # what was heard shortly before a census may show in the next one only


class News(Struct, frozen=True):
    """A finding of a census, and the names by which the census remembers that it was told."""

    names: tuple[str, ...]
    judgement: Judgement


def without(census: Census, untold: Iterable[str]) -> Census:
    """Give a census that does not remember what could not be told: the next one tells it."""
    out = set(untold)
    return msgspec.structs.replace(
        census,
        standing=tuple(name for name in census.standing if name not in out),
        newly=tuple(name for name in census.newly if name not in out),
    )


def take(
    account: Account,
    states: Iterable[State],
    settings: Settings,
    previous: Census | None,
    found: Mapping[str, Judgement],
    usable: Callable[[Identity], bool],
    now: datetime,
) -> Census:
    """Count an account. `found` is what `standing` found; `previous` carries the register of the protected on.

    `usable` tells whether a user has a password or a key that works. Who is younger than a day does not count where shares are counted:
    whoever can make identities could else make every guardrail unbelievable.
    """
    known = [state for state in states if state.identity.unique_id]
    people = {s.identity.arn: s.identity for s in known if used_by_people(s)}
    admins = [people[arn] for arn in Graph(account).admins if arn in people]
    old = [s for s in known if s.created is None or now - s.created >= A_DAY]
    projects = [s for s in old if isinstance(membership(s.identity, s, settings), Membership)]
    protected, newly = register([s.identity for s in known], settings, previous)
    return Census(
        taken=now,
        config_hash=settings.config_hash,
        identities=len(projects),
        admins=tuple(sorted(i.unique_id or "" for i in admins if i.kind is not Kind.USER or usable(i))),
        protected=protected,
        newly=newly,
        exempt=exempt_of([s.identity for s in known], settings, previous),
        patterns=(*patterns(settings), *map(exemption_pattern, settings.exemptions)),
        matching=_matching(found.values(), {s.identity.unique_id for s in projects}),
        standing=tuple(sorted(found)),
    )


def exempt_of(identities: Iterable[Identity], settings: Settings, previous: Census | None) -> Mapping[str, tuple[str, ...]]:
    """Give who bears the name of an exception's principal; whoever comes to bear it later is not excepted."""
    found: dict[str, tuple[str, ...]] = {}
    for identity in identities:
        unique_id = identity.unique_id or ""
        before = previous.exempt.get(unique_id, ()) if previous else ()
        named = {exemption_pattern(e): exempts(e, identity, None) for e in settings.exemptions}
        new = [name for name, bears in named.items() if bears and (previous is None or name not in previous.patterns)]
        if mine := tuple(dict.fromkeys((*(name for name in before if name in named), *new))):
            found[unique_id] = mine
    return found


def standing(states: Iterable[State], judge: Callable[[Event], Judgement]) -> Mapping[str, Judgement]:
    """Judge what stands as if it had come about just now, at a time that nobody knows: by a name of its own, each grant that is found."""
    judged = ((name, judge(event)) for state in states if state.identity.unique_id for name, event in _as_if_new(state))
    return {name: judgement for name, judgement in judged if judgement.planned}


def unheard(found: Mapping[str, Judgement], previous: Census | None) -> Process[tuple[News, ...]]:
    """Give what stands since the last census and no event was heard about: EventBridge may lose one. What stood at first is nobody's news."""
    if previous is None:
        return ()
    missed: list[News] = []
    for name, judgement in ((name, judgement) for name, judgement in found.items() if name not in previous.standing):
        missed += [] if (yield from _heard(judgement, previous)) else [News((name,), _anew(judgement, previous))]
    return tuple(missed)


def _anew(judgement: Judgement, previous: Census) -> Judgement:
    """Name the event by the census too: what was taken off and stands again is asked about again."""
    event = msgspec.structs.replace(judgement.event, id=f"{judgement.event.id}:{previous.taken.isoformat()}")
    return msgspec.structs.replace(judgement, event=event)


def _heard(judgement: Judgement, previous: Census) -> Process[bool]:
    facts = [(step.target, step.step.fact) for planned in judgement.planned for step in planned.steps]
    for target, fact in facts:
        last: tuple[Slot, ...] = yield ReadSlots(heard_name(target, fact), 1)
        if not last or last[0].time < previous.taken - LATE:
            return False
        job: Job | None = yield ReadJob(last[0].job)
        if job is None or job.state in TAKEN_OFF:
            return False  # it was taken off, and stands: it was given once more
    return bool(facts)


def due(previous: Census | None, settings: Settings, now: datetime, age: timedelta) -> bool:
    """Whether it is time for a census: none was taken, of another configuration, or too long ago."""
    return previous is None or previous.config_hash != settings.config_hash or now - previous.taken >= age


def badges(census: Census, previous: Census | None, identities: Iterable[Identity]) -> Iterator[News]:
    """Give a finding about everybody who matches a protecting pattern only since the last census: somebody may be printing badges.

    Beyond a handful there is one finding about all the others: who can make identities cannot bury the approvers.
    """
    before = previous.newly if previous else ()
    new = [i for i in identities if i.unique_id in census.newly and i.unique_id not in before]
    for identity in new[:A_HANDFUL]:
        yield _badge((identity,), f"{identity.arn} matches a pattern of the protected set, and did not when the pattern was recorded")
    if rest := new[A_HANDFUL:]:
        yield _badge(tuple(rest), f"{len(rest)} more identities match patterns of the protected set only since, {rest[0].arn} among them")


def _badge(identities: tuple[Identity, ...], what: str) -> News:
    identity = identities[0]
    reason = f"{what}: no name protects whoever comes to match"
    finding = Finding(
        guardrail=BADGE, severity=Severity.CRITICAL, identity=identity, reason=reason, evidence={"unique_id": identity.unique_id}
    )
    hint = f"If it is yours, put its unique id under `never_touch` ({identity.unique_id}) and deploy; else find out who made it"
    event = Event(source=Source.OTHER, name=BADGE, id=f"badge:{identity.unique_id}", time=None, account=identity.account)
    planned = (Planned(finding=finding, steps=(), remark=hint),)
    told = Judgement(event=event, outcome=Outcome.FINDING, reason=reason, identities=(identity,), planned=planned)
    return News(tuple(i.unique_id or "" for i in identities), told)


def register(
    identities: Iterable[Identity], settings: Settings, previous: Census | None
) -> tuple[Mapping[str, tuple[str, ...]], tuple[str, ...]]:
    """Give who is protected by which patterns, and who came to match one only since; the latter never leave by another name or pattern."""
    recorded = set(previous.patterns) if previous else set[str]()
    suspects = set(previous.newly) if previous else set[str]()
    kept = {i: tuple(p for p in old if means(p, settings)) for i, old in (previous.protected if previous else {}).items()}
    protected = {unique_id: old for unique_id, old in kept.items() if old}
    newly: list[str] = []
    for identity in identities:
        unique_id = identity.unique_id or ""
        matched = tuple(nominations(identity, settings))
        enters = () if unique_id in suspects else tuple(p for p in matched if p not in recorded)
        if enters:
            protected[unique_id] = (*protected.get(unique_id, ()), *enters)
        elif unique_id in suspects or (matched and unique_id not in protected):
            newly.append(unique_id)
    return protected, tuple(sorted(newly))


def _matching(found: Iterable[Judgement], counted: Container[str | None]) -> Mapping[str, int]:
    """Count, by guardrail, about how many identities something was found."""
    pairs = {(p.finding.guardrail, p.finding.identity.unique_id) for judgement in found for p in judgement.planned}
    return Counter(guardrail for guardrail, unique_id in pairs if unique_id in counted)


def _as_if_new(state: State) -> Iterator[tuple[str, Event]]:
    verb = state.identity.kind.value.title()
    given: list[tuple[str, dict[str, Any]]] = [(f"Attach{verb}Policy", {"policyArn": arn}) for arn in state.attached or ()]
    given += [(f"Put{verb}Policy", {"policyName": name, "policyDocument": document}) for name, document in (state.inline or {}).items()]
    if state.trust is not None:
        given.append(("UpdateAssumeRolePolicy", {"policyDocument": state.trust}))
    for call, parameters in given:
        name = grant_name(state.identity.unique_id, call, parameters)
        yield (
            name,
            Event(
                source=Source.CLOUDTRAIL,
                name=call,
                id=f"standing:{name}",
                time=None,
                account=state.identity.account,
                partition=state.identity.partition,
                subject=state.identity,
                parameters=parameters,
            ),
        )
