"""The job core: a state machine without I/O. Intent -> call -> outcome for each step; then the state is read again.

Facts come in, commands go out (`ringfence.engine.commands`); `EDGES` in `ringfence.domain.job` is the table of states. `prepare` commits the
intent and gives the call; `settle` reads the state again and commits the outcome. The automatic loop makes the call in between with
the function's role; an undo that grants something makes it with the operator's own credentials.

A job's version is the fencing token: who takes a job over moves it on, and whoever held it before starts no further call and closes none.
The call that was in flight is found by reading the state, and closed by whoever took over.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec

from ringfence.actions import ACTIONS, Action
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.state import FACETS, FactKind, State
from ringfence.domain.switch import Switch
from ringfence.engine.commands import Commit, Later, Make, Process, ReadJob, ReadRecords, ReadState, ReadSwitch, ReadTime, Tell
from ringfence.engine.decide import exemption_key
from ringfence.engine.ports import Absence, Done, Exemption, Failed, Lost, Notice, Reply, Wanted
from ringfence.engine.protect import built_in, protected
from ringfence.engine.trail import closed, record
from ringfence.errors import RefusedError, UndeclaredCallError, UpstreamError
from ringfence.settings import Settings

PUT_BACK_FOR = timedelta(hours=1)  # EventBridge delivers late at times; then the identity is judged like any other again
CREDENTIALS = (FactKind.ACCESS_KEY, FactKind.SERVICE_CREDENTIAL, FactKind.SSH_KEY, FactKind.CERTIFICATE)
VERIFY_AFTER = 5  # seconds: IAM is eventually consistent, a first read back proves little
GONE = "NoSuchEntity"
S = JobState


def declared(call: Call, actions: Iterable[Action] = ACTIONS) -> bool:
    """Whether some action declares the permission that a call needs."""
    return f"{call.service}:{call.operation}" in {p.action for action in actions for p in action.writes}


def is_operators(job: Job) -> bool:
    """Whether a job gives a permission back: only an operator's own credentials may make its calls."""
    return job.undo_of is not None and job.action_class is ActionClass.REVERSAL


