"""What a history begins with: findings about one role, as `evaluate` would hand them to `decide`."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from ringfence.domain.event import Actor, Event, Outcome, Source
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import Identity
from ringfence.domain.plan import ActionClass, Step, When
from ringfence.engine.judgement import Judgement, Planned, PlannedStep
from tests.support.cases import DEPLOYMENT
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, REVERSAL, ROLE

EVE = "arn:aws:iam::123456789012:user/eve"


class Story(Struct, frozen=True, kw_only=True):
    """The findings, the role's policies at first, what the attacker plays with, what may be done in an hour, and whether clocks differ."""

    judgements: tuple[Judgement, ...]
    attached: tuple[str, ...]
    toy: Callable[[random.Random], str]
    per_hour: int = 10  # identities
    skewed: bool = False
    spread: int = 0  # seconds over which the events come
    busy: int = 150  # steps in which things may go wrong; then everything works, and all has to come to its end
    chaos: float = 0.3  # how often they do


def finding(number: int, steps: tuple[Step, ...], when: When, severity: Severity = Severity.HIGH, actor: str = EVE) -> Judgement:
    """A judgement with one finding and its steps."""
    event = Event(source=Source.CLOUDTRAIL, name="AttachRolePolicy", id=f"e{number}", time=NOW, actor=Actor(display=actor, type="IAMUser"))
    found = Finding(guardrail="test", severity=severity, identity=ROLE, reason="a test", evidence={})
    planned = Planned(
        finding=found, steps=tuple(PlannedStep(step, when, found.identity, (found.identity,)) for step in steps), people=False
    )
    return Judgement(event=event, outcome=Outcome.FINDING, reason="a test", identities=(ROLE,), planned=(planned,))


def story(rnd: random.Random) -> Story:
    """One or two findings; what acts and what asks; a role with or without the policy and the quarantine."""
    sets: list[tuple[Step, ...]] = [(REVERSAL,), (CONTAINMENT,), (CONTAINMENT, REVERSAL_TOO)]
    made = tuple(
        finding(number, rnd.choice(sets), rnd.choice([When.ACT, When.ACT, When.ASK]), rnd.choice([Severity.HIGH, Severity.CRITICAL]))
        for number in range(rnd.choice([1, 1, 2, 4]))
    )
    attached = tuple(rnd.sample([ADMIN, DEPLOYMENT.quarantine_policy], rnd.choice([0, 1, 1, 2])))
    return Story(
        judgements=made,
        attached=attached,
        toy=lambda r: r.choice([ADMIN, DEPLOYMENT.quarantine_policy]),
        per_hour=rnd.choice([1, 2, 10]),
        skewed=rnd.random() < 0.3,
    )


def month(events: int) -> Callable[[random.Random], Story]:
    """Thirty days of events about one role, with a fault or a crash in one step of twenty."""

    def told(rnd: random.Random) -> Story:
        few = [story(rnd) for _ in range(events)]
        judgements = tuple(
            msgspec.structs.replace(s.judgements[0], event=msgspec.structs.replace(s.judgements[0].event, id=f"e{number}"))
            for number, s in enumerate(few)
        )
        return msgspec.structs.replace(few[0], judgements=judgements, per_hour=10, spread=30 * 86_400, busy=events * 1000, chaos=0.06)

    return told


# As part of a containment: a policy that comes off with it.
REVERSAL_TOO = msgspec.structs.replace(REVERSAL, action_class=ActionClass.CONTAINMENT)


def assumed(who: Identity) -> dict[str, Any]:
    """The record of somebody starting a session of a role."""
    return {
        "eventID": "e-assumed",
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "recipientAccountId": who.account,
        "requestParameters": {"roleArn": who.arn},
        "resources": [{"ARN": who.arn, "type": "AWS::IAM::Role"}],
        "responseElements": {"credentials": {"accessKeyId": "ASIAEXAMPLE"}, "assumedRoleUser": {"assumedRoleId": f"{who.unique_id}:s"}},
    }


def made_a_user(who: Identity) -> dict[str, Any]:
    """The record of what the identity did before it was contained: found by its name (a user), or by its session's key."""
    made = {"userName": "mallory", "userId": "AIDAEXAMPLEMALLORY", "arn": "arn:aws:iam::123456789012:user/mallory"}
    caller = {"type": "IAMUser", "userName": who.name, "principalId": who.unique_id, "accessKeyId": "ASIAEXAMPLE"}
    return {
        "eventID": "e-mallory",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateUser",
        "userIdentity": caller,
        "requestParameters": {"userName": "mallory"},
        "responseElements": {"user": made},
    }
