"""What an undo refuses: what the trail does not bear out, what re-opens a critical finding, what wakes sessions; and what it never overwrites."""

from datetime import timedelta

import msgspec
import pytest

from ringfence.clouds.memory import MemoryStore
from ringfence.domain.finding import Severity
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.state import Fact, FactKind
from ringfence.engine.ids import again_id
from ringfence.engine.moves import OPERATORS, UNTAKEN
from ringfence.engine.undo import TOKENS_LIVE
from ringfence.errors import RefusedError
from tests.support.cases import settings_of
from tests.support.desk import open_undo
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, REVERSAL, ROLE, World, job, put_done


def undo(world: World, made: Job, override: str = "", hours: float = 1) -> Job:
    return open_undo(made.id, "operator", settings_of(None), world.store, world.queue, NOW + timedelta(hours=hours), override)


@pytest.mark.parametrize(("severity", "refused"), [(Severity.CRITICAL, True), (Severity.HIGH, False)])
def test_what_was_critical_is_not_given_back_without_a_reason(severity: Severity, refused: bool) -> None:
    world = World()
    made = put_done(world.store, msgspec.structs.replace(job(REVERSAL), severity=severity), 0)
    if refused:
        with pytest.raises(RefusedError, match="found critical"):
            undo(world, made)
        assert len(world.store.jobs()) == 1
    opened = undo(world, made, "a false alarm")
    (asked,) = (r for r in world.store.records(opened.id) if r.kind is RecordKind.UNDO_REQUESTED)
    assert asked.data == {"of": made.id, "by": "operator", "override": "a false alarm"}
    assert undo(world, made).id == opened.id, "what is open already was agreed to"


def test_taking_off_our_own_containment_gives_nothing_back() -> None:
    world = World()
    assert undo(world, put_done(world.store, job(CONTAINMENT), 0)).state is JobState.APPROVED


def key_off() -> Step:
    user = Identity.of(Kind.USER, "u", "123456789012", unique_id="AIDAEXAMPLE")
    call = Call("iam", "UpdateAccessKey", {"UserName": user.name, "AccessKeyId": "AKIAEXAMPLE", "Status": "Inactive"})
    inverse = Call("iam", "UpdateAccessKey", {"UserName": user.name, "AccessKeyId": "AKIAEXAMPLE", "Status": "Active"})
    return Step(
        action="aws.iam.quarantine-user",
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.ACCESS_KEY, "AKIAEXAMPLE"),
        before="Active",
        after="Inactive",
        call=call,
        inverse=inverse,
    )


def test_a_credential_is_not_woken_while_what_it_issued_may_live() -> None:
    world = World()
    made = put_done(world.store, job(CONTAINMENT, key_off()), 0, 1)
    for hours in (1.0, 35.9):
        with pytest.raises(RefusedError, match="may be alive until 2026-03-03 21:00 UTC"):
            undo(world, made, hours=hours)
    assert undo(world, made, "nobody ever used it").state is JobState.APPROVED
    other = World()
    made = put_done(other.store, job(CONTAINMENT, key_off()), 0, 1)
    assert undo(other, made, hours=TOKENS_LIVE[FactKind.ACCESS_KEY].total_seconds() / 3600).state is JobState.APPROVED


def test_it_is_counted_from_the_last_act_not_from_the_question() -> None:
    world = World()
    made = put_done(world.store, msgspec.structs.replace(job(CONTAINMENT, key_off()), created=NOW - timedelta(minutes=30)), 0, 1)
    later = {RecordKind.OUTCOME: timedelta(minutes=1), RecordKind.CLOSED: timedelta(minutes=6)}
    for said in world.store.records():
        world.store._records[said.id] = msgspec.structs.replace(said, time=said.time + later.get(said.kind, timedelta()))
    with pytest.raises(RefusedError, match="may be alive until 2026-03-03 21:01 UTC"):
        undo(world, made, hours=35.9)


