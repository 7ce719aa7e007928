"""The sweep: what has no receipt is sent again, what waited for too long comes to its end, dead letters end loudly."""

from datetime import timedelta

import msgspec
import pytest

from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.commands import Desk, Make, ReadState, run_at_desk
from ringfence.engine.moves import LEASE, OPERATORS, SEARCH_AGAIN
from ringfence.engine.ports import Done, JobMessage, Wanted
from ringfence.engine.sweep import GRACE, give_up, overdue, take_up, tell_again, undelivered, untold
from ringfence.engine.trail.agree import problems
from ringfence.errors import RefusedError
from tests.support.cases import settings_of
from tests.support.desk import open_undo
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, REVERSAL, ROLE, World, job, put

S = JobState
ID = job(CONTAINMENT).id


def desk(world: World) -> Desk:
    return Desk(world.store, world.queue, world.clock)


def sweep(world: World, minutes: float = 0) -> list[Job]:
    """Let time pass, and sweep."""
    world.clock.time += timedelta(minutes=minutes)
    for told in run_at_desk(untold(), desk(world)):
        run_at_desk(tell_again(told), desk(world))
    return [run_at_desk(take_up(late.id, settings_of(None)), desk(world)) for late in run_at_desk(overdue(), desk(world))]


def test_a_question_that_nobody_answered_is_a_no_and_people_are_told() -> None:
    world = World()
    put(world.store, msgspec.structs.replace(job(CONTAINMENT, state=S.PENDING), due=NOW + timedelta(minutes=30)))
    for minutes, reminded in ((31.1, 1), (18, 2)):
        (asked,) = sweep(world, minutes)
        assert (asked.state, asked.reminded, world.queue.notices[-1].page) == (S.PENDING, reminded, True)
    assert sweep(world, 10.9) == [], "the click at the last moment comes first"
    (expired,) = sweep(world, 1.1)
    assert expired.state is S.EXPIRED
    assert world.queue.notices[-1].page
    assert problems([expired], world.store.records) == ()


def test_a_job_whose_message_was_lost_is_sent_again() -> None:
    world = World()
    put(world.store, msgspec.structs.replace(job(CONTAINMENT), due=NOW + timedelta(minutes=2)))
    assert sweep(world, 1) == []
    sweep(world, 2.1)
    assert world.queue.to_apply == [ID]
    world.work()
    found = world.store.job(ID)
    assert found is not None
    assert found.state is S.DONE


def test_a_job_whose_worker_was_lost_is_carried_on() -> None:
    world = World(ADMIN)
    put(world.store, job(CONTAINMENT, REVERSAL))
    world.responder.prepare(ID)  # the intent stands, and the worker is gone
    assert sweep(world, 2) == []
    sweep(world, LEASE.total_seconds() / 60)
    world.work()
    found = world.store.job(ID)
    assert found is not None
    assert (found.state, found.changed) == (S.DONE, ((0, 0), (1, 0)))


def test_a_look_whose_message_was_lost_is_made() -> None:
    world = World()
    put(world.store, job(CONTAINMENT))
    world.responder.apply(ID)
    for _ in range(3):
        world.queue.to_verify.clear()
        sweep(world, 6)
        assert world.queue.to_verify == [(ID, 1)]
        world.responder.verify(ID)
    found = world.store.job(ID)
    assert found is not None
    assert (found.state, found.looks, found.due) == (S.DONE, 3, world.clock.time + SEARCH_AGAIN)
    world.queue.to_verify.clear()
    sweep(world, 60)
    assert (world.queue.to_verify, world.queue.to_apply) == ([], []), "there is nothing left to carry out or to look at"


def test_a_notice_without_a_receipt_is_told_again_with_the_same_id() -> None:
    world = World()
    put(world.store, job(CONTAINMENT))
    plain, world.store.told = world.store.told, lambda notice: None  # type: ignore[method-assign] # noqa: ARG005  # the process dies before the receipt
    world.responder.apply(ID)
    world.work()
    world.store.told = plain  # type: ignore[method-assign]  # and lives again
    first = list(world.queue.notices)
    sweep(world, 2)
    assert world.queue.notices == [*first, *first]
    sweep(world, 2)
    assert len(world.queue.notices) == 2 * len(first), "now there is a receipt"


def test_what_is_not_due_is_left_alone() -> None:
    world = World()
    put(world.store, msgspec.structs.replace(job(CONTAINMENT), due=NOW + timedelta(minutes=2)))
    assert run_at_desk(take_up(ID, settings_of(None)), desk(world)).state is S.APPROVED
    assert world.queue.to_apply == []
    with pytest.raises(RefusedError, match="no job"):
        run_at_desk(take_up("ffff", settings_of(None)), desk(world))


def opened_undo(world: World) -> str:
    put(world.store, job(REVERSAL))
    world.responder.apply(ID)
    world.work()
    return open_undo(ID, "operator", settings_of(None), world.store, world.queue, world.clock.time).id


def test_an_undo_that_its_operator_never_carried_out_expires() -> None:
    world = World(ADMIN)
    undo = opened_undo(world)
    sweep(world, OPERATORS.total_seconds() / 60 + 1.1)
    assert world.queue.to_apply == [undo]
    assert world.responder.apply(undo).state is S.EXPIRED


