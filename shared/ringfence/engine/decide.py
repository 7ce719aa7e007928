"""From a judgement to jobs: what acts at once, what asks, and what only a person can do. One terminal record for each."""

from datetime import datetime, timedelta
from itertools import count

import msgspec
from msgspec import Struct

from ringfence.domain.census import Census
from ringfence.domain.event import Event, Outcome
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import GOOGLE, Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Plan, When
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.advice import elsewhere
from ringfence.engine.approve import expire, next_look
from ringfence.engine.authority import involved
from ringfence.engine.budget import Exhausted, claim, fresh, heard, heard_name, of_a_question, of_an_act, too_many
from ringfence.engine.commands import Process, ReadCensus, ReadExemption, ReadJob, ReadSlots, ReadTime, Send
from ringfence.engine.ids import exemption_key, job_id, person
from ringfence.engine.judgement import Judgement, Planned, PlannedStep
from ringfence.engine.moves import UNTAKEN, notice, open_job, stored
from ringfence.engine.own_acts import unexplained
from ringfence.engine.ports import Exemption, Opened, Slot
from ringfence.engine.questions import ask, open_questions, settle
from ringfence.engine.quiet import asked_from
from ringfence.engine.records import closed, decision, record
from ringfence.engine.verify import taken_back
from ringfence.errors import ConflictError
from ringfence.settings import Settings

RACES = 20  # how often slots are counted again before the event is handed back
UNKNOWN = "none"  # the guardrail of what could not be judged
ONCE = timedelta(days=7)  # how long one person's job stands for everything that could not be judged for one cause
STANDING = (JobState.PENDING, JobState.APPROVED, JobState.RUNNING, JobState.VERIFYING, JobState.DONE, JobState.PARTIAL)
UNJUDGED = (Outcome.NEEDS_STATE, Outcome.UNSUPPORTED, Outcome.MALFORMED)


def decide(judgement: Judgement, settings: Settings) -> Process[tuple[Job, ...]]:
    """Commit one job per finding, target and class of steps, then send what is to be done. Delivered again, it only sends again.

    An event that could not be judged becomes a job for a person: unknown is never a pass. An exception that was used is a job that
    ends at once: it shows up in the trail.
    """
    now: datetime = yield ReadTime()
    found = [*judgement.planned, *judgement.exempted]
    for held in judgement.held:
        found += [] if (yield from _ours(held)) else [held]
    if judgement.outcome in UNJUDGED:
        found.append(_unjudged(judgement))
    if judgement.own and (stolen := (yield from unexplained(judgement.event))) is not None:
        found.append(stolen)
    jobs: list[Job] = []
    for planned in found:
        for same in _grouped(planned.steps):
            job, why = yield from _job(judgement.event, planned, same, settings, now)
            jobs.append((yield from _open(job, why, planned, settings, now)))
    return tuple(jobs)


def _ours(planned: Planned) -> Process[bool]:
    """Whether a containment that stands is ours, and watched: somebody else's may be taken off again as soon as we have looked away."""
    first = planned.steps[0]
    last: tuple[Slot, ...] = yield ReadSlots(heard_name(first.target, first.step.fact), 1)
    job: Job | None = (yield ReadJob(last[0].job)) if last else None
    if job is None or job.state not in STANDING:
        return False
    return not (job.ended and (yield from taken_back(job.again_of or job.id)))


def _unjudged(judgement: Judgement) -> Planned:
    event = judgement.event
    nobody = Identity(kind=Kind.OUTSIDE, arn="", name=event.name or "an event", account=event.account, partition=event.partition)
    identity = judgement.identities[0] if judgement.identities else nobody
    reason = f"{event.name or 'an event'} could not be judged: {judgement.reason}"
    finding = Finding(
        guardrail=UNKNOWN,
        severity=Severity.MEDIUM,
        identity=identity,
        reason=reason,
        evidence={"outcome": judgement.outcome},
        cause=judgement.cause,
    )
    of_actor = event.actor.type if event.actor and event.subject is None and event.partition != GOOGLE else ""  # Google's have one type
    user_type = event.parameters.get("user_type") or of_actor
    advice = elsewhere(str(user_type))
    return Planned(finding=finding, steps=(), remark=advice or "it could not be judged: a person has to look", out_of_reach=bool(advice))


