"""The process dies at every command of every action - before it is carried out, and after, before the answer is heard -, and its message comes again.

Enumerated, not sampled: whatever the moment, the end is the same, and each call takes effect once.
"""

from typing import Any

import pytest

from ringfence.actions import Action
from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass
from ringfence.engine.audit_trail import problems
from ringfence.engine.commands import Command, drive, perform
from ringfence.engine.core import JobCore
from ringfence.engine.undo import open_undo
from tests.support.actions import HITS, NOW, job, planned
from tests.support.cases import settings_of, state_of


class CrashError(Exception):
    """The process is gone."""


class Mortal:
    """A machine whose process dies once, at the command of a number: before it is carried out, or after."""

    def __init__(self, action: Action, case: dict[str, Any], dies_at: int, *, after: bool) -> None:
        state = state_of(case["state"])
        assert state is not None
        self.reader = self.writer = MemoryIam(state)
        self.store, self.queue = MemoryStore(), MemoryQueue()
        self.core = JobCore(settings_of(None))
        self.store.open(job(planned(action, case, state), state.identity, action), [])
        self.dies_at, self.after, self.count = dies_at, after, 0
        self.effects = 0

    @staticmethod
    def clock() -> Any:
        """The time stands still."""
        return NOW

    def _perform(self, command: Command) -> object:
        self.count += 1
        if self.count == self.dies_at and not self.after:
            raise CrashError
        before = dict(self.reader.states)
        answer = perform(command, self)
        self.effects += before != self.reader.states
        if self.count == self.dies_at:
            raise CrashError
        return answer

    def carry(self, job_id: str) -> Job:
        """Deliver the messages of a job until it has come to its end; one whose process died comes again."""
        for _ in range(6):
            current = self.store.job(job_id)
            assert current is not None
            if current.ended:
                return current
            try:
                drive(self.core.verify(job_id) if current.state is JobState.VERIFYING else self.core.apply(job_id), self._perform)
            except CrashError:
                continue
        raise AssertionError("it does not come to an end")

    def whole(self) -> tuple[Job, Job | None]:
        """Carry the job out, and its undo where that is the product's to make."""
        done = self.carry("j")
        if not done.changed or done.action_class is not ActionClass.CONTAINMENT:
            return done, None
        undo = open_undo("j", "operator", settings_of(None), self.store, self.queue, NOW)
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
        wrong = problems(mortal.store.jobs(), mortal.store.records)
        assert not [w for w in wrong if "decisions" not in w], number
