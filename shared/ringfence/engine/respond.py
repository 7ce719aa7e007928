"""The only writer. Intent -> call -> outcome for each step; then the state is read again before anything is called done.

`prepare` commits the intent and gives the call; `settle` reads the state again and commits the outcome. The automatic loop makes
the call in between with the function's role; an undo that grants something makes it with the operator's own credentials.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from ringfence.actions import ACTIONS, Action
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.state import FACETS, FactKind, State
from ringfence.engine.decide import exemption_key
from ringfence.engine.ports import Absence, Done, Exemption, Failed, Lost, Notice, Queue, Reader, Reply, Store, Wanted, Writer
from ringfence.engine.protect import built_in, protected
from ringfence.engine.trail import closed, record
from ringfence.errors import RefusedError, UndeclaredCallError, UpstreamError
from ringfence.settings import Settings

PUT_BACK_FOR = timedelta(hours=1)  # EventBridge delivers late at times; then the identity is judged like any other again
CREDENTIALS = (FactKind.ACCESS_KEY, FactKind.SERVICE_CREDENTIAL, FactKind.SSH_KEY, FactKind.CERTIFICATE)
VERIFY_AFTER = 5  # seconds: IAM is eventually consistent, a first read back proves little
S = JobState


def declared(call: Call, actions: Iterable[Action] = ACTIONS) -> bool:
    """Whether some action declares the permission that a call needs."""
    return f"{call.service}:{call.operation}" in {p.action for action in actions for p in action.writes}


class Responder:
    """Carries jobs out, one step at a time."""

    def __init__(
        self, settings: Settings, store: Store, queue: Queue, reader: Reader, writer: Writer, clock: Callable[[], datetime]
    ) -> None:
        """Take the settings and every port."""
        self.settings = settings
        self.store = store
        self.queue = queue
        self.reader = reader
        self.writer = writer
        self.clock = clock

    def apply(self, job_id: str) -> Job:
        """Carry a job out, from wherever it stands. Anything but an approved or running job is left as it is."""
        job = self._job(job_id)
        if job.state is S.VERIFYING:
            self.queue.later(job, VERIFY_AFTER)  # the message that should verify it may be lost
            return job
        if self.is_operators(job):
            raise RefusedError(f"job {job_id} gives a permission back: only an operator can", f"Run `ringfence undo {job.undo_of}`")
        while call := self.prepare(job_id):
            if not declared(call):
                raise UndeclaredCallError(
                    f"no action declares {call.service}:{call.operation}", "Add the permission to the action, and to the writer's role"
                )
            self.settle(job_id, self.writer.call(call, job_id))
        return self._job(job_id)

    @staticmethod
    def is_operators(job: Job) -> bool:
        """Whether a job gives a permission back: only an operator's own credentials may make its calls."""
        return job.undo_of is not None and job.action_class is ActionClass.REVERSAL

    def prepare(self, job_id: str) -> Call | None:
        """Commit the intent of the next step that is still to do and give its call; None where the job goes no further."""
        job = self._job(job_id)
        if job.state is S.APPROVED:
            job = self._advance(job.moved(S.RUNNING), [])
        while job.state is S.RUNNING:
            if job.step == len(job.plan.steps):
                self._finish(job)
                return None
            state = self._target(job)
            if isinstance(state, Job):
                return None
            intent = self._intent(job)
            moved = self._skip(job, state, intent)
            if moved is None:
                return self._intend(job, state, intent)
            job = moved
        return None

    def _skip(self, job: Job, state: State, intent: Record | None) -> Job | None:
        """Close or end a step that needs no call; None where it needs one."""
        step = job.plan.steps[job.step]
        value = state.value(step.fact)
        if value == step.after:
            return self._close_step(job, "it happened: the reply was lost" if intent else "it was so already", changed=intent is not None)
        if job.undo_of and value is None and step.fact.kind in CREDENTIALS:
            return self._close_step(job, f"{step.fact.kind} {step.fact.key} is gone: nothing to put back", changed=False)
        if value != step.before and (step.action_class is ActionClass.REVERSAL or job.undo_of):
            now = f"{step.fact.kind} {step.fact.key} is not as planned any more (now {value or 'absent'}): judged afresh"
            return self._end(job, S.PARTIAL if job.changed else S.STALE, now)
        return None

    def _intend(self, job: Job, state: State, intent: Record | None) -> Call:
        """Commit the intent, unless it stands already, and give the call. Containment goes on in spite of drift, and says so."""
        step = job.plan.steps[job.step]
        if intent is None:
            value = state.value(step.fact)
            drift = "" if value == step.before else f" (it drifted to {value}: containment goes on)"
            said = self._record(job, RecordKind.INTENT, f"about to call {step.call.operation}{drift}", step)
            self.store.advance(job.moved(S.RUNNING), [said], self._put_back(job, step))
        return step.call

    def settle(self, job_id: str, reply: Reply) -> Job:
        """Commit what became of the call that `prepare` gave. A no is checked against the state: a lost reply may have done it."""
        job = self._job(job_id)
        if job.state is not S.RUNNING or self._intent(job) is None:
            raise RefusedError(f"job {job_id} has no open intent", "Nothing to settle: see `ringfence trail show`")
        step = job.plan.steps[job.step]
        if isinstance(reply, Done) and not self.is_operators(job):
            return self._close_step(job, f"{step.call.operation} done", changed=True, request_id=reply.request_id)
        state = self._target(job)
        if isinstance(state, Job):
            return state
        if isinstance(reply, Done):
            seen = "read again: it is so" if state.value(step.fact) == step.after else "not seen in the state yet"
            return self._close_step(job, f"the operator reports {step.call.operation}; {seen}", changed=True, request_id=reply.request_id)
        why = f"{reply.code}: {reply.message}" if isinstance(reply, Failed) else f"no reply ({reply.why})"
        if state.value(step.fact) == step.after:
            return self._close_step(job, f"it happened, though the reply was {why}", changed=True)
        if isinstance(reply, Lost):
            raise UpstreamError(
                f"{step.call.operation} gave {why} and has not happened yet", "The job is tried again; its intent stays open"
            )
        return self._end(job, S.PARTIAL if job.changed else S.FAILED, f"{step.call.operation} failed: {why}", outcome=step)

    def verify(self, job_id: str) -> Job:
        """Read the target again; only now is a job done."""
        job = self._job(job_id)
        if job.state is not S.VERIFYING:
            return job
        state = self.reader.read(job.plan.target, self._wanted(job.plan.steps))
        if isinstance(state, Absence):
            return self._end(job, S.DONE, f"the target is gone: {state.value}")
        counted = [s for i, s in enumerate(job.plan.steps) if i in job.changed or not job.undo_of]
        wrong = [step.fact for step in counted if state.value(step.fact) != step.after]
        if wrong:
            named = ", ".join(f"{fact.kind} {fact.key}" for fact in wrong)
            return self._end(job, S.NOT_CONTAINED, f"read again, it does not hold: {named}. Somebody reverts it: look now")
        return self._end(job, S.DONE, "read again: it holds")

    def _job(self, job_id: str) -> Job:
        job = self.store.job(job_id)
        if job is None:
            raise RefusedError(f"there is no job {job_id}", "A message carries a job's id, and only stored jobs are carried out")
        return job

    def _target(self, job: Job) -> State | Job:
        """Read the target afresh; end the job where it is gone, another identity by now, or protected."""
        target = job.plan.target
        state = self.reader.read(target, self._wanted(job.plan.steps))
        if isinstance(state, Absence):
            return self._end(job, S.PARTIAL if job.changed else S.NOTHING_TO_DO, f"{target.name}: {state.value}")
        if target.unique_id and state.identity.unique_id != target.unique_id:
            return self._end(
                job, S.STALE, f"{target.name} was deleted and made anew since: {state.identity.unique_id}, planned for {target.unique_id}"
            )
        why = built_in(state.identity, self.settings) if job.undo_of else protected(state.identity, self.settings)
        if why:
            return self._end(job, S.UNSUPPORTED, f"out of reach: {why}")
        return state

    def _put_back(self, job: Job, step: Step) -> tuple[Exemption, ...]:
        """For an operator's call: its own event, still on its way, must not be answered by another reversal."""
        if not self.is_operators(job) or job.actor is None:
            return ()
        return (Exemption(exemption_key(job.plan.target, step.fact), step.after, job.actor, self.clock() + PUT_BACK_FOR, job.id),)

    def _wanted(self, steps: tuple[Step, ...]) -> Wanted:
        return Wanted(frozenset(facet for step in steps for facet in FACETS[step.fact.kind]))

    def _intent(self, job: Job) -> Record | None:
        return next((r for r in self.store.records(job.id) if r.kind is RecordKind.INTENT and r.step == job.step), None)

    def _record(self, job: Job, kind: RecordKind, reason: str, step: Step, **data: str) -> Record:
        both: Mapping[str, object] = {"call": msgspec.to_builtins(step.call), "inverse": msgspec.to_builtins(step.inverse), **data}
        return record(job, kind, self.clock(), reason, step=job.step, data=both)

    def _close_step(self, job: Job, reason: str, *, changed: bool, request_id: str = "") -> Job:
        outcome = self._record(
            job, RecordKind.OUTCOME, reason, job.plan.steps[job.step], request_id=request_id, changed=str(changed).lower()
        )
        done = (*job.changed, job.step) if changed else job.changed
        return self._advance(job.moved(S.RUNNING, step=job.step + 1, changed=done), [outcome])

    def _finish(self, job: Job) -> None:
        if not job.changed:
            self._end(job, S.NOTHING_TO_DO, "everything was so already")
            return
        verifying = self._advance(job.moved(S.VERIFYING), [])
        self.queue.later(verifying, VERIFY_AFTER)

    def _end(self, job: Job, state: JobState, reason: str, outcome: Step | None = None) -> Job:
        ended = job.moved(state)
        records = [self._record(job, RecordKind.OUTCOME, reason, outcome, changed="false")] if outcome else []
        self._advance(ended, [*records, closed(ended, self.clock(), reason)])
        self.queue.notice(Notice(job=job.id, state=state, severity=job.severity, title=job.guardrail, text=reason))
        return ended

    def _advance(self, job: Job, records: Iterable[Record]) -> Job:
        self.store.advance(job, records)
        return job
