"""Verification: the target is read again 5 s, 30 s and 5 min after the calls, since IAM is eventually consistent and attackers revert.

`done` - and "contained" - is said at the first reading that confirms it, never before. Containment that does not hold is asserted again, at
most three times: in the same job while it was never seen to hold, as a new job when it held and somebody reverted it. After that
people are paged, with what closes the window. A reversal or an undo is only looked at: what somebody did since has its own event.
"""

import itertools
import math
from datetime import datetime, timedelta

import msgspec

from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import Step
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.state import State
from ringfence.engine.advice import CLOSE_THE_WINDOW
from ringfence.engine.commands import Later, Process, ReadJob, ReadState, ReadTime, Send
from ringfence.engine.ids import again_id, undo_id
from ringfence.engine.moves import LEASE, LOOKS, SEARCH_AGAIN, UNTAKEN, commit, contains, end, notice, open_job, stored, wanted
from ringfence.engine.own_policies import void
from ringfence.engine.ports import Absence
from ringfence.engine.records import closed, decision, record
from ringfence.settings import Settings

ROUNDS = 3  # how often containment is asserted again
S = JobState


def verify(job_id: str, settings: Settings) -> Process[Job]:
    """Look at a job's target, when it is time; a job that nobody has to look at is left as it is."""
    job = yield from stored(job_id)
    if job.due is None or not watched(job):
        return job
    now: datetime = yield ReadTime()
    if now < job.due:
        yield Later(job, seconds(job.due, now))
        return job
    deployment = settings.deployment
    state: State | Absence = yield ReadState(job.plan.target, wanted(job.plan.steps, deployment))
    unique_id = job.plan.target.unique_id
    if isinstance(state, Absence) or (unique_id and state.identity.unique_id != unique_id):
        why = state.value if isinstance(state, Absence) else "it was deleted and made anew since"
        return (yield from _gone(job, f"the target is gone: {why}"))
    lost = [f"{s.fact.kind} {s.fact.key}" for s in counted(job) if not s.holds(state)]
    voided = [why for s in counted(job) if contains(job) and (why := void(s, state, deployment))]
    wrong = ", ".join([*lost, *voided])
    if wrong and job.ended and (yield from taken_back(job.again_of or job.id)):
        return (yield from _unwatched(job, None, "an undo takes it back: not looked at any more"))
    return (yield from (_reverted(job, wrong) if wrong else _holds(job)))


def watched(job: Job) -> bool:
    """Whether a job's target is still to be looked at, when it is due."""
    return job.looks < len(LOOKS) and job.state in (S.VERIFYING, S.DONE, S.PARTIAL)


def counted(job: Job) -> list[Step]:
    """Give the steps whose effect has to be there: of an undo those that changed something, else all but what the cloud refused."""
    changed = {number for number, _ in job.changed}
    return [s for i, s in enumerate(job.steps) if (i in changed if job.undo_of else i not in job.refused)]


def taken_back(root: str) -> Process[bool]:
    """Whether an undo takes a job back, or has; one that ended without changing anything does not."""
    for number in itertools.count():
        undo: Job | None = yield ReadJob(undo_id(root, number))
        if undo is None:
            return False
        if not undo.ended or undo.changed or undo.state in (S.DONE, S.NOTHING_TO_DO):
            return True
    raise AssertionError("count() has no end")


def _holds(job: Job) -> Process[Job]:
    now: datetime = yield ReadTime()
    said = f"read again after {LOOKS[job.looks]} s: it holds"
    due = (_next_look(job, now) or now + SEARCH_AGAIN) if contains(job) else None
    moved = job.moved(_state(job), due, looks=job.looks + 1)
    records = [_look(job, now, said)]
    if job.state is S.VERIFYING:
        partly = bool(job.refused or _left(job))
        records.append(closed(moved, now, f"{_in_part(job)}: {said}" if partly else said))
        word = _in_part(job) if partly else "contained" if contains(job) else "done" if job.changed else "it was so already"
        yield from commit(moved, *records, notice=notice(moved, now, f"{word}: {said}"))
    else:
        yield from commit(moved, *records)
    if due is not None and watched(moved):
        yield Later(moved, seconds(due, now))
    return moved


