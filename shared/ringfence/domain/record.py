"""Record: one entry of the trail. Records are put if absent, under an id that follows from job, kind and step."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class RecordKind(StrEnum):
    """What a record says."""

    DECISION = "decision"  # a finding, its plan, and what the mode makes of it
    APPROVAL_REQUESTED = "approval_requested"
    APPROVAL_DECIDED = "approval_decided"
    INTENT = "intent"  # durable before the call
    OUTCOME = "outcome"
    VERIFY = "verify"
    UNDO_REQUESTED = "undo_requested"
    EXEMPTION_USED = "exemption_used"
    SWEEP = "sweep"  # what a contained identity left behind was looked for
    BREAKER = "breaker"  # a budget is used up: it asks instead of acting
    CLOSED = "closed"  # the one terminal record of a job


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry: who, what, on whom, why, before, after, and how to undo it. Times are UTC."""

    id: str
    kind: RecordKind
    time: datetime
    job: str
    event_key: str
    guardrail: str
    identity: str  # ARN
    unique_id: str | None
    config_hash: str
    plan_digest: str | None = None
    step: int | None = None
    steps: int | None = None
    round: int = 0  # how often the job had been asserted again
    rung: int = 0  # of a ladder
    state: str | None = None  # of the job, in a closing record
    reason: str = ""
    data: Mapping[str, Any] = {}  # plan, call, inverse, evidence: by kind
