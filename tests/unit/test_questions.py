"""One open question for each identity: what joins it, what replaces it, what waits, and what happens when somebody dies in between."""

from datetime import datetime, timedelta

import msgspec
import pytest

from ringfence.domain.finding import Severity
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass
from ringfence.domain.record import RecordKind
from ringfence.engine.commands import run_at_desk
from ringfence.engine.ports import Slot
from ringfence.engine.questions import REPLACED_AT_MOST, STEPS_AT_MOST, ask, front, joins, replaced_by, series, settle
from ringfence.engine.sweep import take_up
from ringfence.engine.trail.agree import problems
from ringfence.errors import RefusedError
from ringfence.settings import Hours, OnTimeout
from tests.support.desk import vote
from tests.support.jobs import NOW, ROLE, put
from tests.support.jobs import job as plain
from tests.support.office import DENIES, PLENTY, A, B, C, D, E, F, Office, finding, step

S = JobState
HOUR = timedelta(hours=1)
LOW, MEDIUM, HIGH, CRITICAL = Severity


def calls(job: Job) -> list[str]:
    """The policies that a job is about, in order."""
    return [s.fact.key.rpartition("/")[2] for s in job.plan.steps]


def closing(office: Office, job: Job) -> str:
    """Why a job ended."""
    return office.store.records(job.id)[-1].reason


def test_what_asks_for_nothing_new_joins_the_question() -> None:
    office = Office()
    first = office.hear(finding(0, A, B))
    again = [office.hear(finding(1, A, B)), office.hear(finding(2, B, severity=LOW))]
    assert office.states() == [S.PENDING, S.CANCELLED, S.CANCELLED]
    assert [closing(office, job) for job in again] == [f"Waiting for an approver; job {first.id} asks for the same"] * 2
    assert joins(first) == f"joins:{first.id}"
    assert office.store.slots(joins(first), 9) == tuple(Slot(joins(first), n, 1, NOW, again[n].id) for n in (1, 0))
    assert (office.now(first), len(office.queue.notices)) == (first, 1), "its question is told already"
    assert [job.due for job in again] == [None, None]
    assert problems(office.store.jobs(), office.store.records) == ()
    assert office.vote(first) is S.APPROVED
    assert all("reason" not in r.data for r in office.store.records(first.id) if r.kind is RecordKind.APPROVAL_DECIDED)


def test_what_is_new_is_asked_together_with_what_was_asked() -> None:
    office = Office()
    first = office.hear(finding(0, A, B))
    both = office.hear(finding(1, C, B))
    assert (office.states(), calls(both)) == ([S.CANCELLED, S.PENDING], ["a", "b", "c"])
    assert closing(office, first) == f"asked about together with more by job {both.id}"
    assert both.reason == "finding 1. And before: finding 0"
    assert run_at_desk(replaced_by(first), office.desk()) == both.id
    assert office.store.slots(series(both), 9) == tuple(Slot(series(both), n, 1, NOW, job.id) for n, job in ((1, both), (0, first)))
    assert f"it asks for what job {first.id} asked, too" in office.queue.notices[-2].text
    with pytest.raises(RefusedError, match="cancelled, not pending"):
        office.vote(first)
    assert office.vote(both) is S.APPROVED
    assert problems(office.store.jobs(), office.store.records) == ()


@pytest.mark.parametrize(("first", "second", "graver"), [(LOW, HIGH, 1), (HIGH, LOW, 0), (HIGH, HIGH, 0), (MEDIUM, CRITICAL, 1)])
def test_the_graver_finding_names_what_is_asked_together(first: Severity, second: Severity, graver: int) -> None:
    office = Office()
    office.hear(finding(0, A, severity=first, guardrail="g0"))
    both = office.hear(finding(1, B, severity=second, guardrail="g1"))
    assert (both.guardrail, both.severity) == (f"g{graver}", (first, second)[graver])


@pytest.mark.parametrize(("severity", "state"), [(LOW, S.CANCELLED), (HIGH, S.CANCELLED), (CRITICAL, S.PENDING)])
def test_the_same_again_is_asked_anew_only_where_it_is_graver(severity: Severity, state: JobState) -> None:
    office = Office()
    first = office.hear(finding(0, A))
    assert office.hear(finding(1, A, severity=severity)).state is state
    assert office.now(first).state is (S.CANCELLED if state is S.PENDING else S.PENDING)


