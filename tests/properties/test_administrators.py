"""However people are found, asked about and approved: one administrator that people can use is always left untouched."""

import random
from contextlib import suppress

import msgspec

from ringfence.domain.census import Census
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.domain.plan import When
from ringfence.engine.judgement import Judgement, Planned, PlannedStep
from ringfence.errors import RefusedError
from tests.support.desk import decide, vote
from tests.support.jobs import CONTAINMENT, NOW, REVERSAL
from tests.support.scale import cases
from tests.support.town import ANA, SETTINGS, Town
from tests.unit.test_budget import judgement as base

PEOPLE = [Identity.of(Kind.USER, f"u{n}", "123456789012", unique_id=f"AIDAEXAMPLE{n}") for n in range(8)]


def about(rnd: random.Random, number: int) -> Judgement:
    """A finding about somebody, or about a group with some of them."""
    who = rnd.choice(PEOPLE)
    affects = tuple(rnd.sample(PEOPLE, rnd.randint(1, 4))) if rnd.random() < 0.3 else (who,)
    step = rnd.choice([CONTAINMENT, REVERSAL])
    found = Finding(guardrail=rnd.choice("abcd"), severity=rnd.choice(list(Severity)), identity=who, reason="a test", evidence={})
    planned = Planned(finding=found, steps=(PlannedStep(step, rnd.choice([When.ACT, When.ASK]), found.identity, affects),), people=True)
    made = base(number, actor=rnd.choice(["eve", "zoe", ""]))
    return msgspec.structs.replace(made, planned=(planned,))


def test_one_administrator_is_always_left() -> None:
    rnd = random.Random(69)  # noqa: S311 - repeatable on purpose
    least = 99
    for _ in range(cases(5000)):
        admins = rnd.sample(PEOPLE, rnd.randint(1, 6))
        town = Town([], SETTINGS)
        ids = tuple(i.unique_id or "" for i in admins)
        town.store.keep(Census(taken=NOW, config_hash="h", identities=50, admins=ids, protected={}))
        for number in range(rnd.randint(5, 25)):
            decide(about(rnd, number), SETTINGS, town.store, town.queue, NOW)
            for job in town.store.jobs():
                if job.state is JobState.PENDING and rnd.random() < 0.7:
                    with suppress(RefusedError):  # the last administrator's, among others
                        vote(job.id, ANA, SETTINGS, town.store, town.queue, NOW, approve=True)
        acted = [job for job in town.store.jobs() if job.state is JobState.APPROVED]
        hit = {one for job in acted for one in (job.plan.target.key, *job.plan.affects)} & set(ids)
        least = min(least, len(ids) - len(hit))
        assert len(hit) < len(ids), "nobody is left who can let the others in again"
    assert least == 1, "it was tried"
