"""One contract for what is remembered of messages: memory, DynamoDB (moto), Firestore (the tests' Google, over HTTP)."""

from collections.abc import Iterator
from datetime import timedelta

import boto3
import msgspec
import pytest

from ringfence.clouds.aws.threads import DynamoThreads
from ringfence.clouds.gcp.threads import FirestoreThreads
from ringfence.clouds.memory import MemoryThreads
from ringfence.engine.chat import Thread, Threads, Told
from ringfence.errors import ConflictError, UpstreamError
from tests.support.aws import aws, make_table
from tests.support.google.firestore import DATABASE
from tests.support.google.ports import ports
from tests.support.jobs import NOW


@pytest.fixture(params=["memory", "dynamodb", pytest.param("firestore", marks=pytest.mark.enable_socket)])
def threads(request: pytest.FixtureRequest) -> Iterator[Threads]:
    if request.param == "memory":
        yield MemoryThreads()
        return
    if request.param == "firestore":
        with ports():
            yield FirestoreThreads(DATABASE)
        return
    with aws(managed=False):
        make_table("threads", "Threads")
        yield DynamoThreads("threads")


def thread(version: int = 0, **changes: object) -> Thread:
    made = Thread(key="incident x", version=version, mark="m", begun=NOW, last=NOW, jobs=("a",), told=(Told("n", "text", tried=True),))
    return msgspec.structs.replace(made, **changes)


def test_what_was_kept_comes_back(threads: Threads) -> None:
    assert threads.get("incident x") is None
    assert threads.all() == ()
    threads.put(thread())
    threads.put(thread(1, ref="17.1", owed=False))
    other = thread(key="incident y", busy=NOW)
    threads.put(other)
    assert threads.get("incident x") == thread(1, ref="17.1", owed=False)
    assert sorted(threads.all(), key=lambda t: t.key) == [thread(1, ref="17.1", owed=False), other]


@pytest.mark.parametrize("version", [0, 2, 7])
def test_only_the_next_version_is_kept(threads: Threads, version: int) -> None:
    threads.put(thread())
    with pytest.raises(ConflictError):
        threads.put(thread(version))
    assert threads.get("incident x") == thread()


def test_a_key_is_taken_once(threads: Threads) -> None:
    until = NOW + timedelta(minutes=20)
    assert [threads.once(key, until) for key in ("a", "b", "a", "a")] == [True, True, False, False]
    assert threads.all() == ()


def test_a_table_that_is_gone_is_an_outage() -> None:
    with aws(managed=False):
        boto3.client("dynamodb")
        lost = DynamoThreads("gone")
        for call in (lambda: lost.get("x"), lost.all, lambda: lost.put(thread()), lambda: lost.once("x", NOW)):
            with pytest.raises(UpstreamError):
                call()
