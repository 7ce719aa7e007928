"""Undo: a job of the inverse steps, in reverse order, only of what the job itself changed.

Taking off our own containment is `respond`'s to do. Giving a permission back is not: the operator's own credentials make that call.
"""

from datetime import datetime
from itertools import count

from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Plan, Step
from ringfence.domain.record import RecordKind
from ringfence.engine.approve import authorise
from ringfence.engine.decide import job_id
from ringfence.engine.ports import Queue, Store
from ringfence.engine.trail import decision, record
from ringfence.errors import RefusedError
from ringfence.settings import Settings


def open_undo(of: str, by: str, settings: Settings, store: Store, queue: Queue, now: datetime) -> Job:
    """Open the undo of a job, or give the one that is open or done already. Raises RefusedError where there is nothing to undo.

    `by` is who the cloud says is calling, and has a say by the rules of a vote: whoever caused the event cannot take its answer back.
    """
    job = store.job(of)
    if job is None:
        raise RefusedError(f"there is no job {of}", "See `ringfence jobs`")
    if job.undo_of:
        raise RefusedError(f"job {of} is itself an undo", "What it took off comes back by a new finding, or by hand")
    if not job.ended:
        raise RefusedError(f"job {of} is still {job.state}", "Undo is for jobs that have ended")
    if not job.changed:
        raise RefusedError(f"job {of} ended as {job.state} and changed nothing", "There is nothing to undo")
    authorise(job, by, settings)
    undo = _attempt(job, by, store, now)
    asked = record(undo, RecordKind.UNDO_REQUESTED, now, undo.reason, data={"of": of, "by": by})
    store.open(undo, [decision(undo, now, {"undo_of": of}), asked])
    current = store.job(undo.id) or undo
    if current.state is JobState.APPROVED and current.action_class is ActionClass.CONTAINMENT:
        queue.jobs(current)
    return current


def _attempt(job: Job, by: str, store: Store, now: datetime) -> Job:
    """Give the undo that counts: the first that has not ended without success."""
    steps = tuple(_inverse(job.plan.steps[i]) for i in reversed(job.changed))
    for number in count():
        undo_id = job_id("undo", job.id, str(number))
        earlier = store.job(undo_id)
        if earlier is not None and earlier.ended and earlier.state not in (JobState.DONE, JobState.NOTHING_TO_DO):
            continue
        break
    return earlier or Job(
        id=undo_id,
        state=JobState.APPROVED,
        plan=Plan(target=job.plan.target, affected=job.plan.affected, steps=steps, config_hash=job.plan.config_hash),
        action_class=job.action_class,
        guardrail=job.guardrail,
        severity=job.severity,
        reason=f"undo of {job.id}, asked for by {by}",
        event_key=job.event_key,
        actor=by,
        created=now,
        expires=now,
        undo_of=job.id,
    )


def _inverse(step: Step) -> Step:
    return Step(
        action=step.action,
        action_class=step.action_class,
        fact=step.fact,
        before=step.after,
        after=step.before,
        call=step.inverse,
        inverse=step.call,
    )