def test_what_is_asked_together_keeps_everybodys_part() -> None:
    two = msgspec.structs.replace(PLENTY, two_person_for=(A.action,))
    for settings in ((two, PLENTY), (PLENTY, two)):
        office, (bo, cy) = Office(settings[0]), (Identity.of(ROLE.kind, name, "123456789012") for name in ("bo", "cy"))
        office.hear(finding(0, A, actor="eve", affects=(ROLE, bo), time=NOW - timedelta(minutes=9)))
        office.settings = settings[1]
        both = office.hear(finding(1, B, actor="zoe", affects=(ROLE, cy)))
        assert both.needs == 2
        assert both.plan.affects == (ROLE.key, bo.key, cy.key)
        assert (both.since, both.plan.target) == (NOW - timedelta(minutes=9), ROLE)
        names = ("user/eve", "role/fraud-train", "role/bo", "user/zoe", "role/cy")
        assert both.no_say == tuple(f"{name}/123456789012" for name in names)
        for name in ("eve", "zoe"):
            with pytest.raises(RefusedError, match="has no say"):
                vote(both.id, f"arn:aws:iam::123456789012:user/{name}", settings[1], office.store, office.queue, NOW, approve=True)


@pytest.mark.parametrize(("one", "other", "since"), [(None, None, None), (NOW, None, NOW), (None, NOW, NOW), (NOW - HOUR, NOW, NOW - HOUR)])
def test_the_first_sign_of_trouble_stays(one: datetime | None, other: datetime | None, since: datetime | None) -> None:
    office = Office()
    standing = msgspec.structs.replace(office.hear(finding(0, A)), since=one)
    office.store._jobs[standing.id] = standing
    later = msgspec.structs.replace(standing, id="f" * 16, since=other, plan=msgspec.structs.replace(standing.plan, steps=(B,)))
    assert run_at_desk(ask(later, NOW), office.desk()).job.since == since


def test_containment_goes_before_a_reversal_which_is_asked_after_it() -> None:
    office = Office()
    first = office.hear(finding(0, A))
    contains = office.hear(finding(1, DENIES))
    assert (office.states(), calls(contains)) == ([S.PENDING, S.PENDING], ["deny"])
    assert "it is asked before what else is asked about fraud-train" in office.queue.notices[-1].text
    assert run_at_desk(front(first), office.desk()) == contains.id
    with pytest.raises(RefusedError, match=f"Decide {contains.id} instead"):
        office.vote(first)
    assert office.vote(contains, approve=False) is S.DENIED
    assert office.vote(first) is S.APPROVED


def test_a_reversal_waits_while_a_containment_is_asked() -> None:
    office = Office()
    contains = office.hear(finding(0, DENIES))
    reversal = office.hear(finding(1, A, severity=CRITICAL))
    assert office.states() == [S.PENDING, S.PENDING]
    assert "it waits behind what else is asked" in office.queue.notices[-1].text
    assert run_at_desk(front(reversal), office.desk()) == contains.id
    more = office.hear(finding(2, step("deny2", ActionClass.CONTAINMENT)))
    assert (calls(more), office.now(contains).state) == (["deny", "deny2"], S.CANCELLED), "more containment is asked together"
    assert run_at_desk(front(reversal), office.desk()) == more.id


def test_a_question_is_not_pushed_away_or_changed_for_ever() -> None:
    office = Office()
    for number, one in enumerate((A, B, C, D)):
        asked = office.hear(finding(number, one), NOW + timedelta(minutes=number))
    assert (asked.merged, calls(asked)) == (REPLACED_AT_MOST, ["a", "b", "c", "d"])
    assert asked.expires == NOW + timedelta(minutes=PLENTY.approval_timeout_minutes), "it has the time of the first"
    late = office.hear(finding(4, E))
    assert (late.state, calls(late)) == (S.PENDING, ["e"])
    assert run_at_desk(front(late), office.desk()) == asked.id
    assert office.hear(finding(5, D)).state is S.CANCELLED, "what is asked already joins all the same"
    assert office.hear(finding(6, E)).joins == late.id
    assert office.vote(asked) is S.APPROVED
    assert office.vote(late) is S.APPROVED, "it is asked once the first is decided"


