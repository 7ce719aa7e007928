"""Steps of a job: their records, the intent that is open, and how a job ends while nobody knows whether its open step happened."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ringfence.domain.canonical import digest
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import Call, Step
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.written import decode
from ringfence.engine.commands import Process, ReadRecords, ReadTime
from ringfence.engine.moves import end
from ringfence.engine.records import record

LONG = 1000  # characters of one parameter: names and ARNs are shorter, policies may be longer
MAYBE = "maybe"  # an outcome's `changed`: nobody waited for the reply, so an undo takes the step for done


def step_record(job: Job, kind: RecordKind, reason: str, step: Step, **data: str) -> Process[Record]:
    """Make a record of the step on which a job stands, with its call and the inverse; a long document stands once, in the decision's plan."""
    both: Mapping[str, object] = {"call": by_hash(step.call), "inverse": by_hash(step.inverse), **data}
    return record(job, kind, (yield ReadTime()), reason, step=job.step, data=both)


def by_hash(call: Call) -> dict[str, Any]:
    """Write a call with the length of what is long in it, and the digest of what that says, however it is spelt."""
    written: dict[str, Any] = msgspec.to_builtins(call)
    short = {
        key: {"sha256": digest(decode(value)), "characters": len(value)} if isinstance(value, str) and len(value) > LONG else value
        for key, value in written["parameters"].items()
    }
    return {**written, "parameters": short}


def open_intent(job: Job) -> Process[Record | None]:
    """Give the intent of the step and rung on which a job stands; None where there is none."""
    records: tuple[Record, ...] = yield ReadRecords(job.id)
    here = (job.step, job.round, job.rung)
    return next((r for r in records if r.kind is RecordKind.INTENT and (r.step, r.round, r.rung) == here), None)


def or_partial(job: Job, state: JobState) -> JobState:
    """Give the state in which a job ends that ends early: partial, where it has changed something."""
    return JobState.PARTIAL if job.changed else state


def cut_short(job: Job, state: JobState, reason: str) -> Process[Job]:
    """Bring a job to its end wherever it stands. A step whose intent is open may have happened: it counts as such, for an undo."""
    if job.state is not JobState.RUNNING:
        return (yield from end(job, state, reason))
    if job.step == len(job.plan.steps) or (yield from open_intent(job)) is None:
        return (yield from end(job, or_partial(job, state), reason))
    outcome = yield from step_record(job, RecordKind.OUTCOME, f"{reason}; it may have happened", job.steps[job.step], changed=MAYBE)
    perhaps = msgspec.structs.replace(job, changed=job.with_changed())
    return (yield from end(perhaps, or_partial(job, state), f"{reason}; step {job.step + 1} may have happened", outcome))
