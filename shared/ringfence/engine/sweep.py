"""The one-minute sweep: what was committed and has no receipt is sent again, and what has waited for too long comes to its end.

A message may be lost between commit and send, and a worker between two messages. Each job that has not ended carries the time by which
somebody has to look at it; each notice lacks its receipt until it was handed on.
"""

from datetime import datetime, timedelta

from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.approve import expire, remind
from ringfence.engine.commands import Later, Process, ReadOverdue, ReadTime, ReadUntold, Send, Tell
from ringfence.engine.moves import LOOKS, SEARCH_AGAIN, commit, notice, stored
from ringfence.engine.ports import JobMessage, Notice
from ringfence.engine.records import record
from ringfence.engine.steps import cut_short
from ringfence.engine.verify import watched
from ringfence.settings import Settings

GRACE = timedelta(minutes=1)  # what is on its way is not sent again at once
S = JobState


def untold() -> Process[tuple[Notice, ...]]:
    """Give the notices that have no receipt."""
    now: datetime = yield ReadTime()
    notices: tuple[Notice, ...] = yield ReadUntold(now - GRACE)
    return notices


def tell_again(told: Notice) -> Process[None]:
    """Hand a notice on that has no receipt; it keeps its id, so that whoever shows it shows it once."""
    yield Tell(told)


def overdue() -> Process[tuple[Job, ...]]:
    """Give the jobs that nothing has moved by their time."""
    now: datetime = yield ReadTime()
    jobs: tuple[Job, ...] = yield ReadOverdue(now - GRACE)
    return jobs


def take_up(job_id: str, settings: Settings) -> Process[Job]:
    """Set a job going again that nothing has moved by its time. One that asks asks once more, until its time is over: then the answer is no."""
    job = yield from stored(job_id)
    now: datetime = yield ReadTime()
    if job.due is None or now < job.due:
        return job
    if job.state is S.PENDING:
        return (yield from (expire if now >= job.expires else remind)(job, settings))
    if job.ended and not watched(job):
        return job  # what its target left behind is looked for once more: `search`
    yield Later(job, 1) if watched(job) else Send(job)
    return job


def undelivered(message: JobMessage, why: str) -> Process[Job]:
    """Give a job up whose message is dead, unless another message took it further meanwhile, or somebody is at it.

    A message tells what it could have moved, not which version it was sent for: a job that is not due yet was moved, or sent, since.
    """
    job, verifies = (yield from stored(message.job)), message.do == "verify"
    now: datetime = yield ReadTime()
    waits = (job.state is S.VERIFYING or job.ended) if verifies else job.state in (S.APPROVED, S.RUNNING)
    if not waits or (job.due is not None and now < job.due):
        return job
    return (yield from give_up(job.id, why))


def give_up(job_id: str, why: str) -> Process[Job]:
    """End a job whose message could not be worked off, however often it was tried. Loud: somebody has to look."""
    job = yield from stored(job_id)
    if job.state in (S.APPROVED, S.RUNNING, S.VERIFYING):
        return (yield from cut_short(job, S.FAILED, f"it could not be carried on: {why}"))
    if job.due is not None and watched(job):
        now: datetime = yield ReadTime()
        said = f"it was contained, and could not be looked at again: {why}"
        moved = job.moved(job.state, now + SEARCH_AGAIN, looks=len(LOOKS))
        told = notice(moved, now, said, page=True)
        return (yield from commit(moved, record(job, RecordKind.VERIFY, now, said, number=job.looks), notice=told))
    return job