def test_only_a_graver_finding_gives_a_question_its_own_time() -> None:
    quiet = msgspec.structs.replace(PLENTY, quiet_hours=Hours(0, 18 * 60))
    office = Office(quiet)
    first = office.hear(finding(0, A, severity=CRITICAL))
    later = NOW + timedelta(minutes=5)
    both = office.hear(finding(1, B, severity=LOW), later)
    assert (both.severity, both.expires, both.asked) == (CRITICAL, first.expires, first.asked)
    assert both.due == first.due
    office = Office()
    office.hear(finding(0, A, severity=LOW))
    assert office.hear(finding(1, B, severity=CRITICAL), later).expires == later + timedelta(minutes=PLENTY.approval_timeout_minutes)


def test_a_question_holds_no_more_steps_than_a_transaction_of_the_table() -> None:
    office = Office()
    many = tuple(step(f"p{n}") for n in range(STEPS_AT_MOST - 1))
    office.hear(finding(0, *many))
    assert "what else is asked" not in office.queue.notices[-1].text, "nothing is asked besides"
    assert len(office.hear(finding(1, A)).plan.steps) == STEPS_AT_MOST
    assert calls(office.hear(finding(2, B))) == ["b"]
    assert "it waits behind what else is asked" in office.queue.notices[-1].text


def test_whoever_is_involved_in_a_finding_that_joins_has_no_say_either() -> None:
    office = Office()
    first = office.hear(finding(0, A, actor="zed"))
    office.hear(finding(1, A, actor="ana"))
    assert office.now(first).no_say[-1] == "user/ana/123456789012"
    assert (office.now(first).state, office.queue.notices[-1].job) == (S.PENDING, first.id)
    with pytest.raises(RefusedError, match="has no say"):
        office.vote(first, approve=False)
    office.hear(finding(2, A, actor="ana"))
    assert office.now(first).version == 1, "once is enough"


def test_what_may_break_and_what_it_is_about_is_kept() -> None:
    office = Office()
    first = office.hear(finding(0, A, actor="zed"))
    office.store._keep(msgspec.structs.replace(first, stakes=("jobs stop",), about=("x",)))
    both = office.hear(finding(1, B))
    assert both.stakes == ("jobs stop",)
    assert both.about == ("x", first.event_key)
    assert both.reason == "finding 1. And before: finding 0 (caused by arn:aws:iam::123456789012:user/zed)"


def test_questions_of_others_count_nothing() -> None:
    office = Office()
    first = office.hear(finding(0, A))
    other = Identity.of(ROLE.kind, "other", "123456789012", unique_id="AROAEXAMPLEOTHER")
    elsewhere = finding(1, B)
    (planned,) = elsewhere.planned
    moved = tuple(msgspec.structs.replace(p, target=other) for p in planned.steps)
    office.hear(msgspec.structs.replace(elsewhere, planned=(msgspec.structs.replace(planned, steps=moved),)))
    assert office.states() == [S.PENDING, S.PENDING]
    assert run_at_desk(front(first), office.desk()) == first.id


def test_who_dies_before_the_earlier_question_is_ended_leaves_one_that_counts() -> None:
    office = Office()
    first = office.hear(finding(0, A))
    office.hear_and_die(finding(1, B))
    (newer,) = (job for job in office.store.jobs() if job.id != first.id)
    assert office.states() == [S.PENDING, S.PENDING]
    for approve in (True, False):
        with pytest.raises(RefusedError, match=f"Decide {newer.id} instead"):
            office.vote(first, approve=approve)
    assert office.hear(finding(1, B)) == newer, "it is delivered again"
    assert office.states() == [S.CANCELLED, S.PENDING]
    assert problems(office.store.jobs(), office.store.records) == ()


