"""The process dies at every command of every action - before it is carried out, and after, before the answer is heard -, and its message comes again.

Enumerated, not sampled: whatever the moment, the end is the same, and each call takes effect once.
"""

from datetime import timedelta
from typing import Any

import pytest

from ringfence.actions import Action
from ringfence.clouds.memory import MemoryHistory, MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.identity import GOOGLE
from ringfence.domain.job import Job
from ringfence.domain.plan import ActionClass
from ringfence.domain.record import RecordKind
from ringfence.engine.commands import Command, Process, ReadHistory, drive, perform
from ringfence.engine.core import JobCore
from ringfence.engine.moves import SEARCH_AGAIN, contains
from ringfence.engine.search import search
from ringfence.engine.sweep import tell_again
from ringfence.engine.trail.agree import problems
from tests.simulation.stories import assumed, made_a_user
from tests.support.actions import HITS, job, planned
from tests.support.cases import OWN_POLICIES, settings_of, state_of
from tests.support.desk import open_undo
from tests.support.jobs import Clock, put


class CrashError(Exception):
    """The process is gone."""


class Mortal:
    """A machine whose process dies once, at the command of a number: before it is carried out, or after. Whose message comes again."""

    def __init__(self, action: Action, case: dict[str, Any], dies_at: int, *, after: bool) -> None:
        state = state_of(case["state"])
        assert state is not None
        self.reader = self.writer = MemoryIam(state, policies=OWN_POLICIES)
        self.store, self.queue, self.clock = MemoryStore(), MemoryQueue(), Clock()
        self.history = MemoryHistory([assumed(state.identity), made_a_user(state.identity)])
        self.core = JobCore(settings_of(None))
        put(self.store, job(planned(action, case, state), state.identity, action))
        self.dies_at, self.after, self.count = dies_at, after, 0
        self.effects = 0

    def _perform(self, command: Command) -> object:
        self.count += 1
        if self.count == self.dies_at and not self.after:
            raise CrashError
        before = dict(self.reader.states)
        answer = self._answer(command)
        self.effects += before != self.reader.states
        if self.count == self.dies_at:
            raise CrashError
        return answer

    def _answer(self, command: Command) -> object:
        if isinstance(command, ReadHistory):
            return self.history.lookup(command.attribute, command.value, command.since)
        return perform(command, self)

    def _deliver(self, process: Process[Job]) -> bool:
        try:
            drive(process, self._perform)
        except CrashError:
            return False
        return True

    def _stored(self, job_id: str) -> Job:
        found = self.store.job(job_id)
        assert found is not None
        return found

    def carry(self, job_id: str) -> Job:
        """Work off the messages until none is left and nothing is due; then the sweep comes once more."""
        while not self._deliver(self.core.apply(job_id)):
            pass
        while self.queue.to_verify:
            waiting, seconds = self.queue.to_verify.pop(0)
            self.clock.time += timedelta(seconds=seconds)
            while not self._deliver(self.core.verify(waiting)):
                pass
        self.clock.time += SEARCH_AGAIN
        while (found := self._stored(job_id)).due is not None:
            self.clock.time += timedelta(minutes=1)
            self._deliver(search(job_id, settings_of(None), ("us-east-1",)))
        assert found.ended
        found_things = sum(len(r.data["found"]) for r in self.store.records(job_id) if r.kind is RecordKind.SWEEP)
        searched = found.looks > 0 and contains(found) and found.plan.target.partition != GOOGLE  # there a person looks
        assert found_things == searched, "what it left behind was found once"
        for told in self.store.untold(self.clock.time + timedelta(hours=1)):
            drive(tell_again(told), lambda command: perform(command, self))
        return found

    def whole(self) -> tuple[Job, Job | None]:
        """Carry the job out, and its undo where that is the product's to make."""
        done = self.carry("j")
        if not done.changed or done.action_class is not ActionClass.CONTAINMENT:
            return done, None
        undo = open_undo("j", "operator", settings_of(None), self.store, self.queue, self.clock.time)
        return done, self.carry(undo.id)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("action", "case"), HITS)
def test_wherever_it_dies_the_end_is_the_same(action: Action, case: dict[str, Any], after: bool) -> None:
    calm = Mortal(action, case, 0, after=after)
    job_done, undone = calm.whole()
    assert job_done.ended
    for number in range(1, calm.count + 1):
        mortal = Mortal(action, case, number, after=after)
        found, undo = mortal.whole()
        assert (found.state, found.changed) == (job_done.state, job_done.changed), number
        assert (undo and undo.state) == (undone and undone.state), number
        assert mortal.reader.states == calm.reader.states, number
        assert mortal.effects == calm.effects, f"dying at {number}, a call took effect twice"
        assert problems(mortal.store.jobs(), mortal.store.records) == (), number
        assert {n.state for n in mortal.queue.notices} == {n.state for n in calm.queue.notices}, f"dying at {number}, people were not told"
