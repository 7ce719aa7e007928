"""Case and Finding: what a guardrail judges, and what it says."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ringfence.domain.event import Event, Source
from ringfence.domain.identity import Identity
from ringfence.domain.state import Facet, State

if TYPE_CHECKING:
    from ringfence.settings import Project, Settings


class Severity(StrEnum):
    """How bad it is, by our own judgement of the identity's context."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for low to 3 for critical."""
        return list(Severity).index(self)


class Workload(StrEnum):
    """What an AI identity is for; the kind fixes what it may be allowed."""

    TRAINING = "training"
    INFERENCE = "inference"
    NOTEBOOK = "notebook"
    PIPELINE = "pipeline"
    AGENT = "agent"
    HUMAN = "human"
    BEDROCK_API_KEY = "bedrock-api-key"
    UNKNOWN = "unknown"


class Case(Struct, frozen=True, kw_only=True):
    """What a guardrail judges. Event present = real time; absent = access review; `recent` filled = correlation."""

    identity: Identity
    event: Event | None
    state: State | None  # None: not known
    recent: tuple[Event, ...] = ()
    project: "Project"
    workload: Workload
    settings: "Settings"
    now: datetime


class Finding(Struct, frozen=True, kw_only=True):
    """A guardrail's word on one identity. `actions` are put in order; what happens to them is the engine's decision."""

    guardrail: str
    severity: Severity
    identity: Identity
    reason: str  # plain words
    evidence: Mapping[str, Any]
    actions: tuple[str, ...] = ()
    standing: bool = False  # not known to be a fresh change: reversing it asks
    certain: bool = True  # False: every step asks, in every mode


class Unknown(Struct, frozen=True):
    """A guardrail cannot tell: what it would need, in plain words. Never a pass."""

    reason: str


type Verdict = Finding | Unknown | None


class Trigger(Struct, frozen=True):
    """One kind of event that a guardrail hears."""

    source: Source
    name: str


class Guardrail(Struct, frozen=True, kw_only=True):
    """A pure judgement with its metadata beside it."""

    id: str
    title: str
    severity: Severity
    why: str
    triggers: tuple[Trigger, ...]
    reads: frozenset[Facet]  # which parts of the state `check` looks at
    actions: tuple[str, ...]
    attack: tuple[str, ...]  # ATT&CK technique ids
    false_positives: str
    check: Callable[[Case], Verdict]