@pytest.mark.parametrize("minutes", [20, 31])
def test_a_question_that_was_replaced_never_runs_whatever_became_of_the_newer(minutes: int) -> None:
    contain = msgspec.structs.replace(PLENTY, on_timeout=OnTimeout.CONTAIN)
    office = Office(contain)
    first = office.hear(finding(0, DENIES, severity=CRITICAL))
    office.hear_and_die(finding(1, step("deny2", ActionClass.CONTAINMENT), severity=CRITICAL))
    (newer,) = (job for job in office.store.jobs() if job.id != first.id)
    assert office.vote(newer, approve=False) is S.DENIED
    taken = run_at_desk(take_up(first.id, contain), office.desk(NOW + timedelta(minutes=minutes)))
    assert (taken.state, office.queue.to_apply) == (S.CANCELLED, [])
    assert closing(office, first) == f"asked about together with more by job {newer.id}"


def test_however_often_somebody_dies_the_last_question_counts() -> None:
    office = Office()
    first = office.hear(finding(0, A))
    for number, one in ((1, B), (2, C)):
        office.hear_and_die(finding(number, one))
    last = office.hear(finding(3, D))
    assert calls(last) == ["a", "b", "c", "d"]
    assert run_at_desk(front(first), office.desk()) == last.id


def test_a_waiting_question_reminds_nobody() -> None:
    office = Office()
    reversal = office.hear(finding(0, A))
    office.hear(finding(1, DENIES))
    told = len(office.queue.notices)
    waiting = run_at_desk(take_up(reversal.id, PLENTY), office.desk(NOW + timedelta(minutes=16)))
    assert (waiting.state, waiting.reminded, waiting.due, len(office.queue.notices)) == (S.PENDING, 0, waiting.expires, told)


def test_the_earlier_question_that_is_delivered_again_ends_nothing() -> None:
    office = Office()
    first = office.hear(finding(0, A))
    office.hear_and_die(finding(1, B))
    run_at_desk(settle(first), office.desk())
    assert office.hear(finding(0, A)) == first
    assert office.states() == [S.PENDING, S.PENDING]


def test_a_question_that_was_decided_is_left_as_it_is() -> None:
    office = Office()
    first = office.hear(finding(0, A))
    assert office.vote(first, approve=False) is S.DENIED
    second = office.hear(finding(1, B))
    assert (office.states(), calls(second)) == ([S.DENIED, S.PENDING], ["b"])
    assert office.vote(second) is S.APPROVED


@pytest.mark.parametrize(("seconds", "together"), [(-1, ["a", "b"]), (0, ["b"])])
def test_a_question_whose_time_is_over_joins_nothing(seconds: int, together: list[str]) -> None:
    office = Office()
    first = office.hear(finding(0, A))
    second = office.hear(finding(1, B), first.expires + timedelta(seconds=seconds))
    assert (second.state, calls(second)) == (S.PENDING, together)


def test_a_question_whose_time_is_over_is_ended_before_another_is_asked() -> None:
    office = Office(msgspec.structs.replace(PLENTY, on_timeout=OnTimeout.CONTAIN))
    first = office.hear(finding(0, DENIES, severity=CRITICAL))
    office.hear(finding(1, step("deny2", ActionClass.CONTAINMENT), severity=CRITICAL), first.expires)
    assert office.now(first).state is S.APPROVED, "what the configuration says of a question without an answer happens all the same"


def test_of_a_job_that_asks_nothing_the_job_itself_counts() -> None:
    office = Office()
    alone = put(office.store, plain(DENIES, state=S.PENDING))
    assert run_at_desk(front(alone), office.desk()) == alone.id
    run_at_desk(settle(alone), office.desk())
    assert run_at_desk(replaced_by(alone), office.desk()) == ""


def test_one_question_is_asked_at_a_time_and_one_decision_stands_for_each() -> None:
    office = Office()
    jobs = [office.hear(finding(number, one)) for number, one in enumerate((A, B, C, D, E, F, DENIES))]
    decided = []
    while waiting := [job for job in office.store.jobs() if job.state is S.PENDING]:
        asked = office.now(next(job for job in waiting if job.id == run_at_desk(front(job), office.desk())))
        office.vote(asked)
        decided.append(calls(asked))
    assert decided == [["deny"], ["a", "b", "c", "d"], ["e", "f"]]
    kinds = [r.kind for r in office.store.records()]
    assert kinds.count(RecordKind.DECISION) == len(jobs)
    assert problems(office.store.jobs(), office.store.records) == ()
