"""IAM throttles: the job is done all the same, and what is asked of IAM stays within three times what it takes without."""

import random
from datetime import timedelta

import pytest

from ringfence.domain.identity import Identity
from ringfence.domain.job import JobState
from ringfence.domain.plan import Call, Step
from ringfence.domain.state import State
from ringfence.engine.ports import Absence, Reply, Wanted
from ringfence.engine.respond import Responder
from ringfence.errors import UpstreamError
from ringfence.responding import patiently
from tests.support.cases import settings_of
from tests.support.jobs import ADMIN, CONTAINMENT, REVERSAL, World, job, put
from tests.support.scale import cases

HIDDEN = timedelta(seconds=360)  # until the queue gives a message again


class Throttled:
    """Reads and calls that are throttled for half a minute, and then now and then; counts what was asked of IAM."""

    def __init__(self, world: World, share: float, rnd: random.Random, until: timedelta) -> None:
        self.world, self.share, self.rnd, self.asked = world, share, rnd, 0
        self.until = world.clock.time + until

    def _ask(self) -> None:
        self.asked += 1
        if self.world.clock.time < self.until or self.rnd.random() < self.share:
            raise UpstreamError("Throttling: Rate exceeded", "It is tried again")

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        self._ask()
        return self.world.iam.read(identity, wanted)

    def owner(self, access_key_id: str) -> Identity | Absence:
        raise AssertionError(access_key_id)

    def call(self, call: Call, job: str) -> Reply:
        self._ask()
        return self.world.iam.call(call, job)


def asked(step: Step, share: float, seed: int, until: timedelta = timedelta()) -> int:
    """Carry a job out as the function and its queue do; give how often IAM was asked until the call was made."""
    world = World(ADMIN)
    port = Throttled(world, share, random.Random(seed), until)  # noqa: S311 - repeatable on purpose
    responder = Responder(settings_of(None), world.store, world.queue, port, port, world.clock)
    put(world.store, job(step))

    def wait(seconds: float) -> None:
        world.clock.time += timedelta(seconds=seconds)

    for _ in range(5):  # the queue gives it five times, then it is dead
        try:
            done = patiently(lambda: responder.apply(job(step).id), sleep=wait)
        except UpstreamError:
            wait(HIDDEN.total_seconds())
        else:
            assert done.state is JobState.VERIFYING
            return port.asked
    raise AssertionError("no job is lost to throttling")


@pytest.mark.parametrize("step", [REVERSAL, CONTAINMENT])
def test_half_a_minute_of_throttling_and_then_some_costs_at_most_three_times_the_calls(step: Step) -> None:
    least = asked(step, 0.0, 0)
    total = sum(asked(step, 0.3, seed) for seed in range(cases(1000)))
    assert total <= 3 * least * cases(1000)
    assert asked(step, 0.0, 0, timedelta(seconds=30)) <= 3 * least
