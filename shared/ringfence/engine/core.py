"""The job core: a state machine without I/O. Intent -> call -> outcome for each step; `ringfence.engine.verify` reads the state again.

Facts come in, commands go out (`ringfence.engine.commands`); `EDGES` in `ringfence.domain.job` is the table of states. `prepare` commits the
intent and gives the call; `settle` reads the state again and commits the outcome. The automatic loop makes the call in between with
the function's role; an undo that grants something makes it with the operator's own credentials.

A job's version is the fencing token: who takes a job over moves it on, and whoever held it before starts no further call and closes none.
The call that was in flight is found by reading the state, and closed by whoever took over.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Unpack

from msgspec import Struct

from ringfence.actions import ACTIONS, Action
from ringfence.domain.census import Census
from ringfence.domain.identity import Identity
from ringfence.domain.job import Changes, Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.state import FactKind, State
from ringfence.domain.switch import Switch
from ringfence.engine.advice import by_hand
from ringfence.engine.approve import altered
from ringfence.engine.commands import Later, Make, Process, ReadCensus, ReadState, ReadSwitch, ReadTime
from ringfence.engine.ids import exemption_key
from ringfence.engine.moves import LEASE, LOOKS, OPERATORS, commit, contains, end, is_operators, stored, wanted
from ringfence.engine.own_policies import void
from ringfence.engine.ports import Absence, Done, Exemption, Failed, Lost, Reply
from ringfence.engine.protect import any_protected, built_in
from ringfence.engine.steps import cut_short, open_intent, or_partial, step_record
from ringfence.engine.verify import seconds, taken_back, verify, watched
from ringfence.errors import RefusedError, UndeclaredCallError, UpstreamError
from ringfence.settings import Settings

PUT_BACK_FOR = timedelta(hours=1)  # EventBridge delivers late at times; then the identity is judged like any other again
GONE = ("NoSuchEntity", "NOT_FOUND")
NOT_ALLOWED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "PERMISSION_DENIED")
S = JobState


class Ready(Struct, frozen=True):
    """A call to make, and the fencing token: the version of the job at which it may be made."""

    call: Call
    fence: int
    again: bool  # its intent stood already: an earlier worker may have made the call


def declared(call: Call, actions: Iterable[Action] = ACTIONS) -> bool:
    """Whether some action declares the permission that a call needs."""
    return f"{call.service}:{call.operation}" in {p.action for action in actions for p in action.writes}


def check_declared(call: Call) -> None:
    """Refuse a call that no action declares."""
    if not declared(call):
        raise UndeclaredCallError(
            f"no action declares {call.service}:{call.operation}", "Add the permission to the action, and to the writer's role"
        )


class JobCore:
    """Carries jobs out, one step at a time."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings."""
        self.settings = settings

    def apply(self, job_id: str) -> Process[Job]:
        """Carry a job out, from wherever it stands. Anything but an approved or running job is left as it is."""
        job = yield from stored(job_id)
        if job.due is not None and watched(job):
            now: datetime = yield ReadTime()
            yield Later(job, seconds(job.due, now))  # the message that should verify it may be lost
            return job
        if is_operators(job) and not job.ended:
            return (yield from self._abandoned(job))
        while (ready := (yield from self._prepare(job))) is not None:
            check_declared(ready.call)
            job = yield from stored(job_id)
            if job.version != ready.fence:
                break  # somebody else has taken the job over
            if stopped := (yield from _stopped(job)):
                return (yield from self._stop(job, stopped, again=ready.again))
            reply: Reply = yield Make(ready.call, job_id)
            job = yield from stored(job_id)
            if job.version != ready.fence:
                break  # it was taken over meanwhile: who did so finds what happened, and closes it
            job = yield from self._settle(job, reply, again=ready.again)
        return (yield from stored(job_id))

    def _abandoned(self, job: Job) -> Process[Job]:
        """An operator's job is no automatic one. When its time is over, what the operator did is found by reading, and the rest is left."""
        now: datetime = yield ReadTime()
        if job.due is None or now < job.due:
            raise RefusedError(f"job {job.id} gives a permission back: only an operator can", f"Run `ringfence undo {job.undo_of}`")
        if job.state is S.APPROVED:
            return (yield from end(job, S.EXPIRED, "its operator never carried it out"))
        while job.state is S.RUNNING and job.step < len(job.plan.steps):
            state = yield from self._target(job)
            if isinstance(state, Job):
                return state
            moved = yield from self._skip(job, state, (yield from open_intent(job)))
            if moved is None:
                return (yield from cut_short(job, S.FAILED, "its operator never came back"))
            job = moved
        if job.state is S.RUNNING:
            yield from self._finish(job)
        return (yield from stored(job.id))

    def prepare(self, job_id: str) -> Process[Ready | None]:
        """Commit the intent of the next step that is still to do, and give its call. None where the job goes no further."""
        return (yield from self._prepare((yield from stored(job_id))))

    def settle(self, job_id: str, reply: Reply) -> Process[Job]:
        """Commit what became of the call that `prepare` gave. A no is checked against the state: a lost reply may have done it."""
        return (yield from self._settle((yield from stored(job_id)), reply, again=True))

    def verify(self, job_id: str) -> Process[Job]:
        """Read the target again; only then is a job done."""
        return (yield from verify(job_id, self.settings))

    def _prepare(self, job: Job) -> Process[Ready | None]:
        if job.state in (S.APPROVED, S.RUNNING) and (changed := (yield from altered(job))):
            yield from cut_short(job, S.FAILED, f"{changed}: somebody wrote to the table, nothing more is called")
            return None
        if job.state is S.APPROVED:
            if job.again_of is not None and (yield from taken_back(job.again_of)):
                yield from end(job, S.CANCELLED, f"somebody took {job.again_of} back meanwhile")
                return None
            job = yield from self._run(job)
        while job.state is S.RUNNING:
            if job.step == len(job.plan.steps):
                yield from self._finish(job)
                return None
            state = yield from self._target(job)
            if isinstance(state, Job):
                return None
            intent = yield from open_intent(job)
            moved = yield from self._skip(job, state, intent)
            if moved is None:
                return (yield from self._intend(job, state, intent))
            job = moved
        return None

    def _skip(self, job: Job, state: State, intent: Record | None) -> Process[Job | None]:
        """Close or end a step that needs no call; None where it needs one."""
        step = job.steps[job.step]
        if intent is None and contains(job) and (broken := void(step, state, self.settings.deployment)):
            return (yield from self._refused(job, step, broken))
        if step.holds(state):
            gone = state.value(step.fact) != step.after
            so = f"{step.fact.kind} {step.fact.key} is gone: nothing to change" if gone else "it was so already"
            why = "it happened: the reply was lost" if intent and not gone else so
            return (yield from self._close_step(job, why, changed=intent is not None))
        if state.value(step.fact) != step.before and (step.action_class is ActionClass.REVERSAL or job.undo_of):
            now = f"{step.fact.kind} {step.fact.key} is not as planned any more (now {state.value(step.fact) or 'absent'}): judged afresh"
            return (yield from cut_short(job, S.STALE, now))
        return None

    def _intend(self, job: Job, state: State, intent: Record | None) -> Process[Ready | None]:
        """Commit the intent, or take over the one that stands. Containment goes on in spite of drift, and says so."""
        step = job.steps[job.step]
        if stopped := (yield from _stopped(job)):
            yield from self._stop(job, stopped, again=True)
            return None
        if intent is not None:
            job = yield from self._run(job)
        else:
            value = state.value(step.fact)
            drift = "" if value == step.before else f" (it drifted to {value}: containment goes on)"
            found = {} if value == step.before else {"found": value or ""}
            said = yield from step_record(job, RecordKind.INTENT, f"about to call {step.call.operation}{drift}", step, **found)
            job = yield from self._run(job, said, exemptions=(yield from self._put_back(job, step)))
        return Ready(step.call, job.version, again=intent is not None)

    def _settle(self, job: Job, reply: Reply, *, again: bool) -> Process[Job]:
        """Close the step, or end the job, by the reply. `again`: an earlier call may have happened, its reply lost."""
        if job.state is not S.RUNNING or job.step == len(job.plan.steps) or (yield from open_intent(job)) is None:
            raise RefusedError(f"job {job.id} has no open intent: it is {job.state}", f"See `ringfence trail show {job.id}`")
        step = job.steps[job.step]
        if isinstance(reply, Done) and not is_operators(job):
            return (yield from self._close_step(job, f"{step.call.operation} done", changed=True, request_id=reply.request_id))
        state = yield from self._target(job)
        if isinstance(state, Job):
            return state
        if isinstance(reply, Done):
            seen = "read again: it is so" if step.holds(state) else "not seen in the state yet"
            said = f"the operator reports {step.call.operation}; {seen}"
            return (yield from self._close_step(job, said, changed=True, request_id=reply.request_id))
        why = f"{reply.code}: {reply.message}" if isinstance(reply, Failed) else f"no reply ({reply.why})"
        ours = again or not isinstance(reply, Failed) or reply.code not in GONE or reply.retried
        if step.holds(state):
            said = f"it happened, though the reply was {why}" if ours else f"somebody else did it just before ({why})"
            return (yield from self._close_step(job, said, changed=ours))
        if isinstance(reply, Lost):
            raise UpstreamError(
                f"{step.call.operation} gave {why} and has not happened yet", "The job is tried again; its intent stays open"
            )
        if reply.code in GONE and step.after is None:  # by a call of ours whose reply was lost; the state that was read lags, or it is back
            return (
                yield from self._close_step(job, f"IAM says it is gone ({why}), though it was still seen: looked at again", changed=True)
            )
        by_hand_now = f". By hand: {by_hand(step.call)}" if reply.code in NOT_ALLOWED else ""
        return (yield from self._refused(job, step, f"{step.call.operation} failed: {why}{by_hand_now}", reply.code))

    def _refused(self, job: Job, step: Step, said: str, code: str = "") -> Process[Job]:
        """A step cannot be done: climb the ladder, where there is a rung left; containment goes on with the steps that can."""
        if (rungs := job.next_rung) is not None:
            outcome = yield from step_record(
                job, RecordKind.OUTCOME, f"{said}. The next rung of the ladder is tried", step, changed="false"
            )
            return (yield from self._run(job, outcome, rungs=rungs))
        outcome = yield from step_record(job, RecordKind.OUTCOME, said, step, changed="false")
        last = job.step + 1 == len(job.plan.steps)
        if contains(job) and not (last and len(job.refused) == job.step):
            return (yield from self._run(job, outcome, step=job.step + 1, refused=(*job.refused, job.step)))
        state = S.FOR_A_PERSON if code in NOT_ALLOWED else S.NOT_CONTAINED if contains(job) else S.FAILED
        return (yield from end(job, or_partial(job, state), said, outcome))

    def _target(self, job: Job) -> Process[State | Job]:
        """Read the target afresh; end the job where it is gone, another identity by now, or protected."""
        target = job.plan.target
        state: State | Absence = yield ReadState(target, wanted(job.plan.steps, self.settings.deployment))
        if state is Absence.GONE:
            return (yield from end(job, or_partial(job, S.NOTHING_TO_DO), f"{target.name}: {state.value}"))
        if isinstance(state, Absence):
            return (
                yield from end(job, or_partial(job, S.FOR_A_PERSON), f"{target.name} cannot be read from here: whoever owns it has to act")
            )
        if target.unique_id and state.identity.unique_id != target.unique_id:
            made_anew = f"{target.name} was deleted and made anew since: {state.identity.unique_id}, planned for {target.unique_id}"
            return (yield from end(job, S.STALE, made_anew))
        census: Census | None = yield ReadCensus()
        affects = (state.identity, *(state.members or ()), *_bound(job))
        why = built_in(state.identity, self.settings) if job.undo_of else any_protected(affects, self.settings, census)
        if why:
            return (yield from cut_short(job, S.UNSUPPORTED, f"out of reach: {why}"))
        return state

    def _put_back(self, job: Job, step: Step) -> Process[tuple[Exemption, ...]]:
        """For an operator's call: its own event, still on its way, must not be answered by another reversal."""
        if not is_operators(job) or job.actor is None:
            return ()
        now = yield ReadTime()
        return (Exemption(exemption_key(job.plan.target, step.fact), step.after, job.actor, now + PUT_BACK_FOR, job.id),)

    def _stop(self, job: Job, stopped: str, *, again: bool) -> Process[Job]:
        """End a job before its call; where an earlier worker may have made it, nobody knows."""
        if again or (yield from open_intent(job)) is None:
            return (yield from cut_short(job, S.STOPPED, stopped))
        outcome = yield from step_record(job, RecordKind.OUTCOME, stopped, job.steps[job.step], changed="false")
        return (yield from end(job, or_partial(job, S.STOPPED), stopped, outcome))

    def _close_step(self, job: Job, reason: str, *, changed: bool, request_id: str = "") -> Process[Job]:
        step = job.steps[job.step]
        said = {"request_id": request_id, "changed": str(changed).lower()}
        outcome = yield from step_record(job, RecordKind.OUTCOME, reason, step, **said)
        return (yield from self._run(job, outcome, step=job.step + 1, changed=job.with_changed() if changed else job.changed))

    def _run(self, job: Job, *records: Record, exemptions: tuple[Exemption, ...] = (), **changes: Unpack[Changes]) -> Process[Job]:
        """Move a running job on; its lease begins anew."""
        now: datetime = yield ReadTime()
        lease = OPERATORS if is_operators(job) else LEASE
        return (yield from commit(job.moved(S.RUNNING, now + lease, **changes), *records, exemptions=exemptions))

    def _finish(self, job: Job) -> Process[None]:
        if not job.plan.steps:
            yield from end(job, S.NOTHING_TO_DO, "there was nothing to do")
            return
        now: datetime = yield ReadTime()
        verifying = yield from commit(job.moved(S.VERIFYING, now + timedelta(seconds=LOOKS[0])))
        yield Later(verifying, LOOKS[0])


def _bound(job: Job) -> tuple[Identity, ...]:
    """Give whom the grants are about that a job takes off, or puts back: they lose something, whatever it is bound to."""
    calls = (step.call.parameters for step in job.plan.steps if step.fact.kind is FactKind.BINDING)
    deltas = [delta for given in calls for verb in ("remove", "add") if (delta := given.get(verb)) is not None]
    known = job.plan.affects[0] if len(job.plan.affects) == 1 and job.plan.affects[0].isdigit() else None  # a unique id
    return tuple(Identity.member(str(delta["member"]), job.plan.target.account, known) for delta in deltas)


def _stopped(job: Job) -> Process[str]:
    """Say who set the kill switch, empty where it is not set. What an operator puts back with their own credentials is not the product's act."""
    switch: Switch | None = yield ReadSwitch()
    if switch is None or not switch.stopped or is_operators(job):
        return ""
    return f"{switch.by} has stopped everything since {switch.time:%Y-%m-%d %H:%M} UTC: nothing is called. `ringfence resume` lets it go on"
