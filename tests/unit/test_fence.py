"""The fence: who has lost a job starts no further call and closes none; the call in flight is found and closed by who took over."""

from typing import Any

from ringfence.domain.job import JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.commands import Command, Make, perform
from tests.support.jobs import ADMIN, CONTAINMENT, REVERSAL, World, job, put


def until_call(world: World, process: Any) -> Make:
    """Carry a process on until it is about to call."""
    answer: object = None
    while True:
        command: Command = process.send(answer)
        if isinstance(command, Make):
            return command
        answer = perform(command, world.responder)


def test_who_has_lost_the_job_before_the_call_does_not_make_it() -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL))
    slow = world.responder.core.apply(job(REVERSAL).id)
    answer: object = None
    while not [r for r in world.store.records() if r.kind is RecordKind.INTENT]:
        answer = perform(slow.send(answer), world.responder)
    world.responder.apply(job(REVERSAL).id)  # another worker takes it over
    calls = len(world.iam.calls)
    try:
        while True:
            command = slow.send(answer)
            assert not isinstance(command, Make), "a call by a worker that had lost its lease"
            answer = perform(command, world.responder)
    except StopIteration:
        pass
    assert len(world.iam.calls) == calls == 1


def test_who_has_lost_the_job_during_the_call_closes_nothing() -> None:
    world = World(ADMIN)
    put(world.store, job(CONTAINMENT, REVERSAL))
    slow = world.responder.core.apply(job(CONTAINMENT).id)
    call = until_call(world, slow)
    reply = perform(call, world.responder)
    other = world.responder.apply(job(CONTAINMENT).id)
    assert other.state is JobState.VERIFYING
    records = world.store.records()
    assert next(r for r in records if r.kind is RecordKind.OUTCOME).reason == "it happened: the reply was lost"
    answer: object = reply
    try:
        while True:
            command = slow.send(answer)
            assert not isinstance(command, Make)
            answer = perform(command, world.responder)
    except StopIteration:
        pass
    assert world.store.records() == records
    assert len(world.iam.calls) == 2
