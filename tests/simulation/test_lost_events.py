"""EventBridge loses events: the census finds what stands and was never heard, and once people have decided the account ends as without loss."""

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.domain.event import Actor, Event, Source
from ringfence.domain.job import JobState
from tests.support.jobs import ADMIN
from tests.support.scale import cases
from tests.support.town import EVE, Town, roles


def history(seed: int, lost: float) -> tuple[dict[Any, Any], int]:
    """Let some grants happen; give how the account ends, and how many questions the census asked."""
    rnd = random.Random(seed)  # noqa: S311 - repeatable on purpose
    fate = random.Random(seed * 3 + 1)  # noqa: S311 - as above; apart, so that the same grants happen whatever is lost
    town = Town(roles(rnd.randint(1, 4)))
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
    town = Town(msgspec.structs.replace(state, attached=(ADMIN,)) for state in roles(3))
    assert town.store.jobs() == ()
    census = town.store.census()
    assert census is not None
    assert len(census.standing) == len(town.iam.states)


def test_to_give_somebody_again_what_they_have_had_for_long_is_a_bait_and_only_asks() -> None:
    (first, *others) = roles(3)
    town = Town([msgspec.structs.replace(first, attached=(ADMIN,)), *others])
    (place, state) = next(iter(town.iam.states.items()))
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
