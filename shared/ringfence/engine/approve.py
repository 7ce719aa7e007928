"""Votes on pending jobs. The chat and the command line only carry the vote; whether it counts is decided here, and by `authority`."""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from ringfence.domain.caller import Caller
from ringfence.domain.census import Census
from ringfence.domain.finding import Severity
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.authority import authorise, reversible, who
from ringfence.engine.budget import Exhausted, claim, fresh, of_administrators, of_an_act
from ringfence.engine.commands import Process, ReadCensus, ReadJob, ReadRecords, ReadTime, Send
from ringfence.engine.moves import UNTAKEN, commit, end, notice
from ringfence.engine.ports import Slot
from ringfence.engine.questions import front, replaced_by
from ringfence.engine.records import closed, record
from ringfence.errors import RefusedError
from ringfence.settings import OnTimeout, Settings

SHOWN = 16  # characters of a plan's digest that a question shows, and its answer brings back
S = JobState


class Vote(Struct, frozen=True, kw_only=True):
    """What somebody wants of a job. `shown` is the beginning of the digest of the plan that they saw, empty where none was shown."""

    job: str
    approve: bool
    shown: str = ""
    reason: str = ""


def vote(wish: Vote, voter: Caller, settings: Settings) -> Process[Job]:
    """Count a vote; the vote and the new state are one transaction. Raises RefusedError where it does not count.

    `voter` is who the cloud or the chat says is asking. One person's approval is enough unless the configuration asks for two; one denial
    ends the job, also after it was approved, as long as nobody has taken it up. A deadline that has passed is a no.
    """
    job = yield from _open(wish)
    now: datetime = yield ReadTime()
    if job.state is S.PENDING and now >= job.expires:
        yield from expire(job, settings)
        raise RefusedError(f"job {job.id} expired at {job.expires:%Y-%m-%d %H:%M} UTC", "The next event of the kind asks anew")
    authorise(job, voter, settings)
    if changed := (yield from altered(job)):
        yield from end(job, S.FAILED, f"{changed}: somebody wrote to the table")
        raise RefusedError(f"job {job.id}: {changed}", "Somebody wrote to the table: see docs/runbook.md")
    if wish.shown and not job.plan.digest.startswith(wish.shown):
        raise RefusedError(f"job {job.id} has another plan than the one that was shown ({wish.shown})", "Look at it again, then decide")
    if job.state is S.PENDING and (newer := (yield from front(job))) != job.id:
        raise RefusedError(f"job {job.id} is asked about together with more by now", f"Decide {newer} instead")
    said = f"{'approved' if wish.approve else 'denied'} by {voter.name}{f': {wish.reason}' if wish.reason else ''}"
    me = who(voter.name, settings, voter.unique_id)
    decided = _counted(job, wish, me, now)
    data = {"voter": voter.name, "person": me, "approve": wish.approve, **({"reason": wish.reason} if wish.reason else {})}
    told = record(decided, RecordKind.APPROVAL_DECIDED, now, said, number=decided.version, data=data)
    ends = (closed(decided, now, said),) if decided.ended else ()
    claims = yield from _one_administrator_stays(decided, now)
    yield from commit(decided, told, *ends, notice=notice(decided, now, said), claims=claims)
    if decided.state is S.APPROVED:
        yield Send(decided)
    return decided


def _open(wish: Vote) -> Process[Job]:
    """Give the job, where a vote can still change something."""
    job: Job | None = yield ReadJob(wish.job)
    if job is None:
        raise RefusedError(f"there is no job {wish.job}", "See `ringfence jobs`")
    late = not wish.approve and job.state is S.APPROVED and bool(job.approvals)
    if job.state is not S.PENDING and not late:
        undo = f"; `ringfence undo {job.id}` takes back what it did" if job.changed or job.state is S.RUNNING else ""
        raise RefusedError(f"job {job.id} is {job.state}, not pending", f"See `ringfence trail show {job.id}`{undo}")
    return job


