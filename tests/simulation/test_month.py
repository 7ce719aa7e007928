"""Thirty days: mixed events, faults and crashes all along; every promise is checked at every step, and the whole trail agrees in the end."""

from collections import Counter

import pytest

from ringfence.clouds.local_key import signed
from ringfence.clouds.memory import MemoryArchive
from ringfence.domain import canonical
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.seal import seal
from ringfence.engine.trail.verify import verify
from tests.simulation.hand import once
from tests.simulation.stories import month
from tests.simulation.world import World
from tests.support.scale import cases
from tests.support.trails import Signer


def test_after_thirty_days_every_promise_is_kept_and_the_trail_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical, "canonical", once(canonical.canonical))
    events = cases(100_000) // 100
    ends: Counter[str] = Counter()
    for seed in range(100):
        world = World(seed, told=month(events)).run()
        assert (world.time - world.store.jobs()[0].created).days >= 25
        ends.update(job.state for job in world.store.jobs())
        archive = MemoryArchive()
        seal(world.store, archive, Signer())
        verdict = verify(archived(archive), signed, world.time)
        assert (verdict.verified, verdict.records) == (True, len(world.store.records()))
    assert sum(ends.values()) >= 100 * events
    assert len(ends) >= 6, ends
