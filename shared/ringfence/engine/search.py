"""The persistence sweep: what a contained identity left behind is looked for, and planned for as one incident (`ringfence.engine.incident`).

Once as soon as the containment is seen to hold - or cannot: the target is gone, somebody reverts it -, and once more a quarter of an
hour later, since CloudTrail takes minutes to tell. What is found is followed: sessions that it started, keys that it made, users and
roles and what those did, up to a number of requests; where that is not enough the incident says so. What was asked about is remembered with
the incident's first job: nobody is asked twice, by whichever of its jobs.
"""

from collections import deque
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from ringfence.domain.identity import GOOGLE, Identity
from ringfence.domain.job import Job
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.commands import Process, ReadHistory, ReadOverdue, ReadRecords, ReadTime
from ringfence.engine.decide import decide
from ringfence.engine.incident import Incident, answered, events_of, incident, root_of
from ringfence.engine.moves import SEARCH_AGAIN, commit, contains, notice, stored
from ringfence.engine.ports import Remembered
from ringfence.engine.records import record
from ringfence.engine.verify import watched
from ringfence.settings import Settings
from ringfence.sources.aws_persistence import Left, Place, counts, left_by, places_of, sessions_of, started

BEFORE = timedelta(hours=1)  # what came before the first sign is often its cause
SESSION = timedelta(hours=12)  # how long a session of a role may live (IAM User Guide, "Using IAM roles")
LOGS = {GOOGLE: "the audit logs"}  # by partition; else CloudTrail
REQUESTS = 100  # a minute of CloudTrail's two requests a second
PATIENCE = timedelta(hours=1)  # how long a search that cannot be made is tried again
LEASE = timedelta(minutes=5)  # how long one that has begun is left to whoever began it
REMEMBERED = 2000  # events that are kept with one search: an item of the table holds 400 KB


class Trace(Struct, frozen=True):
    """What was found, oldest first, and whether everything was looked at."""

    left: tuple[Left, ...]
    complete: bool


def searches() -> Process[tuple[Job, ...]]:
    """Give the jobs whose target's traces are to be looked for now."""
    now: datetime = yield ReadTime()
    jobs: tuple[Job, ...] = yield ReadOverdue(now + 2 * SEARCH_AGAIN)  # those of which it is not sure to be time too
    return tuple(job for job in jobs if _is_time(job, now))


def search(job_id: str, settings: Settings, regions: tuple[str, ...]) -> Process[Job]:
    """Look for what the target of a containment left behind, when it is time; open the incident, and what can be done about each part."""
    job = yield from stored(job_id)
    now: datetime = yield ReadTime()
    if not _is_time(job, now):
        return job
    if job.due is not None and now >= job.due + PATIENCE:  # whoever tried was cut off before they could say so
        return (yield from unsearched(job_id, "it took too long, time and again"))
    job = yield from commit(job.moved(job.state, job.due, searching=now))
    root = yield from stored(root_of(job))
    keys, known = yield from _remembered(job, root)
    trace = yield from _trace(job.plan.target, keys, (job.since or job.created) - BEFORE)
    new = tuple(left for left in trace.left if left.event not in known)
    unasked: frozenset[str] = frozenset()
    if new or not trace.complete:
        unasked = yield from _tell(incident(job, root, new, trace.complete, settings), job, settings)
    where = f" (looked in {', '.join(regions)})"
    said = (f"{len(new)} traces of {job.plan.target.name}" if new else "nothing more was left behind") + where
    if not trace.complete:
        said += "; not everything could be looked at: look on in CloudTrail"
    found = tuple(left.event for left in new if left.event not in unasked)[:REMEMBERED]
    return (yield from _searched(job.id, root, said, found))


def _tell(found: Incident, job: Job, settings: Settings) -> Process[frozenset[str]]:
    """Open the incident before anything else of it: what follows may be cut off. Give the events that nobody is asked about after all."""
    yield from decide(found.summary, settings)
    opened: list[Job] = []
    for group in found.groups:
        if (answer := (yield from answered(group, job, found.summary, settings))) is not None:
            opened += yield from decide(answer, settings)
    return events_of(one for one in opened if one.ended and one.plan.steps)


def unsearched(job_id: str, why: str) -> Process[Job]:
    """Give a search up that could not be made for an hour: somebody has to look in CloudTrail."""
    job = yield from stored(job_id)
    now: datetime = yield ReadTime()
    if job.due is None or not job.ended or now < job.due + PATIENCE:
        return job
    root = yield from stored(root_of(job))
    said = f"what {job.plan.target.name} left behind could not be looked for: {why}. Look in {LOGS.get(job.plan.target.partition, 'CloudTrail')}"
    return (yield from _searched(job.id, root, said, (), page=True))


def _is_time(job: Job, now: datetime) -> bool:
    if job.due is None or not job.ended or not contains(job):
        return False
    if job.searching is not None and now < job.searching + LEASE:
        return False
    return (job.swept == 0 and job.looks > 0) or (not watched(job) and job.due <= now)


def _searched(job_id: str, root: Job, said: str, found: tuple[str, ...], *, page: bool = False) -> Process[Job]:
    job = yield from stored(job_id)  # it may have been looked at meanwhile
    now: datetime = yield ReadTime()
    due = None if not watched(job) and job.due is not None and job.due <= now else job.due
    moved = job.moved(job.state, due, swept=job.swept + 1, searching=None)
    kept = record(root, RecordKind.SWEEP, now, said, data={"found": found, "by": job.id})
    kept = msgspec.structs.replace(kept, id=f"{root.id}.{RecordKind.SWEEP}.{job.id}.{moved.swept}")
    return (yield from commit(moved, kept, notice=notice(moved, now, said, page=True) if page else None))


def _remembered(job: Job, root: Job) -> Process[tuple[tuple[str, ...], frozenset[str]]]:
    """Give the keys that the finding named, and what the incident's searches found: all of it is kept with the root."""
    keys: list[str] = []
    known: set[str] = set()
    for one in dict.fromkeys((job.id, root.id)):
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
    requests, complete = 0, True
    while waiting and requests < REQUESTS:
        place = waiting.popleft()
        if place in looked:
            continue
        looked[place] = None
        about = since - SESSION if place.role else since  # a session may have begun long before
        found: Remembered = yield ReadHistory(place.attribute, place.value, about)
        requests, complete = requests + found.requests, complete and found.complete
        for one in (r for r in found.records if counts(r, place)):
            if place.role is not None:  # what others did with a role
                waiting.extend(sessions_of(one, place.role))
                continue
            waiting.extend(started(one))
            if (left := left_by(one)) is not None:
                seen.setdefault(left.event, left)
    rest = any(place not in looked for place in waiting)
    return Trace(tuple(reversed(seen.values())), complete and not rest)
