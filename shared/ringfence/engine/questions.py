"""One open question for each identity: what is found meanwhile joins it, is asked together with it, or waits behind it.

The questions about a target stand in a series of slots, each number taken once, in the transaction that opens the job. A finding that asks for
nothing new, and is no graver, joins the open question. One that asks for more of the same class replaces it by a job that asks for both, so that
nobody approves what they were not shown - three times, and never with more time than the first had, unless it is graver: whoever makes findings can
neither push a question away nor change it for ever. Whatever else is asked waits: containment goes before a reversal, else who came first.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Plan
from ringfence.domain.record import RecordKind
from ringfence.engine.commands import Process, ReadJob, ReadSlots, ReadTime
from ringfence.engine.moves import commit, end, notice
from ringfence.engine.ports import Slot
from ringfence.engine.records import record

REPLACED_AT_MOST = 3
STEPS_AT_MOST = 30  # of one question: a transaction of the table holds 100 items (DynamoDB API Reference, TransactWriteItems)
LATELY = 12  # questions about one target that are looked at
S = JobState


class Question(Struct, frozen=True):
    """A job as it is asked: with its slot where it is a question of its own, else ended, with the reason."""

    job: Job
    slots: tuple[Slot, ...] = ()
    why: str = ""


def series(job: Job) -> str:
    """Name the series of questions about a job's target."""
    return series_of(job.plan.target.key)


def series_of(key: str) -> str:
    """Name the series of questions about a target."""
    return f"question:{key}"


def joins(job: Job) -> str:
    """Name the series of findings that joined a question."""
    return f"joins:{job.id}"


def ask(job: Job, now: datetime) -> Process[Question]:
    """Say how a pending job is asked, in view of what is asked about its target already. What has expired has to be ended before."""
    last: tuple[Slot, ...] = yield ReadSlots(series(job), 1)
    slot = Slot(series(job), last[0].number + 1 if last else 0, 1, now, job.id)
    waiting = yield from open_questions(job)
    covering = next((one for one in waiting if _covers(one, job) and job.severity.rank <= one.severity.rank), None)
    if covering is not None:
        before: tuple[Slot, ...] = yield ReadSlots(joins(covering), 1)
        counted = Slot(joins(covering), before[0].number + 1 if before else 0, 1, now, job.id)
        ended = msgspec.structs.replace(job, state=S.CANCELLED, due=None, joins=covering.id)
        return Question(ended, (counted,), f"job {covering.id} asks for the same")
    same = next((one for one in waiting if _fits(one, job)), None)
    if same is not None:
        return Question(_together(same, job), (slot,), f"it asks for what job {same.id} asked, too")
    behind = job.action_class is ActionClass.REVERSAL or any(one.action_class is ActionClass.CONTAINMENT for one in waiting)
    place = "it waits behind" if behind else "it is asked before"
    return Question(job, (slot,), f"{place} what else is asked about {job.plan.target.name}" if waiting else "")


def open_questions(job: Job) -> Process[tuple[Job, ...]]:
    """Give the questions about a job's target that are open, in the order in which they are asked; those that another replaces are none."""
    last: tuple[Slot, ...] = yield ReadSlots(series(job), LATELY)
    found: list[Job] = []
    for slot in reversed(last):
        one: Job | None = yield ReadJob(slot.job)
        if one is not None:
            found.append(one)
    replaced = {one.replaces for one in found}
    waiting = [one for one in found if one.state is S.PENDING and one.id not in replaced]
    return tuple(sorted(waiting, key=lambda one: one.action_class is not ActionClass.CONTAINMENT))  # sorting keeps who came first


def front(job: Job) -> Process[str]:
    """Give the question about a job's target that is asked now; the job itself where none is."""
    waiting = yield from open_questions(job)
    return waiting[0].id if waiting else job.id


def replaced_by(job: Job) -> Process[str]:
    """Give the question that asks for what a job asked, and more; empty where there is none."""
    last: tuple[Slot, ...] = yield ReadSlots(series(job), LATELY)
    for slot in last:
        one: Job | None = yield ReadJob(slot.job)
        if one is not None and one.replaces == job.id:
            return one.id
    return ""


def settle(job: Job) -> Process[None]:
    """End the question that a job replaces, and have the one that it joins know who is involved; done again where somebody stopped before."""
    other: Job | None = (yield ReadJob(job.replaces or job.joins)) if job.replaces or job.joins else None
    if other is None or other.state is not S.PENDING:
        return
    if job.replaces:
        yield from end(other, S.CANCELLED, f"asked about together with more by job {job.id}")
    elif new := tuple(one for one in job.no_say if one not in other.no_say):
        now: datetime = yield ReadTime()
        why = f"a further finding asks for the same (job {job.id}); {', '.join(new)} have no say either"
        told = other.moved(S.PENDING, other.due, no_say=(*other.no_say, *new))
        yield from commit(told, record(told, RecordKind.APPROVAL_REQUESTED, now, why, number=told.version), notice=notice(told, now, why))


def _fits(standing: Job, job: Job) -> bool:
    few = len(standing.plan.steps) + len(job.plan.steps) <= STEPS_AT_MOST
    return standing.action_class is job.action_class and standing.merged < REPLACED_AT_MOST and few


def _covers(standing: Job, job: Job) -> bool:
    asked = {_what(step.call) for step in standing.plan.steps}
    return all(_what(step.call) in asked for step in job.plan.steps)


def _what(call: object) -> bytes:
    return msgspec.json.encode(call, order="deterministic")


def _together(standing: Job, job: Job) -> Job:
    """Give one question for both: the steps of the standing one, then what is new; the graver finding names it.

    It has the time of the standing one, unless it is graver: then its own.
    """
    asked = {_what(step.call) for step in standing.plan.steps}
    steps = (*standing.plan.steps, *(step for step in job.plan.steps if _what(step.call) not in asked))
    affects = tuple(dict.fromkeys((*standing.plan.affects, *job.plan.affects)))
    graver = job if job.severity.rank > standing.severity.rank else standing
    caused = f" (caused by {standing.actor})" if standing.actor and standing.actor != job.actor else ""
    return msgspec.structs.replace(
        job,
        plan=Plan(target=job.plan.target, affects=affects, steps=steps, config_hash=job.plan.config_hash),
        guardrail=graver.guardrail,
        severity=graver.severity,
        reason=f"{job.reason}. And before: {standing.reason}{caused}",
        needs=max(standing.needs, job.needs),
        no_say=tuple(dict.fromkeys((*standing.no_say, *job.no_say))),
        stakes=tuple(dict.fromkeys((*standing.stakes, *job.stakes))),
        about=tuple(dict.fromkeys((*standing.about, standing.event_key, *job.about))),
        since=min(filter(None, (standing.since, job.since)), default=None),
        asked=graver.asked,
        expires=graver.expires,
        reminded=graver.reminded,
        replaces=standing.id,
        merged=standing.merged + 1,
    )
