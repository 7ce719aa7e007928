"""Our own changes are never a new job: they are reconciled with the job that made them; a call of our role that none explains is loud."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryIam
from ringfence.domain.event import Event
from ringfence.domain.job import JobState
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.moves import end, stored
from ringfence.engine.ports import Lost
from ringfence.sources import normalise
from tests.support.cases import counted, event_file, settings_of
from tests.support.desk import decide
from tests.support.jobs import ADMIN, NOW, REVERSAL, ROLE, World, job, put

OURS = "arn:aws:iam::123456789012:role/ringfence/respond"
SETTINGS = settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]})


def our_event(world: World, **changes: Any) -> Event:
    """The event of the detachment that our job made."""
    detail = event_file("aws/cloudtrail/AttachRolePolicy.json")["detail"]
    who: dict[str, Any] = {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/respond/x", "accountId": "123456789012"}
    who |= {"sessionContext": {"sessionIssuer": {"arn": OURS, "principalId": "AROAEXAMPLERESPOND"}}}
    detail |= {"userIdentity": who, "eventName": "DetachRolePolicy", "requestParameters": {"roleName": ROLE.name, "policyArn": ADMIN}}
    detail |= {
        "userAgent": f"Boto3/1 ringfence-job/{job(REVERSAL).id}",
        "requestID": "request-1",
        "eventTime": world.clock.time.isoformat(),
    }
    (event,) = normalise({**detail, **changes})
    return event


def done() -> World:
    world = World(ADMIN)
    put(world.store, job(REVERSAL))
    world.responder.apply(job(REVERSAL).id)
    world.work()
    return world


def desk(world: World) -> Desk:
    return Desk(world.store, world.queue, world.clock)


def heard(world: World, event: Event) -> tuple[JobState, ...]:
    judgement = Evaluator(SETTINGS, world.iam, census=counted).judge(event, world.clock.time)
    assert judgement.own
    return tuple(made.state for made in decide(judgement, SETTINGS, world.store, world.queue, world.clock.time))


def test_our_own_act_is_no_new_job() -> None:
    world = done()
    assert heard(world, our_event(world)) == ()
    assert len(world.store.jobs()) == 1


def test_before_its_outcome_is_written_it_is_ours_as_well() -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL))
    world.responder.prepare(job(REVERSAL).id)
    assert heard(world, our_event(world, requestID="not yet known")) == ()


def test_of_a_lost_reply_it_is_known_by_its_time() -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL))
    world.iam.script = lambda _: world.change(attached=()) or Lost("cut")  # type: ignore[func-returns-value]  # it happens, the reply is lost
    world.responder.apply(job(REVERSAL).id)
    assert heard(world, our_event(world, requestID="lost")) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"userAgent": "Boto3/1"},
        {"userAgent": "Boto3/1 ringfence-job/ffff"},
        {"userAgent": f"x ringfence-job/{job(REVERSAL).id}0"},
        {"eventName": "AttachRolePolicy"},
        {"requestParameters": {"roleName": ROLE.name, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}},
        {"requestParameters": {"roleName": "another", "policyArn": ADMIN}},
        {"requestID": "another", "eventTime": (NOW + timedelta(hours=1)).isoformat()},
        {"requestID": "another", "eventTime": (NOW - timedelta(hours=1)).isoformat()},
        {"requestID": "another", "eventTime": "no time"},
    ],
)
def test_a_call_by_our_role_that_no_job_explains_is_loud(changes: dict[str, Any]) -> None:
    world = done()
    event = our_event(world, **changes)
    world.clock.time += timedelta(hours=2)
    assert heard(world, event) == (JobState.FOR_A_PERSON,)
    assert "in somebody else's hands" in world.queue.notices[-1].text
    assert heard(world, event) == (JobState.FOR_A_PERSON,)
    assert len(world.store.jobs()) == 2, "told once"


def test_what_our_role_tried_and_was_refused_is_reconciled_too() -> None:
    world = done()
    event = our_event(world, errorCode="AccessDenied", eventName="CreateUser", requestParameters={"userName": "mallory"})
    assert heard(world, event) == (JobState.FOR_A_PERSON,)


def test_a_job_that_ended_explains_nothing_any_more_though_its_intent_stands_open() -> None:
    world = World(ADMIN)
    put(world.store, job(REVERSAL))
    world.responder.prepare(job(REVERSAL).id)
    ended = run_at_desk(end(run_at_desk(stored(job(REVERSAL).id), desk(world)), JobState.FAILED, "given up"), desk(world))
    assert ended.ended
    world.clock.time += timedelta(hours=2)
    late = our_event(world, requestID="another")
    assert heard(world, late) == (JobState.FOR_A_PERSON,)


def test_who_writes_our_mark_without_our_role_is_judged_like_anybody() -> None:
    world = done()
    (event,) = normalise({**event_file("aws/cloudtrail/AttachRolePolicy.json")["detail"], "userAgent": f"ringfence-job/{job(REVERSAL).id}"})
    judgement = Evaluator(SETTINGS, MemoryIam(*world.iam.states.values())).judge(event, NOW)
    assert not judgement.own
    assert event.mark == job(REVERSAL).id


def test_a_replay_of_what_we_did_makes_no_loop() -> None:
    """Cloud Custodian's issue 3238: thousands of invocations for one creation. Ours: the reversal, and nothing after it."""
    world = World(ADMIN)
    detail = event_file("aws/cloudtrail/AttachRolePolicy.json")["detail"]
    detail |= {"requestParameters": {"roleName": ROLE.name, "policyArn": ADMIN}, "eventTime": NOW.isoformat()}
    (event,) = normalise(detail)
    (made,) = decide(Evaluator(SETTINGS, world.iam, census=counted).judge(event, NOW), SETTINGS, world.store, world.queue, NOW)
    world.work()
    for number in range(50):
        mine = our_event(world, userAgent=f"ringfence-job/{made.id}", eventID=f"own-{number}")
        assert heard(world, mine) == ()
        again = msgspec.structs.replace(event, id=f"late-{number}")
        decide(Evaluator(SETTINGS, world.iam, census=counted).judge(again, NOW), SETTINGS, world.store, world.queue, NOW)
        world.work()
    assert [c.operation for c in world.iam.calls] == ["DetachRolePolicy"]
