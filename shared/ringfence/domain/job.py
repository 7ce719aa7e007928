"""Job: a plan being carried out; one enum of states, one table of edges."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypedDict, Unpack

import msgspec
from msgspec import Struct, field

from ringfence.domain.finding import Severity
from ringfence.domain.plan import ActionClass, Plan, Step
from ringfence.errors import RefusedError


class JobState(StrEnum):
    """Where a job is."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    RUNNING = "running"
    VERIFYING = "verifying"
    DONE = "done"
    NOTHING_TO_DO = "nothing-to-do"
    NOT_CONTAINED = "not-contained"
    PARTIAL = "partial"
    STALE = "stale"
    STOPPED = "stopped"
    UNSUPPORTED = "unsupported"
    FOR_A_PERSON = "for-a-person"
    FAILED = "failed"


S = JobState
# What may follow what, and when. A state that leads nowhere else is an end; `done` and `partial` may be looked at again, and stay what they are.
EDGES: Mapping[JobState, Mapping[JobState, str]] = {
    S.PENDING: {
        S.PENDING: "one of two approvals, a reminder, or a finding that joins",
        S.APPROVED: "approved",
        S.DENIED: "one denial",
        S.EXPIRED: "nobody decided in time",
        S.CANCELLED: "asked about together with more",
        S.FAILED: "its stored plan is not the one on record",
    },
    S.APPROVED: {
        S.RUNNING: "taken up",
        S.CANCELLED: "an undo was faster",
        S.DENIED: "one denial, before it was taken up",
        S.EXPIRED: "an undo that its operator never carried out",
        S.FAILED: "its message could not be worked off",
    },
    S.RUNNING: {
        S.RUNNING: "intent or outcome of a step, or the next rung of a ladder",
        S.VERIFYING: "every step is closed",
        S.NOTHING_TO_DO: "the target is gone, or there is no step",
        S.PARTIAL: "it ends after some steps",
        S.STALE: "another state than planned for, or another identity",
        S.STOPPED: "the kill switch is set",
        S.FAILED: "the cloud refuses",
        S.FOR_A_PERSON: "this deployment may not make the call",
        S.NOT_CONTAINED: "no rung of the ladder is left",
        S.UNSUPPORTED: "the target is out of reach",
    },
    S.VERIFYING: {
        S.VERIFYING: "not seen to hold yet: looked at again",
        S.RUNNING: "containment does not hold, or what seemed to be so already is not: asserted again",
        S.DONE: "read again, it holds",
        S.PARTIAL: "read again, what the cloud did not refuse holds",
        S.NOTHING_TO_DO: "read again, it was so already",
        S.NOT_CONTAINED: "read for the last time, it does not hold",
        S.FAILED: "its message could not be worked off",
    },
    S.DONE: {S.DONE: "containment is looked at twice more, and what was left behind is looked for"},
    S.PARTIAL: {S.PARTIAL: "the same, of what is contained"},
    S.NOT_CONTAINED: {S.NOT_CONTAINED: "what was left behind is looked for"},
    S.NOTHING_TO_DO: {S.NOTHING_TO_DO: "what was left behind is looked for: the target may be gone"},
    S.STALE: {S.STALE: "what was left behind is looked for: the target was made anew"},
    S.FAILED: {S.FAILED: "what was left behind is looked for"},
}
TERMINAL = frozenset(state for state in JobState if not EDGES.get(state, {}).keys() - {state})


class Changes(TypedDict, total=False):
    """What may change of a job beside its state and the time by which somebody has to look at it."""

    approvals: tuple[str, ...]
    no_say: tuple[str, ...]
    reminded: int
    round: int
    looks: int
    step: int
    rungs: tuple[int, ...]
    changed: tuple[tuple[int, int], ...]
    refused: tuple[int, ...]
    swept: int
    searching: datetime | None


class Job(Struct, frozen=True, kw_only=True):
    """One plan on its way. `version` counts its stored states: a conditional write lets only one worker move it on."""

    id: str
    state: JobState
    version: int = 0
    plan: Plan
    action_class: ActionClass = field(name="class")
    guardrail: str
    severity: Severity
    reason: str
    event_key: str
    actor: str | None  # who caused the event: may not approve
    since: datetime | None = None  # the first sign of trouble
    created: datetime
    expires: datetime
    due: datetime | None = None  # when somebody has to look at it, whatever became of its messages; None: never again
    needs: int = 1  # how many people have to approve
    approvals: tuple[str, ...] = ()  # who has: people, each once
    no_say: tuple[str, ...] = ()  # who is involved: caused it, is affected, or owns it
    asked: datetime | None = None  # since when its time counts; None: since it was created
    reminded: int = 0  # how often people were reminded
    stakes: tuple[str, ...] = ()  # what may break, in words
    replaces: str = ""  # the question that it asks, too
    joins: str = ""  # the question to which it adds nothing
    merged: int = 0  # how many questions it asks besides its own
    round: int = 0  # how often it was asserted again
    looks: int = 0  # how often the state was read since the last round
    step: int = 0  # the next step to close
    rungs: tuple[int, ...] = ()  # by step: which of its alternatives counts, 0 for the step itself; shorter: 0
    changed: tuple[tuple[int, int], ...] = ()  # step and rung of what changed something, or may have: for undo
    refused: tuple[int, ...] = ()  # the steps of a containment that the cloud refused
    swept: int = 0  # how often what the target left behind was looked for
    searching: datetime | None = None  # since when somebody looks for it
    about: tuple[str, ...] = ()  # the events that it is about, beside the one in `event_key`
    project: str = ""
    undo_of: str | None = None
    again_of: str | None = None  # the job whose containment somebody reverted

    def moved(self, state: JobState, due: datetime | None, **changes: Unpack[Changes]) -> "Job":
        """Give the job in another state, at the next version; refuse an edge that the table does not have."""
        if state not in EDGES.get(self.state, {}):
            raise RefusedError(f"job {self.id} is {self.state} and cannot become {state}", "Read the job again: somebody else moved it on")
        return msgspec.structs.replace(self, state=state, version=self.version + 1, due=due, **changes)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that count: of a ladder, the rung on which it stands."""
        return tuple(self.plan.rung(step, rung) for step, rung in enumerate(self._chosen))

    @property
    def next_rung(self) -> tuple[int, ...] | None:
        """The rungs with the current step one rung further up; None where there is none."""
        chosen = self._chosen
        if chosen[self.step] == len(self.plan.steps[self.step].otherwise):
            return None
        return (*chosen[: self.step], chosen[self.step] + 1, *chosen[self.step + 1 :])

    @property
    def rung(self) -> int:
        """The rung on which the current step stands."""
        return self._chosen[self.step]

    def with_changed(self) -> tuple[tuple[int, int], ...]:
        """Give `changed` with the current step and rung."""
        return tuple(dict.fromkeys((*self.changed, (self.step, self.rung))))

    @property
    def _chosen(self) -> tuple[int, ...]:
        return (*self.rungs, *(0 for _ in self.plan.steps[len(self.rungs) :]))

    @property
    def ended(self) -> bool:
        """Whether the job has come to its end."""
        return self.state in TERMINAL
