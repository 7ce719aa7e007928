"""One contract for every store: memory, SQLite, DynamoDB (moto), Firestore (the tests' Google, over HTTP)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import boto3
import msgspec
import pytest

from ringfence.clouds.aws.store import DynamoStore
from ringfence.clouds.decoders import entry
from ringfence.clouds.gcp.store import FirestoreStore
from ringfence.clouds.local import LocalStore
from ringfence.clouds.memory import MemoryStore
from ringfence.domain.census import Census
from ringfence.domain.finding import Severity
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.signal import Signal
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Exemption, Notice, Opened, Slot, Store
from ringfence.engine.records import loaded, record, turned
from ringfence.errors import ConflictError, UpstreamError
from tests.support.aws import aws, make_table
from tests.support.google.firestore import DATABASE
from tests.support.google.ports import ports
from tests.support.jobs import NOW, REVERSAL, ROLE, job


@contextmanager
def dynamo() -> Iterator[DynamoStore]:
    with aws(managed=False):
        make_table("t")
        yield DynamoStore("t")


@pytest.fixture(params=["memory", "file", "dynamodb", pytest.param("firestore", marks=pytest.mark.enable_socket)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "file":
        local = LocalStore(tmp_path / "deep" / "ringfence.db")
        yield local
        local.close()
    elif request.param == "firestore":
        with ports():
            yield FirestoreStore(DATABASE)
    else:
        with dynamo() as table:
            yield table


def note(made: Job, number: int, minutes: int = 0) -> Record:
    return record(made, RecordKind.VERIFY, NOW + timedelta(minutes=minutes), "a note", number=number, data={"n": number})


def test_a_job_comes_back_as_it_was_put(store: Store) -> None:
    made = job(REVERSAL)
    assert store.open(made, [note(made, 1)]) is Opened.NEW
    assert store.job(made.id) == made
    assert store.job(made.id).plan.digest == made.plan.digest  # type: ignore[union-attr]  # it is there
    assert store.records(made.id) == (note(made, 1),)


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.job("no") is None
    assert store.jobs() == ()
    assert store.records() == store.records("no") == ()
    assert store.exemption("no") is None


def test_a_job_is_opened_once_and_the_second_changes_nothing(store: Store) -> None:
    made = job(REVERSAL)
    store.open(made, [note(made, 1)])
    other = msgspec.structs.replace(made, state=JobState.PENDING)
    assert store.open(other, [note(made, 2)]) is Opened.THERE
    assert store.job(made.id) == made
    assert store.records() == (note(made, 1),)


def test_a_job_moves_with_its_records_or_not_at_all(store: Store) -> None:
    made = job(REVERSAL)
    store.open(made, [])
    running = made.moved(JobState.RUNNING, NOW)
    store.advance(running, [note(made, 1)])
    with pytest.raises(ConflictError):
        store.advance(running, [note(made, 2)])
    assert store.job(made.id) == running
    assert store.records(made.id) == (note(made, 1),)


def test_a_record_that_is_there_stops_the_move(store: Store) -> None:
    made = job(REVERSAL)
    store.open(made, [note(made, 1)])
    with pytest.raises(ConflictError):
        store.advance(made.moved(JobState.RUNNING, NOW), [note(made, 1)])
    assert store.job(made.id) == made


def test_a_job_that_is_not_there_cannot_move(store: Store) -> None:
    with pytest.raises(ConflictError):
        store.advance(job(REVERSAL).moved(JobState.RUNNING, NOW), [])


def test_jobs_and_records_come_in_order(store: Store) -> None:
    for number in (3, 1, 2):
        made = msgspec.structs.replace(job(REVERSAL), id=f"{number:016x}", created=NOW + timedelta(minutes=number))
        store.open(made, [note(made, number, number)] if number == 1 else [])
    assert [j.id[-1] for j in store.jobs()] == ["1", "2", "3"]
    first = store.jobs()[0]
    store.advance(first.moved(JobState.RUNNING, NOW), [note(first, 2, 2)])
    assert [r.data["n"] for r in store.records()] == [1, 2]


def test_exemptions_come_back(store: Store) -> None:
    made = job(REVERSAL)
    exemption = Exemption("k", None, "ana", NOW, made.id)
    store.open(made, [])
    with pytest.raises(ConflictError):
        store.advance(made.moved(JobState.RUNNING, NOW).moved(JobState.RUNNING, NOW), [], [exemption])
    assert store.exemption("k") is None
    store.advance(made.moved(JobState.RUNNING, NOW), [], [exemption])
    assert store.exemption("k") == exemption


def test_more_than_a_page_is_read() -> None:
    with dynamo() as table:
        made = job(REVERSAL)
        table.open(made, [])
        big = "x" * 300_000
        for number in range(8):
            made = made.moved(JobState.RUNNING, NOW)
            table.advance(made, [msgspec.structs.replace(note(made, number), reason=big)])
        assert len(table.records(made.id)) == len(table.records()) == 8


def test_a_table_that_is_not_there_is_an_upstream_error() -> None:
    with aws(managed=False):
        table = DynamoStore("nowhere")
        with pytest.raises(UpstreamError, match="reading job#j failed"):
            table.job("j")
        with pytest.raises(UpstreamError):
            table.open(job(REVERSAL), [])


def test_the_local_file_survives_closing(tmp_path: Path) -> None:
    path = tmp_path / "ringfence.db"
    local = LocalStore(path)
    local.open(job(REVERSAL), [note(job(REVERSAL), 1)])
    local.close()
    again = LocalStore(path)
    assert again.jobs() == (job(REVERSAL),)
    again.close()


def test_the_kill_switch_keeps_each_turn_and_the_last_one_counts(store: Store) -> None:
    assert store.switch() is None
    turns = [Switch(number, number % 2 == 0, f"somebody {number}", NOW + timedelta(minutes=number)) for number in range(12)]
    for made in turns:
        store.turn(made, turned(made, "c"))
        assert store.switch() == made
    with pytest.raises(ConflictError, match="somebody else"):
        store.turn(turns[-1], turned(turns[-1], "c"))
    assert store.switch() == turns[-1]


def notice(number: int, minutes: int) -> Notice:
    return Notice(
        id=f"n{number}", job="0" * 16, state="done", severity=Severity.HIGH, title="t", text="x", time=NOW + timedelta(minutes=minutes)
    )


def test_a_notice_is_untold_until_its_receipt_is_kept(store: Store) -> None:
    first, second, third = notice(1, 2), notice(2, 1), notice(3, 9)
    made = job(REVERSAL)
    store.open(made, [], [first])
    store.advance(made.moved(JobState.RUNNING, NOW), [], notices=[second, third])
    assert store.untold(NOW + timedelta(minutes=5)) == (second, first)
    store.told(second)
    store.told(second)
    assert store.untold(NOW + timedelta(minutes=5)) == (first,)


def test_what_nothing_has_moved_by_its_time_is_overdue(store: Store) -> None:
    late, later, moved, never = (
        msgspec.structs.replace(job(REVERSAL), id=f"{n:016x}", due=None if n == 3 else NOW + timedelta(minutes=5 - n)) for n in range(4)
    )
    for made in (late, later, moved, never):
        store.open(made, [])
    store.advance(moved.moved(JobState.RUNNING, NOW + timedelta(hours=1)), [])
    assert store.overdue(NOW + timedelta(minutes=6)) == (later, late)
    assert store.overdue(NOW + timedelta(minutes=4)) == (), "not before its time"


def slot(budget: str, number: int, weight: int = 1) -> Slot:
    return Slot(budget, number, weight, NOW, "j")


def test_a_slot_is_taken_once_and_with_it_all_or_nothing(store: Store) -> None:
    one, other = (msgspec.structs.replace(job(REVERSAL), id=f"{n:016x}") for n in range(2))
    assert store.open(one, [note(one, 1)], claims=[slot("a", 0, 3), slot("b", 0)]) is Opened.NEW
    assert store.open(other, [note(other, 1)], claims=[slot("c", 0), slot("a", 0)]) is Opened.TAKEN
    assert store.job(other.id) is None
    assert store.slots("c", 5) == ()
    assert store.records(other.id) == ()
    with pytest.raises(ConflictError):
        store.advance(one.moved(JobState.RUNNING, NOW), [note(one, 2)], claims=[slot("b", 0)])
    assert store.job(one.id) == one
    assert store.open(one, [], claims=[slot("a", 1)]) is Opened.THERE, "a job that is there takes nothing"
    for number in range(1, 12):
        one = one.moved(JobState.RUNNING, NOW)
        store.advance(one, [], claims=[slot("a", number)])
    assert [s.number for s in store.slots("a", 3)] == [11, 10, 9]
    assert store.slots("a", 99)[-1] == slot("a", 0, 3)


def test_the_newest_census_counts(store: Store) -> None:
    assert store.census() is None
    made = [
        Census(taken=NOW + timedelta(hours=n), config_hash="h", identities=n, admins=("AIDAEXAMPLE",), protected={"AROAEXAMPLE": ("p",)})
        for n in range(3)
    ]
    for census in made:
        store.keep(census)
    assert store.census() == made[-1]


def test_what_was_fine_is_remembered_and_nothing_older_replaces_it(store: Store) -> None:
    assert store.before(ROLE) is None
    first = State(identity=ROLE, trust={"Statement": []}, boundary="b1")
    store.remember(first, NOW)
    assert store.before(ROLE) == first
    second = State(identity=ROLE, trust={"Statement": []}, boundary="b2")
    store.remember(second, NOW + timedelta(seconds=1))
    store.remember(first, NOW)
    assert store.before(ROLE) == second
    assert store.before(msgspec.structs.replace(ROLE, unique_id="AROAEXAMPLEOTHER")) is None, "a namesake is another identity"


def signalled(number: int, minutes: float, whom: str = "a") -> Signal:
    return Signal(
        whom=whom, identity=ROLE, event=f"aws.guardduty:{number}", name="n", time=NOW + timedelta(minutes=minutes), guardrails=("g",)
    )


def test_a_signal_is_kept_once_and_read_by_time(store: Store) -> None:
    made = [signalled(n, m) for n, m in ((1, 0), (2, 30), (3, 60), (4, 60.001), (5, -1))]
    for signal in (*made, *made, signalled(9, 30, "b")):
        store.signal(signal)
    store.signal(msgspec.structs.replace(made[0], guardrails=("other",)))
    assert store.signals("a", NOW, NOW + timedelta(minutes=60)) == tuple(made[:3]), "both ends included, oldest first, as it was kept first"
    assert store.signals("b", NOW, NOW + timedelta(minutes=60)) == (signalled(9, 30, "b"),)
    assert store.signals("nobody", NOW, NOW + timedelta(minutes=60)) == ()


def test_who_writes_the_same_item_at_the_same_time_counts_again() -> None:
    class Busy:
        """A DynamoDB in which somebody else is writing."""

        class exceptions:  # noqa: N801 - botocore's name
            class TransactionCanceledException(Exception):  # noqa: N818 - botocore's name
                response: ClassVar[dict[str, Any]] = {"CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}]}

        def transact_write_items(self, **_: object) -> None:
            raise self.exceptions.TransactionCanceledException

    store = DynamoStore("t", Busy)  # type: ignore[arg-type]  # as much of a client as is used
    assert store.open(job(REVERSAL), []) is Opened.TAKEN
    with pytest.raises(ConflictError):
        store.advance(job(REVERSAL).moved(JobState.RUNNING, NOW), [])
    Busy.exceptions.TransactionCanceledException.response = {"CancellationReasons": []}
    with pytest.raises(Busy.exceptions.TransactionCanceledException):
        store.open(job(REVERSAL), [])


def test_a_census_of_a_full_account_fits(store: Store) -> None:
    """10,000 identities, every one of them listed everywhere: far more than an item of DynamoDB holds."""
    ids = tuple(f"AIDAEXAMPLE{number:010}" for number in range(10_000))
    full = Census(taken=NOW, config_hash="h", identities=9, admins=ids, protected=dict.fromkeys(ids, ("arn:\u00e9*",)), newly=ids)
    store.keep(full)
    assert store.census() == full


def test_a_note_is_put_once(store: Store) -> None:
    one = loaded("c", "d", NOW, {"mode": "observe"})
    store.note(one)
    store.note(msgspec.structs.replace(one, reason="another"))
    assert store.records() == (one,)


def test_notes_of_a_kind_are_given_in_order_and_no_other(store: Store) -> None:
    first, second = loaded("a", "c", NOW, {}), loaded("b", "c", NOW + timedelta(minutes=1), {})
    alive = msgspec.structs.replace(first, id="heartbeat.1", kind=RecordKind.HEARTBEAT)
    made = job(REVERSAL)
    store.open(made, [note(made, 1)])
    assert store.notes(RecordKind.CONFIG_LOADED) == ()
    for told in (first, alive, second):
        store.note(told)
    assert store.notes(RecordKind.CONFIG_LOADED) == (first, second)
    assert store.notes(RecordKind.HEARTBEAT) == (alive,)


def test_what_has_no_number_is_given_oldest_first_and_leaves_once_it_has_one(store: Store) -> None:
    made = job(REVERSAL)
    store.open(made, [note(made, 2, 2), note(made, 3, 3)])
    store.note(loaded("c", "d", NOW + timedelta(minutes=1), {}))
    assert store.waiting() == NOW + timedelta(minutes=1)
    found = store.unsealed(9)
    assert {e.id: e.body for e in store.entries()} == {e.id: e.body for e in found} == {r.id: r.bytes for r in store.records()}
    assert [r.time.minute - NOW.minute for r in found] == ([2, 3, 1] if isinstance(store, LocalStore) else [1, 2, 3])
    assert store.unsealed(2) == found[:2]
    assert store.size() == 0
    store.sealed(0, found[:2])
    store.sealed(0, found[:2])
    assert (store.unsealed(9), store.size()) == (found[2:], 2)
    store.sealed(2, found[2:])
    assert (store.unsealed(9), store.size(), store.waiting()) == ((), 3, None)
    assert store.records(made.id) == (note(made, 2, 2), note(made, 3, 3)), "numbers are no part of a record"
    store.sealed(3, ())
    assert store.size() == 3


def test_a_turn_of_the_switch_is_recorded_with_it_or_not_at_all(store: Store) -> None:
    turn = Switch(0, stopped=True, by="ana", time=NOW)
    store.turn(turn, turned(turn, "c"))
    with pytest.raises(ConflictError):
        store.turn(turn, turned(Switch(1, stopped=False, by="bo", time=NOW), "c"))
    assert store.records() == (turned(turn, "c"),)


def test_records_say_which_package_wrote_them(tmp_path: Path) -> None:
    made = job(REVERSAL)
    with aws(managed=False):
        make_table("t")
        for store in (MemoryStore("abc"), LocalStore(tmp_path / "r.db", "abc"), DynamoStore("t", code_hash="abc")):
            store.open(made, [note(made, 1)])
            store.advance(made.moved(JobState.RUNNING, NOW), [note(made, 2)])
            turn = Switch(0, stopped=True, by="ana", time=NOW)
            store.turn(turn, turned(turn, ""))
            store.note(loaded("c", "d", NOW, {}))
            assert [r.code_hash for r in store.records()] == ["abc"] * 4
            if isinstance(store, LocalStore):
                store.close()


def test_a_record_that_vanished_keeps_nobody_from_sealing_the_others() -> None:
    with dynamo() as table:
        made = job(REVERSAL)
        table.open(made, [note(made, 1)])
        table.sealed(0, [entry(note(made, 7).bytes), entry(note(made, 1).bytes)])
        assert (table.unsealed(9), table.size()) == ((), 2)


def test_a_stale_index_gives_nothing_a_second_number() -> None:
    with dynamo() as table:
        made = job(REVERSAL)
        table.open(made, [note(made, 1), note(made, 2)])
        stale = list(table._unsealed_pages())
        table.sealed(0, [entry(note(made, 1).bytes)])
        table._unsealed_pages = lambda: iter(stale)  # type: ignore[method-assign]  # what an index may still say
        assert table.unsealed(9) == (entry(note(made, 2).bytes),)


def test_what_somebody_else_put_among_the_records_keeps_none_from_being_sealed() -> None:
    with dynamo() as table:
        made = job(REVERSAL)
        table.open(made, [note(made, 1)])
        for number in range(120):
            body = [b"{}", b"no json", note(made, 7).bytes, b"\xff"][number % 3]
            item = {
                "pk": {"S": "job#x"},
                "sk": {"S": f"record#{number}"},
                "body": {"S": body.decode()},
                "open": {"S": "record"},
                "due": {"S": "2000-01-01T00:00:00.000000Z"},
            }
            boto3.client("dynamodb").put_item(TableName="t", Item=item)
        assert table.unsealed(9) == (entry(note(made, 1).bytes),)
        assert table.waiting() == datetime(2000, 1, 1, tzinfo=UTC), "and somebody is told that something waits"
