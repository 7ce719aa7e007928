"""The only writer: intent before call, one end for each job, and the same end however often and wherever it is interrupted."""

from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryIam
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import EDGES, TERMINAL, Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.record import RecordKind
from ringfence.domain.state import Credential, Fact, FactKind, State
from ringfence.engine.ports import Done, Failed, Lost, Reply
from ringfence.engine.respond import Responder
from ringfence.errors import ConflictError, RefusedError, UndeclaredCallError, UpstreamError
from tests.support.cases import OWN_POLICIES, settings_of
from tests.support.desk import open_undo
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, REVERSAL, ROLE, World, job, put, put_done

OWN = CONTAINMENT.fact.key


def run(world: World, made: Job) -> Job:
    put(world.store, made)
    world.responder.apply(made.id)
    world.work()
    return ended(world, made.id)


def ended(world: World, job_id: str) -> Job:
    found = world.store.job(job_id)
    assert found is not None
    return found


def kinds(world: World) -> list[RecordKind]:
    return [r.kind for r in world.store.records()]


def test_a_reversal_ends_done_with_intent_outcome_and_one_end() -> None:
    world = World(ADMIN)
    done = run(world, job(REVERSAL))
    assert done.state is JobState.DONE
    assert world.attached() == ()
    assert kinds(world) == [RecordKind.DECISION, RecordKind.INTENT, RecordKind.OUTCOME, RecordKind.VERIFY, RecordKind.CLOSED]
    assert world.iam.calls == [REVERSAL.call]


def test_what_is_so_already_ends_as_nothing_to_do_without_a_call() -> None:
    world = World()
    assert run(world, job(REVERSAL)).state is JobState.NOTHING_TO_DO
    assert world.iam.calls == []
    assert kinds(world) == [RecordKind.DECISION, RecordKind.OUTCOME, RecordKind.VERIFY, RecordKind.CLOSED]


def test_what_seemed_to_be_so_already_because_iam_lagged_is_done_at_the_next_look() -> None:
    world = World()
    put(world.store, job(REVERSAL))
    assert world.responder.apply(job(REVERSAL).id).state is JobState.VERIFYING
    world.change(attached=(ADMIN,))  # now the reading shows what had happened before
    world.work()
    assert world.attached() == ()
    assert ended(world, job(REVERSAL).id).state is JobState.DONE


def test_an_undo_that_found_nothing_to_do_may_be_asked_for_again() -> None:
    world = World()
    done = run(world, job(CONTAINMENT))
    world.change(attached=())
    first = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    world.work()
    assert ended(world, first.id).state is JobState.NOTHING_TO_DO
    world.change(attached=(OWN,))
    second = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    world.work()
    assert second.id != first.id
    assert world.attached() == ()


def test_a_reversal_of_something_else_by_now_is_stale() -> None:
    world = World()
    inline = msgspec.structs.replace(REVERSAL, fact=msgspec.structs.replace(REVERSAL.fact, key=OWN), before="attached", after="other")
    assert run(world, job(inline)).state is JobState.STALE
    assert world.iam.calls == []


def test_containment_goes_on_in_spite_of_drift() -> None:
    world = World(ADMIN)
    drifted = msgspec.structs.replace(CONTAINMENT, before="something else")
    assert run(world, job(drifted)).state is JobState.DONE
    assert OWN in world.attached()
    assert "drifted" in next(r.reason for r in world.store.records() if r.kind is RecordKind.INTENT)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"identity": msgspec.structs.replace(ROLE, unique_id="AROAEXAMPLEOTHER")}, JobState.STALE),
        (
            {"identity": msgspec.structs.replace(ROLE, arn="arn:aws:iam::123456789012:role/aws-service-role/x/fraud-train")},
            JobState.UNSUPPORTED,
        ),
        ({"identity": msgspec.structs.replace(ROLE, arn="arn:aws:iam::123456789012:role/ringfence/respond")}, JobState.UNSUPPORTED),
    ],
)
def test_another_or_a_protected_target_is_never_touched(change: dict[str, Any], state: JobState) -> None:
    world = World(ADMIN)
    world.change(**change)
    assert run(world, job(REVERSAL)).state is state
    assert world.iam.calls == []


def test_a_target_that_is_gone_needs_nothing() -> None:
    world = World(ADMIN)
    world.iam.states.clear()
    assert run(world, job(REVERSAL)).state is JobState.NOTHING_TO_DO


def test_a_target_that_goes_between_two_steps_ends_partial() -> None:
    world = World(ADMIN)
    world.iam.script = lambda _: world.iam.states.clear() or Done("r")  # type: ignore[func-returns-value]  # clear, then say yes
    assert run(world, job(CONTAINMENT, REVERSAL)).state is JobState.PARTIAL


def test_a_target_that_is_gone_when_verified_is_done() -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL))
    world.responder.apply(job(REVERSAL).id)
    world.iam.states.clear()
    world.work()
    assert ended(world, job(REVERSAL).id).state is JobState.DONE