def _reverted(job: Job, wrong: str) -> Process[Job]:
    now: datetime = yield ReadTime()
    said = f"read again after {LOOKS[job.looks]} s, it does not hold: {wrong}"
    if job.ended:
        return (yield from _again(job, said))
    if contains(job) or not job.changed:  # what was believed done on one reading was not: IAM lagged
        if job.round == ROUNDS:
            return (
                yield from end(job, S.NOT_CONTAINED, f"{said}. Asserted {ROUNDS} times again. {CLOSE_THE_WINDOW}", _look(job, now, said))
            )
        moved = job.moved(S.RUNNING, now + LEASE, step=0, rungs=(), refused=(), looks=0, round=job.round + 1)
        yield from commit(moved, _look(job, now, f"{said}. Asserted again ({moved.round} of {ROUNDS})"))
        yield Send(moved)
        return moved
    due = _next_look(job, now)
    if due is None:
        return (yield from end(job, S.NOT_CONTAINED, f"{said}. Somebody reverts it: look now", _look(job, now, said)))
    moved = yield from commit(job.moved(S.VERIFYING, due, looks=job.looks + 1), _look(job, now, f"{said}. IAM may lag: looked at again"))
    yield Later(moved, seconds(due, now))
    return moved


def _again(job: Job, said: str) -> Process[Job]:
    """It held, and somebody reverted it: a new job of the same plan, which ends at once where that was the last time."""
    now: datetime = yield ReadTime()
    root, number = job.again_of or job.id, job.round + 1
    last = number > ROUNDS
    reason = f"{job.id} was contained and somebody reverted it: {said}"
    new = msgspec.structs.replace(
        job,
        id=again_id(root, number),
        state=S.NOT_CONTAINED if last else S.APPROVED,
        version=0,
        reason=reason,
        created=now,
        due=now + (SEARCH_AGAIN if last else UNTAKEN),
        round=number,
        looks=len(LOOKS) if last else 0,
        step=0,
        rungs=(),
        changed=(),
        refused=(),
        swept=0,
        again_of=root,
    )
    text = f"{reason}. Asserted {ROUNDS} times again. {CLOSE_THE_WINDOW}" if last else f"{reason}. Asserted again ({number} of {ROUNDS})"
    ends = (closed(new, now, text),) if last else ()
    yield from open_job(new, decision(new, now, {"again_of": root, "reverted": job.id}), *ends, notice=notice(new, now, text))
    if not last:
        yield Send(new)
    return (yield from commit(job.moved(job.state, None, looks=job.looks + 1), _look(job, now, f"{said}. {new.id} goes on")))


def _gone(job: Job, why: str) -> Process[Job]:
    """Nothing is left to look at, but what it left behind."""
    if job.state is S.VERIFYING:
        return (yield from end(job, S.DONE, why))
    now: datetime = yield ReadTime()
    return (yield from _unwatched(job, now + SEARCH_AGAIN, why))


def _unwatched(job: Job, due: datetime | None, why: str) -> Process[Job]:
    now: datetime = yield ReadTime()
    return (yield from commit(job.moved(job.state, due, looks=len(LOOKS)), _look(job, now, why)))


def _state(job: Job) -> JobState:
    """Give the state of a job whose effect is there: for one that had nothing to change, that is said."""
    if job.refused or _left(job):
        return S.PARTIAL
    return S.DONE if contains(job) or job.changed else S.NOTHING_TO_DO


def _in_part(job: Job) -> str:
    refused = ", ".join(f"{job.steps[i].fact.kind} {job.steps[i].fact.key}" for i in job.refused)
    left = ", ".join(_left(job))
    said = [*([f"the cloud refused {refused}"] if refused else []), *([f"it can still do {left}"] if left else [])]
    return f"contained in part, {'; '.join(said)}"


def _left(job: Job) -> tuple[str, ...]:
    """Give what a containment could not cut, of the steps that were done."""
    return tuple(dict.fromkeys(what for step in counted(job) for what in step.leaves)) if contains(job) else ()


def _next_look(job: Job, now: datetime) -> datetime | None:
    if job.looks + 1 == len(LOOKS):
        return None
    return now + timedelta(seconds=LOOKS[job.looks + 1] - LOOKS[job.looks])


def seconds(due: datetime, now: datetime) -> int:
    """Give the seconds until something is due, at least one."""
    return max(1, math.ceil((due - now).total_seconds()))


def _look(job: Job, now: datetime, said: str) -> Record:
    return record(job, RecordKind.VERIFY, now, said, number=job.looks)
