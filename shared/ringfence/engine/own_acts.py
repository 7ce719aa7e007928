"""Our own changes come back as events. They are never a new job; each is reconciled with the job that made it.

An act is ours when our role made it *and* a job of ours explains it: the job's id travels in the call's user agent, a step of that job makes
this very call on this very target, and the request id is the one that its outcome recorded - or, where the reply was lost or the
client repeated the call, it happened while the step was open. A call by our role that no job explains: the role may be stolen.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ringfence.domain.canonical import digest
from ringfence.domain.event import Event
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import GOOGLE
from ringfence.domain.job import Job
from ringfence.domain.plan import Call
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.written import decode
from ringfence.engine import own_acts_gcp
from ringfence.engine.commands import Process, ReadJob, ReadRecords, ReadTime
from ringfence.engine.judgement import Planned
from ringfence.engine.trail.agree import SKEW

UNEXPLAINED = "own-role-unexplained"
DOCUMENTS = ("policyDocument",)


def unexplained(event: Event) -> Process[Planned | None]:
    """Give the finding about a call by our own role that no job of ours explains; None where one does."""
    job: Job | None = (yield ReadJob(event.mark)) if event.mark else None
    if job is not None:
        records: tuple[Record, ...] = yield ReadRecords(job.id)
        now: datetime = yield ReadTime()
        made = [n for n, step in enumerate(job.plan.steps) if any(_is(rung.call, event) for rung in (step, *step.otherwise))]
        if any(_fits(event, records, step, now) for step in made):
            return None
    who = event.actor.identity if event.actor else None
    subject = event.subject or who
    if subject is None:
        return None
    role = who.name if who else "our role"
    reason = f"{role} called {event.name} on {subject.name}, and no job of Ringfence did: the role may be in somebody else's hands"
    evidence = {"request_id": event.request_id, "job": event.mark}
    finding = Finding(guardrail=UNEXPLAINED, severity=Severity.CRITICAL, identity=subject, reason=reason, evidence=evidence)
    return Planned(finding=finding, steps=(), remark="Stop Ringfence (`ringfence stop`), end the role's sessions, and look at who uses it")


def _is(call: Call, event: Event) -> bool:
    return own_acts_gcp.same(call, event) if event.partition == GOOGLE else same(call.operation, call.parameters, event)


def same(operation: str, parameters: Mapping[str, Any], event: Event) -> bool:
    """Whether an event is about this call: CloudTrail writes the first letter of a parameter's name small, and documents as text."""
    if operation != event.name:
        return False
    given = small(parameters)
    return all(_alike(event.parameters.get(key), value, document=key in DOCUMENTS) for key, value in given.items())


def small(value: Any) -> Any:
    """Write the names in a parameter as CloudTrail does, however deep they stand."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: small(item) for key, item in value.items()}
    return [small(item) for item in value] if isinstance(value, (list, tuple)) else value


def _alike(seen: object, made: object, *, document: bool) -> bool:
    """Whether two values are the same; of a document what it says counts, which a record may name by its digest."""
    if not document:
        return (list(seen) if isinstance(seen, tuple) else seen) == made
    if not isinstance(seen, (str, Mapping)):
        return True  # CloudTrail leaves out what is too long for it
    said = made.get("sha256") if isinstance(made, Mapping) and "sha256" in made else digest(decode(made))
    return said == digest(decode(seen))


def _fits(event: Event, records: Iterable[Record], step: int, now: datetime) -> bool:
    every = tuple(records)
    of_step = [r for r in every if r.step == step]
    if event.request_id and any(r.data.get("request_id") == event.request_id for r in of_step):
        return True
    begun = [r for r in of_step if r.kind is RecordKind.INTENT]
    for intent in begun:
        ends = [r.time for r in of_step if r.kind is RecordKind.OUTCOME and (r.round, r.rung) == (intent.round, intent.rung)]
        ends += [r.time for r in every if r.kind is RecordKind.CLOSED]  # a job that ended makes no call any more
        if event.time is not None and intent.time - SKEW <= event.time <= min([*ends, now]) + SKEW:
            return True
    return False
