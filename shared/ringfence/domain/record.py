"""Record: one entry of the trail. Records are put if absent, under an id that follows from job, kind and step.

What is kept, numbered and signed of a record are its bytes: RFC 8785, so that there is one spelling only.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ringfence.domain.canonical import canonical

NO_JOB = "-"  # in `job`: it is about the product itself


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
    EXEMPTION_GRANTED = "exemption_granted"  # by a person, at run time
    OWNER_ANSWERED = "owner_answered"  # was it them?
    SWEEP = "sweep"  # what a contained identity left behind was looked for
    BREAKER = "breaker"  # a budget is used up: it asks instead of acting
    NOTICE_LOST = "notice_lost"  # nobody was told: its message failed every time
    CLOSED = "closed"  # the one terminal record of a job
    KILLSWITCH = "killswitch"  # somebody turned it
    CONFIG_LOADED = "config_loaded"  # from now on this configuration and this code judge and act
    HEARTBEAT = "heartbeat"  # nothing happened for an hour, and the trail is alive
    CHECKPOINT_MISSED = "checkpoint_missed"  # for longer than that nothing was sealed


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry: who, what, on whom, why, before, after, and how to undo it. Times are UTC."""

    id: str
    kind: RecordKind
    time: Annotated[datetime, Meta(tz=True)]
    job: str
    event_key: str
    guardrail: str
    identity: str  # ARN
    unique_id: str | None
    config_hash: str
    code_hash: str = ""  # of the package that wrote it
    plan_digest: str | None = None
    step: int | None = None
    steps: int | None = None
    round: int = 0  # how often the job had been asserted again
    rung: int = 0  # of a ladder
    state: str | None = None  # of the job, in a closing record
    reason: str = ""
    data: Mapping[str, Any] = {}  # plan, call, inverse, evidence: by kind

    @property
    def bytes(self) -> bytes:
        """The record as it is kept, sealed and exported."""
        return canonical(msgspec.to_builtins(self))

    def by(self, code_hash: str) -> "Record":
        """Give the record as the package of that hash writes it."""
        return msgspec.structs.replace(self, code_hash=code_hash) if code_hash else self
