"""The trail against CloudTrail: each change that our roles made has its intent, and each act on the trail was made.

This is what catches a stolen role, and a record that vanished before it was sealed. A reply names its request, and so does CloudTrail; where
the reply was lost the call is paired by its name, its parameters, its job - named in the user agent - and its time.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from ringfence.domain.arn import parse_arn
from ringfence.domain.event import Event, Source
from ringfence.domain.plan import ActionClass
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.own_acts import same
from ringfence.engine.trail.agree import SKEW

OUR_ROLES = ":role/ringfence/"
LATE = timedelta(minutes=30)  # by which CloudTrail may deliver late: it says 15 minutes, on average about 5
LONGEST = timedelta(minutes=15)  # that a call may take whose outcome nobody wrote: far longer than any lease
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
    operators: bool  # an undo that gives a permission back: the operator's own credentials make the call

    def explains(self, event: Event) -> bool:
        call = _call(self.intent)
        if not same(str(call.get("operation")), _parameters(call), event):
            return False
        if self.outcome is not None and event.request_id and self.outcome.data.get("request_id") == event.request_id:
            return True
        if self.outcome is not None and self.outcome.data.get("changed") == "false":
            return False
        early, late = self.intent.time - SKEW, (self.until or self.intent.time + LONGEST) + SKEW
        return event.mark == self.intent.job and event.time is not None and early <= event.time <= late


def ours(event: Event, accounts: Collection[str]) -> bool:
    """Whether an event is a change that one of our roles made in one of these accounts (none: in any); what was refused is none."""
    who = event.actor.identity.arn if event.actor and event.actor.identity else ""
    service = str(event.parameters.get("eventSource", "")).removesuffix(".amazonaws.com")
    reads = event.name.startswith(("Get", "List", "Describe", "Lookup", "Generate"))
    here = not accounts or event.account in accounts
    return here and event.source is Source.CLOUDTRAIL and event.set_aside is None and OUR_ROLES in who and service in WRITTEN and not reads


def reconcile(
    events: Iterable[Event],
    records: Iterable[Record],
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    complete: bool = True,
) -> Reconciled:
    """Pair the acts of our roles with the trail, as far as both reach.

    `since`: from when on `events` hold everything; None: from the first of them to the last. `until`: how far the trail reaches; None: to this
    day. Where the events are not complete, nobody can say what was not made.
    """
    every = tuple(records)
    attempts = _attempts(every)
    accounts = {arn.account for record in every if (arn := parse_arn(record.identity))}
    heard = {event.id: event for event in events if event.source is Source.CLOUDTRAIL and event.time is not None}
    times = [event.time for event in heard.values() if event.time is not None]
    first, end = since or min(times, default=now), now if since else max(times, default=now)
    by_request = {str(a.outcome.data["request_id"]): a for a in attempts if a.outcome is not None and a.outcome.data.get("request_id")}
    by_job: dict[tuple[str, str], list[_Attempt]] = {}
    for attempt in attempts:
        by_job.setdefault((attempt.intent.job, str(_call(attempt.intent).get("operation"))), []).append(attempt)
    seen: set[str] = set()
    paired = 0
    unrecorded: list[Act] = []
    for event in heard.values():
        if not ours(event, accounts) or (until is not None and event.time is not None and event.time > until + SKEW):
            continue
        named = by_request.get(event.request_id)
        found = [a for a in (*((named,) if named else ()), *by_job.get((event.mark, event.name), ())) if a.explains(event)]
        seen |= {attempt.intent.id for attempt in found}
        paired += bool(found)
        unrecorded += [] if found else [_made(event)]
    unmade = [
        _said(a) for a in attempts if complete and first <= a.intent.time <= end and now - a.intent.time > LATE and _answered(a, seen)
    ]
    return Reconciled(paired=paired, unrecorded=tuple(unrecorded), unmade=tuple(unmade))


def _attempts(records: Iterable[Record]) -> list[_Attempt]:
    every = tuple(records)
    outcomes = {(r.job, r.step, r.round, r.rung): r for r in every if r.kind is RecordKind.OUTCOME}
    closed = {r.job: r.time for r in every if r.kind is RecordKind.CLOSED}
    undos = {r.job for r in every if r.kind is RecordKind.UNDO_REQUESTED}
    giving = {r.job for r in every if r.kind is RecordKind.DECISION and r.job in undos and ActionClass.REVERSAL in _classes(r)}
    found: list[_Attempt] = []
    for intent in (r for r in every if r.kind is RecordKind.INTENT):
        outcome = outcomes.get((intent.job, intent.step, intent.round, intent.rung))
        found.append(_Attempt(intent, outcome.time if outcome else closed.get(intent.job), outcome, intent.job in giving))
    return found


def _answered(attempt: _Attempt, seen: set[str]) -> bool:
    """Whether the trail says that our role made a request that was answered, and nobody saw it. What an operator put back is not our role's."""
    answered = attempt.outcome is not None and bool(attempt.outcome.data.get("request_id"))
    return answered and not attempt.operators and attempt.intent.id not in seen


def _made(event: Event) -> Act:
    who = event.actor.identity.arn if event.actor and event.actor.identity else ""
    on = (event.subject or event.target) and (event.subject or event.target).arn  # type: ignore[union-attr]  # one of both
    return Act(time=event.time, call=event.name, on=on or "", job=event.mark, request_id=event.request_id, role=who)


def _said(attempt: _Attempt) -> Act:
    intent, outcome = attempt.intent, attempt.outcome
    request = str(outcome.data.get("request_id", "")) if outcome else ""
    operation = str(_call(intent).get("operation"))
    return Act(time=intent.time, call=operation, on=intent.identity, job=intent.job, request_id=request, record=intent.id)


def _classes(decision: Record) -> set[str]:
    plan = decision.data.get("plan")
    steps = plan.get("steps") if isinstance(plan, Mapping) else None
    return {str(step.get("class")) for step in steps if isinstance(step, Mapping)} if isinstance(steps, (list, tuple)) else set()


def _call(intent: Record) -> Mapping[str, Any]:
    found = intent.data.get("call")
    return found if isinstance(found, Mapping) else {}


def _parameters(call: Mapping[str, Any]) -> Mapping[str, Any]:
    found = call.get("parameters")
    return found if isinstance(found, Mapping) else {}