def _counted(job: Job, wish: Vote, me: str, now: datetime) -> Job:
    """Give the job with a vote counted: a person counts once."""
    if not wish.approve:
        return job.moved(S.DENIED, None)
    if me in job.approvals:
        raise RefusedError(f"{me} has approved already", "A second approval has to come from somebody else")
    approvals = (*job.approvals, me)
    enough = len(approvals) >= job.needs
    state, due = (S.APPROVED, now + UNTAKEN) if enough else (S.PENDING, job.due)
    return job.moved(state, due, approvals=approvals)


def altered(job: Job) -> Process[str]:
    """Say that the stored plan is not the one that was decided on, by the record of that decision; empty where it is."""
    records: tuple[Record, ...] = yield ReadRecords(job.id)
    decided = [r.plan_digest for r in records if r.kind is RecordKind.DECISION]
    if decided == [job.plan.digest]:
        return ""
    return f"its plan is {job.plan.digest[:SHOWN]}, and {' and '.join((d or 'none')[:SHOWN] for d in decided) or 'none'} is on record"


def _one_administrator_stays(job: Job, now: datetime) -> Process[tuple[Slot, ...]]:
    """Nobody can approve that the account is left without an administrator."""
    if job.state is not S.APPROVED:
        return ()
    census: Census | None = yield ReadCensus()
    claimed = yield from claim(job, of_administrators(job, census), now)  # an old census is better than none
    if isinstance(claimed, Exhausted):
        raise RefusedError(f"job {job.id} cannot be approved: {claimed.reason}", "Make somebody else administrator first, or act by hand")
    return claimed


def expire(job: Job, settings: Settings) -> Process[Job]:
    """End a pending job whose deadline has passed; people are told, since a question without an answer is no answer.

    Where the configuration says so, grave containment that can be taken off runs all the same - as an automatic act, within the budgets.
    """
    if newer := (yield from replaced_by(job)):
        return (yield from end(job, S.CANCELLED, f"asked about together with more by job {newer}"))
    until = f"nobody decided until {job.expires:%Y-%m-%d %H:%M} UTC"
    grave = job.severity in (Severity.HIGH, Severity.CRITICAL)
    if settings.on_timeout is OnTimeout.CONTAIN and grave and reversible(job) and not (yield from altered(job)):
        now: datetime = yield ReadTime()
        census: Census | None = yield ReadCensus()
        claimed = yield from claim(job, of_an_act(job, settings, fresh(census, now, job.plan.target)), now)
        if not isinstance(claimed, Exhausted):
            why = f"{until}: the configuration contains then"
            runs = job.moved(S.APPROVED, now + UNTAKEN)
            said = record(runs, RecordKind.APPROVAL_DECIDED, now, why, number=runs.version, data={"voter": "", "approve": True})
            yield from commit(runs, said, notice=notice(runs, now, why, page=True), claims=claimed)
            yield Send(runs)
            return runs
        until = f"{until}, and {claimed.reason}"
    return (yield from end(job, S.EXPIRED, f"{until}: expired means no"))


def remind(job: Job, settings: Settings) -> Process[Job]:
    """Ask once more: nobody has decided, and a part of the time is over. A question that waits behind another one only waits."""
    if newer := (yield from replaced_by(job)):
        return (yield from end(job, S.CANCELLED, f"asked about together with more by job {newer}"))
    now: datetime = yield ReadTime()
    if (yield from front(job)) != job.id:
        return (yield from commit(job.moved(S.PENDING, job.expires)))
    left = int((job.expires - now) / timedelta(minutes=1))
    why = f"nobody has decided yet, {left} minutes are left"
    again = job.moved(S.PENDING, next_look(msgspec.structs.replace(job, reminded=job.reminded + 1), settings), reminded=job.reminded + 1)
    said = record(again, RecordKind.APPROVAL_REQUESTED, now, why, number=again.version)
    return (yield from commit(again, said, notice=notice(again, now, why, page=True)))


def next_look(job: Job, settings: Settings) -> datetime:
    """Give when somebody has to look at a pending job: at half and four fifths of its time, and at its end."""
    parts = () if settings.on_timeout is OnTimeout.DENY else (0.5, 0.8)
    if job.reminded >= len(parts):
        return job.expires
    begun = job.asked or job.created
    return begun + (job.expires - begun) * parts[job.reminded]
