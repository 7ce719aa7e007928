"""One contract for every store: memory, SQLite, DynamoDB (moto)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import boto3
import msgspec
import pytest

from ringfence.clouds.aws.store import DynamoStore
from ringfence.clouds.local import LocalStore
from ringfence.clouds.memory import MemoryStore
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Exemption, Store
from ringfence.engine.trail import record
from ringfence.errors import ConflictError, UpstreamError
from tests.support.aws import aws
from tests.support.jobs import NOW, REVERSAL, job


@contextmanager
def dynamo() -> Iterator[DynamoStore]:
    with aws(managed=False):
        boto3.client("dynamodb").create_table(
            TableName="t",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        yield DynamoStore("t")


@pytest.fixture(params=["memory", "file", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "file":
        local = LocalStore(tmp_path / "deep" / "ringfence.db")
        yield local
        local.close()
    else:
        with dynamo() as table:
            yield table


def note(made: Job, number: int, minutes: int = 0) -> Record:
    return record(made, RecordKind.VERIFY, NOW + timedelta(minutes=minutes), "a note", number=number, data={"n": number})


def test_a_job_comes_back_as_it_was_put(store: Store) -> None:
    made = job(REVERSAL)
    assert store.open(made, [note(made, 1)])
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
    assert not store.open(other, [note(made, 2)])
    assert store.job(made.id) == made
    assert store.records() == (note(made, 1),)


def test_a_job_moves_with_its_records_or_not_at_all(store: Store) -> None:
    made = job(REVERSAL)
    store.open(made, [])
    running = made.moved(JobState.RUNNING)
    store.advance(running, [note(made, 1)])
    with pytest.raises(ConflictError):
        store.advance(running, [note(made, 2)])
    assert store.job(made.id) == running
    assert store.records(made.id) == (note(made, 1),)


def test_a_record_that_is_there_stops_the_move(store: Store) -> None:
    made = job(REVERSAL)
    store.open(made, [note(made, 1)])
    with pytest.raises(ConflictError):
        store.advance(made.moved(JobState.RUNNING), [note(made, 1)])
    assert store.job(made.id) == made


def test_a_job_that_is_not_there_cannot_move(store: Store) -> None:
    with pytest.raises(ConflictError):
        store.advance(job(REVERSAL).moved(JobState.RUNNING), [])


def test_jobs_and_records_come_in_order(store: Store) -> None:
    for number in (3, 1, 2):
        made = msgspec.structs.replace(job(REVERSAL), id=f"{number:016x}", created=NOW + timedelta(minutes=number))
        store.open(made, [note(made, number, number)] if number == 1 else [])
    assert [j.id[-1] for j in store.jobs()] == ["1", "2", "3"]
    first = store.jobs()[0]
    store.advance(first.moved(JobState.RUNNING), [note(first, 2, 2)])
    assert [r.data["n"] for r in store.records()] == [1, 2]


def test_exemptions_come_back(store: Store) -> None:
    made = job(REVERSAL)
    exemption = Exemption("k", None, "ana", NOW, made.id)
    store.open(made, [])
    with pytest.raises(ConflictError):
        store.advance(made.moved(JobState.RUNNING).moved(JobState.RUNNING), [], [exemption])
    assert store.exemption("k") is None
    store.advance(made.moved(JobState.RUNNING), [], [exemption])
    assert store.exemption("k") == exemption


def test_more_than_a_page_is_read() -> None:
    with dynamo() as table:
        made = job(REVERSAL)
        table.open(made, [])
        big = "x" * 300_000
        for number in range(8):
            made = made.moved(JobState.RUNNING)
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
        store.turn(made)
        assert store.switch() == made
    with pytest.raises(ConflictError, match="somebody else"):
        store.turn(turns[-1])
    assert store.switch() == turns[-1]