def _grouped(steps: tuple[PlannedStep, ...]) -> list[tuple[PlannedStep, ...]]:
    """Put together what one job carries out: the steps of one class on one target. Without any step there is one job all the same."""
    groups = dict.fromkeys((p.step.action_class, p.target) for p in steps)
    return [tuple(p for p in steps if (p.step.action_class, p.target) == group) for group in groups] or [()]


def _job(event: Event, planned: Planned, same: tuple[PlannedStep, ...], settings: Settings, now: datetime) -> Process[tuple[Job, str]]:
    """Make the job of the steps of one class on one target, and say why it begins as it does; what happens is the same for all of them."""
    finding = planned.finding
    steps = tuple(p.step for p in same)
    plan = Plan(
        target=same[0].target if same else finding.identity,
        affects=tuple(i.key for i in (same[0].affects if same else (finding.identity,))),
        steps=steps,
        config_hash=settings.config_hash,
    )
    put_back = yield from _put_back_by(event, plan, now)
    state, why = _first_state(planned, same[0].when if same else When.NEVER, put_back)
    what = (finding.cause,) if finding.cause else (event.source, event.id or event.name)
    unknown = bool(finding.cause) and finding.guardrail == UNKNOWN  # whoever the event is about, it is one thing that is not known
    cause = (*what, finding.guardrail, "" if unknown else plan.target.key, same[0].step.action_class if same else "none")
    asked = asked_from(now, finding.severity, settings.quiet_hours)
    affected = (plan.target, *(same[0].affects if same else (finding.identity,)))
    job = Job(
        id=(yield from _generation(cause, event, settings, now, ONCE if unknown else timedelta())),
        state=state,
        plan=plan,
        action_class=same[0].step.action_class if same else ActionClass.REVERSAL,
        guardrail=finding.guardrail,
        severity=finding.severity,
        reason=finding.reason,
        event_key=f"{event.source}:{event.id}",
        actor=event.actor.display if event.actor else None,
        no_say=involved(event.actor, affected, finding.project, settings),
        stakes=planned.stakes,
        since=event.since or event.time or now,
        created=now,
        asked=asked,
        expires=asked + timedelta(minutes=settings.approval_timeout_minutes),
        due=now + UNTAKEN if state is JobState.APPROVED else None,
        about=planned.about,
        project=finding.project,
        needs=2 if any(s.action in settings.two_person_for for s in steps) else 1,
    )
    return _pending(job, settings) if state is JobState.PENDING else job, why


def _pending(job: Job, settings: Settings) -> Job:
    return msgspec.structs.replace(job, state=JobState.PENDING, due=next_look(job, settings))


def _generation(cause: tuple[str, ...], event: Event, settings: Settings, now: datetime, once: timedelta) -> Process[str]:
    """Give the id of the job that counts.

    What is seen anew after a job has ended (a finding that GuardDuty repeats) is asked anew; where it is asked `once` in a while, after that.
    """
    for number in count():
        made = job_id(*cause, *([str(number)] if number else []))
        earlier: Job | None = yield ReadJob(made)
        if earlier is not None and earlier.state is JobState.PENDING and now >= earlier.expires:
            earlier = yield from expire(earlier, settings)
        if earlier is None or not earlier.ended or event.time is None or event.time <= earlier.created + once:
            return made
    raise AssertionError("count() has no end")


def _put_back_by(event: Event, plan: Plan, now: datetime) -> Process[str]:
    """Name the undo by which this very actor put back this very value a moment ago; empty where there is none."""
    actor = event.actor.display if event.actor else None
    for step in plan.steps if actor else ():
        exemption: Exemption | None = yield ReadExemption(exemption_key(plan.target, step.fact))
        if (
            exemption is not None
            and now < exemption.until
            and exemption.value == step.before
            and person(exemption.by) == person(actor or "")
        ):
            return exemption.job
    return ""


def _open(job: Job, why: str, planned: Planned, settings: Settings, now: datetime) -> Process[Job]:
    """Put the job, within the budgets; counted again where somebody else took a slot meanwhile."""
    for _ in range(RACES):
        bounded = yield from _bounded(job, why, planned, settings, now)
        records = _records(bounded, planned, now)
        text = f"{job.reason}. {bounded.why}"
        told = None if bounded.job.joins else notice(bounded.job, now, text, page=bool(bounded.breaker))  # its question is told already
        claims = (*bounded.claims, *(yield from heard(bounded.job, now)))
        opened = yield from open_job(bounded.job, *records, notice=told, claims=claims)
        if opened is not Opened.TAKEN:
            break
    else:
        raise ConflictError(f"too many are deciding at once: job {job.id} is not opened", "The event is delivered again")
    current = bounded.job if opened is Opened.NEW else (yield from stored(job.id))
    yield from settle(current)
    if current.state is JobState.APPROVED:
        yield Send(current)  # sent again when delivered again: the receipt may be missing
    return current


