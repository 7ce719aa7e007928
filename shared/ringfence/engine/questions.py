"""One open question for each identity: what is found meanwhile joins it, or is asked together with it.

The questions about a target stand in a series of slots, each number taken once, in the transaction that opens the job: the last one is the
one that counts. A question that asks for nothing new, and is no graver, joins the open one. Another one replaces it, and asks for both, so that
nobody approves what they were not shown; containment goes before a reversal. How often that may happen within an hour is bounded: whoever makes
new findings cannot push a question away for ever.
"""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Plan
from ringfence.engine.commands import Process, ReadJob, ReadSlots
from ringfence.engine.moves import end
from ringfence.engine.ports import Slot

REPLACED_AT_MOST = 3
HOUR = timedelta(hours=1)
S = JobState


class Question(Struct, frozen=True):
    """A job as it is asked: with its slot where it is a question of its own, else ended, with the reason."""

    job: Job
    slots: tuple[Slot, ...] = ()
    why: str = ""
    joins: str = ""  # the question that it adds nothing to


def series(job: Job) -> str:
    """Name the series of questions about a target."""
    return f"question:{job.plan.target.key}"


def ask(job: Job, now: datetime) -> Process[Question]:
    """Say how a pending job is asked, in view of what is asked about its target already."""
    last: tuple[Slot, ...] = yield ReadSlots(series(job), REPLACED_AT_MOST + 1)
    slot = Slot(series(job), last[0].number + 1 if last else 0, 1, now, job.id)
    standing: Job | None = (yield ReadJob(last[0].job)) if last else None
    if standing is None or standing.state is not S.PENDING or now >= standing.expires:
        return Question(job, (slot,))
    if _covers(standing, job) and job.severity.rank <= standing.severity.rank:
        number = yield from joined(standing)
        return Question(
            _ended(job, S.CANCELLED), (Slot(joins(standing), number, 1, now, job.id),), f"job {standing.id} asks for the same", standing.id
        )
    replaced = sum(one.time > now - HOUR for one in last)
    if standing.action_class is not job.action_class and job.action_class is ActionClass.REVERSAL:
        return Question(_ended(job, S.FOR_A_PERSON), (), f"the containment of {job.plan.target.name} is asked first (job {standing.id})")
    if replaced > REPLACED_AT_MOST:
        return Question(
            _ended(job, S.FOR_A_PERSON), (), f"job {standing.id} was added to {replaced - 1} times within the hour: decide that one"
        )
    if standing.action_class is not job.action_class:
        return Question(job, (slot,), f"it is asked instead of job {standing.id}")
    return Question(_together(standing, job), (slot,), f"it asks for what job {standing.id} asked, too")


def settle_earlier(job: Job) -> Process[None]:
    """End the questions that a job replaces; done again where somebody stopped before."""
    last: tuple[Slot, ...] = yield ReadSlots(series(job), REPLACED_AT_MOST + 1)
    if not last or last[0].job != job.id:
        return
    for slot in last[1:]:
        earlier: Job | None = yield ReadJob(slot.job)
        if earlier is not None and earlier.state is S.PENDING:
            yield from end(earlier, S.CANCELLED, f"asked about together with more by job {job.id}")


def front(job: Job) -> Process[str]:
    """Give the question about a job's target that counts; the job itself where none does."""
    last: tuple[Slot, ...] = yield ReadSlots(series(job), 1)
    return last[0].job if last else job.id


def joined(job: Job) -> Process[int]:
    """Count the findings that joined a question."""
    last: tuple[Slot, ...] = yield ReadSlots(joins(job), 1)
    return last[0].number + 1 if last else 0


def joins(job: Job) -> str:
    """Name the series of findings that joined a question."""
    return f"joins:{job.id}"


def _covers(standing: Job, job: Job) -> bool:
    asked = {_what(step.call) for step in standing.plan.steps}
    return all(_what(step.call) in asked for step in job.plan.steps)


def _what(call: object) -> bytes:
    return msgspec.json.encode(call, order="deterministic")


def _together(standing: Job, job: Job) -> Job:
    """Give one question for both: the steps of the standing one, then what is new; the graver finding names it."""
    asked = {_what(step.call) for step in standing.plan.steps}
    steps = (*standing.plan.steps, *(step for step in job.plan.steps if _what(step.call) not in asked))
    affects = tuple(dict.fromkeys((*standing.plan.affects, *job.plan.affects)))
    plan = Plan(target=job.plan.target, affects=affects, steps=steps, config_hash=job.plan.config_hash)
    graver = max((standing, job), key=lambda one: one.severity.rank)
    return msgspec.structs.replace(
        job,
        plan=plan,
        guardrail=graver.guardrail,
        severity=graver.severity,
        reason=f"{standing.reason}. And: {job.reason}",
        needs=max(standing.needs, job.needs),
        no_say=tuple(dict.fromkeys((*standing.no_say, *job.no_say))),
        since=min(filter(None, (standing.since, job.since)), default=None),
    )


def _ended(job: Job, state: JobState) -> Job:
    return msgspec.structs.replace(job, state=state, due=None)
