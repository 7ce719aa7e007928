"""The kill switch: set, it lets no call begin; who may lift it; and what becomes of jobs meanwhile."""

import msgspec
import pytest

from ringfence.clouds.memory import MemoryStore
from ringfence.domain.caller import Caller
from ringfence.domain.job import JobState
from ringfence.domain.record import RecordKind
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Done, Reply
from ringfence.engine.records import turned
from ringfence.engine.switch import turn
from ringfence.engine.trail.agree import problems
from ringfence.errors import RefusedError, UpstreamError
from tests.support.cases import settings_of
from tests.support.desk import open_undo
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, REVERSAL, World, job, put
from tests.support.shell import Shell

SOMEBODY = "arn:aws:iam::123456789012:user/ana"
STOP = Switch(0, stopped=True, by=SOMEBODY, time=NOW)


def test_while_it_is_set_nothing_is_called() -> None:
    world = World(ADMIN)
    made = job(CONTAINMENT, REVERSAL)
    put(world.store, made)
    world.store.turn(STOP, turned(STOP, ""))
    stopped = world.responder.apply(made.id)
    assert stopped.state is JobState.STOPPED
    assert world.iam.calls == []
    assert [r.kind for r in world.store.records()] == [RecordKind.DECISION, RecordKind.KILLSWITCH, RecordKind.CLOSED]
    assert "has stopped everything" in world.queue.notices[-1].text


def test_set_between_two_steps_the_second_is_not_called() -> None:
    world = World(ADMIN)
    made = job(CONTAINMENT, REVERSAL)
    put(world.store, made)

    def first_then_stop(call: object) -> Reply | None:
        world.store.turn(STOP, turned(STOP, ""))
        return None

    world.iam.script = first_then_stop
    partial = world.responder.apply(made.id)
    assert (partial.state, partial.changed) == (JobState.PARTIAL, ((0, 0),))
    assert world.iam.calls == [CONTAINMENT.call]


def test_set_after_the_intent_the_step_is_closed_as_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(ADMIN)
    made = job(REVERSAL)
    put(world.store, made)
    turns = iter([None, STOP])
    monkeypatch.setattr(world.store, "switch", lambda: next(turns))
    assert world.responder.apply(made.id).state is JobState.STOPPED
    assert [r.kind for r in world.store.records()] == [RecordKind.DECISION, RecordKind.INTENT, RecordKind.OUTCOME, RecordKind.CLOSED]
    assert world.iam.calls == []


def test_what_cannot_be_read_counts_as_set(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL))

    def unreadable() -> Switch:
        raise UpstreamError("the table does not answer", "Try again")

    monkeypatch.setattr(world.store, "switch", unreadable)
    with pytest.raises(UpstreamError):
        world.responder.apply(job(REVERSAL).id)
    assert world.iam.calls == []


def test_an_operator_may_still_put_back_with_their_own_credentials() -> None:
    world = World(ADMIN)
    made = job(REVERSAL)
    put(world.store, made)
    world.responder.apply(made.id)
    world.work()
    undo = open_undo(made.id, "operator", settings_of(None), world.store, world.queue, NOW)
    world.store.turn(STOP, turned(STOP, ""))
    assert world.responder.prepare(undo.id) == REVERSAL.inverse
    assert world.responder.settle(undo.id, Done("r")).state is JobState.RUNNING
    wrong = problems(world.store.jobs(), world.store.records)
    assert not [w for w in wrong if "decisions" not in w]


def test_turning_it_twice_is_once() -> None:
    store, settings = MemoryStore(), settings_of(None)
    with pytest.raises(RefusedError, match="never stopped"):
        turn(store, Caller(SOMEBODY), settings, NOW, stopped=False)
    first = turn(store, Caller(SOMEBODY), settings, NOW, stopped=True)
    assert turn(store, Caller("somebody else"), settings, NOW, stopped=True) == first
    assert turn(store, Caller(SOMEBODY), settings, NOW, stopped=False).number == 1


def test_anybody_heard_may_stop_but_only_an_approver_lets_it_go_on() -> None:
    store = MemoryStore()
    settings = msgspec.structs.replace(settings_of(None), approvers=("arn:aws:iam::123456789012:role/on-call",))
    turn(store, Caller(SOMEBODY), settings, NOW, stopped=True)
    for name, said in ((SOMEBODY, "no approver"), ("", "no name")):
        with pytest.raises(RefusedError, match=said):
            turn(store, Caller(name), settings, NOW, stopped=False)
    assert not turn(store, Caller("arn:aws:sts::123456789012:assumed-role/on-call/x"), settings, NOW, stopped=False).stopped


def test_commands(shell: Shell) -> None:
    assert shell("stop", "--json")[0]["state"] == "stopped"
    shell("stop")
    assert shell.out.startswith("stopped, by local:")
    assert shell("resume", "--json")[0]["state"] == "running"
    shell("resume")
    assert "running" in shell.out
