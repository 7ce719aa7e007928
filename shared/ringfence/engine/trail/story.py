"""The trail as stories: what belongs to one job, told from its records alone - so an outsider with an export can tell it as well.

A record that cannot be what it says it is (somebody wrote it) still shows, as far as it can be read.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from ringfence.domain.job import JobState
from ringfence.domain.record import NO_JOB, Record, RecordKind

OPEN = "open"


class Change(Struct, frozen=True):
    """One step, before and after, with the calls that make and unmake it."""

    what: str
    before: str
    after: str
    call: Mapping[str, Any]
    inverse: Mapping[str, Any]
    action: str = ""
    action_class: str = ""


class Story(Struct, frozen=True, kw_only=True):
    """All that the trail tells about one job."""

    job: str
    records: tuple[Record, ...]  # in the order of their numbers
    numbers: tuple[int, ...]
    guardrail: str
    identity: str
    unique_id: str
    project: str
    severity: str
    actor: str
    outcome: str  # state of the closing record; `open` where there is none
    reason: str
    approvers: tuple[str, ...]
    changes: tuple[Change, ...]
    evidence: Mapping[str, Any]
    verified: datetime | None
    undo_of: str

    @property
    def begun(self) -> datetime:
        """When the first record was written."""
        return self.records[0].time

    @property
    def last(self) -> datetime:
        """When the latest record was written; clocks differ, so it need not be the one with the highest number."""
        return max(record.time for record in self.records)

    @property
    def approved(self) -> bool:
        """Whether people agreed, and nobody denied it."""
        return bool(self.approvers) and self.outcome not in (JobState.DENIED, JobState.EXPIRED, OPEN)

    @property
    def taken_back(self) -> str:
        """The job that this one took back; empty where it is no undo, or did not come to its end."""
        return self.undo_of if self.outcome == JobState.DONE else ""

    @property
    def acted(self) -> bool:
        """Whether something was changed, or may have been."""
        return any(r.kind is RecordKind.OUTCOME and r.data.get("changed") in ("true", "maybe") for r in self.records)


class Filter(Struct, frozen=True, kw_only=True):
    """What somebody looks for. Words are looked for in any case, as parts; empty: anything."""

    identity: str = ""
    guardrail: str = ""
    project: str = ""
    approver: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, story: Story) -> bool:
        """Whether a story is looked for. One that goes on within the time counts."""
        asked = (
            (self.identity, (story.identity, story.unique_id)),
            (self.guardrail, (story.guardrail,)),
            (self.project, (story.project,)),
            (self.approver, story.approvers),
            (self.outcome, (story.outcome,)),
        )
        in_time = (self.since is None or story.last >= self.since) and (self.until is None or story.begun < self.until)
        return in_time and all(any(word.casefold() in text.casefold() for text in texts) for word, texts in asked if word)


def stories(records: Iterable[Record]) -> tuple[Story, ...]:
    """Put together what belongs to one job, in the order in which the stories begin; what belongs to no job is told record by record."""
    found: dict[str, list[tuple[int, Record]]] = {}
    for number, record in enumerate(records):
        found.setdefault(record.id if record.job == NO_JOB else record.job, []).append((number, record))
    return tuple(_story(told) for told in found.values())


def _story(told: list[tuple[int, Record]]) -> Story:
    records = tuple(record for _, record in told)
    first = next((r for r in records if r.kind is RecordKind.DECISION), records[0])
    end = next((r for r in reversed(records) if r.kind is RecordKind.CLOSED), None)
    verified = [r.time for r in records if r.kind is RecordKind.VERIFY]
    evidence = first.data.get("evidence")
    known = evidence if isinstance(evidence, Mapping) else {}
    return Story(
        job=first.job,
        records=records,
        numbers=tuple(number for number, _ in told),
        guardrail=first.guardrail,
        identity=first.identity,
        unique_id=first.unique_id or "",
        project=_text(first.data.get("project")),
        severity=_text(first.data.get("severity")),
        actor=_text(first.data.get("actor")),
        outcome=OPEN if end is None and first.job != NO_JOB else (end.state or "") if end else first.kind,
        reason=first.reason,
        approvers=tuple(
            dict.fromkeys(_said(records, RecordKind.APPROVAL_DECIDED, lambda data: data.get("voter") if data.get("approve") else None))
        ),
        changes=tuple(_changes(first.data.get("plan"))),
        evidence=known,
        verified=max(verified, default=None),
        undo_of=next(iter(_said(records, RecordKind.UNDO_REQUESTED, lambda data: data.get("of"))), ""),
    )


def _said(records: Iterable[Record], kind: RecordKind, of: Callable[[Mapping[str, Any]], Any]) -> list[str]:
    return [said for record in records if record.kind is kind if isinstance(said := of(record.data), str) and said]


def _changes(plan: object) -> Iterable[Change]:
    steps = plan.get("steps") if isinstance(plan, Mapping) else None
    for step in steps if isinstance(steps, (list, tuple)) else ():
        if not isinstance(step, Mapping):
            continue
        fact = step.get("fact")
        named = fact if isinstance(fact, Mapping) else {}
        call, inverse = (found if isinstance(found := step.get(key), Mapping) else {} for key in ("call", "inverse"))
        yield Change(
            f"{_text(named.get('kind')).replace('-', ' ')} {_text(named.get('key'))}".strip(),
            _text(step.get("before")) or "none",
            _text(step.get("after")) or "none",
            call,
            inverse,
            _text(step.get("action")),
            _text(step.get("class")),
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
