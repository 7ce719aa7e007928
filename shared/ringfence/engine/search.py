"""The persistence sweep: what a contained identity left behind is looked for, and planned for as one incident. Everything asks.

Once as soon as the containment is seen to hold, and once more a quarter of an hour later, since CloudTrail takes minutes to tell. What is
found is followed: sessions that it started, keys that it made, users and roles and what those did, up to a number of lookups; where that
is not enough the incident says so. Found things are remembered by their event in the record of the search: nobody is asked twice.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from ringfence.actions import ACTIONS, Action, Impossible
from ringfence.domain.census import Census
from ringfence.domain.event import Actor, Event, Outcome, Source
from ringfence.domain.finding import Case, Finding, Severity, Workload
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job
from ringfence.domain.plan import When
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.commands import Process, ReadCensus, ReadHistory, ReadOverdue, ReadRecords, ReadTime
from ringfence.engine.decide import decide
from ringfence.engine.evaluate import Judgement, Planned, PlannedStep
from ringfence.engine.ids import again_id
from ringfence.engine.moves import commit, notice, stored
from ringfence.engine.protect import any_protected
from ringfence.engine.trail import record
from ringfence.engine.verify import ROUNDS, SEARCH_AGAIN, contains, watched
from ringfence.settings import DISCOVERED, Mode, Settings
from ringfence.sources.aws_persistence import Left, Place, counts, left_by, places_of, sessions_of, started

PERSISTENCE = "persistence-after-containment"
BEFORE = timedelta(hours=1)  # what came before the first sign is often its cause
LOOKUPS = 60  # half a minute of CloudTrail's two requests a second
PATIENCE = timedelta(hours=1)  # how long a search that cannot be made is tried again
ANSWERS = {Kind.USER: "aws.iam.quarantine-user", Kind.ROLE: "aws.iam.quarantine-role"}
KEY_OFF = "aws.iam.deactivate-access-key"


class Trace(Struct, frozen=True):
    """What was found, and whether there is more than was looked at."""

    left: tuple[Left, ...]
    complete: bool


def searches() -> Process[tuple[Job, ...]]:
    """Give the jobs whose target's traces are to be looked for now."""
    now: datetime = yield ReadTime()
    jobs: tuple[Job, ...] = yield ReadOverdue(now + SEARCH_AGAIN)
    return tuple(job for job in jobs if _is_time(job, now))


def search(job_id: str, settings: Settings) -> Process[Job]:
    """Look for what the target of a containment left behind, when it is time; open the incident, and what can be done about each part."""
    job = yield from stored(job_id)
    now: datetime = yield ReadTime()
    if not _is_time(job, now):
        return job
    keys, known = yield from _remembered(job)
    trace = yield from _trace(job.plan.target, keys, (job.since or job.created) - BEFORE)
    new = tuple(left for left in trace.left if left.event not in known)
    if new or not trace.complete:
        yield from decide((yield from _incident(job, Trace(new, trace.complete), settings)), settings)
    said = f"{len(new)} things that {job.plan.target.name} left behind" if new else "nothing more was left behind"
    more = "" if trace.complete else f"; not everything was looked at ({LOOKUPS} lookups): look on in CloudTrail"
    return (yield from _searched(job, now, said + more, tuple(left.event for left in new)))


def unsearched(job_id: str, why: str) -> Process[Job]:
    """Give a search up that could not be made for an hour: somebody has to look in CloudTrail."""
    job = yield from stored(job_id)
    now: datetime = yield ReadTime()
    if job.due is None or not _is_time(job, now) or now < job.due + PATIENCE:
        return job
    said = f"what {job.plan.target.name} left behind could not be looked for: {why}. Look in CloudTrail"
    return (yield from _searched(job, now, said, (), page=True))


def _is_time(job: Job, now: datetime) -> bool:
    if job.due is None or not job.ended or not contains(job):
        return False
    return (job.swept == 0 and job.looks > 0) or (not watched(job) and job.due <= now)


def _searched(job: Job, now: datetime, said: str, found: tuple[str, ...], *, page: bool = False) -> Process[Job]:
    due = None if not watched(job) and job.due is not None and job.due <= now else job.due
    moved = job.moved(job.state, due, swept=job.swept + 1)
    kept = record(job, RecordKind.SWEEP, now, said, number=moved.swept, data={"found": found})
    return (yield from commit(moved, kept, notice=notice(moved, now, said, page=True) if page else None))


def _remembered(job: Job) -> Process[tuple[tuple[str, ...], frozenset[str]]]:
    """Give the keys that the finding named, and what earlier searches found, of this job and of those that asserted it again."""
    root = job.again_of or job.id
    keys: list[str] = []
    known: set[str] = set()
    for one in (root, *(again_id(root, number) for number in range(1, ROUNDS + 1))):
        records: tuple[Record, ...] = yield ReadRecords(one)
        for said in records:
            if said.kind is RecordKind.SWEEP:
                known.update(said.data.get("found", ()))
            if said.kind is RecordKind.DECISION and isinstance(key := said.data.get("evidence", {}).get("access_key_id"), str):
                keys.append(key)
    return tuple(keys), frozenset(known)


