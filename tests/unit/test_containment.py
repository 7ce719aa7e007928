"""Containment that meets resistance: our own policies changed, credentials that vanish, calls that are refused, and ends in the middle."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import Call, Step
from ringfence.domain.record import RecordKind
from ringfence.domain.state import Credential, Fact, FactKind
from ringfence.domain.switch import Switch
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.ids import undo_id
from ringfence.engine.moves import LOOKS, OPERATORS
from ringfence.engine.ports import Failed, Lost, Reply
from ringfence.engine.records import turned
from ringfence.engine.sweep import give_up
from ringfence.engine.trail.agree import problems
from ringfence.engine.verify import ROUNDS
from ringfence.errors import UpstreamError
from tests.support.cases import DEPLOYMENT, OWN, settings_of
from tests.support.desk import open_undo
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, REVERSAL, ROLE, World, job, put

S = JobState
ALLOWS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
BOUNDARY = msgspec.structs.replace(
    CONTAINMENT,
    fact=Fact(FactKind.BOUNDARY, "boundary"),
    after=DEPLOYMENT.quarantine_boundary,
    call=Call("iam", "PutRolePermissionsBoundary", {"RoleName": ROLE.name, "PermissionsBoundary": DEPLOYMENT.quarantine_boundary}),
    inverse=Call("iam", "DeleteRolePermissionsBoundary", {"RoleName": ROLE.name}),
)
LADDER = msgspec.structs.replace(CONTAINMENT, otherwise=(BOUNDARY,))


def key_off(key: str) -> Step:
    """A step that switches a key off; that the target is a role does not matter to the core."""
    both = {"RoleName": ROLE.name, "AccessKeyId": key}
    return msgspec.structs.replace(
        CONTAINMENT,
        fact=Fact(FactKind.ACCESS_KEY, key),
        before="Active",
        after="Inactive",
        call=Call("iam", "UpdateAccessKey", {**both, "Status": "Inactive"}),
        inverse=Call("iam", "UpdateAccessKey", {**both, "Status": "Active"}),
    )


def active(*keys: str) -> tuple[Credential, ...]:
    return tuple(Credential(FactKind.ACCESS_KEY, key, "Active") for key in keys)


def contain(world: World, *steps: Step, before_look: Callable[[int], None] = lambda _: None) -> Job:
    """Carry a containment out and look at it whenever it is time; give the job as it ended."""
    put(world.store, job(*steps))
    world.responder.apply(job(*steps).id)
    looks = 0
    while world.queue.to_verify or world.queue.to_apply:
        while world.queue.to_apply:
            world.responder.apply(world.queue.to_apply.pop(0))
        if world.queue.to_verify:
            job_id, seconds = world.queue.to_verify.pop(0)
            world.clock.time += timedelta(seconds=seconds)
            before_look(looks)
            looks += 1
            world.responder.verify(job_id)
    return stored(world, job(*steps).id)


def stored(world: World, job_id: str) -> Job:
    found = world.store.job(job_id)
    assert found is not None
    return found


def failing(*operations: str) -> Callable[[Call], Reply | None]:
    return lambda call: Failed("AccessDenied", "no") if call.operation in operations else None


# our own policies -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [ALLOWS, None])
def test_a_deny_policy_that_does_not_deny_any_more_is_no_containment_and_the_next_rung_is_tried(document: object) -> None:
    world = World()
    world.iam.policies = {k: v for k, v in world.iam.policies.items() if k != OWN + "quarantine"}
    if isinstance(document, dict):
        world.iam.policies[OWN + "quarantine"] = document
    done = contain(world, LADDER)
    assert (done.state, done.changed) == (S.DONE, ((0, 1),))
    assert [c.operation for c in world.iam.calls] == ["PutRolePermissionsBoundary"]
    (void,) = (r.reason for r in world.store.records() if r.data.get("changed") == "false")
    assert ("was changed" if document else "is gone") in void
    assert problems(world.store.jobs(), world.store.records) == ()


def test_without_another_rung_it_is_not_contained_and_somebody_is_told_why() -> None:
    world = World(OWN + "quarantine")
    world.iam.policies[OWN + "quarantine"] = ALLOWS
    assert contain(world, CONTAINMENT).state is S.NOT_CONTAINED
    assert world.iam.calls == []
    (page,) = world.queue.notices
    assert page.page
    assert "was changed" in page.text


def test_a_deny_policy_changed_before_the_first_look_is_noticed_and_what_it_gave_is_taken_back_by_the_undo() -> None:
    world = World()

    def change(look: int) -> None:
        if look == 0:
            world.iam.policies[OWN + "quarantine"] = ALLOWS

    done = contain(world, LADDER, before_look=change)
    assert (done.state, done.round, done.changed) == (S.DONE, 1, ((0, 0), (0, 1)))
    ((state),) = world.iam.states.values()
    assert state.boundary == DEPLOYMENT.quarantine_boundary
    open_undo(done.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    world.work()
    ((state),) = world.iam.states.values()
    assert (state.attached, state.boundary) == ((), None), "every rung on which it stood"


@pytest.mark.parametrize("look", [1, 2])
def test_a_deny_policy_changed_while_it_is_watched_is_noticed(look: int) -> None:
    world = World()
    contain(world, LADDER, before_look=lambda n: world.iam.policies.update({OWN + "quarantine": ALLOWS}) if n == look else None)
    root, again = world.store.jobs()
    assert (root.state, again.state, again.again_of) == (S.DONE, S.DONE, root.id)
    assert again.changed == ((0, 1),)


def test_a_boundary_that_does_not_deny_any_more_is_noticed() -> None:
    world = World()
    world.iam.policies[DEPLOYMENT.quarantine_boundary] = ALLOWS
    assert contain(world, BOUNDARY).state is S.NOT_CONTAINED


def test_a_void_policy_does_not_keep_it_from_being_taken_off() -> None:
    world = World()
    done = contain(world, CONTAINMENT)
    world.iam.policies[OWN + "quarantine"] = ALLOWS
    open_undo(done.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    world.work()
    assert world.attached() == ()


# credentials that are gone, calls that are refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("gone_at", ["before the step", "before the look"])
def test_a_key_that_somebody_deleted_needs_no_switching_off(gone_at: str) -> None:
    world = World()
    world.change(credentials=() if gone_at == "before the step" else active("AKIAEXAMPLE"))
    done = contain(world, CONTAINMENT, key_off("AKIAEXAMPLE"), before_look=lambda _: world.change(credentials=()))
    assert (done.state, done.round) == (S.DONE, 0)


def test_what_the_cloud_refuses_is_left_the_rest_is_contained_looked_at_and_somebody_is_paged() -> None:
    world = World()
    world.change(credentials=active("AKIAEXAMPLEONE", "AKIAEXAMPLETWO"))
    world.iam.script = failing("AttachRolePolicy")
    done = contain(world, CONTAINMENT, key_off("AKIAEXAMPLEONE"), key_off("AKIAEXAMPLETWO"))
    assert (done.state, done.refused, done.changed, done.looks) == (S.PARTIAL, (0,), ((1, 0), (2, 0)), len(LOOKS))
    ((state),) = world.iam.states.values()
    assert {c.status for c in state.credentials or ()} == {"Inactive"}
    (page,) = world.queue.notices
    assert page.page
    assert "contained in part" in page.text
    (refused,) = (r for r in world.store.records() if r.data.get("changed") == "false")
    assert "By hand: aws iam attach-role-policy" in refused.reason
    assert problems(world.store.jobs(), world.store.records) == ()


def test_what_was_contained_in_part_and_is_reverted_is_asserted_again() -> None:
    world = World()
    world.change(credentials=active("AKIAEXAMPLE"))
    world.iam.script = failing("AttachRolePolicy")
    contain(
        world,
        CONTAINMENT,
        key_off("AKIAEXAMPLE"),
        before_look=lambda n: world.change(credentials=active("AKIAEXAMPLE")) if n == 1 else None,
    )
    assert [j.state for j in world.store.jobs()] == [S.PARTIAL, S.PARTIAL]
    ((state),) = world.iam.states.values()
    assert [c.status for c in state.credentials or ()] == ["Inactive"]


def test_where_everything_is_refused_a_person_has_to_do_it() -> None:
    world = World()
    world.change(credentials=active("AKIAEXAMPLE"))
    world.iam.script = failing("AttachRolePolicy", "UpdateAccessKey")
    assert contain(world, CONTAINMENT, key_off("AKIAEXAMPLE")).state is S.FOR_A_PERSON


def test_a_reversal_that_is_refused_stops_there() -> None:
    world = World(ADMIN)
    world.iam.script = lambda _: Failed("LimitExceeded", "no")
    assert contain(world, REVERSAL).state is S.FAILED


# ends in the middle ---------------------------------------------------------------------------------------------------------------


def until_lost(world: World, *steps: Step) -> Job:
    """Carry a job out until a call whose reply is lost and whose effect is not seen: its intent stays open."""
    put(world.store, job(*steps))
    world.iam.script = lambda _: Lost("cut")
    with pytest.raises(UpstreamError):
        world.responder.apply(job(*steps).id)
    return stored(world, job(*steps).id)


def test_a_job_given_up_in_the_middle_of_a_step_says_that_it_may_have_happened_and_an_undo_counts_it() -> None:
    world = World()
    made = until_lost(world, CONTAINMENT)
    world.change(attached=(OWN + "quarantine",))  # the call arrived after all
    failed = run_at_desk(give_up(made.id, "five times"), Desk(world.store, world.queue, world.clock))
    assert (failed.state, failed.changed) == (S.FAILED, ((0, 0),))
    assert "may have happened" in world.queue.notices[-1].text
    assert problems(world.store.jobs(), world.store.records) == ()
    world.iam.script = lambda _: None
    open_undo(failed.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    world.work()
    assert world.attached() == ()


def test_stopped_where_an_earlier_worker_may_have_called_it_is_not_said_that_nothing_happened() -> None:
    world = World()
    made = until_lost(world, CONTAINMENT)
    stop = Switch(0, stopped=True, by="ana", time=NOW)
    world.store.turn(stop, turned(stop, ""))
    stopped = world.responder.apply(made.id)
    assert (stopped.state, stopped.changed) == (S.STOPPED, ((0, 0),))
    (outcome,) = (r for r in world.store.records() if r.kind is RecordKind.OUTCOME)
    assert outcome.data["changed"] == "maybe"


def test_an_undo_that_failed_without_changing_anything_does_not_switch_the_watch_off() -> None:
    world = World()

    def interfere(look: int) -> None:
        if look == 1:
            undo = open_undo(job(CONTAINMENT).id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
            world.queue.to_apply.clear()
            run_at_desk(give_up(undo.id, "it failed"), Desk(world.store, world.queue, world.clock))
            world.change(attached=())

    contain(world, CONTAINMENT, before_look=interfere)
    assert stored(world, undo_id(job(CONTAINMENT).id, 0)).state is S.FAILED
    assert world.attached() == (OWN + "quarantine",), "asserted again"
    assert ROUNDS >= len([j for j in world.store.jobs() if j.again_of]) == 1


def test_an_operator_has_an_hour_for_each_call() -> None:
    world = World()
    put(
        world.store,
        msgspec.structs.replace(job(REVERSAL), undo_of="f" * 16, plan=msgspec.structs.replace(job(REVERSAL).plan, steps=(GIVE_BACK,))),
    )
    world.responder.prepare(job(REVERSAL).id)
    assert stored(world, job(REVERSAL).id).due == NOW + OPERATORS


GIVE_BACK = msgspec.structs.replace(REVERSAL, before=None, after="attached", call=REVERSAL.inverse, inverse=REVERSAL.call)
