"""A question's time: quiet hours to the minute, who is called when, reminders, and what follows where nobody decides."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.config import compile_settings, parse
from ringfence.domain.finding import Severity
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.record import RecordKind
from ringfence.engine.cards import card
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.moves import UNTAKEN
from ringfence.engine.quiet import asked_from, quiet_until, waits
from ringfence.engine.sweep import overdue, take_up
from ringfence.engine.trail.agree import problems
from ringfence.settings import Hours, OnTimeout, Person, Settings
from tests.support.cases import TODAY, settings_of
from tests.support.desk import decide, vote
from tests.support.jobs import CONTAINMENT, REVERSAL, Clock
from tests.support.office import ANA, finding

NIGHT, LUNCH, NONE = Hours(22 * 60, 6 * 60), Hours(12 * 60, 13 * 60 + 30), Hours(8 * 60, 8 * 60)
DAY = Hours(0, 24 * 60)


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


QUIET: dict[str, tuple[datetime, Hours | None, datetime | None]] = {
    "none are configured": (at(2, 23), None, None),
    "before the night": (at(2, 21, 59, 59), NIGHT, None),
    "as the night begins": (at(2, 22), NIGHT, at(3, 6)),
    "before midnight": (at(2, 23, 59, 59), NIGHT, at(3, 6)),
    "at midnight": (at(3, 0), NIGHT, at(3, 6)),
    "after midnight": (at(3, 5, 59, 59), NIGHT, at(3, 6)),
    "as the night ends": (at(3, 6), NIGHT, None),
    "at noon": (at(2, 12), NIGHT, None),
    "over the end of a month": (at(31, 23), NIGHT, datetime(2026, 4, 1, 6, tzinfo=UTC)),
    "before lunch": (at(2, 11, 59, 59), LUNCH, None),
    "as lunch begins": (at(2, 12), LUNCH, at(2, 13, 30)),
    "in the second of the end": (at(2, 13, 29, 59), LUNCH, at(2, 13, 30)),
    "as lunch ends": (at(2, 13, 30), LUNCH, None),
    "in the night beside lunch": (at(2, 0, 30), LUNCH, None),
    "equal ends are no hours, before": (at(2, 7, 59, 59), NONE, None),
    "equal ends are no hours, then": (at(2, 8), NONE, None),
    "equal ends are no hours, after": (at(2, 8, 0, 1), NONE, None),
    "a whole day": (at(2, 9), DAY, at(3, 0)),
}


@pytest.mark.parametrize("name", QUIET)
def test_quiet_hours_end(name: str) -> None:
    now, hours, end = QUIET[name]
    assert quiet_until(now, hours) == end


@pytest.mark.parametrize(
    ("severity", "later"), [(Severity.LOW, True), (Severity.MEDIUM, True), (Severity.HIGH, False), (Severity.CRITICAL, False)]
)
def test_what_is_less_than_high_waits(severity: Severity, later: bool) -> None:
    assert waits(severity) is later
    night, day = at(2, 23, 15), at(2, 12)
    assert asked_from(night, severity, NIGHT) == (at(3, 6) if later else night)
    assert asked_from(day, severity, NIGHT) == day
    assert asked_from(night, severity, None) == night


@pytest.mark.parametrize(("text", "hours"), [('"22:00-06:00"', NIGHT), ('"12:00-13:30"', LUNCH), ('"08:00-08:00"', NONE)])
def test_hours_are_written_as_people_write_them(text: str, hours: Hours) -> None:
    made = parse(f"version: 1\ndefaults: {{approval: {{quiet_hours: {text}}}}}\n", "x", TODAY)
    assert compile_settings(made.config).quiet_hours == hours


def test_the_time_of_a_question_that_waits_counts_from_the_morning() -> None:
    settings = msgspec.structs.replace(settings_of(None), quiet_hours=NIGHT)
    night, morning, wait = at(2, 23), at(3, 6), timedelta(minutes=settings.approval_timeout_minutes)
    for severity, begun in ((Severity.MEDIUM, morning), (Severity.HIGH, night)):
        store, queue = MemoryStore(), MemoryQueue()
        (asked,) = decide(finding(0, CONTAINMENT, severity=severity), settings, store, queue, night)
        assert (asked.created, asked.asked, asked.expires) == (night, begun, begun + wait)
        assert asked.due == begun + wait / 2, "people are reminded when half of the time is over"
        assert vote(asked.id, ANA, settings, store, queue, night, approve=True).state is JobState.APPROVED, "who is awake may decide"


# who is called, and what follows where nobody decides --------------------------------------------------------------------------------

PEOPLE = (
    Person(name="Ana", chat=("slack:T1/UANA",)),
    Person(name="Bo", chat=("slack:T1/UBO",)),
    Person(name="Cy", chat=("slack:T1/UCY",)),
    Person(name="Olga", chat=("slack:T1/UOLGA",), owns=("arn:aws:iam::*:role/fraud-train",)),
    Person(name="Dee"),
)
ASKS = msgspec.structs.replace(settings_of(None), people=PEOPLE, approvers=("Ana", "Olga", "Dee"), escalation=("Bo", "Cy"))


class Time:
    """A question that nobody decides, and the sweep."""

    def __init__(
        self, settings: Settings, severity: Severity = Severity.HIGH, step: Step = CONTAINMENT, begun: datetime | None = None
    ) -> None:
        self.settings, self.store, self.queue = settings, MemoryStore(), MemoryQueue()
        self.clock = Clock(begun or at(2, 12))
        (self.asked,) = decide(finding(0, step, severity=severity), settings, self.store, self.queue, self.clock.time)

    def later(self, minutes: float) -> Job:
        """Let time pass, and sweep."""
        self.clock.time += timedelta(minutes=minutes)
        desk = Desk(self.store, self.queue, self.clock)
        for late in run_at_desk(overdue(), desk):
            assert run_at_desk(take_up(late.id, self.settings), desk) == self.now
        return self.now

    @property
    def now(self) -> Job:
        found = self.store.job(self.asked.id)
        assert found is not None
        return found

    @property
    def called(self) -> list[str]:
        """The last letters of the ids that the card calls."""
        return [name.removeprefix("slack:T1/U") for name in card(self.now, self.settings, self.clock.time).calls]


def test_with_each_reminder_more_people_are_called_and_then_it_is_a_no() -> None:
    time = Time(ASKS)
    assert time.called == ["ANA"], "an owner has no vote, and who has no id in the chat cannot be called"
    for minutes, reminded, called in ((15.9, 0, ["ANA"]), (0.2, 1, ["ANA", "BO"]), (8.8, 1, ["ANA", "BO"]), (0.2, 2, ["ANA", "BO", "CY"])):
        assert (time.later(minutes).reminded, time.called) == (reminded, called)
    assert [n.page for n in time.queue.notices] == [False, True, True]
    assert [n.text for n in time.queue.notices[1:]] == [f"nobody has decided yet, {left} minutes are left" for left in (13, 4)]
    ended = time.later(6)
    assert (ended.state, time.called, time.queue.to_apply) == (JobState.EXPIRED, [], [])
    assert time.queue.notices[-1].page
    assert problems([ended], time.store.records) == ()


@pytest.mark.parametrize(("severity", "called"), [(Severity.HIGH, ["ANA", "BO", "CY"]), (Severity.MEDIUM, []), (Severity.LOW, [])])
def test_in_quiet_hours_everybody_is_called_at_once_or_nobody(severity: Severity, called: list[str]) -> None:
    quiet = msgspec.structs.replace(ASKS, quiet_hours=NIGHT)
    time = Time(quiet, severity, begun=at(2, 23))
    assert time.called == called
    if called:
        return
    assert (time.later(60).reminded, time.called) == (0, []), "nobody is reminded in the night"
    time.clock.time = at(3, 6)
    assert time.called == ["ANA"]
    assert (time.later(16.1).reminded, time.called) == (1, ["ANA", "BO"])


def test_a_no_without_reminders_where_the_configuration_says_so() -> None:
    time = Time(msgspec.structs.replace(ASKS, on_timeout=OnTimeout.DENY))
    assert time.asked.due == time.asked.expires
    assert (time.later(30.9).state, time.now.reminded, len(time.queue.notices)) == (JobState.PENDING, 0, 1)
    assert (time.later(0.2).state, time.queue.to_apply) == (JobState.EXPIRED, [])


CONTAINS = msgspec.structs.replace(ASKS, on_timeout=OnTimeout.CONTAIN)
FEW = msgspec.structs.replace(CONTAINS, max_auto_actions_per_hour=0)
LOSS = msgspec.structs.replace(CONTAINMENT, action_class=ActionClass.LOSS)
TIMEOUTS: dict[str, tuple[Settings, Severity, Step, bool]] = {
    "high containment": (CONTAINS, Severity.HIGH, CONTAINMENT, True),
    "critical containment": (CONTAINS, Severity.CRITICAL, CONTAINMENT, True),
    "medium containment": (CONTAINS, Severity.MEDIUM, CONTAINMENT, False),
    "a reversal": (CONTAINS, Severity.CRITICAL, REVERSAL, False),
    "what cannot be taken off": (CONTAINS, Severity.CRITICAL, LOSS, False),
    "beyond the budget": (FEW, Severity.CRITICAL, CONTAINMENT, False),
    "where nobody configured it": (ASKS, Severity.CRITICAL, CONTAINMENT, False),
}


@pytest.mark.parametrize("name", TIMEOUTS)
def test_containment_runs_all_the_same_where_the_configuration_says_so(name: str) -> None:
    settings, severity, step, runs = TIMEOUTS[name]
    time = Time(settings, severity, step)
    for minutes in (16, 9, 6.5):
        ended = time.later(minutes)
    assert (ended.state, time.queue.to_apply) == ((JobState.APPROVED, [ended.id]) if runs else (JobState.EXPIRED, []))
    assert (ended.approvals, time.queue.notices[-1].page) == ((), True)
    assert ("the breaker is open" in time.queue.notices[-1].text) is (settings is FEW)
    if runs:
        assert ended.due == time.clock.time + UNTAKEN
        (said,) = (r for r in time.store.records(ended.id) if r.kind is RecordKind.APPROVAL_DECIDED)
        assert (said.data["voter"], said.data["approve"]) == ("", True)
        assert len(time.store.slots("account:123456789012:containment", 9)) == 1, "it counts as an act by itself"


def test_a_question_that_somebody_changed_is_not_carried_out_when_its_time_is_over() -> None:
    time = Time(CONTAINS)
    plan = msgspec.structs.replace(time.asked.plan, steps=(*time.asked.plan.steps, REVERSAL))
    time.store._keep(msgspec.structs.replace(time.asked, plan=plan))
    time.clock.time = at(2, 12, 31, 5)
    assert (time.later(0).state, time.queue.to_apply) == (JobState.EXPIRED, [])
