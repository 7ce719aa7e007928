"""Undo: a job of the inverse steps, in reverse order, only of what the job itself changed.

Taking off our own containment is `respond`'s to do. Giving a permission back is not: the operator's own credentials make that call,
and what was put back is not reversed again while its own event is still on its way.
"""

from datetime import datetime, timedelta

from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Plan, Step
from ringfence.domain.record import RecordKind
from ringfence.engine.decide import exemption_key, job_id
from ringfence.engine.ports import Exemption, Queue, Store
from ringfence.engine.trail import decision, record
from ringfence.errors import RefusedError

PUT_BACK_FOR = timedelta(hours=1)  # EventBridge delivers late at times; then the identity is judged like any other again


def open_undo(of: str, by: str, store: Store, queue: Queue, now: datetime) -> Job:
    """Open the undo of a job, or give the one that is open already. Raises RefusedError where there is nothing to undo."""
    job = store.job(of)
    if job is None:
        raise RefusedError(f"there is no job {of}", "See `ringfence jobs`")
    if not job.ended:
        raise RefusedError(f"job {of} is still {job.state}", "Undo is for jobs that have ended")
    if not job.changed:
        raise RefusedError(f"job {of} ended as {job.state} and changed nothing", "There is nothing to undo")
    steps = tuple(_inverse(job.plan.steps[i]) for i in reversed(job.changed))
    undo = Job(
        id=job_id("undo", of),
        state=JobState.APPROVED,
        plan=Plan(target=job.plan.target, affected=job.plan.affected, steps=steps, config_hash=job.plan.config_hash),
        action_class=job.action_class,
        guardrail=job.guardrail,
        severity=job.severity,
        reason=f"undo of {of}, asked for by {by}",
        event_key=job.event_key,
        actor=by,
        created=now,
        expires=now + PUT_BACK_FOR,
        undo_of=of,
    )
    grants = steps if undo.action_class is ActionClass.REVERSAL else ()
    put_back = [Exemption(exemption_key(undo.plan.target, s.fact), now + PUT_BACK_FOR, undo.id) for s in grants]
    asked = record(undo, RecordKind.UNDO_REQUESTED, now, undo.reason, data={"of": of, "by": by})
    store.open(undo, [decision(undo, now, {"undo_of": of}), asked], put_back)
    current = store.job(undo.id) or undo
    if current.state is JobState.APPROVED and current.action_class is ActionClass.CONTAINMENT:
        queue.jobs(current)
    return current


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
