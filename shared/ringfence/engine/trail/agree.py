"""Whether trail and jobs agree: no outcome without its intent before it, one terminal record for each job that ended, plans unchanged.

This is consistency, not tamper evidence: who can rewrite the table can rewrite both. Signed checkpoints come with `seal`.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta

from ringfence.domain.job import Job
from ringfence.domain.record import Record, RecordKind

CHANGED = ("true", "maybe")
SKEW = timedelta(minutes=5)  # by which the clocks of two workers may differ


def problems(jobs: Iterable[Job], records_of: Callable[[str], tuple[Record, ...]]) -> tuple[str, ...]:
    """Give every disagreement in words; none where all is well."""
    return tuple(problem for job in jobs for problem in _problems(job, records_of(job.id)))


def _problems(job: Job, records: tuple[Record, ...]) -> Iterable[str]:
    kinds = [record.kind for record in records]
    ends = [record for record in records if record.kind is RecordKind.CLOSED]
    if kinds.count(RecordKind.DECISION) != 1:
        yield f"{job.id}: {kinds.count(RecordKind.DECISION)} decisions, expected 1"
    if len(ends) != (1 if job.ended else 0):
        yield f"{job.id}: {len(ends)} terminal records in state {job.state}"
    for end in ends:
        if end.state != job.state:
            yield f"{job.id}: closed as {end.state}, but is {job.state}"
    for record in records:
        if record.plan_digest != job.plan.digest:
            yield f"{record.id}: of another plan"
    intents = {(r.step, r.round, r.rung): r for r in records if r.kind is RecordKind.INTENT}
    outcomes = [r for r in records if r.kind is RecordKind.OUTCOME]
    for outcome in outcomes:
        intent = intents.get((outcome.step, outcome.round, outcome.rung))
        if outcome.data.get("changed") in CHANGED and (intent is None or intent.time > outcome.time + SKEW):
            yield f"{outcome.id}: no intent before it"
    for number, rung in job.changed:
        if not any((o.step, o.rung) == (number, rung) and o.data.get("changed") in CHANGED for o in outcomes):
            yield f"{job.id}: step {number + 1} changed something without an outcome"