def _trace(target: Identity, keys: tuple[str, ...], since: datetime) -> Process[Trace]:
    """Follow an identity's calls, and those of what it started, until nothing new turns up or enough was looked at."""
    waiting = deque(places_of(target, keys))
    looked: dict[Place, None] = {}
    seen: dict[str, Left] = {}
    while waiting and len(looked) < LOOKUPS:
        place = waiting.popleft()
        if place in looked:
            continue
        looked[place] = None
        records: tuple[Mapping[str, Any], ...] = yield ReadHistory(place.attribute, place.value, since)
        for found in (r for r in records if counts(r, place)):
            if place.attribute == "ResourceName":  # of a role: what others did with it
                waiting.extend(sessions_of(found, place.role) if place.role else ())
                continue
            waiting.extend(started(found))
            if (left := left_by(found)) is not None:
                seen.setdefault(left.event, left)
    return Trace(tuple(seen.values()), complete=not any(place not in looked for place in waiting))


def _incident(job: Job, new: Trace, settings: Settings) -> Process[Judgement]:
    """Make one judgement of all that was found: the incident itself, and a finding for each identity that has to be contained for it."""
    target = job.plan.target
    now: datetime = yield ReadTime()
    census: Census | None = yield ReadCensus()
    event = Event(
        source=Source.OTHER,
        name=PERSISTENCE,
        id=f"persistence:{job.id}:{job.swept + 1}",
        time=None,
        account=target.account,
        partition=target.partition,
        actor=Actor(display=target.arn, type="", identity=target),
    )
    case = Case(identity=target, event=event, state=None, project=DISCOVERED, workload=Workload.UNKNOWN, settings=settings, now=now)
    whole = "" if new.complete else f"; more than {LOOKUPS} lookups would be needed: look on in CloudTrail"
    listed = ", ".join(left.what for left in new.left) or "nothing that was looked at"
    reason = f"{target.name} was contained ({job.id}); before that {listed}{whole}"
    evidence = {"found": [msgspec.to_builtins(left) for left in new.left], "complete": new.complete}
    summary = Finding(guardrail=PERSISTENCE, severity=Severity.CRITICAL, identity=target, reason=reason, evidence=evidence)
    planned = [Planned(finding=summary, steps=(), remark="One incident: its questions follow; what none is asked about is a person's")]
    planned += [_answer(case, group, job, census) for group in _by_identity(new.left, target)]
    return Judgement(event=event, outcome=Outcome.FINDING, reason=reason, identities=(target,), planned=tuple(planned))


def _by_identity(found: Iterable[Left], target: Identity) -> Iterable[list[Left]]:
    """Group what calls for an answer by whom it is about. The target itself is contained: of that, only new keys are left to switch off."""
    groups: dict[tuple[Kind, str], list[Left]] = {}
    for left in found:
        if left.identity is not None and (left.access_key or not left.identity.same_as(target)):
            groups.setdefault((left.identity.kind, left.identity.name.casefold()), []).append(left)
    return groups.values()


def _answer(case: Case, group: Iterable[Left], job: Job, census: Census | None) -> Planned:
    """Plan for one identity: switch its new keys off where that is all, else contain it."""
    found = tuple(group)
    identity = next((left.identity for left in found if left.identity and left.identity.unique_id), found[0].identity) or case.identity
    keys = tuple(left.access_key for left in found)
    reason = f"{case.identity.name} was contained ({job.id}); before that {', '.join(left.what for left in found)}"
    finding = Finding(
        guardrail=PERSISTENCE,
        severity=Severity.CRITICAL,
        identity=identity,
        reason=reason,
        evidence={"events": [left.event for left in found], "access_key_ids": [key for key in keys if key]},
        certain=False,
    )
    if why := any_protected((identity,), case.settings, census):
        return Planned(finding=finding, steps=(), remark=f"out of reach: {why}", out_of_reach=True)
    action = _action(KEY_OFF if all(keys) else ANSWERS.get(identity.kind, ""))
    made = (
        action.plan(msgspec.structs.replace(case, identity=identity), finding) if action else Impossible(f"{identity.name} is a person's")
    )
    if isinstance(made, Impossible):
        return Planned(finding=finding, steps=(), remark=made.reason)
    when = When.NEVER if case.settings.mode_of(PERSISTENCE, DISCOVERED) is Mode.OBSERVE else When.ASK
    return Planned(finding=finding, steps=tuple(PlannedStep(step, when) for step in made))


def _action(name: str) -> Action | None:
    return next((action for action in ACTIONS if action.id == name), None)