class JobCore:
    """Carries jobs out, one step at a time."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings."""
        self.settings = settings

    def apply(self, job_id: str) -> Process[Job]:
        """Carry a job out, from wherever it stands. Anything but an approved or running job is left as it is."""
        job = yield from _job(job_id)
        if job.state is S.VERIFYING:
            yield Later(job, VERIFY_AFTER)  # the message that should verify it may be lost
            return job
        if is_operators(job):
            raise RefusedError(f"job {job_id} gives a permission back: only an operator can", f"Run `ringfence undo {job.undo_of}`")
        while (ready := (yield from self._prepare(job))) is not None:
            call, fence = ready
            if not declared(call):
                raise UndeclaredCallError(
                    f"no action declares {call.service}:{call.operation}", "Add the permission to the action, and to the writer's role"
                )
            job = yield from _job(job_id)
            if job.version != fence:
                break  # somebody else has taken the job over
            if stopped := (yield from _stopped(job)):
                return (yield from self._end(job, S.PARTIAL if job.changed else S.STOPPED, stopped, outcome=job.plan.steps[job.step]))
            reply: Reply = yield Make(call, job_id)
            job = yield from _job(job_id)
            if job.version != fence:
                break  # it was taken over meanwhile: who did so finds what happened, and closes it
            job = yield from self._settle(job, reply)
        return (yield from _job(job_id))

    def prepare(self, job_id: str) -> Process[tuple[Call, int] | None]:
        """Commit the intent of the next step that is still to do; give its call and the fencing token. None where the job goes no further."""
        return (yield from self._prepare((yield from _job(job_id))))

    def _prepare(self, job: Job) -> Process[tuple[Call, int] | None]:
        if job.state is S.APPROVED:
            job = yield from _advance(job.moved(S.RUNNING))
        while job.state is S.RUNNING:
            if job.step == len(job.plan.steps):
                yield from self._finish(job)
                return None
            state = yield from self._target(job)
            if isinstance(state, Job):
                return None
            intent = yield from _intent(job)
            moved = yield from self._skip(job, state, intent)
            if moved is None:
                return (yield from self._intend(job, state, intent))
            job = moved
        return None

    def _skip(self, job: Job, state: State, intent: Record | None) -> Process[Job | None]:
        """Close or end a step that needs no call; None where it needs one."""
        step = job.plan.steps[job.step]
        value = state.value(step.fact)
        if value == step.after:
            why = "it happened: the reply was lost" if intent else "it was so already"
            return (yield from self._close_step(job, why, changed=intent is not None))
        if job.undo_of and value is None and step.fact.kind in CREDENTIALS:
            gone = f"{step.fact.kind} {step.fact.key} is gone: nothing to put back"
            return (yield from self._close_step(job, gone, changed=False))
        if value != step.before and (step.action_class is ActionClass.REVERSAL or job.undo_of):
            now = f"{step.fact.kind} {step.fact.key} is not as planned any more (now {value or 'absent'}): judged afresh"
            return (yield from self._end(job, S.PARTIAL if job.changed else S.STALE, now))
        return None

    def _intend(self, job: Job, state: State, intent: Record | None) -> Process[tuple[Call, int] | None]:
        """Commit the intent, or take over the one that stands. Containment goes on in spite of drift, and says so."""
        step = job.plan.steps[job.step]
        moved = job.moved(S.RUNNING)
        if stopped := (yield from _stopped(job)):
            yield from self._end(job, S.PARTIAL if job.changed else S.STOPPED, stopped, outcome=step if intent else None)
            return None
        if intent is not None:
            yield Commit(moved)
        else:
            value = state.value(step.fact)
            drift = "" if value == step.before else f" (it drifted to {value}: containment goes on)"
            said = yield from _record(job, RecordKind.INTENT, f"about to call {step.call.operation}{drift}", step)
            yield Commit(moved, (said,), (yield from self._put_back(job, step)))
        return step.call, moved.version

    def settle(self, job_id: str, reply: Reply) -> Process[Job]:
        """Commit what became of the call that `prepare` gave. A no is checked against the state: a lost reply may have done it."""
        return (yield from self._settle((yield from _job(job_id)), reply))

    def _settle(self, job: Job, reply: Reply) -> Process[Job]:
        if job.state is not S.RUNNING or (yield from _intent(job)) is None:
            raise RefusedError(f"job {job.id} has no open intent", "Nothing to settle: see `ringfence trail show`")
        step = job.plan.steps[job.step]
        if isinstance(reply, Done) and not is_operators(job):
            return (yield from self._close_step(job, f"{step.call.operation} done", changed=True, request_id=reply.request_id))
        state = yield from self._target(job)
        if isinstance(state, Job):
            return state
        if isinstance(reply, Done):
            seen = "read again: it is so" if state.value(step.fact) == step.after else "not seen in the state yet"
            said = f"the operator reports {step.call.operation}; {seen}"
            return (yield from self._close_step(job, said, changed=True, request_id=reply.request_id))
        why = f"{reply.code}: {reply.message}" if isinstance(reply, Failed) else f"no reply ({reply.why})"
        if state.value(step.fact) == step.after:
            return (yield from self._close_step(job, f"it happened, though the reply was {why}", changed=True))
        if isinstance(reply, Lost) or reply.code == GONE:  # there again by now: somebody puts it back, which must not stall us
            raise UpstreamError(
                f"{step.call.operation} gave {why} and has not happened yet", "The job is tried again; its intent stays open"
            )
        return (yield from self._end(job, S.PARTIAL if job.changed else S.FAILED, f"{step.call.operation} failed: {why}", outcome=step))

    def verify(self, job_id: str) -> Process[Job]:
        """Read the target again; only now is a job done."""
        job = yield from _job(job_id)
        if job.state is not S.VERIFYING:
            return job
        state: State | Absence = yield ReadState(job.plan.target, _wanted(job.plan.steps))
        if isinstance(state, Absence):
            return (yield from self._end(job, S.DONE, f"the target is gone: {state.value}"))
        counted = [s for i, s in enumerate(job.plan.steps) if i in job.changed or not job.undo_of]
        wrong = [step.fact for step in counted if state.value(step.fact) != step.after]
        if wrong:
            named = ", ".join(f"{fact.kind} {fact.key}" for fact in wrong)
            return (yield from self._end(job, S.NOT_CONTAINED, f"read again, it does not hold: {named}. Somebody reverts it: look now"))
        return (yield from self._end(job, S.DONE, "read again: it holds"))

    def _target(self, job: Job) -> Process[State | Job]:
        """Read the target afresh; end the job where it is gone, another identity by now, or protected."""
        target = job.plan.target
        state: State | Absence = yield ReadState(target, _wanted(job.plan.steps))
        if isinstance(state, Absence):
            return (yield from self._end(job, S.PARTIAL if job.changed else S.NOTHING_TO_DO, f"{target.name}: {state.value}"))
        if target.unique_id and state.identity.unique_id != target.unique_id:
            made_anew = f"{target.name} was deleted and made anew since: {state.identity.unique_id}, planned for {target.unique_id}"
            return (yield from self._end(job, S.STALE, made_anew))
        why = built_in(state.identity, self.settings) if job.undo_of else protected(state.identity, self.settings)
        if why:
            return (yield from self._end(job, S.UNSUPPORTED, f"out of reach: {why}"))
        return state

    def _put_back(self, job: Job, step: Step) -> Process[tuple[Exemption, ...]]:
        """For an operator's call: its own event, still on its way, must not be answered by another reversal."""
        if not is_operators(job) or job.actor is None:
            return ()
        now = yield ReadTime()
        return (Exemption(exemption_key(job.plan.target, step.fact), step.after, job.actor, now + PUT_BACK_FOR, job.id),)

    def _close_step(self, job: Job, reason: str, *, changed: bool, request_id: str = "") -> Process[Job]:
        step = job.plan.steps[job.step]
        said = {"request_id": request_id, "changed": str(changed).lower()}
        outcome = yield from _record(job, RecordKind.OUTCOME, reason, step, **said)
        done = (*job.changed, job.step) if changed else job.changed
        return (yield from _advance(job.moved(S.RUNNING, step=job.step + 1, changed=done), outcome))

    def _finish(self, job: Job) -> Process[None]:
        if not job.changed:
            yield from self._end(job, S.NOTHING_TO_DO, "everything was so already")
            return
        verifying = yield from _advance(job.moved(S.VERIFYING))
        yield Later(verifying, VERIFY_AFTER)

    def _end(self, job: Job, state: JobState, reason: str, outcome: Step | None = None) -> Process[Job]:
        ended = job.moved(state)
        records = [(yield from _record(job, RecordKind.OUTCOME, reason, outcome, changed="false"))] if outcome else []
        yield from _advance(ended, *records, closed(ended, (yield ReadTime()), reason))
        yield Tell(Notice(job=job.id, state=state, severity=job.severity, title=job.guardrail, text=reason))
        return ended


