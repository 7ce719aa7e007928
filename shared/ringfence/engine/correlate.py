"""The timeline: what was heard of each identity is kept as signals, and the playbooks judge what came together.

One conditional write per signal, one query to read. A signal is written before the timeline is read, so that of two that belong together
and arrive at the same time at least one is processed with the other in sight: the playbook fires whatever the order, and only once.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from ringfence.domain.binding import comparable
from ringfence.domain.event import Event
from ringfence.domain.finding import Severity
from ringfence.domain.glob import matches
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.signal import Signal
from ringfence.engine.commands import KeepSignal, Process, ReadSignals, ReadTime
from ringfence.engine.ids import IDENTITY_CENTER, pathless
from ringfence.engine.judgement import Judgement

if TYPE_CHECKING:
    from ringfence.engine.evaluate import Evaluator

WEIGHTS = {Severity.MEDIUM: 5.0, Severity.HIGH: 7.0, Severity.CRITICAL: 9.0}  # on the scale of GuardDuty


def correlate(judgement: Judgement, evaluator: "Evaluator") -> Process[tuple[Judgement, ...]]:
    """Keep what an event signals of each identity, and judge what came together by the playbooks."""
    now: datetime = yield ReadTime()
    found: list[Judgement] = []
    for signal in signals(judgement, now):
        if not (window := evaluator.looks_back(judgement.event, signal)):
            continue
        yield KeepSignal(signal)
        recent: tuple[Signal, ...] = yield ReadSignals(signal.whom, signal.time - window, signal.time + window)
        found.append(evaluator.correlate(judgement.event, signal, recent, now))
    return tuple(one for one in found if one.planned or one.held or one.exempted)


def signals(judgement: Judgement, now: datetime) -> tuple[Signal, ...]:
    """Give the signal of each identity that an event is about; what an exception covers is none, and what is only low neither."""
    event = judgement.event
    said: dict[Identity, list[tuple[str, float]]] = {identity: [] for identity in judgement.identities}
    for planned in (*judgement.planned, *judgement.held):
        finding = planned.finding
        if finding.severity is not Severity.LOW:
            said.setdefault(finding.identity, []).append((finding.guardrail, WEIGHTS[finding.severity]))
    severity = float(event.parameters.get("severity", 0.0)) if isinstance(event.parameters.get("severity"), (int, float)) else 0.0
    return tuple(
        Signal(
            whom=whom(identity, event),
            identity=identity,
            event=f"{event.source}:{event.id}",
            name=event.name,
            time=event.time or now,
            guardrails=tuple(sorted({name for name, _ in found})),
            severity=max([severity, *(weight for _, weight in found)]),
            where=str(event.parameters.get("address", ""))[:64],
        )
        for identity, found in said.items()
    )


def whom(identity: Identity, event: Event) -> str:
    """Name the timeline of an identity: of a role of Identity Center that of the person, whom its session is named by.

    By name, since not every feed tells the unique id; signals whose unique ids contradict each other never come together. A principal of
    Google Cloud is the same in every project: its timeline is named by the member alone, as IAM compares it.
    """
    if identity.kind is Kind.MEMBER:
        return comparable(identity.arn)
    person = event.session if identity.kind is Kind.ROLE and matches(IDENTITY_CENTER, identity.name) else ""
    return f"{pathless(identity)}{'/' if person else ''}{person}".casefold()