@pytest.mark.parametrize(("made", "state"), [(True, S.VERIFYING), (False, S.FAILED)])
def test_of_an_operator_who_never_came_back_it_is_read_what_happened(made: bool, state: JobState) -> None:
    world = World(ADMIN)
    undo = opened_undo(world)
    call = world.responder.prepare(undo)
    assert call is not None
    if made:
        assert isinstance(world.iam.call(call, undo), Done)
    with pytest.raises(RefusedError, match="only an operator"):
        world.responder.apply(undo)
    world.clock.time += OPERATORS
    assert world.responder.apply(undo).state is state
    assert ("AttachRolePolicy" in [c.operation for c in world.iam.calls]) is made, "nobody else makes that call"
    assert problems([j for j in world.store.jobs() if j.ended], world.store.records) == ()


@pytest.mark.parametrize(
    ("state", "changed", "ends"),
    [
        (S.APPROVED, (), S.FAILED),
        (S.RUNNING, (), S.FAILED),
        (S.RUNNING, (0,), S.PARTIAL),
        (S.VERIFYING, (0,), S.FAILED),
        (S.PENDING, (), S.PENDING),
        (S.DENIED, (), S.DENIED),
        (S.DONE, (0,), S.DONE),
    ],
)
def test_a_dead_letter_brings_its_job_to_an_end(state: JobState, changed: tuple[int, ...], ends: JobState) -> None:
    world = World()
    put(world.store, msgspec.structs.replace(job(CONTAINMENT, state=state), changed=tuple((step, 0) for step in changed)))
    found = run_at_desk(give_up(ID, "it failed five times"), desk(world))
    assert found.state is ends
    loud = ends is not state
    assert [n.page for n in world.queue.notices] == [True] * loud


@pytest.mark.parametrize(
    ("state", "do", "minutes", "ends"),
    [
        (S.APPROVED, "apply", 2, S.FAILED),
        (S.APPROVED, "apply", 1.9, S.APPROVED),
        (S.RUNNING, "apply", 2, S.FAILED),
        (S.RUNNING, "apply", 1.9, S.RUNNING),
        (S.VERIFYING, "apply", 99, S.VERIFYING),
        (S.DONE, "apply", 99, S.DONE),
        (S.VERIFYING, "verify", 2, S.FAILED),
        (S.VERIFYING, "verify", 1.9, S.VERIFYING),
        (S.RUNNING, "verify", 99, S.RUNNING),
        (S.APPROVED, "verify", 99, S.APPROVED),
        (S.PENDING, "apply", 99, S.PENDING),
    ],
)
def test_a_dead_message_ends_only_a_job_that_it_could_have_moved_and_nobody_has(
    state: JobState, do: str, minutes: float, ends: JobState
) -> None:
    world = World()
    put(world.store, msgspec.structs.replace(job(CONTAINMENT, state=state), due=NOW + timedelta(minutes=2)))
    world.clock.time = NOW + timedelta(minutes=minutes)
    found = run_at_desk(undelivered(JobMessage(ID, do), "it failed twenty times"), desk(world))
    assert found.state is ends
    assert bool(world.queue.notices) is (ends is not state)


def test_a_dead_reading_of_what_is_contained_says_that_nobody_watches_it_any_more() -> None:
    world = World()
    put(world.store, job(CONTAINMENT))
    world.responder.apply(ID)
    world.clock.time += timedelta(seconds=5)
    world.responder.verify(ID)
    watched, told = world.store.job(ID), len(world.queue.notices)
    assert watched is not None
    assert watched.due is not None
    assert run_at_desk(undelivered(JobMessage(ID, "verify"), "why"), desk(world)) == watched, "it is not due yet"
    world.clock.time = watched.due
    assert run_at_desk(undelivered(JobMessage(ID, "apply"), "why"), desk(world)) == watched
    assert len(world.queue.notices) == told
    run_at_desk(undelivered(JobMessage(ID, "verify"), "why"), desk(world))
    assert "could not be looked at again" in world.queue.notices[-1].text


def test_a_watch_that_cannot_go_on_says_so() -> None:
    world = World()
    put(world.store, job(CONTAINMENT))
    world.responder.apply(ID)
    world.clock.time += timedelta(seconds=5)
    world.responder.verify(ID)
    found = run_at_desk(give_up(ID, "it failed five times"), desk(world))
    assert (found.state, found.due) == (S.DONE, world.clock.time + SEARCH_AGAIN), "what was left behind is looked for all the same"
    assert world.queue.notices[-1].page
    assert "could not be looked at again" in world.queue.notices[-1].text
    assert world.store.records()[-1].kind in (RecordKind.VERIFY, RecordKind.CLOSED)


def test_nobody_reads_or_changes_identities_at_a_desk() -> None:
    for command in (ReadState(ROLE, Wanted()), Make(REVERSAL.call, ID)):

        def process(command: ReadState | Make = command) -> object:
            yield command

        with pytest.raises(RefusedError, match="not done at a desk"):
            run_at_desk(process(), desk(World()))  # type: ignore[arg-type]  # as much of a process as is needed


def test_grace_is_shorter_than_any_patience() -> None:
    assert GRACE < LEASE < OPERATORS
