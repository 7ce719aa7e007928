"""Whether trail and jobs agree: no outcome without its intent before it, one terminal record for each job that ended, plans unchanged.

This is consistency, not tamper evidence: who can rewrite the table can rewrite both. Signed checkpoints come with `seal`.
"""

from collections.abc import Callable, Iterable

from ringfence.domain.job import Job
from ringfence.domain.record import Record, RecordKind


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
    intents = {record.step: record for record in records if record.kind is RecordKind.INTENT}
    for number in job.changed:
        outcome = next((r for r in records if r.kind is RecordKind.OUTCOME and r.step == number), None)
        if outcome is None or number not in intents:
            yield f"{job.id}: step {number + 1} changed something without an intent and an outcome"
        elif intents[number].time > outcome.time:
            yield f"{job.id}: the outcome of step {number + 1} is older than its intent"
