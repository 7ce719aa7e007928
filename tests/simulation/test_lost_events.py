"""EventBridge loses events: the census finds what stands and was never heard, and once people have decided the account ends as without loss."""

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.census import Census
from ringfence.domain.event import Actor, Event, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.domain.state import State
from ringfence.engine.census import standing, take, unheard
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.respond import Responder
from ringfence.iam import Account
from tests.support.cases import OWN_POLICIES, settings_of
from tests.support.desk import decide, vote
from tests.support.jobs import ADMIN, BY_SAGEMAKER, Clock, work
from tests.support.scale import cases

SETTINGS = msgspec.structs.replace(
    settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]}),
    max_auto_actions_per_hour=99,
    max_auto_actions_per_guardrail=99,
    max_auto_actions_per_actor=99,
    max_guardrail_share_percent=100,
)
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
HARMLESS = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ANA, EVE = "arn:aws:iam::123456789012:user/ana", "arn:aws:iam::123456789012:user/eve"


class Town:
    """An account whose grants are heard or lost, and the product in it."""

    def __init__(self, rnd: random.Random) -> None:
        roles = [Identity.of(Kind.ROLE, f"train-{n}", "123456789012", unique_id=f"AROAEXAMPLE{n}") for n in range(rnd.randint(1, 4))]
        states = [State(identity=r, trust=BY_SAGEMAKER, attached=(), inline={}, documents={}, credentials=()) for r in roles]
        self.iam = MemoryIam(*states, policies=OWN_POLICIES)
        self.store, self.queue, self.clock = MemoryStore(), MemoryQueue(), Clock()
        self.evaluator = Evaluator(SETTINGS, self.iam, census=self.store.census)
        self.responder = Responder(SETTINGS, self.store, self.queue, self.iam, self.iam, self.clock)

    def grant(self, rnd: random.Random, number: int) -> Event:
        """Somebody gives a role something; give the event of it."""
        place = rnd.choice(sorted(self.iam.states, key=str))
        state = self.iam.states[place]
        parameters: dict[str, Any]
        if rnd.random() < 0.6:
            policy = rnd.choice([ADMIN, HARMLESS])
            self.iam.states[place] = msgspec.structs.replace(state, attached=tuple(dict.fromkeys((*(state.attached or ()), policy))))
            name, parameters = "AttachRolePolicy", {"policyArn": policy}
        else:
            self.iam.states[place] = msgspec.structs.replace(state, inline={**(state.inline or {}), "debug": EVERYTHING})
            name, parameters = "PutRolePolicy", {"policyName": "debug", "policyDocument": EVERYTHING}
        return Event(
            source=Source.CLOUDTRAIL,
            name=name,
            id=f"e{number}",
            time=self.clock.time,
            account="123456789012",
            actor=Actor(display=EVE, type="IAMUser"),
            subject=state.identity,
            parameters=parameters,
        )

    def hear(self, event: Event) -> None:
        """Judge an event, decide, and carry out what acts."""
        decide(self.evaluator.judge(event, self.clock.time), SETTINGS, self.store, self.queue, self.clock.time)
        work(self.queue, self.responder, self.clock)

    def count(self) -> None:
        """Take a census; what stands and was never heard is asked about."""
        previous = self.store.census()
        states = list(self.iam.states.values())
        found = standing(states, lambda event: self.evaluator.judge(event, self.clock.time))
        taken = take(Account(holders=(), groups={}, missing=()), states, SETTINGS, previous, found, lambda _: True, self.clock.time)
        for judgement in run_at_desk(unheard(found, previous), Desk(self.store, self.queue, self.clock)):
            decide(judgement, SETTINGS, self.store, self.queue, self.clock.time)
        self.store.keep(taken)

    def approve(self) -> int:
        """Somebody approves whatever is asked; give how much that was."""
        asked = [job for job in self.store.jobs() if job.state is JobState.PENDING]
        for job in asked:
            vote(job.id, ANA, SETTINGS, self.store, self.queue, self.clock.time, approve=True)
        work(self.queue, self.responder, self.clock)
        return len(asked)


def history(seed: int, lost: float) -> tuple[dict[Any, Any], int]:
    """Let some grants happen; give how the account ends, and how many questions the census asked."""
    rnd = random.Random(seed)  # noqa: S311 - repeatable on purpose
    fate = random.Random(seed * 3 + 1)  # noqa: S311 - as above; apart, so that the same grants happen whatever is lost
    town = Town(rnd)
    town.count()
    for number in range(rnd.randint(1, 6)):
        event = town.grant(rnd, number)
        if fate.random() >= lost:
            town.hear(event)
            town.approve()
        town.clock.time += timedelta(minutes=rnd.randint(1, 40))
    town.clock.time += timedelta(hours=6)
    town.count()
    asked = town.approve()
    town.clock.time += timedelta(hours=6)
    town.count()
    assert town.approve() == 0, "what was asked about once is not asked about again"
    return {place: (state.attached, state.inline) for place, state in town.iam.states.items()}, asked


@pytest.mark.parametrize("lost", [1.0, 0.5, 0.05])
def test_whatever_is_lost_the_account_ends_the_same(lost: float) -> None:
    questions = 0
    for seed in range(cases(2000)):
        without, none = history(seed, 0.0)
        ends, asked = history(seed, lost)
        assert ends == without, seed
        assert none == 0, "what was heard is not asked about by the census as well"
        questions += asked
    assert questions > 0


def test_what_stood_at_first_is_the_baseline() -> None:
    previous: Census | None = None
    town = Town(random.Random(1))  # noqa: S311 - repeatable on purpose
    for place, state in town.iam.states.items():
        town.iam.states[place] = msgspec.structs.replace(state, attached=(ADMIN,))
    assert town.store.census() is previous
    town.count()
    assert town.store.jobs() == ()
    census = town.store.census()
    assert census is not None
    assert len(census.standing) == len(town.iam.states)


def test_to_give_somebody_again_what_they_have_had_for_long_is_a_bait_and_only_asks() -> None:
    town = Town(random.Random(1))  # noqa: S311 - repeatable on purpose
    (place, state) = next(iter(town.iam.states.items()))
    town.iam.states[place] = msgspec.structs.replace(state, attached=(ADMIN,))
    town.count()
    again = Event(
        source=Source.CLOUDTRAIL,
        name="AttachRolePolicy",
        id="bait",
        time=town.clock.time,
        account="123456789012",
        actor=Actor(display=EVE, type="IAMUser"),
        subject=state.identity,
        parameters={"policyArn": ADMIN, "roleName": state.identity.name, "eventSource": "iam.amazonaws.com"},
    )
    town.hear(again)
    assert [job.state for job in town.store.jobs()] == [JobState.PENDING]
    town.hear(msgspec.structs.replace(again, id="fresh", subject=list(town.iam.states.values())[-1].identity))
    assert town.iam.states[place].attached == (ADMIN,)
