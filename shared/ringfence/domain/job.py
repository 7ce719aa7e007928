"""Job: a plan being carried out; one enum of states, one table of edges."""

from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct, field

from ringfence.domain.finding import Severity
from ringfence.domain.plan import ActionClass, Plan
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
EDGES: dict[JobState, frozenset[JobState]] = {
    S.PENDING: frozenset({S.PENDING, S.APPROVED, S.DENIED, S.EXPIRED, S.CANCELLED}),
    S.APPROVED: frozenset({S.RUNNING, S.STOPPED, S.CANCELLED, S.FAILED}),
    S.RUNNING: frozenset({S.RUNNING, S.VERIFYING, S.NOTHING_TO_DO, S.PARTIAL, S.STALE, S.STOPPED, S.FAILED, S.UNSUPPORTED, S.FOR_A_PERSON}),
    S.VERIFYING: frozenset({S.DONE, S.NOT_CONTAINED, S.FAILED}),
}
TERMINAL = frozenset(JobState) - EDGES.keys()


class Job(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
    created: datetime
    expires: datetime
    needs: int = 1  # how many people have to approve
    approvals: tuple[str, ...] = ()  # who has
    step: int = 0  # the next step to close
    changed: tuple[int, ...] = ()  # the steps that changed something, for undo
    undo_of: str | None = None

    def moved(
        self, state: JobState, *, step: int | None = None, changed: tuple[int, ...] | None = None, approvals: tuple[str, ...] | None = None
    ) -> "Job":
        """Give the job in another state, at the next version; refuse an edge that the table does not have."""
        if state not in EDGES.get(self.state, frozenset()):
            raise RefusedError(f"job {self.id} is {self.state} and cannot become {state}", "Read the job again: somebody else moved it on")
        return msgspec.structs.replace(
            self,
            state=state,
            version=self.version + 1,
            step=self.step if step is None else step,
            changed=self.changed if changed is None else changed,
            approvals=self.approvals if approvals is None else approvals,
        )

    @property
    def ended(self) -> bool:
        """Whether the job has come to its end."""
        return self.state in TERMINAL
