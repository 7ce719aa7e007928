"""Case and Finding: what a guardrail judges, and what it says."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from ringfence.domain.event import Event, Source
from ringfence.domain.identity import Identity
from ringfence.domain.signal import Signal
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
    state: State | None  # of the identity; None: not known
    target: Identity | None = None  # what the event changed, where that is another than the identity: a policy, a group, a trail
    target_state: State | None = None  # None: not known
    other: State | None = None  # of whom the guardrail asked for by `about`; None: not known
    before: State | None = None  # of what the event changed, when we last saw that it was fine; None: not known
    recent: tuple[Signal, ...] = ()
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
    project: str = ""  # of the case; the evaluator fills it in
    cause: str = ""  # what makes it the same finding again, where that is not the event


class Unknown(Struct, frozen=True):
    """A guardrail cannot tell: what it would need, in plain words. Never a pass."""

    reason: str
    cause: str = ""  # what makes it the same again for a while, whatever the event and whoever did it: a person is told once


type Verdict = Finding | Unknown | None


class Judged(StrEnum):
    """Whom a guardrail judges: whom the event touches, or who did it (then it is about the whole account, whoever it is)."""

    SUBJECT = "subject"
    ACTOR = "actor"


class Trigger(Struct, frozen=True):
    """One kind of event that a guardrail hears, and whom it judges then."""

    source: Source
    name: str
    judges: Judged = Judged.SUBJECT
    service: str = "iam"  # of a call: other services have calls of the same names; `*`: of any

    def hears(self, service: str | None) -> bool:
        """Whether an event of this source and name, of that service, is meant; None: of none that is told."""
        return service is None or self.service in ("*", service)


def service_of(event: Event) -> str | None:
    """Name the service whose call an event is about, without what all of its cloud's services are called."""
    if event.source is Source.GCP_AUDIT:
        return str(event.parameters.get("service", "")).removesuffix(".googleapis.com")
    told = event.parameters.get("eventSource") if event.source is Source.CLOUDTRAIL else None
    return None if told is None else str(told).removesuffix(".amazonaws.com")


class Standards(Struct, frozen=True, kw_only=True):
    """Where a guardrail stands in the frameworks: ids of ATT&CK, ATLAS, CIS (with the benchmark's version) and NIST SP 800-53 rev. 5."""

    attack: tuple[str, ...]
    atlas: tuple[str, ...] = ()
    cis: tuple[str, ...] = ()
    nist: tuple[str, ...] = ()


class Guardrail(Struct, frozen=True, kw_only=True):
    """A pure judgement with its metadata beside it. One with a `window` is a playbook: it judges what was signalled within it."""

    id: str
    title: str
    severity: Severity
    why: str
    triggers: tuple[Trigger, ...]
    reads: frozenset[Facet] = frozenset()  # which parts of the identity's state `check` looks at
    reads_target: frozenset[Facet] = frozenset()  # the same of what the event changed besides
    about: Callable[[Event], Identity | None] | None = None  # whom `check` looks at besides, as the event names them: its bindings
    compares: bool = False  # `check` looks at what was before
    vouches: frozenset[str] = frozenset()  # the parts of a state that are fine where it finds nothing
    actions: tuple[str, ...] = ()
    standards: Standards
    false_positives: str
    window: timedelta | None = None
    follows: tuple[str, ...] = ()  # of a playbook: the guardrails whose findings it hears
    check: Callable[[Case], Verdict]


def some_of(words: Sequence[str], most: int) -> str:
    """Name the first of them, and say how many more there are."""
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")
