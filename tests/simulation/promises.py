"""What has to hold in every history: checked before each commit and each call, and once all is quiet."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from ringfence.clouds.memory import MemoryStore
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.domain.state import State
from ringfence.engine.commands import Make
from ringfence.engine.moves import contains
from ringfence.engine.own_policies import void
from ringfence.engine.ports import Absence, Notice
from ringfence.engine.trail.agree import problems
from ringfence.engine.verify import ROUNDS, counted
from tests.simulation.stories import Story
from tests.support.cases import DEPLOYMENT


class BrokenPromiseError(AssertionError):
    """A promise was broken."""


class Promises:
    """Watches a history through its store."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.holder: dict[str, int] = {}  # by job, who moved it on last
        self.acts: dict[str, list[datetime]] = {}  # by class, when something acted by itself
        self.effects: Counter[tuple[str, int, int]] = Counter()  # by job, round and step: how often the state changed

    def opened(self, job: Job, story: Story, *, new: bool) -> None:
        """P3: containment is asserted again at most three times. P7: no more acts by themselves within an hour than the budget has."""
        if new and job.state is JobState.APPROVED and not job.undo_of and not job.again_of:
            acts = self.acts.setdefault(job.action_class, [])
            acts.append(job.created)
            if sum(1 for time in acts if abs(time - job.created) < timedelta(minutes=55)) > story.per_hour:
                raise BrokenPromiseError(f"P7: {len(acts)} acts by {job.action_class} within an hour")
        if new and job.round > ROUNDS and not job.ended:
            raise BrokenPromiseError(f"{job.id} is asserted for the {job.round}th time again")

    def before_commit(self, job: Job, number: int, committed: set[str], seen: State | Absence | None) -> None:
        """The fence: who has lost a job closes nothing of it. P10: nothing is called done but what the one who says so has just read."""
        stored = self.store.job(job.id)
        if stored is None or stored.version != job.version - 1:
            return  # the store refuses it
        if job.id in committed and self.holder.get(job.id) != number and not stored.ended:  # a search reads a job again that others watch
            raise BrokenPromiseError("the fence: a worker that had lost the job moved it on")
        if job.state is JobState.DONE and stored.state is JobState.VERIFYING and not isinstance(seen, Absence):
            if seen is None:
                raise BrokenPromiseError("P10: called done without a read")
            if any(not s.holds(seen) or (contains(job) and void(s, seen, DEPLOYMENT)) for s in counted(job)):
                raise BrokenPromiseError("P10: called done though it was read otherwise")

    def before_call(self, command: Make, number: int, *, could_know: bool) -> tuple[str, int, int]:
        """P1, P3, P8: no call without a durable intent, none for a step that is closed, none after the kill switch."""
        current = self.store.job(command.job)
        assert current is not None
        records = self.store.records(command.job)
        intents = {(r.step, r.round) for r in records if r.kind is RecordKind.INTENT}
        done = {(r.step, r.round) for r in records if r.kind is RecordKind.OUTCOME}
        step = next(n for n, s in enumerate(current.plan.steps) if s.call == command.call)
        last = self.store.switch()
        if last and last.stopped and could_know:
            raise BrokenPromiseError("P8: a call after the kill switch was set")
        if (step, current.round) not in intents and self.holder[command.job] == number:
            raise BrokenPromiseError(f"P1: {command.call.operation} without an intent")
        if denied := [r for r in records if r.kind is RecordKind.APPROVAL_DECIDED and not r.data["approve"]]:
            raise BrokenPromiseError(f"a call after a recorded denial: {denied[0].reason}")
        if (step, current.round) in done and self.holder[command.job] == number:
            raise BrokenPromiseError(f"P3: {command.call.operation} again, after its outcome")
        return command.job, current.round, step

    def _joins(self, job: Job) -> bool:
        """Whether a job joined a question about the same target: people were told of that one."""
        return any(r.kind is RecordKind.CLOSED and "asks for the same" in r.reason for r in self.store.records(job.id))

    def at_the_end(self, told: Iterable[Notice], story: Story, *, attacked: bool) -> None:
        """P2: each finding came to its one end, trail and jobs agree, everybody was told. P3: no step took effect twice by itself."""
        jobs = self.store.jobs()
        for found in jobs:
            if not found.ended:
                raise BrokenPromiseError(f"P2: job {found.id} is still {found.state}")
            if found.round > ROUNDS + 1:
                raise BrokenPromiseError(f"{found.id} is round {found.round}")
        causes = {job.event_key for job in jobs}
        if missing := {f"{j.event.source}:{j.event.id}" for j in story.judgements} - causes:
            raise BrokenPromiseError(f"P2: no end for {missing}")
        if wrong := problems(jobs, self.store.records):
            raise BrokenPromiseError(f"the trail: {wrong}")
        joined = {job.id for job in jobs if job.state is JobState.CANCELLED and job.version == 0 and self._joins(job)}
        if silent := {f"{j.id}.{j.version}" for j in jobs if j.due is None and not j.looks and j.id not in joined} - {n.id for n in told}:
            raise BrokenPromiseError(f"P12: nobody was told of {silent}")
        if not attacked and (twice := [place for place, count in self.effects.items() if count > 1]):
            raise BrokenPromiseError(f"P3: {twice} took effect more than once")
