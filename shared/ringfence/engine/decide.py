"""From a judgement to jobs: what acts at once, what asks, and what only a person can do. One terminal record for each."""

from datetime import datetime, timedelta

from ringfence.domain.event import Event
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Plan, When
from ringfence.domain.record import RecordKind
from ringfence.domain.state import Fact, digest
from ringfence.engine.evaluate import Judgement, Planned, PlannedStep
from ringfence.engine.ports import Notice, Queue, Store
from ringfence.engine.trail import closed, decision, record
from ringfence.settings import Settings

ID_LENGTH = 16


def exemption_key(target: Identity, fact: Fact) -> str:
    """Name a property of a target in the table of run-time exemptions."""
    return digest([target.key, fact.kind, fact.key])[:ID_LENGTH]


def job_id(*parts: str) -> str:
    """Derive a job's id: the same cause gives the same job, however often it is delivered."""
    return digest(list(parts))[:ID_LENGTH]


def decide(judgement: Judgement, settings: Settings, store: Store, queue: Queue, now: datetime) -> tuple[Job, ...]:
    """Commit one job per finding and way of going on, then send what is to be done. Delivered again, it only sends again."""
    jobs: list[Job] = []
    for planned in judgement.planned:
        for action_class in dict.fromkeys(p.step.action_class for p in planned.steps) or (None,):
            same = tuple(p for p in planned.steps if p.step.action_class is action_class)
            jobs.append(_commit(judgement.event, planned, same, settings, store, queue, now))
    return tuple(jobs)


def _commit(
    event: Event, planned: Planned, same: tuple[PlannedStep, ...], settings: Settings, store: Store, queue: Queue, now: datetime
) -> Job:
    """Commit the job of the steps of one class; what happens to them is the same for all of one class."""
    finding = planned.finding
    steps = tuple(p.step for p in same)
    when = same[0].when if same else When.NEVER
    action_class = same[0].step.action_class if same else ActionClass.REVERSAL
    plan = Plan(target=finding.identity, affected=planned.affected, steps=steps, config_hash=settings.config_hash)
    put_back = next((e for s in steps if (e := store.exemption(exemption_key(plan.target, s.fact))) and now < e.until), None)
    state, why = _first_state(planned, when, put_back.job if put_back else "")
    job = Job(
        id=job_id(event.source, event.id or event.name, finding.guardrail, plan.target.key, action_class if same else "none"),
        state=state,
        plan=plan,
        action_class=action_class,
        guardrail=finding.guardrail,
        severity=finding.severity,
        reason=finding.reason,
        event_key=f"{event.source}:{event.id}",
        actor=event.actor.display if event.actor else None,
        created=now,
        expires=now + timedelta(minutes=settings.approval_timeout_minutes),
    )
    records = [decision(job, now, finding.evidence)]
    if state is JobState.PENDING:
        records.append(record(job, RecordKind.APPROVAL_REQUESTED, now, why, data={"expires": job.expires.isoformat()}))
    if job.ended:
        records.append(closed(job, now, why))
    new = store.open(job, records)
    current = job if new else store.job(job.id) or job
    if current.state is JobState.APPROVED:
        queue.jobs(current)  # sent again when delivered again: the receipt may be missing
    if new:
        queue.notice(Notice(job=job.id, state=state, severity=job.severity, title=finding.guardrail, text=f"{finding.reason}. {why}"))
    return current


def _first_state(planned: Planned, when: When, put_back_by: str) -> tuple[JobState, str]:
    if put_back_by:
        return JobState.CANCELLED, f"a person put this back by the undo {put_back_by}: it is not reversed again"
    if planned.out_of_reach:
        return JobState.UNSUPPORTED, planned.remark
    if when is When.ACT:
        return JobState.APPROVED, "Acting by itself: a fresh change that can be undone exactly, or a containment that the mode allows"
    if when is When.ASK:
        return JobState.PENDING, "Waiting for an approver"
    if planned.remark:
        return JobState.FOR_A_PERSON, planned.remark
    return (
        JobState.FOR_A_PERSON,
        "Only observed: the mode does not let this guardrail act, a person decides"
        if planned.steps
        else "No step of ours fits: a person decides",
    )
