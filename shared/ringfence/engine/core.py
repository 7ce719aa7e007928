"""The job core: a state machine without I/O. Intent -> call -> outcome for each step; `ringfence.engine.verify` reads the state again.

Facts come in, commands go out (`ringfence.engine.commands`); `EDGES` in `ringfence.domain.job` is the table of states. `prepare` commits the
intent and gives the call; `settle` reads the state again and commits the outcome. The automatic loop makes the call in between with
the function's role; an undo that grants something makes it with the operator's own credentials.

A job's version is the fencing token: who takes a job over moves it on, and whoever held it before starts no further call and closes none.
The call that was in flight is found by reading the state, and closed by whoever took over.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from ringfence.actions import ACTIONS, Action
from ringfence.domain.census import Census
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.state import CREDENTIALS, State
from ringfence.domain.switch import Switch
from ringfence.engine.advice import by_hand
from ringfence.engine.commands import Later, Make, Process, ReadCensus, ReadJob, ReadRecords, ReadState, ReadSwitch, ReadTime
from ringfence.engine.ids import exemption_key, undo_id
from ringfence.engine.moves import LEASE, commit, end, is_operators, stored, wanted
from ringfence.engine.ports import Absence, Done, Exemption, Failed, Lost, Reply
from ringfence.engine.protect import any_protected, built_in
from ringfence.engine.trail import record
from ringfence.engine.verify import LOOKS, verify
from ringfence.errors import RefusedError, UndeclaredCallError, UpstreamError
from ringfence.settings import Settings

PUT_BACK_FOR = timedelta(hours=1)  # EventBridge delivers late at times; then the identity is judged like any other again
GONE = "NoSuchEntity"
NOT_ALLOWED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
S = JobState


def declared(call: Call, actions: Iterable[Action] = ACTIONS) -> bool:
    """Whether some action declares the permission that a call needs."""
    return f"{call.service}:{call.operation}" in {p.action for action in actions for p in action.writes}


class JobCore:
    """Carries jobs out, one step at a time."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings."""
        self.settings = settings

    def apply(self, job_id: str) -> Process[Job]:
        """Carry a job out, from wherever it stands. Anything but an approved or running job is left as it is."""
        job = yield from stored(job_id)
        if job.due is not None and job.state in (S.VERIFYING, S.DONE):
            now: datetime = yield ReadTime()
            yield Later(job, max(1, math.ceil((job.due - now).total_seconds())))  # the message that should verify it may be lost
            return job
        if is_operators(job) and not job.ended:
            return (yield from self._abandoned(job))
        while (ready := (yield from self._prepare(job))) is not None:
            call, fence = ready
            if not declared(call):
                raise UndeclaredCallError(
                    f"no action declares {call.service}:{call.operation}", "Add the permission to the action, and to the writer's role"
                )
            job = yield from stored(job_id)
            if job.version != fence:
                break  # somebody else has taken the job over
            if stopped := (yield from _stopped(job)):
                return (yield from self._end(job, _or_partial(job, S.STOPPED), stopped, outcome=job.steps[job.step]))
            reply: Reply = yield Make(call, job_id)
            job = yield from stored(job_id)
            if job.version != fence:
                break  # it was taken over meanwhile: who did so finds what happened, and closes it
            job = yield from self._settle(job, reply)
        return (yield from stored(job_id))

    def _abandoned(self, job: Job) -> Process[Job]:
        """An operator's job is no automatic one. When its time is over, what the operator did is found by reading, and the rest is left."""
        now: datetime = yield ReadTime()
        if job.due is None or now < job.due:
            raise RefusedError(f"job {job.id} gives a permission back: only an operator can", f"Run `ringfence undo {job.undo_of}`")
        if job.state is S.APPROVED:
            return (yield from self._end(job, S.EXPIRED, "its operator never carried it out"))
        while job.state is S.RUNNING and job.step < len(job.plan.steps):
            state = yield from self._target(job)
            if isinstance(state, Job):
                return state
            intent = yield from _intent(job)
            moved = yield from self._skip(job, state, intent)
            if moved is None:
                said = "its operator never came back"
                return (yield from self._end(job, _or_partial(job, S.FAILED), said, outcome=job.steps[job.step] if intent else None))
            job = moved
        if job.state is S.RUNNING:
            yield from self._finish(job)
        return (yield from stored(job.id))

    def prepare(self, job_id: str) -> Process[tuple[Call, int] | None]:
        """Commit the intent of the next step that is still to do; give its call and the fencing token. None where the job goes no further."""
        return (yield from self._prepare((yield from stored(job_id))))

    def settle(self, job_id: str, reply: Reply) -> Process[Job]:
        """Commit what became of the call that `prepare` gave. A no is checked against the state: a lost reply may have done it."""
        return (yield from self._settle((yield from stored(job_id)), reply))

    def verify(self, job_id: str) -> Process[Job]:
        """Read the target again; only then is a job done."""
        return (yield from verify(job_id))

    def _prepare(self, job: Job) -> Process[tuple[Call, int] | None]:
        if job.state is S.APPROVED:
            if job.again_of is not None and (yield ReadJob(undo_id(job.again_of, 0))) is not None:
                yield from self._end(job, S.CANCELLED, f"somebody took {job.again_of} back meanwhile")
                return None
            job = yield from self._run(job)
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
        step = job.steps[job.step]
        value = state.value(step.fact)
        if value == step.after:
            why = "it happened: the reply was lost" if intent else "it was so already"
            return (yield from self._close_step(job, why, changed=intent is not None))
        if job.undo_of and value is None and step.fact.kind in CREDENTIALS:
            gone = f"{step.fact.kind} {step.fact.key} is gone: nothing to put back"
            return (yield from self._close_step(job, gone, changed=False))
        if value != step.before and (step.action_class is ActionClass.REVERSAL or job.undo_of):
            now = f"{step.fact.kind} {step.fact.key} is not as planned any more (now {value or 'absent'}): judged afresh"
            return (yield from self._end(job, _or_partial(job, S.STALE), now))
        return None

    def _intend(self, job: Job, state: State, intent: Record | None) -> Process[tuple[Call, int] | None]:
        """Commit the intent, or take over the one that stands. Containment goes on in spite of drift, and says so."""
        step = job.steps[job.step]
        if stopped := (yield from _stopped(job)):
            yield from self._end(job, _or_partial(job, S.STOPPED), stopped, outcome=step if intent else None)
            return None
        if intent is not None:
            job = yield from self._run(job)
        else:
            value = state.value(step.fact)
            drift = "" if value == step.before else f" (it drifted to {value}: containment goes on)"
            said = yield from _record(job, RecordKind.INTENT, f"about to call {step.call.operation}{drift}", step)
            job = yield from self._run(job, said, exemptions=(yield from self._put_back(job, step)))
        return step.call, job.version

    def _settle(self, job: Job, reply: Reply) -> Process[Job]:
        if job.state is not S.RUNNING or (yield from _intent(job)) is None:
            raise RefusedError(f"job {job.id} has no open intent", "Nothing to settle: see `ringfence trail show`")
        step = job.steps[job.step]
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
        if isinstance(reply, Lost) or (reply.code == GONE and step.after is None):  # there again: somebody puts it back to stall us
            raise UpstreamError(
                f"{step.call.operation} gave {why} and has not happened yet", "The job is tried again; its intent stays open"
            )
        return (yield from self._refused(job, step, reply, why))

    def _refused(self, job: Job, step: Step, reply: Failed, why: str) -> Process[Job]:
        """The cloud says no, finally: climb the ladder, where there is a rung left."""
        said = f"{step.call.operation} failed: {why}"
        if (rungs := job.next_rung) is not None:
            outcome = yield from _record(job, RecordKind.OUTCOME, f"{said}. The next rung of the ladder is tried", step, changed="false")
            return (yield from self._run(job, outcome, rungs=rungs))
        if reply.code in NOT_ALLOWED:
            return (yield from self._end(job, _or_partial(job, S.FOR_A_PERSON), f"{said}. By hand: {by_hand(step.call)}", outcome=step))
        contains = step.action_class is ActionClass.CONTAINMENT and not job.undo_of
        return (yield from self._end(job, _or_partial(job, S.NOT_CONTAINED if contains else S.FAILED), said, outcome=step))

    def _target(self, job: Job) -> Process[State | Job]:
        """Read the target afresh; end the job where it is gone, another identity by now, or protected."""
        target = job.plan.target
        state: State | Absence = yield ReadState(target, wanted(job.plan.steps))
        if isinstance(state, Absence):
            return (yield from self._end(job, _or_partial(job, S.NOTHING_TO_DO), f"{target.name}: {state.value}"))
        if target.unique_id and state.identity.unique_id != target.unique_id:
            made_anew = f"{target.name} was deleted and made anew since: {state.identity.unique_id}, planned for {target.unique_id}"
            return (yield from self._end(job, S.STALE, made_anew))
        census: Census | None = yield ReadCensus()
        affects = (state.identity, *(state.members or ()))
        why = built_in(state.identity, self.settings) if job.undo_of else any_protected(affects, self.settings, census)
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
        step = job.steps[job.step]
        said = {"request_id": request_id, "changed": str(changed).lower()}
        outcome = yield from _record(job, RecordKind.OUTCOME, reason, step, **said)
        done = tuple(dict.fromkeys((*job.changed, job.step))) if changed else job.changed
        return (yield from self._run(job, outcome, step=job.step + 1, changed=done))

    def _run(
        self,
        job: Job,
        *records: Record,
        exemptions: tuple[Exemption, ...] = (),
        step: int | None = None,
        changed: tuple[int, ...] | None = None,
        rungs: tuple[int, ...] | None = None,
    ) -> Process[Job]:
        """Move a running job on; its lease begins anew."""
        now: datetime = yield ReadTime()
        moved = job.moved(S.RUNNING, now + LEASE, step=step, changed=changed, rungs=rungs)
        return (yield from commit(moved, *records, exemptions=exemptions))

    def _finish(self, job: Job) -> Process[None]:
        if not job.changed and not job.round:
            yield from self._end(job, S.NOTHING_TO_DO, "everything was so already")
            return
        now: datetime = yield ReadTime()
        verifying = yield from commit(job.moved(S.VERIFYING, now + timedelta(seconds=LOOKS[0])))
        yield Later(verifying, LOOKS[0])

    def _end(self, job: Job, state: JobState, reason: str, outcome: Step | None = None) -> Process[Job]:
        records = [(yield from _record(job, RecordKind.OUTCOME, reason, outcome, changed="false"))] if outcome else []
        return (yield from end(job, state, reason, *records))


def _or_partial(job: Job, state: JobState) -> JobState:
    return S.PARTIAL if job.changed else state


def _stopped(job: Job) -> Process[str]:
    """Say who set the kill switch, empty where it is not set. What an operator puts back with their own credentials is not the product's act."""
    switch: Switch | None = yield ReadSwitch()
    if switch is None or not switch.stopped or is_operators(job):
        return ""
    return f"{switch.by} has stopped everything since {switch.time:%Y-%m-%d %H:%M} UTC: nothing is called. `ringfence resume` lets it go on"


def _intent(job: Job) -> Process[Record | None]:
    records: tuple[Record, ...] = yield ReadRecords(job.id)
    rung = job.rungs[job.step] if job.step < len(job.rungs) else 0
    here = (job.step, job.round, rung)
    return next((r for r in records if r.kind is RecordKind.INTENT and (r.step, r.round, r.rung) == here), None)


def _record(job: Job, kind: RecordKind, reason: str, step: Step, **data: str) -> Process[Record]:
    both: Mapping[str, object] = {"call": msgspec.to_builtins(step.call), "inverse": msgspec.to_builtins(step.inverse), **data}
    return record(job, kind, (yield ReadTime()), reason, step=job.step, data=both)
