"""What playbooks share: pairs of signals of one identity within a window, whatever the order in which they arrived."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct

from ringfence.domain.finding import Case
from ringfence.domain.signal import Signal

HIGH = 7.0  # a detector's severity from which on the order does not matter


class Pair(Struct, frozen=True):
    """Two signals that belong together: which came first in the story, and which then."""

    first: Signal
    then: Signal


def pairs(case: Case, first: Callable[[Signal], bool], then: Callable[[Signal], bool], window: timedelta) -> tuple[Pair, ...]:
    """Give the pairs that the event of the case completes. Each pair is found by whichever of its signals is processed last.

    In order within the window; the other way round only where both are high, since detectors tell late.
    """
    event = case.event
    if event is None:
        return ()
    mine = [s for s in case.recent if s.event == f"{event.source}:{event.id}"]
    found = [
        Pair(a, b)
        for one in mine
        for other in case.recent
        for a, b in ((one, other), (other, one))
        if a.event != b.event and first(a) and then(b) and one.same_identity(other) and _near(a, b, window)
    ]
    return tuple(sorted(set(found), key=lambda p: (p.first.time, p.first.event, p.then.time, p.then.event)))


def _near(a: Signal, b: Signal, window: timedelta) -> bool:
    if not timedelta() <= b.time - a.time <= window:
        return timedelta() <= a.time - b.time <= window and min(a.severity, b.severity) >= HIGH
    return True


def contributions(found: tuple[Pair, ...], points: Callable[[Signal], float]) -> list[Mapping[str, Any]]:
    """Name what a score is made of: each signal once, with its points."""
    signals = sorted({s for pair in found for s in (pair.first, pair.then)}, key=lambda s: (s.time, s.event))
    return [
        {
            "event": s.event,
            "name": s.name,
            "time": s.time.isoformat(),
            "guardrails": list(s.guardrails),
            "points": points(s),
            "where": s.where,
        }
        for s in signals
    ]


def in_words(parts: list[Mapping[str, Any]]) -> str:
    """Say what came together, oldest first."""
    return ", then ".join(f"{p['name']} at {p['time'][11:16]}" + (f" from {p['where']}" if p["where"] else "") for p in parts[:4])
