"""The trail against CloudTrail: each change that our roles made has its intent, and each act on the trail was made.

This is what catches a stolen role, and a record that vanished before it was sealed. A reply names its request, and so does CloudTrail; where
the reply was lost the call is paired by its name, its parameters, its job - named in the user agent - and its time.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from ringfence.domain.event import Event, Source
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.own_acts import same
from ringfence.engine.trail.agree import SKEW

OUR_ROLES = ":role/ringfence/"
LATE = timedelta(minutes=30)  # by which CloudTrail may deliver late: it says 15 minutes, on average about 5
WRITTEN = ("iam", "cloudtrail", "bedrock")


class Act(Struct, frozen=True, kw_only=True):
    """A call that was made, or that the trail says was made."""

    time: datetime | None
    call: str
    on: str
    job: str
    request_id: str
    role: str = ""
    record: str = ""


class Reconciled(Struct, frozen=True, kw_only=True):
    """What fits, and what has no counterpart on the other side."""

    paired: int
    unrecorded: tuple[Act, ...]  # made by our roles, and not on the trail
    unmade: tuple[Act, ...]  # on the trail, and not in CloudTrail


class _Attempt(Struct, frozen=True):
    """One intent, with when its outcome was known and which request that was."""

    intent: Record
    until: datetime | None
    outcome: Record | None

    def explains(self, event: Event) -> bool:
        call = _call(self.intent)
        if not same(str(call.get("operation")), _parameters(call), event):
            return False
        if self.outcome is not None and event.request_id and self.outcome.data.get("request_id") == event.request_id:
            return True
        early, late = self.intent.time - SKEW, (self.until or datetime.max.replace(tzinfo=self.intent.time.tzinfo) - SKEW) + SKEW
        return event.mark == self.intent.job and event.time is not None and early <= event.time <= late


def ours(event: Event) -> bool:
    """Whether an event is a change that one of our roles made; what was refused is none."""
    who = event.actor.identity.arn if event.actor and event.actor.identity else ""
    service = str(event.parameters.get("eventSource", "")).removesuffix(".amazonaws.com")
    reads = event.name.startswith(("Get", "List", "Describe", "Lookup", "Generate"))
    return event.source is Source.CLOUDTRAIL and event.set_aside is None and OUR_ROLES in who and service in WRITTEN and not reads


def reconcile(events: Iterable[Event], records: Iterable[Record], now: datetime, since: datetime | None = None) -> Reconciled:
    """Pair the acts of our roles with the trail. Only what happened since a time, if one is given, is looked for in `events`."""
    attempts = _attempts(records)
    by_name: dict[str, list[_Attempt]] = {}
    for attempt in attempts:
        by_name.setdefault(str(_call(attempt.intent).get("operation")), []).append(attempt)
    seen: set[str] = set()
    paired = 0
    unrecorded: list[Act] = []
    for event in {event.id: event for event in events if ours(event)}.values():
        found = [attempt for attempt in by_name.get(event.name, ()) if attempt.explains(event)]
        seen |= {attempt.intent.id for attempt in found}
        paired += bool(found)
        if not found:
            unrecorded.append(_made(event))
    unmade = [_said(attempt) for attempt in attempts if _missing(attempt, seen, now, since)]
    return Reconciled(paired=paired, unrecorded=tuple(unrecorded), unmade=tuple(unmade))


def _attempts(records: Iterable[Record]) -> list[_Attempt]:
    every = tuple(records)
    outcomes = {(r.job, r.step, r.round, r.rung): r for r in every if r.kind is RecordKind.OUTCOME}
    closed = {r.job: r.time for r in every if r.kind is RecordKind.CLOSED}
    found: list[_Attempt] = []
    for intent in (r for r in every if r.kind is RecordKind.INTENT):
        outcome = outcomes.get((intent.job, intent.step, intent.round, intent.rung))
        found.append(_Attempt(intent, outcome.time if outcome else closed.get(intent.job), outcome))
    return found


def _missing(attempt: _Attempt, seen: set[str], now: datetime, since: datetime | None) -> bool:
    """Whether the trail says that a request was made and answered, and nobody saw it; what CloudTrail may yet deliver is not missing."""
    answered = attempt.outcome is not None and bool(attempt.outcome.data.get("request_id"))
    in_time = (since is None or attempt.intent.time >= since) and now - attempt.intent.time > LATE
    return answered and in_time and attempt.intent.id not in seen


def _made(event: Event) -> Act:
    who = event.actor.identity.arn if event.actor and event.actor.identity else ""
    on = (event.subject or event.target) and (event.subject or event.target).arn  # type: ignore[union-attr]  # one of both
    return Act(time=event.time, call=event.name, on=on or "", job=event.mark, request_id=event.request_id, role=who)


def _said(attempt: _Attempt) -> Act:
    intent, outcome = attempt.intent, attempt.outcome
    request = str(outcome.data.get("request_id", "")) if outcome else ""
    operation = str(_call(intent).get("operation"))
    return Act(time=intent.time, call=operation, on=intent.identity, job=intent.job, request_id=request, record=intent.id)


def _call(intent: Record) -> Mapping[str, Any]:
    found = intent.data.get("call")
    return found if isinstance(found, Mapping) else {}


def _parameters(call: Mapping[str, Any]) -> Mapping[str, Any]:
    found = call.get("parameters")
    return found if isinstance(found, Mapping) else {}