@pytest.mark.parametrize(("code", "state"), [("InvalidInput", JobState.FAILED), ("AccessDenied", JobState.FOR_A_PERSON)])
def test_a_refusal_of_iam_ends_with_its_words(code: str, state: JobState) -> None:
    world = World(ADMIN)
    world.iam.script = lambda _: Failed(code, "not so")
    failed = run(world, job(REVERSAL))
    assert failed.state is state
    assert code in world.store.records()[-1].reason
    assert world.queue.notices[-1].state == state
    by_hand = f"aws iam detach-role-policy --role-name fraud-train --policy-arn {ADMIN}"
    assert (by_hand in world.queue.notices[-1].text) is (state is JobState.FOR_A_PERSON), "what this deployment may not do, a person can"


def test_a_refusal_after_a_change_ends_partial_and_the_change_can_be_undone() -> None:
    world = World(ADMIN)
    world.iam.script = lambda call: Failed("InvalidInput", "no") if call == REVERSAL.call else None
    partial = run(world, job(CONTAINMENT, REVERSAL))
    assert partial.state is JobState.PARTIAL
    assert partial.changed == ((0, 0),)
    open_undo(partial.id, "operator", settings_of(None), world.store, world.queue, NOW)
    world.work()
    assert world.attached() == (ADMIN,)


@pytest.mark.parametrize(("twice", "state"), [(True, JobState.DONE), (False, JobState.NOTHING_TO_DO)])
def test_no_such_entity_is_our_own_success_where_an_earlier_reply_may_be_lost_and_somebody_elses_act_where_not(
    twice: bool,
    state: JobState,
) -> None:
    world = World(ADMIN)

    def retried(call: Call) -> Reply:
        assert call == REVERSAL.call
        world.change(attached=())
        return Failed("NoSuchEntity", "not attached", retried=twice)

    world.iam.script = retried
    done = run(world, job(REVERSAL))
    assert (done.state, bool(done.changed)) == (state, twice), "what somebody else took off, an undo does not give back"


def test_a_lost_reply_of_what_happened_is_found_by_reading() -> None:
    world = World(ADMIN)
    world.iam.script = lambda _: world.change(attached=()) or Lost("connection closed")  # type: ignore[func-returns-value]  # it happens, the reply is lost
    assert run(world, job(REVERSAL)).state is JobState.DONE
    assert "it happened" in next(r.reason for r in world.store.records() if r.kind is RecordKind.OUTCOME)


def test_a_lost_reply_of_what_did_not_happen_is_tried_again_on_the_same_intent() -> None:
    world = World(ADMIN)
    replies: list[Reply | None] = [Lost("timeout"), None]
    world.iam.script = lambda _: replies.pop(0)
    put(world.store, job(REVERSAL))
    with pytest.raises(UpstreamError, match="timeout"):
        world.responder.apply(job(REVERSAL).id)
    world.responder.apply(job(REVERSAL).id)
    world.work()
    assert ended(world, job(REVERSAL).id).state is JobState.DONE
    assert kinds(world).count(RecordKind.INTENT) == 1


def test_an_undeclared_call_is_refused_before_it_is_made() -> None:
    world = World(ADMIN)
    rogue = msgspec.structs.replace(REVERSAL, call=Call("iam", "CreateAccessKey", {"UserName": "eve"}))
    put(world.store, job(rogue))
    with pytest.raises(UndeclaredCallError, match="CreateAccessKey"):
        world.responder.apply(job(rogue).id)
    assert world.iam.calls == []


@pytest.mark.parametrize("state", [JobState.PENDING, *sorted(TERMINAL)])
def test_only_an_approved_job_is_carried_out(state: JobState) -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL, state=state))
    before = world.store.records()
    assert world.responder.apply(job(REVERSAL).id).state is state
    assert world.responder.verify(job(REVERSAL).id).state is state
    assert world.iam.calls == []
    assert world.store.records() == before


def test_a_message_about_no_stored_job_does_nothing() -> None:
    world = World(ADMIN)
    for act in (world.responder.apply, world.responder.verify, world.responder.prepare):
        with pytest.raises(RefusedError, match="no job"):
            act("ffffffffffffffff")
    assert world.iam.calls == []


@pytest.mark.parametrize("state", [JobState.APPROVED, JobState.RUNNING])
def test_settling_needs_an_open_intent(state: JobState) -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL, state=state))
    with pytest.raises(RefusedError, match="no open intent"):
        world.responder.settle(job(REVERSAL).id, Done("forged"))


def test_an_undo_that_gives_something_back_is_not_the_writers() -> None:
    world = World(ADMIN)
    done = run(world, job(REVERSAL))
    undo = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, NOW)
    assert world.queue.to_apply == []
    with pytest.raises(RefusedError, match="only an operator"):
        world.responder.apply(undo.id)
    call = world.responder.prepare(undo.id)
    assert call == REVERSAL.inverse
    assert world.responder.prepare(undo.id) == call, "asked again, the same intent gives the same call"
    world.responder.settle(undo.id, world.iam.call(call, undo.id))
    assert world.responder.prepare(undo.id) is None
    world.work()
    assert ended(world, undo.id).state is JobState.DONE
    assert world.attached() == (ADMIN,)


