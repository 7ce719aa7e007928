"""Exemptions made at run time: who may, of what, until when; and that nothing else is exempted by them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.caller import Caller
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import NO_JOB, Record, RecordKind
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.judgement import Judgement
from ringfence.engine.ports import Slot
from ringfence.engine.questions import series
from ringfence.engine.records import decision
from ringfence.engine.waive import LONGEST, waive, waived
from ringfence.errors import RefusedError
from ringfence.settings import Exemption, Person, Settings
from tests.support.cases import counted, settings_of
from tests.support.desk import open_undo
from tests.support.jobs import CONTAINMENT, NOW, ROLE, World, job, put_done
from tests.unit.test_decide import finding

ANA, EVE = "arn:aws:iam::123456789012:user/ana", "arn:aws:iam::123456789012:user/eve"
GUARDRAIL = "aws-credential-exfiltration"
SETTINGS = msgspec.structs.replace(settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]}), config_hash="h")
ASKED = msgspec.structs.replace(job(CONTAINMENT, state=JobState.PENDING), guardrail=GUARDRAIL, project="p", actor=EVE)
LAST = date(2026, 4, 1)  # thirty days after NOW
replace = msgspec.structs.replace


def exempt(store: MemoryStore, asked: Job = ASKED, by: str = ANA, settings: Settings = SETTINGS, **more: Any) -> Record:
    given = {"reason": "a red team", "until": LAST, "now": NOW, **more}
    return waive(store, asked, Caller(by), settings, **given)


def test_an_exemption_is_its_record() -> None:
    store = MemoryStore()
    made = exempt(store)
    assert store.records() == (made,)
    assert (made.kind, made.job, made.time, made.config_hash) == (RecordKind.EXEMPTION_GRANTED, NO_JOB, NOW, "h")
    assert made.id == f"exemption_granted.{ASKED.id}.20260302T090000"
    assert made.reason == f"{ANA} exempts {ROLE.arn} from {GUARDRAIL} until 2026-04-01: a red team"
    end = datetime(2026, 4, 1, 23, 59, 59, 999999, tzinfo=UTC)
    assert made.data == {
        "guardrail": GUARDRAIL,
        "project": "p",
        "principal": ROLE.unique_id,
        "reason": "a red team",
        "until": end.isoformat(),
        "by": ANA,
        "job": ASKED.id,
    }
    assert waived(store) == (Exemption(GUARDRAIL, "p", str(ROLE.unique_id), "a red team", end),)
    assert [entry.id for entry in store.unsealed(9)] == [made.id], "it is sealed like any other record"


def test_each_exemption_stays_on_record() -> None:
    store = MemoryStore()
    for minutes in (0, 1):
        exempt(store, now=NOW + timedelta(minutes=minutes))
    assert len(waived(store)) == 2
    assert waived(MemoryStore()) == ()


UNNAMED = replace(ASKED, plan=replace(ASKED.plan, target=Identity.of(Kind.ROLE, "fraud-train", "123456789012")))
NAMED = replace(SETTINGS, approvers=("arn:aws:iam::123456789012:user/sec",))
OWNED = replace(ASKED, no_say=("person Ana",))
PEOPLE = replace(SETTINGS, people=(Person(name="Ana", cloud=(ANA,), chat=("slack:T1/UANA",)),))
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "who caused it": ({"by": EVE}, "caused the event"),
    "whom it is about": ({"by": "arn:aws:sts::123456789012:assumed-role/fraud-train/x"}, "affected by the plan"),
    "an owner": ({"asked": OWNED, "settings": PEOPLE}, "involved"),
    "no approver": ({"settings": NAMED}, "no approver"),
    "somebody in a chat": ({"by": "slack:T1/UZOE"}, "nobody under `people`"),
    "an approver's person where a chat decides nothing": ({"by": "slack:T1/UANA", "settings": PEOPLE}, "no approver"),
    "nobody": ({"by": ""}, "no name"),
    "of a name only": ({"asked": UNNAMED}, "no unique id that is known"),
    "without a reason": ({"reason": ""}, "needs a reason"),
    "with a blank reason": ({"reason": " \n"}, "needs a reason"),
    "until yesterday": ({"until": NOW.date() - timedelta(days=1)}, "ends within 30 days"),
    "for ever": ({"until": date.max}, "ends within 30 days"),
    "for a day too long": ({"until": LAST + timedelta(days=1)}, "ends within 30 days .got 2026-04-02"),
    "at the very end of its last day": ({"until": NOW.date(), "now": datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=UTC)}, "ends within"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_exemption_that_is_refused_leaves_nothing(name: str) -> None:
    given, word = REFUSED[name]
    store = MemoryStore()
    with pytest.raises(RefusedError, match=word):
        exempt(store, **given)
    assert store.records() == ()


LAST_MOMENT = datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=UTC)  # from here a last day in 31 days is 31 days away to the microsecond
GRANTED: dict[str, dict[str, Any]] = {
    "until today": {"until": NOW.date()},
    "for a month": {"until": LAST},
    "for a month, late in the day": {"until": LAST, "now": NOW.replace(hour=23, minute=59)},
    "for a month to the microsecond": {"until": LAST + timedelta(days=1), "now": LAST_MOMENT},
    "by a person who is an approver, in the chat": {"by": "slack:T1/UANA", "settings": replace(PEOPLE, approvers=("Ana",))},
    "by a person who owns something else": {"settings": PEOPLE, "asked": replace(ASKED, no_say=("person Bo",))},
    "after the question was decided": {"asked": replace(ASKED, state=JobState.DENIED)},
}


@pytest.mark.parametrize("name", GRANTED)
def test_an_exemption_that_is_granted_is_on_record(name: str) -> None:
    store = MemoryStore()
    assert exempt(store, **GRANTED[name]).data["principal"] == "AROAEXAMPLE"
    assert timedelta(days=30) == LONGEST


# what the evaluator makes of it ------------------------------------------------------------------------------------------------------


def judged(store: MemoryStore, world: World | None = None, *, days: int = 0, of: str = "AROAEXAMPLE") -> Judgement:
    world, now, event = world or World(), NOW + timedelta(days=days), finding(days * 24 * 60)
    assert event.subject is not None
    event = replace(event, subject=replace(event.subject, unique_id=of))
    return Evaluator(SETTINGS, world.iam, census=counted, waived=lambda: waived(store)).judge(event, now)


def test_what_is_exempted_is_judged_as_an_exception() -> None:
    store = MemoryStore()
    assert judged(store).planned
    exempt(store)
    judgement = judged(store)
    assert judgement.planned == ()
    assert [planned.exempt for planned in judgement.exempted] == ["exempt until 2026-04-01: a red team"]


@pytest.mark.parametrize(("days", "held"), [(0, True), (30, True), (31, False)])
def test_an_exemption_ends_with_its_last_day(days: int, held: bool) -> None:
    store = MemoryStore()
    exempt(store)
    assert bool(judged(store, days=days).exempted) is held
    assert bool(judged(store, days=days).planned) is not held


@pytest.mark.parametrize("other", ["guardrail", "project", "identity"])
def test_an_exemption_is_of_one_guardrail_one_project_and_one_identity(other: str) -> None:
    store = MemoryStore()
    plan = replace(ASKED.plan, target=replace(ROLE, unique_id="AROAEXAMPLE2"))
    exempt(
        store, {"guardrail": replace(ASKED, guardrail="g"), "project": replace(ASKED, project="q")}.get(other, replace(ASKED, plan=plan))
    )
    assert judged(store).planned


def test_who_bears_the_name_later_is_not_exempt() -> None:
    store, anew = MemoryStore(), World()
    exempt(store)
    anew.change(identity=replace(ROLE, unique_id="AROAEXAMPLENEW"))
    assert judged(store, anew, of="AROAEXAMPLENEW").planned
    assert judged(store).exempted


def test_an_undo_is_no_way_round_who_is_involved() -> None:
    """The undo of a job is another's act; whoever caused the job, or owns what it is about, still exempts nothing by it."""
    store, queue = MemoryStore(), MemoryQueue()
    done = put_done(store, replace(ASKED, no_say=("person olga",)), 0)
    undo = open_undo(done.id, ANA, SETTINGS, store, queue, NOW)
    people = (Person(name="olga", cloud=("arn:aws:iam::123456789012:user/olga",)),)
    for by in (EVE, "arn:aws:iam::123456789012:user/olga"):
        with pytest.raises(RefusedError, match="has no say"):
            exempt(store, undo, by, replace(SETTINGS, people=people))


def test_whoever_is_involved_in_another_question_about_the_same_exempts_nothing() -> None:
    store = MemoryStore()
    older = replace(ASKED, id="a" * 16, actor=ANA)
    store.open(older, [decision(older, NOW, {})], claims=(Slot(series(older), 0, 1, NOW, older.id),))
    with pytest.raises(RefusedError, match="caused the event"):
        exempt(store)
    other = replace(older, id="b" * 16, guardrail="another")
    fresh = MemoryStore()
    fresh.open(other, [decision(other, NOW, {})], claims=(Slot(series(other), 0, 1, NOW, other.id),))
    assert exempt(fresh).kind is RecordKind.EXEMPTION_GRANTED
