"""The order in which events arrive decides nothing, and the mode decides only what is done with a plan, never the plan."""

import itertools
import random
from datetime import timedelta

import msgspec
import pytest

from ringfence.domain.event import Event
from ringfence.domain.job import JobState
from ringfence.engine.judgement import Judgement
from ringfence.settings import Mode
from tests.support.jobs import work
from tests.support.scale import cases
from tests.support.town import SETTINGS, Town, roles


def history(seed: int, order: tuple[int, ...]) -> tuple[object, ...]:
    """Six grants to one role, whose events arrive in some order; give the policies in the end and how each event's jobs ended."""
    rnd = random.Random(seed)  # noqa: S311 - repeatable on purpose
    town = Town(roles(1))
    events = [town.grant(rnd, number) for number in range(6)]
    for number in order:
        town.hear(events[number])
    town.approve()
    (state,) = town.iam.states.values()
    ends = {job.state for job in town.store.jobs() if job.event_key.startswith("aws.cloudtrail:e")}
    return state.attached, tuple((state.inline or {}).items()), ends <= {JobState.DONE, JobState.NOTHING_TO_DO, JobState.STALE}


@pytest.mark.parametrize("seed", range(3))
def test_in_whatever_order_six_events_arrive_the_end_is_the_same(seed: int) -> None:
    orders = itertools.permutations(range(6))  # 720 of each history
    ends = {str(history(seed, order)) for order in orders}
    assert len(ends) == 1, ends
    assert ends.pop().endswith("True)")


def test_one_event_two_hundred_times_in_twenty_five_hours_has_one_effect() -> None:
    town = Town(roles(1))
    event = town.grant(random.Random(46), 0)  # noqa: S311 - repeatable on purpose
    for _ in range(200):
        town.hear(event)
        town.clock.time += timedelta(minutes=7.5)
    assert len(town.iam.calls) == len(town.store.jobs()) == 1


def plans(judgement: Judgement) -> list[tuple[str, str, object]]:
    return [(p.finding.guardrail, s.step.action, s.step) for p in judgement.planned for s in p.steps]


def test_observed_or_live_the_plan_is_the_same_and_only_live_calls() -> None:
    rnd = random.Random(72)  # noqa: S311 - repeatable on purpose
    acted = 0
    for number in range(cases(2000)):
        seed = rnd.random()
        digests: dict[Mode, list[str]] = {}
        for mode in (Mode.OBSERVE, Mode.GRADUATED, Mode.STRICT):
            one = random.Random(seed)  # noqa: S311 - as above
            town = Town(roles(2), msgspec.structs.replace(SETTINGS, mode=mode))
            event: Event = town.grant(one, number)
            _, jobs = town.judged(msgspec.structs.replace(event, time=event.time and event.time - timedelta(minutes=one.randint(0, 20))))
            work(town.queue, town.responder, town.clock)
            digests[mode] = [job.plan.digest for job in jobs]
            assert mode is not Mode.OBSERVE or town.iam.calls == []
            acted += bool(town.iam.calls)
        assert digests[Mode.OBSERVE] == digests[Mode.GRADUATED] == digests[Mode.STRICT]
    assert acted


def test_judged_again_under_the_same_configuration_the_verdict_is_the_same() -> None:
    rnd = random.Random(97)  # noqa: S311 - repeatable on purpose
    for number in range(cases(2000)):
        town = Town(roles(2))
        event = town.grant(rnd, number)
        first, jobs = town.judged(event)
        assert plans(town.evaluator.judge(event, town.clock.time)) == plans(first)
        for job in jobs:
            assert {record.config_hash for record in town.store.records(job.id)} == {town.settings.config_hash}