class _Bounded(Struct, frozen=True):
    job: Job
    why: str
    claims: tuple[Slot, ...] = ()
    breaker: str = ""


def _bounded(job: Job, why: str, planned: Planned, settings: Settings, now: datetime) -> Process[_Bounded]:
    """Let a job act within the budgets, else ask; let it ask within the budget of questions, else leave it to a person."""
    if (yield ReadJob(job.id)) is not None:
        return _Bounded(job, why)
    breaker = ""
    if job.state is JobState.APPROVED:
        census: Census | None = yield ReadCensus()
        claimed = yield from _allowed(job, planned, settings, census, now)
        if not isinstance(claimed, Exhausted):
            return _Bounded(job, why, claimed)
        breaker = why = claimed.reason
        job = _pending(job, settings)
    if job.state is JobState.PENDING:
        for overdue in (yield from open_questions(job)):
            if now >= overdue.expires:
                yield from expire(overdue, settings)
        question = yield from ask(job, now)
        if question.job.state is not JobState.PENDING:
            return _Bounded(question.job, f"{why}; {question.why}", question.slots, breaker)
        claimed = yield from claim(job, of_a_question(job, settings), now)
        if not isinstance(claimed, Exhausted):
            said = f"{why}; {question.why}" if question.why else why
            return _Bounded(_pending(question.job, settings), said, (*claimed, *question.slots), breaker)
        breaker = why = f"{why}; {claimed.reason}: it joins them, decide those first"
        job = msgspec.structs.replace(job, state=JobState.FOR_A_PERSON, due=None)
    return _Bounded(job, why, breaker=breaker)


def _allowed(job: Job, planned: Planned, settings: Settings, census: Census | None, now: datetime) -> Process[tuple[Slot, ...] | Exhausted]:
    """Give the slots that an act takes, or why it may not act by itself."""
    if wrong := too_many(job, settings, census):
        return Exhausted(f"the breaker is open: {wrong}")
    target = job.plan.target
    recent = fresh(census, now, target)
    if recent is None and planned.people:
        where = f" of {target.account}" if target.partition == GOOGLE else ""
        return Exhausted(f"who is administrator is not known (no census{where} within 24 hours), and people can use this identity: it asks")
    return (yield from claim(job, of_an_act(job, settings, recent), now))


def _records(bounded: _Bounded, planned: Planned, now: datetime) -> list[Record]:
    job, why = bounded.job, bounded.why
    records = [decision(job, now, planned.finding.evidence)]
    if bounded.breaker:
        records.append(record(job, RecordKind.BREAKER, now, bounded.breaker))
    if job.state is JobState.PENDING:
        records.append(record(job, RecordKind.APPROVAL_REQUESTED, now, why, data={"expires": job.expires.isoformat(), "needs": job.needs}))
    if planned.exempt:
        records.append(record(job, RecordKind.EXEMPTION_USED, now, planned.exempt))
    if job.ended:
        records.append(closed(job, now, why))
    return records


def _first_state(planned: Planned, when: When, put_back_by: str) -> tuple[JobState, str]:
    if planned.exempt:
        return JobState.NOTHING_TO_DO, planned.exempt
    if put_back_by:
        return JobState.CANCELLED, f"a person is putting this back by the undo {put_back_by}: it is not reversed again"
    if planned.out_of_reach:
        return JobState.UNSUPPORTED, planned.remark
    if when is When.ACT:
        return JobState.APPROVED, "Acting by itself: a fresh change that can be undone exactly, or a containment that the mode allows"
    if when is When.ASK:
        return JobState.PENDING, f"Waiting for an approver{f'. {planned.remark}' if planned.remark else ''}"
    observed = "Only observed: the mode does not let this guardrail act, a person decides"
    return JobState.FOR_A_PERSON, planned.remark or (observed if planned.steps else "No step of ours fits: a person decides")