def test_an_undo_needs_the_state_it_was_planned_for() -> None:
    world = World()
    world.change(boundary="ours")
    old = Step(
        action="aws.iam.quarantine-role",
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.BOUNDARY, "boundary"),
        before="theirs",
        after="ours",
        call=Call("iam", "PutRolePermissionsBoundary", {"RoleName": ROLE.name, "PermissionsBoundary": "ours"}),
        inverse=Call("iam", "PutRolePermissionsBoundary", {"RoleName": ROLE.name, "PermissionsBoundary": "theirs"}),
    )
    put_done(world.store, job(old), 0)
    world.change(boundary="stricter")
    undo = open_undo(job(old).id, "operator", settings_of(None), world.store, world.queue, NOW)
    world.work()
    assert ended(world, undo.id).state is JobState.STALE
    assert world.iam.calls == []


def test_an_undo_that_failed_can_be_tried_again() -> None:
    world = World(ADMIN)
    done = run(world, job(REVERSAL))
    first = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, NOW)
    world.responder.prepare(first.id)
    world.responder.settle(first.id, Failed("InvalidInput", "no"))
    assert ended(world, first.id).state is JobState.FAILED
    second = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, NOW)
    assert second.id != first.id
    call = world.responder.prepare(second.id)
    assert call is not None
    world.responder.settle(second.id, world.iam.call(call, second.id))
    world.responder.prepare(second.id)
    world.work()
    assert ended(world, second.id).state is JobState.DONE


def test_an_undo_skips_a_credential_that_is_gone_and_puts_the_rest_back() -> None:
    user = Identity.of(Kind.USER, "u", "123456789012", unique_id="AIDAEXAMPLE")
    key = Credential(FactKind.ACCESS_KEY, "AKIAEXAMPLE1", "Inactive")
    world = World()
    world.iam = MemoryIam(State(identity=user, attached=(OWN,), inline={}, credentials=(key,)), policies=OWN_POLICIES)
    world.responder = Responder(settings_of(None), world.store, world.queue, world.iam, world.iam, world.clock)

    def off(name: str) -> Step:
        call = Call("iam", "UpdateAccessKey", {"UserName": "u", "AccessKeyId": name, "Status": "Inactive"})
        inverse = Call("iam", "UpdateAccessKey", {"UserName": "u", "AccessKeyId": name, "Status": "Active"})
        fact = Fact(FactKind.ACCESS_KEY, name)
        return Step(
            action="a", action_class=ActionClass.CONTAINMENT, fact=fact, before="Active", after="Inactive", call=call, inverse=inverse
        )

    made = job(off("AKIAEXAMPLE1"), off("AKIAGONE"))
    done = put_done(world.store, msgspec.structs.replace(made, plan=msgspec.structs.replace(made.plan, target=user)), 0, 1)
    undo = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, NOW)
    world.work()
    assert ended(world, undo.id).state is JobState.DONE
    (state,) = world.iam.states.values()
    assert [c.status for c in state.credentials or ()] == ["Active"]


def test_what_is_protected_since_can_still_be_released() -> None:
    world = World()
    run(world, job(CONTAINMENT))
    world.responder.settings = settings_of({"never_touch": ["arn:aws:iam::*:role/fraud-*"]})
    undo = open_undo(job(CONTAINMENT).id, "operator", settings_of(None), world.store, world.queue, NOW)
    world.work()
    assert ended(world, undo.id).state is JobState.DONE
    assert world.attached() == ()


@pytest.mark.parametrize(
    ("state", "changed", "word"),
    [(JobState.RUNNING, (0,), "still running"), (JobState.DONE, (), "changed nothing"), (None, (), "there is no job")],
)
def test_what_cannot_be_undone_says_why(state: JobState | None, changed: tuple[int, ...], word: str) -> None:
    world = World()
    if state is not None:
        put(world.store, msgspec.structs.replace(job(REVERSAL, state=state), changed=tuple((step, 0) for step in changed)))
    with pytest.raises(RefusedError, match=word):
        open_undo(job(REVERSAL).id, "operator", settings_of(None), world.store, world.queue, NOW)


def test_two_workers_on_one_job_have_the_effect_of_one() -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL))
    assert world.responder.prepare(job(REVERSAL).id) == REVERSAL.call
    stale = ended(world, job(REVERSAL).id)
    world.responder.settle(stale.id, world.iam.call(REVERSAL.call, stale.id))
    with pytest.raises(ConflictError):
        world.store.advance(stale.moved(JobState.RUNNING, NOW), [])


def test_the_table_of_edges_has_every_state_and_no_way_out_of_an_end() -> None:
    assert EDGES.keys() | TERMINAL == set(JobState)
    reached = {state for edges in EDGES.values() for state in edges} | {JobState.PENDING, JobState.APPROVED}
    assert reached == set(JobState)
    assert EDGES[JobState.DONE].keys() == {JobState.DONE}
    with pytest.raises(RefusedError, match="cannot become"):
        job(REVERSAL, state=JobState.DONE).moved(JobState.RUNNING, NOW)


def test_identities_of_other_kinds_have_no_state_to_change() -> None:
    assert Identity.of(Kind.ROOT, "root", "123456789012").arn.endswith(":root")
