"""Verified containment: read again after 5 s, 30 s and 5 min, asserted again at most three times, then people are paged."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.record import RecordKind
from ringfence.domain.state import Fact, FactKind
from ringfence.engine.commands import run_at_desk
from ringfence.engine.ids import again_id
from ringfence.engine.moves import LOOKS, SEARCH_AGAIN
from ringfence.engine.ports import Failed, Reply
from ringfence.engine.search import searches
from ringfence.engine.trail.agree import problems
from ringfence.engine.verify import ROUNDS
from ringfence.errors import RefusedError
from tests.support.cases import settings_of
from tests.support.desk import open_undo
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, REVERSAL, ROLE, World, job, put

OWN = CONTAINMENT.fact.key
S = JobState


def watched(world: World, made: Job, before_look: Callable[[int], None] = lambda _: None) -> list[int]:
    """Carry a job out and look at it when it is time; give the seconds at which it was looked at."""
    put(world.store, made)
    world.responder.apply(made.id)
    times: list[int] = []
    while world.queue.to_verify or world.queue.to_apply:
        while world.queue.to_apply:
            world.responder.apply(world.queue.to_apply.pop(0))
        if world.queue.to_verify:
            job_id, seconds = world.queue.to_verify.pop(0)
            world.clock.time += timedelta(seconds=seconds)
            before_look(len(times))
            times.append(int((world.clock.time - NOW).total_seconds()))
            world.responder.verify(job_id)
    return times


def states(world: World) -> list[JobState]:
    return [found.state for found in world.store.jobs()]


def test_contained_is_said_at_the_first_reading_and_it_is_looked_at_twice_more() -> None:
    world = World()
    assert watched(world, job(CONTAINMENT)) == list(LOOKS)
    assert states(world) == [S.DONE]
    looks = [r.reason for r in world.store.records() if r.kind is RecordKind.VERIFY]
    assert looks == [f"read again after {seconds} s: it holds" for seconds in LOOKS]
    assert [n.text for n in world.queue.notices] == ["contained: read again after 5 s: it holds"]
    assert problems(world.store.jobs(), world.store.records) == ()


def test_a_reversal_is_looked_at_until_it_is_seen_once() -> None:
    world = World(ADMIN)
    assert watched(world, job(REVERSAL)) == [5]
    assert states(world) == [S.DONE]


@pytest.mark.parametrize(("steps", "seen_at", "times"), [((REVERSAL,), 1, [5, 30]), ((REVERSAL,), 2, [5, 30, 300])])
def test_a_reversal_that_is_not_seen_yet_is_looked_at_again(steps: tuple[Step, ...], seen_at: int, times: list[int]) -> None:
    world = World(ADMIN)
    assert watched(world, job(*steps), lambda n: world.change(attached=(ADMIN,) if n < seen_at else ())) == times
    assert states(world) == [S.DONE]
    assert len(world.iam.calls) == 1, "somebody else's change has an event of its own"


def test_a_reversal_that_never_holds_is_not_called_done() -> None:
    world = World(ADMIN)
    assert watched(world, job(REVERSAL), lambda _: world.change(attached=(ADMIN,))) == list(LOOKS)
    assert states(world) == [S.NOT_CONTAINED]
    assert world.queue.notices[-1].page


def test_reverted_before_it_was_ever_seen_it_is_asserted_three_times_again_and_then_paged() -> None:
    world = World()
    watched(world, job(CONTAINMENT), lambda _: world.change(attached=()))
    assert states(world) == [S.NOT_CONTAINED]
    assert [c.operation for c in world.iam.calls] == ["AttachRolePolicy"] * (1 + ROUNDS)
    (page,) = world.queue.notices
    assert page.page
    assert "samples/scp/" in page.text
    assert not [n for n in world.queue.notices if "contained:" in n.text], "it was never contained"
    assert problems(world.store.jobs(), world.store.records) == ()


def test_reverted_once_it_is_asserted_again_and_holds() -> None:
    world = World()
    watched(world, job(CONTAINMENT), lambda n: world.change(attached=()) if n == 0 else None)
    (done,) = world.store.jobs()
    assert (done.state, done.round, done.changed) == (S.DONE, 1, ((0, 0),))
    assert OWN in world.attached()


def test_reverted_after_it_held_a_new_job_asserts_it_again() -> None:
    world = World()
    watched(world, job(CONTAINMENT), lambda n: world.change(attached=()) if n == 1 else None)
    first, again = world.store.jobs()
    assert (first.state, again.state, again.again_of, again.round) == (S.DONE, S.DONE, first.id, 1)
    assert OWN in world.attached()
    assert "somebody reverted it" in [n.text for n in world.queue.notices][1]


def test_reverted_each_time_after_it_held_people_are_paged_in_the_end() -> None:
    world = World()
    watched(world, job(CONTAINMENT), lambda n: world.change(attached=()) if n % 2 else None)
    assert states(world) == [S.DONE] * (1 + ROUNDS) + [S.NOT_CONTAINED]
    assert len(world.iam.calls) == 1 + ROUNDS
    assert world.queue.notices[-1].page
    assert "samples/scp/" in world.queue.notices[-1].text
    assert problems(world.store.jobs(), world.store.records) == ()
    last = world.store.jobs()[-1]
    world.clock.time = last.created + SEARCH_AGAIN
    assert [j.id for j in run_at_desk(searches(), world.responder)] == [last.id], "what was left behind is looked for all the same"


def test_it_is_looked_at_when_it_is_time_and_not_before() -> None:
    world = World()
    put(world.store, job(CONTAINMENT))
    world.responder.apply(job(CONTAINMENT).id)
    for _ in range(3):
        world.queue.to_verify.clear()
        world.clock.time += timedelta(seconds=1)
        assert world.responder.verify(job(CONTAINMENT).id).state is S.VERIFYING
    assert world.queue.to_verify == [(job(CONTAINMENT).id, 2)]


def test_an_undo_ends_the_watch_and_is_not_fought() -> None:
    world = World()
    put(world.store, job(CONTAINMENT))
    world.responder.apply(job(CONTAINMENT).id)
    world.clock.time += timedelta(seconds=5)
    world.responder.verify(job(CONTAINMENT).id)
    undo = open_undo(job(CONTAINMENT).id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    world.work()
    assert world.attached() == ()
    assert states(world) == [S.DONE, S.DONE]
    first = world.store.job(job(CONTAINMENT).id)
    assert first is not None
    assert first.due is None
    assert world.store.job(undo.id) is not None


def test_an_undo_takes_back_what_any_assertion_did() -> None:
    world = World()
    watched(world, job(CONTAINMENT), lambda n: world.change(attached=()) if n == 1 else None)
    again = again_id(job(CONTAINMENT).id, 1)
    for of in (again, job(CONTAINMENT).id):
        undo = open_undo(of, "operator", settings_of(None), world.store, world.queue, world.clock.time)
        assert undo.undo_of == job(CONTAINMENT).id
    world.work()
    assert world.attached() == ()


def test_an_assertion_that_comes_after_the_undo_is_cancelled() -> None:
    world = World()
    watched(world, job(CONTAINMENT))
    root = job(CONTAINMENT).id
    open_undo(root, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    late = msgspec.structs.replace(job(CONTAINMENT), id=again_id(root, 1), round=1, again_of=root)
    put(world.store, late)
    assert world.responder.apply(late.id).state is S.CANCELLED
    put(world.store, msgspec.structs.replace(late, id=again_id(root, 2)))
    with pytest.raises(RefusedError, match="is still approved"):
        open_undo(root, "operator", settings_of(None), world.store, world.queue, world.clock.time)


@pytest.mark.parametrize("gone", [True, False])
def test_a_target_that_is_gone_is_looked_at_no_more(gone: bool) -> None:
    for at in (0, 1):
        world = World()

        def vanish(number: int, world: World = world, at: int = at) -> None:
            if number == at and gone:
                world.iam.states.clear()
            elif number == at:
                world.change(identity=msgspec.structs.replace(ROLE, unique_id="AROAEXAMPLEOTHER"), attached=())

        watched(world, job(CONTAINMENT), vanish)
        assert states(world) == [S.DONE]
        assert len(world.iam.calls) == 1, "another identity of the same name is nobody's to contain"


def ladder() -> Step:
    """The deny policy, else the deny boundary."""
    swap = Step(
        action=CONTAINMENT.action,
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.BOUNDARY, "boundary"),
        before=None,
        after="deny",
        call=Call("iam", "PutRolePermissionsBoundary", {"RoleName": ROLE.name, "PermissionsBoundary": "deny"}),
        inverse=Call("iam", "DeleteRolePermissionsBoundary", {"RoleName": ROLE.name}),
    )
    return msgspec.structs.replace(CONTAINMENT, otherwise=(swap,))


def full(call: Call) -> Reply | None:
    return Failed("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10") if call == CONTAINMENT.call else None


def test_a_rung_that_a_quota_refuses_is_climbed() -> None:
    world = World()
    world.iam.script = full
    watched(world, job(ladder()))
    (done,) = world.store.jobs()
    assert (done.state, done.rungs, done.changed) == (S.DONE, (1,), ((0, 1),))
    ((state),) = world.iam.states.values()
    assert state.boundary == "deny"
    refused, climbed = (r for r in world.store.records() if r.kind is RecordKind.OUTCOME)
    assert ("PoliciesPerRole" in refused.reason, refused.rung, climbed.rung) == (True, 0, 1)
    assert problems(world.store.jobs(), world.store.records) == ()
    open_undo(done.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    world.work()
    ((state),) = world.iam.states.values()
    assert (state.boundary, state.attached) == (None, ())


def test_a_deny_policy_that_somebody_deleted_is_climbed_too() -> None:
    world = World()
    world.iam.script = lambda call: Failed("NoSuchEntity", "there is no such policy") if call == CONTAINMENT.call else None
    watched(world, job(ladder()))
    assert states(world) == [S.DONE]


def test_without_a_rung_left_it_is_not_contained() -> None:
    world = World()
    world.iam.script = lambda _: Failed("LimitExceeded", "full")
    watched(world, job(ladder()))
    assert states(world) == [S.NOT_CONTAINED]
    assert world.queue.notices[-1].page


def test_what_iam_says_is_gone_and_still_shows_is_looked_at_and_neither_blocks_the_queue_nor_counts_as_done() -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL))
    world.iam.script = lambda _: Failed("NoSuchEntity", "not attached")
    assert world.responder.apply(job(REVERSAL).id).state is S.VERIFYING
    world.work()
    found = world.store.job(job(REVERSAL).id)
    assert found is not None
    assert found.state is S.NOT_CONTAINED
    assert world.queue.notices[-1].page