def tampered(how: str) -> MemoryStore:
    """A store in which trail and job do not agree."""
    world = World()
    made = put_done(world.store, job(CONTAINMENT), 0)
    records = {r.kind: r for r in world.store.records()}
    forged: dict[str, list[Record]] = {
        "no records": [],
        "no intent": [r for k, r in records.items() if k is not RecordKind.INTENT],
        "no outcome": [r for k, r in records.items() if k is not RecordKind.OUTCOME],
        "another plan": [msgspec.structs.replace(r, plan_digest="0" * 64) for r in records.values()],
        "no end": [r for k, r in records.items() if k is not RecordKind.CLOSED],
    }
    store = MemoryStore()
    store.open(made, forged[how])
    return store


@pytest.mark.parametrize("how", ["no records", "no intent", "no outcome", "another plan", "no end"])
def test_what_the_trail_does_not_bear_out_is_not_undone(how: str) -> None:
    world = World()
    world.store = tampered(how)
    with pytest.raises(RefusedError, match="the trail does not bear job"):
        undo(world, job(CONTAINMENT), "please")
    assert world.queue.to_apply == []


def test_a_swapped_step_is_not_undone() -> None:
    """An attacker who can write the table puts his own inverse into the job."""
    world = World()
    made = put_done(world.store, job(CONTAINMENT), 0)
    swapped = msgspec.structs.replace(made.plan.steps[0], inverse=REVERSAL.inverse)
    forged = msgspec.structs.replace(made, version=1, plan=msgspec.structs.replace(made.plan, steps=(swapped,)))
    world.store.advance(forged, [])
    with pytest.raises(RefusedError, match="of another plan"):
        undo(world, made, "please")


def test_another_identity_of_the_same_name_is_not_given_anything_back() -> None:
    world = World(CONTAINMENT.fact.key)
    made = put_done(world.store, job(CONTAINMENT), 0)
    opened = undo(world, made)
    world.change(identity=msgspec.structs.replace(ROLE, unique_id="AROAEXAMPLEOTHER"))
    world.work()
    found = world.store.job(opened.id)
    assert found is not None
    assert found.state is JobState.STALE
    assert world.attached() == (CONTAINMENT.fact.key,)


def test_what_others_attached_since_stays() -> None:
    world = World(CONTAINMENT.fact.key, ADMIN, "arn:aws:iam::123456789012:policy/theirs")
    made = put_done(world.store, job(CONTAINMENT), 0)
    undo(world, made)
    world.work()
    assert world.attached() == (ADMIN, "arn:aws:iam::123456789012:policy/theirs")


def test_an_operator_has_an_hour_and_the_writer_two_minutes() -> None:
    for step, patience in ((REVERSAL, OPERATORS), (CONTAINMENT, UNTAKEN)):
        world = World()
        assert undo(world, put_done(world.store, job(step), 0), "why").due == NOW + timedelta(hours=1) + patience


def test_steps_are_taken_back_in_reverse_order() -> None:
    world = World()
    opened = undo(world, put_done(world.store, job(CONTAINMENT, key_off()), 0, 1), "why")
    assert [s.fact.kind for s in opened.plan.steps] == [FactKind.ACCESS_KEY, FactKind.ATTACHED]


def test_every_rung_on_which_a_chain_of_assertions_stood_is_taken_back() -> None:
    swap = Call("iam", "PutRolePermissionsBoundary", {"RoleName": ROLE.name, "PermissionsBoundary": "deny"})
    back = Call("iam", "DeleteRolePermissionsBoundary", {"RoleName": ROLE.name})
    upper = msgspec.structs.replace(
        CONTAINMENT, fact=Fact(FactKind.BOUNDARY, "boundary"), before=None, after="deny", call=swap, inverse=back
    )
    world = World()
    made = job(msgspec.structs.replace(CONTAINMENT, otherwise=(upper,)))
    put_done(world.store, made, 0)
    again = msgspec.structs.replace(made, id=again_id(made.id, 1), round=1, again_of=made.id, rungs=(1,))
    put_done(world.store, again, 0)
    assert [s.call for s in undo(world, made).plan.steps] == [back, CONTAINMENT.inverse]


def test_switching_a_credential_off_wakes_nobody() -> None:
    world = World()
    woken = msgspec.structs.replace(key_off(), before="Inactive", after="Active")
    assert undo(world, put_done(world.store, job(woken), 0)).state is JobState.APPROVED
