"""Thousands of bad nights; and planted defects, each of which the simulation has to notice.

A failing seed says how to look at it again: `World(SEED).run()` gives the same history each time.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import msgspec
import pytest

from ringfence.domain import canonical
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.commands import Command, Commit, Make, Process, ReadJob, ReadSwitch, ReadTime, run, run_at_desk
from ringfence.engine.core import JobCore
from ringfence.engine.decide import decide
from ringfence.engine.records import closed
from tests.simulation.hand import once, remember_canonical
from tests.simulation.promises import BrokenPromiseError
from tests.simulation.world import World
from tests.support.scale import cases

SEEDS, CHUNKS = cases(1_000_000), 8
ENDS = (JobState.DONE, JobState.NOTHING_TO_DO, JobState.NOT_CONTAINED, JobState.STOPPED, JobState.EXPIRED, JobState.DENIED)


def histories(chunk: int) -> Counter[JobState]:
    """Run the histories of one chunk; count how their jobs ended."""
    ends = Counter[JobState]()
    for seed in range(chunk, SEEDS, CHUNKS):
        try:
            world = World(seed).run()
        except BrokenPromiseError as broken:
            raise BrokenPromiseError(f"seed {seed}: {broken}. Again: World({seed}).run() of tests.simulation.world") from broken
        ends.update(found.state for found in world.store.jobs())
    return ends


def test_every_history_keeps_the_promises() -> None:
    with ProcessPoolExecutor(os.cpu_count(), initializer=remember_canonical) as pool:
        ends = sum(pool.map(histories, range(CHUNKS)), Counter[JobState]())
    assert min(ends[end] for end in ENDS) > 100, ends


def test_a_seed_gives_the_same_history_each_time() -> None:
    for seed in range(50):
        one, other = World(seed).run(), World(seed).run()
        assert (one.steps, one.store.jobs(), one.store.records()) == (other.steps, other.store.jobs(), other.store.records())


def test_what_saves_time_changes_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    def lived(seed: int) -> tuple[object, ...]:
        found = World(seed).run()
        return found.steps, found.time, found.store.jobs(), found.store.records(), found.told

    with monkeypatch.context() as plain:
        plain.setattr("tests.simulation.world.Hand", random.Random)
        slow = [lived(seed) for seed in range(100)]
    monkeypatch.setattr(canonical, "canonical", once(canonical.canonical))
    assert [lived(seed) for seed in range(100)] == slow


def ending(seed: int, core: type[JobCore]) -> str:
    """Say which promise a history breaks; empty where it keeps them all."""
    try:
        World(seed, core).run()
    except BrokenPromiseError as error:
        return str(error)
    return ""


def test_a_seed_that_fails_fails_in_the_same_way_ten_times() -> None:
    seed, said = next((seed, said) for seed in range(500) if (said := ending(seed, CallsItDoneUnread)))
    assert {ending(seed, CallsItDoneUnread) for _ in range(10)} == {said}


def edited(process: Process[Job], edit: Callable[[Command], Command | None]) -> Process[Job]:
    """A process whose commands are edited on their way out; one that is edited away is answered with nothing."""
    answer: object = None
    while True:
        try:
            command = edit(process.send(answer))
        except StopIteration as end:
            done: Job = end.value
            return done
        answer = None if command is None else (yield command)


def without(kind: RecordKind) -> Callable[[Command], Command | None]:
    """Drops the records of one kind."""

    def edit(command: Command) -> Command:
        if not isinstance(command, Commit):
            return command
        return msgspec.structs.replace(command, records=tuple(r for r in command.records if r.kind is not kind))

    return edit


class DropsTheIntent(JobCore):
    def apply(self, job_id: str) -> Process[Job]:
        return edited(super().apply(job_id), without(RecordKind.INTENT))


class ForgetsTheEnd(JobCore):
    def apply(self, job_id: str) -> Process[Job]:
        return edited(super().apply(job_id), without(RecordKind.CLOSED))


class CallsItDoneUnread(JobCore):
    def verify(self, job_id: str) -> Process[Job]:
        job: Job = yield ReadJob(job_id)
        if job.state is JobState.VERIFYING:
            done = job.moved(JobState.DONE, None)
            yield Commit(done, (closed(done, (yield ReadTime()), "it will be so"),))
        return job


class IgnoresTheSwitch(JobCore):
    def apply(self, job_id: str) -> Process[Job]:
        return edited(super().apply(job_id), lambda command: None if isinstance(command, ReadSwitch) else command)


class SkipsTheFence(JobCore):
    def apply(self, job_id: str) -> Process[Job]:
        while (ready := (yield from self.prepare(job_id))) is not None:
            yield from self.settle(job_id, (yield Make(ready.call, job_id)))
        job: Job = yield ReadJob(job_id)
        return job


def noticed(core: type[JobCore]) -> bool:
    """Whether some seed of the first few hundred breaks a promise."""
    for seed in range(500):
        try:
            World(seed, core).run()
        except BrokenPromiseError:
            return True
    return False


@pytest.mark.parametrize("core", [DropsTheIntent, ForgetsTheEnd, CallsItDoneUnread, IgnoresTheSwitch, SkipsTheFence])
def test_a_planted_defect_is_noticed(core: type[JobCore]) -> None:
    assert noticed(core)


def test_the_sound_core_is_not_blamed() -> None:
    assert not noticed(JobCore)


def test_a_process_that_is_never_answered_changes_nothing() -> None:
    world = World(1)
    run_at_desk(decide(world.story.judgements[0], world.settings), world)
    before = world.store.jobs()
    process = world.core.apply(before[0].id)
    assert isinstance(next(process), ReadJob)
    process.close()
    assert world.store.jobs() == before
    assert run(world.core.verify(before[0].id), world) == before[0]