def _job(job_id: str) -> Process[Job]:
    job: Job | None = yield ReadJob(job_id)
    if job is None:
        raise RefusedError(f"there is no job {job_id}", "A message carries a job's id, and only stored jobs are carried out")
    return job


def _stopped(job: Job) -> Process[str]:
    """Say who set the kill switch, empty where it is not set. What an operator puts back with their own credentials is not the product's act."""
    switch: Switch | None = yield ReadSwitch()
    if switch is None or not switch.stopped or is_operators(job):
        return ""
    return f"{switch.by} has stopped everything since {switch.time:%Y-%m-%d %H:%M} UTC: nothing is called. `ringfence resume` lets it go on"


def _intent(job: Job) -> Process[Record | None]:
    records: tuple[Record, ...] = yield ReadRecords(job.id)
    return next((r for r in records if r.kind is RecordKind.INTENT and r.step == job.step), None)


def _record(job: Job, kind: RecordKind, reason: str, step: Step, **data: str) -> Process[Record]:
    both: Mapping[str, object] = {"call": msgspec.to_builtins(step.call), "inverse": msgspec.to_builtins(step.inverse), **data}
    return record(job, kind, (yield ReadTime()), reason, step=job.step, data=both)


def _advance(job: Job, *records: Record) -> Process[Job]:
    yield Commit(job, records)
    return job


def _wanted(steps: tuple[Step, ...]) -> Wanted:
    return Wanted(frozenset(facet for step in steps for facet in FACETS[step.fact.kind]))
