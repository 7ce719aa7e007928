"""Building records. Ids follow from job, kind and number, so that writing one again writes the same one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ringfence.domain.canonical import digest
from ringfence.domain.job import Job
from ringfence.domain.record import NO_JOB, Record, RecordKind
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Notice

LONGEST = 20_000  # characters of one piece of evidence: an item of the table holds 400 KB, and a policy 10,240 characters at most


def record(
    job: Job,
    kind: RecordKind,
    time: datetime,
    reason: str,
    *,
    number: int = 0,
    step: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> Record:
    """Make one record of a job."""
    number = number if step is None else step
    rung = 0 if step is None or step >= len(job.rungs) else job.rungs[step]
    return Record(
        id=f"{job.id}.{kind}.{number}" + (f".{job.round}.{rung}" if job.round or rung else ""),
        kind=kind,
        time=time,
        job=job.id,
        event_key=job.event_key,
        guardrail=job.guardrail,
        identity=job.plan.target.arn,
        unique_id=job.plan.target.unique_id,
        config_hash=job.plan.config_hash,
        plan_digest=job.plan.digest,
        step=step,
        steps=None if step is None else len(job.plan.steps),
        round=job.round,
        rung=rung,
        reason=reason,
        data=data or {},
    )


def decision(job: Job, time: datetime, evidence: Mapping[str, Any]) -> Record:
    """Record a finding and the plan that follows from it."""
    plan = msgspec.to_builtins(job.plan)
    kept = {key: _cut(value) for key, value in evidence.items()}
    said = {"plan": plan, "evidence": kept, "severity": job.severity, "actor": job.actor, "project": job.project}
    return record(job, RecordKind.DECISION, time, job.reason, data=said)


def _cut(value: object) -> object:
    """Keep a piece of evidence as it is, or where it is longer than a record can hold its beginning and its digest."""
    text = msgspec.json.encode(value).decode()
    return value if len(text) <= LONGEST else {"cut": text[:LONGEST], "length": len(text), "digest": digest(text)}


def closed(job: Job, time: datetime, reason: str) -> Record:
    """Make the one terminal record of a job that has come to its end."""
    return msgspec.structs.replace(record(job, RecordKind.CLOSED, time, reason), state=str(job.state))


def note(kind: RecordKind, name: str, time: datetime, reason: str, config_hash: str = "", data: Mapping[str, Any] | None = None) -> Record:
    """Make a record that belongs to no job. `name` makes it the same one again."""
    return Record(
        id=f"{kind}.{name}",
        kind=kind,
        time=time,
        job=NO_JOB,
        event_key="",
        guardrail="",
        identity="",
        unique_id=None,
        config_hash=config_hash,
        reason=reason,
        data=data or {},
    )


def lost(told: Notice, time: datetime, config_hash: str) -> Record:
    """Record, under the job that it is about, that a notice reached nobody."""
    data = {"state": told.state, "title": told.title, "text": told.text, "page": told.page, "of": told.time.isoformat()}
    made = note(RecordKind.NOTICE_LOST, told.id, time, "people were not told: the notice's message failed every time", config_hash, data)
    return msgspec.structs.replace(made, job=told.job, identity=told.identity)


def turned(switch: Switch, config_hash: str) -> Record:
    """Record a turn of the kill switch."""
    reason = f"{switch.by} {'stopped everything' if switch.stopped else 'let it go on'}"
    data = {"stopped": switch.stopped, "by": switch.by}
    return note(RecordKind.KILLSWITCH, f"{switch.number:012}", switch.time, reason, config_hash, data)


def loaded(config_hash: str, code_hash: str, time: datetime, about: Mapping[str, Any]) -> Record:
    """Record that from now on a configuration and a package are at work."""
    name = f"{time:%Y%m%dT%H%M%SZ}"
    return note(
        RecordKind.CONFIG_LOADED, name, time, f"configuration {config_hash[:12]} and code {code_hash[:12]} are at work", config_hash, about
    )
