"""Ten thousand events at once: limits hold, nothing is lost, and it all fits a worker."""

import random
import tracemalloc

from ringfence.domain.event import Outcome
from ringfence.domain.job import JobState
from ringfence.domain.plan import ActionClass
from ringfence.engine.decide import UNJUDGED
from tests.support.jobs import work
from tests.support.scale import cases
from tests.support.town import Town, roles

MEGABYTE = 2**20


def test_a_flood_is_worked_off_within_the_limits() -> None:
    rnd = random.Random(71)  # noqa: S311 - repeatable on purpose
    town = Town(roles(200))
    town.settings = type(town.settings)(projects=town.settings.projects, mode=town.settings.mode, deployment=town.settings.deployment)
    town.evaluator.settings = town.settings
    tracemalloc.start()
    lost = []
    for number in range(cases(10_000)):
        judgement, jobs = town.judged(town.grant(rnd, number))
        if not jobs and (judgement.outcome is Outcome.FINDING or judgement.outcome in UNJUDGED):
            lost.append(number)
    work(town.queue, town.responder, town.clock)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lost == []
    assert peak < 256 * MEGABYTE
    jobs = town.store.jobs()
    acted = {job.plan.target.key for job in jobs if job.changed}
    assert 0 < len(acted) <= min(town.settings.max_auto_actions_per_hour, town.settings.max_auto_actions_per_actor)
    asked = [job for job in jobs if job.state is JobState.PENDING]
    assert len(asked) <= town.settings.max_open_questions_per_actor
    assert all(job.ended or job.state is JobState.PENDING for job in jobs), "nothing is left over"
    assert {job.action_class for job in jobs} == {ActionClass.REVERSAL}
