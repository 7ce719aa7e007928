"""Firestore's own in the store: who of many wins, what a lost reply means, and what is no answer."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.decoders import entry
from ringfence.clouds.gcp.store import FirestoreStore
from ringfence.clouds.gcp.threads import FirestoreThreads
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Opened, Slot
from ringfence.engine.records import loaded, turned
from ringfence.errors import ConflictError, UpstreamError
from tests.support.google.firestore import DATABASE
from tests.support.google.kept import CENSUS, COMMIT, GET, NOTICE, QUERY, SIGNAL, THREAD, note, running
from tests.support.google.ports import Ports, ports
from tests.support.google.wire import Asked, Dropped, Refused, Reply
from tests.support.jobs import NOW, REVERSAL, ROLE, job

pytestmark = pytest.mark.enable_socket  # loopback only
WORKERS = 8


@pytest.fixture
def google() -> Iterator[Ports]:
    with ports() as made:
        yield made


def at_once(work: Callable[[int], object]) -> Counter[str]:
    barrier = threading.Barrier(WORKERS)

    def one(number: int) -> str:
        barrier.wait()
        try:
            return str(work(number))
        except ConflictError:
            return "conflict"

    with ThreadPoolExecutor(WORKERS) as pool:
        return Counter(pool.map(one, range(WORKERS)))


def test_of_eight_that_move_the_same_job_exactly_one_wins(google: Ports) -> None:
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    store.open(made, [])
    for _ in range(10):
        made = running(made)
        said = at_once(lambda n, made=made: store.advance(made, [note(made, 10 * made.version + n)]))  # type: ignore[misc]
        assert said == {"None": 1, "conflict": WORKERS - 1}
    assert store.job(made.id) == made
    assert len(store.records(made.id)) == 10


def test_of_eight_that_open_jobs_on_the_same_slot_exactly_one_wins(google: Ports) -> None:
    store = FirestoreStore(DATABASE)
    made = [msgspec.structs.replace(job(REVERSAL), id=f"{n:016x}") for n in range(WORKERS)]
    said = at_once(lambda n: store.open(made[n], [note(made[n], n)], claims=[Slot("b", 0, 1, NOW, made[n].id)]).name)
    assert said == {"NEW": 1, "TAKEN": WORKERS - 1}
    assert len(store.jobs()) == len(store.records()) == len(store.slots("b", 9)) == 1


def test_of_eight_that_open_the_same_job_exactly_one_wins(google: Ports) -> None:
    store = FirestoreStore(DATABASE)
    assert at_once(lambda n: store.open(job(REVERSAL), [note(job(REVERSAL), n)]).name) == {"NEW": 1, "THERE": WORKERS - 1}
    assert len(store.records()) == 1


def commits(does: Callable[[], None]) -> Callable[[Asked], None]:
    """Do something when a commit comes, once."""
    left = [does]

    def hook(asked: Asked) -> None:
        if asked.method == COMMIT and left:
            left.pop()()

    return hook


def lost() -> None:
    raise Dropped


def outage() -> None:
    raise Refused(503, "UNAVAILABLE", "The service is currently unavailable.")


@pytest.mark.parametrize("how", [lost, outage])
def test_where_the_reply_is_lost_the_mark_says_that_it_was_written(google: Ports, how: Callable[[], None]) -> None:
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    google.google.after = commits(how)
    assert store.open(made, [note(made, 1)]) is Opened.NEW
    google.google.after = commits(how)
    store.advance(running(made), [note(made, 2)])
    assert (store.job(made.id), len(store.records())) == (running(made), 2)
    google.google.after = commits(how)
    assert FirestoreThreads(DATABASE).once("click", NOW)
    assert not FirestoreThreads(DATABASE).once("click", NOW)


@pytest.mark.parametrize("how", [lost, outage])
def test_where_the_request_is_lost_nobody_says_that_it_was_written(google: Ports, how: Callable[[], None]) -> None:
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    google.google.before = commits(how)
    with pytest.raises(UpstreamError, match="opening job"):
        store.open(made, [note(made, 1)])
    assert store.open(made, [note(made, 1)]) is Opened.NEW
    google.google.before = commits(how)
    with pytest.raises(UpstreamError, match="moving job"):
        store.advance(running(made), [])
    assert store.job(made.id) == made


def test_where_the_reply_is_lost_and_somebody_else_wrote_the_same_it_is_theirs(google: Ports) -> None:
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    store.open(made, [])

    def faster() -> None:
        FirestoreStore(DATABASE).advance(running(made), [])
        raise Dropped

    google.google.before = commits(faster)
    with pytest.raises(UpstreamError):
        store.advance(running(made), [])
    assert store.job(made.id) == running(made)


def test_who_moves_a_job_between_reading_and_writing_is_not_written_over(google: Ports) -> None:
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    store.open(made, [])
    theirs = msgspec.structs.replace(running(made), reason="theirs")
    google.google.before = commits(lambda: FirestoreStore(DATABASE).advance(theirs, []))
    with pytest.raises(ConflictError, match="is not at version 0"):
        store.advance(running(made), [note(made, 1)])
    assert (store.job(made.id), store.records()) == (theirs, ())


def test_who_writes_the_same_just_now_counts_again_and_no_signal_is_lost_by_it(google: Ports) -> None:
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    store.open(made, [])

    def busy(asked: Asked) -> None:
        if asked.method == COMMIT:
            raise Refused(409, "ABORTED", "Too much contention on these documents. Please try again.")

    google.google.before = busy
    assert store.open(msgspec.structs.replace(made, id="0" * 16), []) is Opened.TAKEN
    assert store.open(made, []) is Opened.THERE
    with pytest.raises(ConflictError):
        store.advance(running(made), [])
    memory = FirestoreThreads(DATABASE)
    quiet = (
        lambda: store.note(loaded("c", "d", NOW, {})),
        lambda: store.signal(SIGNAL),
        lambda: store.told(NOTICE),
        lambda: memory.once("c", NOW),
    )
    for call in (*quiet, lambda: store.remember(State(identity=ROLE), NOW), lambda: store.keep(CENSUS)):
        with pytest.raises(UpstreamError, match="just now"):
            call()
    with pytest.raises(ConflictError):
        memory.put(THREAD)


def test_what_somebody_remembers_at_the_same_time_is_read_again(google: Ports) -> None:
    store = FirestoreStore(DATABASE)
    older, newer = State(identity=ROLE, boundary="older"), State(identity=ROLE, boundary="newer")
    google.google.before = commits(lambda: FirestoreStore(DATABASE).remember(newer, NOW + timedelta(seconds=1)))
    store.remember(older, NOW)
    assert store.before(ROLE) == newer
    google.google.before = commits(lambda: FirestoreStore(DATABASE).remember(older, NOW + timedelta(seconds=2)))
    store.remember(newer, NOW + timedelta(seconds=3))
    assert store.before(ROLE) == newer


def calls(store: FirestoreStore, memory: FirestoreThreads) -> list[Callable[[], object]]:
    made, turn = job(REVERSAL), Switch(0, stopped=True, by="ana", time=NOW)
    reads: list[Callable[[], object]] = [
        store.jobs,
        store.records,
        store.entries,
        store.census,
        store.switch,
        store.waiting,
        store.size,
        memory.all,
    ]
    asked = [
        lambda: store.job("j"),
        lambda: store.before(ROLE),
        lambda: store.exemption("k"),
        lambda: store.slots("b", 1),
        lambda: memory.get("k"),
    ]
    found = [lambda: store.untold(NOW), lambda: store.overdue(NOW), lambda: store.signals("a", NOW, NOW), lambda: store.unsealed(1)]
    kept = [
        lambda: store.open(made, []),
        lambda: store.advance(running(made), []),
        lambda: store.turn(turn, turned(turn, "")),
        lambda: memory.put(THREAD),
    ]
    more = [
        lambda: store.note(loaded("c", "d", NOW, {})),
        lambda: store.signal(SIGNAL),
        lambda: store.told(NOTICE),
        lambda: memory.once("k", NOW),
    ]
    return [*reads, *asked, *found, *kept, *more, lambda: store.sealed(0, [entry(note(made, 1).bytes)])]


def test_a_database_that_is_not_there_is_an_outage_and_no_answer(google: Ports) -> None:
    nowhere = "projects/fraud-ml-prod/databases/nowhere"
    for call in calls(FirestoreStore(nowhere), FirestoreThreads(nowhere)):
        with pytest.raises(UpstreamError, match="does not exist"):
            call()


def test_a_permission_that_is_missing_is_told(google: Ports) -> None:
    google.google.forbidden = {COMMIT, QUERY, GET, COMMIT.replace("commit", "batchWrite")}
    for call in calls(FirestoreStore(DATABASE), FirestoreThreads(DATABASE)):
        with pytest.raises(UpstreamError, match="Give the service account this permission"):
            call()


def test_an_error_in_the_middle_of_a_stream_is_no_end_of_it(google: Ports) -> None:
    store = FirestoreStore(DATABASE)
    store.open(job(REVERSAL), [])
    real = google.google.handlers[QUERY]
    broken = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "half of it"}}
    wrong: list[tuple[Any, str]] = [(broken, "half of it"), ("text", "cannot be read"), ({}, "cannot be read"), (None, "cannot be read")]
    for more, said in wrong:
        google.google.handlers[QUERY] = lambda asked, more=more: Reply(msgspec.json.encode([*real(asked), more]))  # type: ignore[misc]
        with pytest.raises(UpstreamError, match=said):
            store.jobs()
    for nothing in (b"[]", b"{}", b"null", b"[", b""):
        empty = Reply(nothing)
        google.google.handlers |= {QUERY: lambda _, empty=empty: empty, GET: lambda _, empty=empty: empty}  # type: ignore[misc]
        for call in (store.jobs, lambda: store.job("j")):
            with pytest.raises(UpstreamError, match="cannot be read"):
                call()
