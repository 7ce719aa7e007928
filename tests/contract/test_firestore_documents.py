"""How what the store keeps lies in Firestore: bytes, names, indexes, what is forgotten, and what a request costs."""

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.aws import store as aws_store
from ringfence.clouds.decoders import entry
from ringfence.clouds.gcp import firestore, threads
from ringfence.clouds.gcp import store as gcp_store
from ringfence.clouds.gcp.firestore import key
from ringfence.clouds.gcp.store import FirestoreStore
from ringfence.clouds.gcp.threads import FirestoreThreads
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Exemption, Opened, Slot
from ringfence.engine.records import loaded, turned
from ringfence.errors import UpstreamError
from tests.support.google.firestore import DATABASE
from tests.support.google.kept import CENSUS, COMMIT, GET, NOTICE, SIGNAL, THREAD, note, running
from tests.support.google.ports import Ports, ports
from tests.support.jobs import NOW, REVERSAL, ROLE, job

pytestmark = pytest.mark.enable_socket  # loopback only


@pytest.fixture
def google() -> Iterator[Ports]:
    with ports() as made:
        yield made


def everything(store: FirestoreStore, memory: FirestoreThreads) -> None:
    """Write one of each."""
    made, turn = job(REVERSAL), Switch(0, stopped=True, by="ana", time=NOW)
    store.open(made, [note(made, 1)], [NOTICE], [Slot("b", 0, 1, NOW, made.id)])
    store.advance(running(made), [note(made, 2)], [Exemption("k", None, "ana", NOW, made.id)])
    store.turn(turn, turned(turn, ""))
    store.note(loaded("c", "d", NOW, {}))
    store.signal(SIGNAL)
    store.remember(State(identity=ROLE), NOW)
    store.keep(CENSUS)
    store.sealed(0, [entry(note(made, 1).bytes)])
    memory.put(THREAD)
    memory.once("click", NOW)


def test_records_lie_byte_for_byte_and_a_change_with_all_that_belongs_to_it_is_one_request(google: Ports) -> None:
    store, made = FirestoreStore(DATABASE, "abc"), job(REVERSAL)
    store.open(made, [note(made, 1)])
    google.google.log.clear()
    store.advance(running(made), [note(made, 2)], [Exemption("k", None, "ana", NOW, made.id)], [NOTICE], [Slot("b", 0, 1, NOW, made.id)])
    assert [asked.method for asked in google.google.log] == [GET, COMMIT]
    writes = google.google.log[1].body["writes"]
    assert [write["update"]["name"].split("/")[-2] for write in writes] == ["jobs", "records", "notices", "slots", "exemptions"]
    kept = note(made, 2).by("abc").bytes
    assert base64.b64decode(writes[1]["update"]["fields"]["body"]["bytesValue"]) == kept
    assert store.unsealed(9)[1].body == kept
    assert [r.code_hash for r in store.records()] == ["abc"] * 2


def test_five_hundred_records_are_numbered_in_two_requests(google: Ports) -> None:
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    store.open(made, [note(made, n) for n in range(400)])
    found = store.unsealed(500)
    assert [e.id for e in found] == [note(made, n).id for n in range(400)]
    google.google.log.clear()
    store.sealed(0, found)
    assert len(google.google.log) == 2
    assert (store.unsealed(9), store.size(), store.waiting()) == ((), 400, None)
    store.sealed(0, found[:7])
    assert store.size() == 400, "never lowered"


def test_numbers_are_kept_only_where_the_record_is(google: Ports) -> None:
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    store.open(made, [note(made, 1)])
    store.sealed(0, [entry(note(made, 7).bytes), entry(note(made, 1).bytes)])
    assert (store.unsealed(9), store.size(), len(store.records())) == ((), 2, 1)
    google.google.handlers[COMMIT.replace("commit", "batchWrite")] = lambda _: {"status": [{"code": 10, "message": "busy"}]}
    with pytest.raises(UpstreamError, match="busy"):
        store.sealed(1, [entry(note(made, 1).bytes)])


def test_what_somebody_else_put_among_the_records_keeps_none_from_being_sealed(google: Ports) -> None:
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    store.open(made, [note(made, 1)])
    bodies = [b"{}", b"no json", note(made, 7).bytes, b"\xff"]
    for number in range(320):
        body = {"bytesValue": base64.b64encode(bodies[number % 4]).decode()} if number % 5 else {"stringValue": "x"}
        google.firestore.put(f"records/x{number}", {"body": body, "unsealed": {"timestampValue": "2000-01-01T00:00:00.000000Z"}})
    assert store.unsealed(9) == (entry(note(made, 1).bytes),)
    assert store.waiting() == datetime.fromisoformat("2000-01-01T00:00:00Z"), "and somebody is told that something waits"
    google.firestore.put("records/y", {"unsealed": {"nullValue": "NULL_VALUE"}})
    since = store.waiting()
    assert since is not None
    assert google.google.clock() <= since < google.google.clock() + timedelta(seconds=1), "since it was put, where it says nothing"


TORN = [b"{}", b"no json", b"\xff", b"[" * 100_000, b'{"state":"a state of a later version"}']


def test_what_cannot_be_read_keeps_nothing_else_from_being_worked_off_and_is_named(google: Ports) -> None:
    store, made = FirestoreStore(DATABASE), msgspec.structs.replace(job(REVERSAL), due=NOW)
    store.open(made, [], [NOTICE])
    for number in range(320):
        body = {"bytesValue": base64.b64encode(TORN[number % 5]).decode()} if number % 7 else {"stringValue": "x"}
        since = {"timestampValue": "2000-01-01T00:00:00.000000Z"}
        google.firestore.put(f"jobs/x{number}", {"body": body, "due": since})
        google.firestore.put(f"notices/x{number}", {"body": body, "untold": since})
    later = NOW + timedelta(minutes=1)
    assert (store.overdue(later), store.untold(later), store.jobs()) == ((made,), (NOTICE,), (made,))
    assert set(store.unreadable(later)) == {f"{kind}/x{number}" for kind in ("jobs", "notices") for number in range(320)}
    assert store.unreadable(datetime(1999, 1, 1, tzinfo=NOW.tzinfo)) == ()


def test_a_record_of_several_lines_is_none(google: Ports) -> None:
    """A segment of the trail holds a record a line."""
    store, made = FirestoreStore(DATABASE), job(REVERSAL)
    store.open(made, [note(made, 1)])
    (name,) = [name for name in google.firestore.documents if "/records/" in name]
    body = note(made, 1).bytes.replace(b",", b",\n", 1)
    google.firestore.documents[name]["fields"]["body"] = {"bytesValue": base64.b64encode(body).decode()}
    assert store.unsealed(9) == ()
    assert store.waiting() is not None


def test_signals_of_one_moment_come_in_the_order_of_their_keys(google: Ports) -> None:
    store = FirestoreStore(DATABASE)
    made = [
        msgspec.structs.replace(SIGNAL, event=event, time=NOW + timedelta(minutes=m))
        for m, event in ((0, "c"), (0, "d"), (1, "a"), (1, "b"))
    ]
    for signal in reversed(made):
        store.signal(signal)
    assert store.signals(SIGNAL.whom, NOW, NOW + timedelta(minutes=1)) == tuple(made)


def test_a_census_that_lost_a_part_is_none(google: Ports) -> None:
    store = FirestoreStore(DATABASE)
    store.keep(msgspec.structs.replace(CENSUS, newly=tuple(f"AIDAEXAMPLE{n:010}" for n in range(40_000))))
    parts = [name for name in google.firestore.documents if "/parts/" in name]
    assert len(parts) == 2
    del google.firestore.documents[parts[0]]
    with pytest.raises(UpstreamError, match="1 parts of 2"):
        store.census()


ODD = ["a/b", "a", ".", "..", "__x__", "", "a~b", "~", "A" * 3000, "\u20ac", "a b", "%2F", "~~", "a%2Fb", "\n"]


def test_whatever_an_id_holds_it_is_another_one_s(google: Ports) -> None:
    store = FirestoreStore(DATABASE)
    for number, odd in enumerate(ODD):
        assert store.job(odd) is None
        assert store.open(msgspec.structs.replace(job(REVERSAL), id=odd, created=NOW + timedelta(minutes=number)), []) is Opened.NEW
    assert [made.id for made in store.jobs()] == ODD
    assert [store.job(odd).id for odd in ODD] == ODD  # type: ignore[union-attr]  # it is there
    pairs = [(a, b) for a in ODD for b in ODD]
    assert len({key(*pair) for pair in pairs}) == len(pairs)
    assert key("a~b") != key("a", "b")


def test_what_terraform_is_told_is_what_lies_there(google: Ports) -> None:
    everything(FirestoreStore(DATABASE), FirestoreThreads(DATABASE))
    lying: dict[str, set[str]] = {}
    for name, document in google.firestore.documents.items():
        for field, value in document["fields"].items():
            lying.setdefault(f"{field}", set()).add(name.split("/")[-2])
            assert field != "ttl" or "timestampValue" in value, "Firestore forgets by times alone"
    assert lying["ttl"] == gcp_store.TTL.keys() | threads.TTL.keys()
    assert lying["body"] - {"threads"} == gcp_store.NOT_INDEXED.keys()
    assert gcp_store.INDEXES == ()
    for lives in ("CENSUSES_LIVE", "BEFORE_LIVES", "SIGNALS_LIVE", "SLOTS_LIVE"):
        assert getattr(gcp_store, lives) == getattr(aws_store, lives)


def test_a_query_that_needs_a_composite_index_is_refused_by_the_double(google: Ports) -> None:
    """So that a store which passes needs none."""
    database = firestore.Database(DATABASE)
    one, other = ("job", "EQUAL", firestore.text("j")), ("number", "LESS_THAN", firestore.integer(3))
    refused: list[Any] = [
        firestore.Query("records", (one,), by="number"),
        firestore.Query("records", (one, other), by="number"),
        firestore.Query("records", direction="DESCENDING"),
    ]
    for query in refused:
        with pytest.raises(UpstreamError, match="requires an index"):
            database.find(query)
    google.firestore.indexes.add(("records", (("job", "ASCENDING"), ("number", "ASCENDING"))))
    assert database.find(refused[0]) == []


def test_google_s_own_client_reads_what_we_write_and_is_held_to_the_same_conditions(google: Ports) -> None:
    import os

    import httplib2  # type: ignore[import-untyped]
    from googleapiclient.discovery import build  # type: ignore[import-untyped]
    from googleapiclient.errors import HttpError  # type: ignore[import-untyped]

    made = job(REVERSAL)
    claim = Slot("b", 0, 1, NOW, made.id)
    FirestoreStore(DATABASE).open(made, [], claims=[claim])
    http, url = httplib2.Http(), f"{os.environ['GOOGLE_ENDPOINT']}/firestore.googleapis.com/"
    client = (
        build("firestore", "v1", http=http, static_discovery=True, client_options={"api_endpoint": url}).projects().databases().documents()
    )
    name = f"{DATABASE}/documents/jobs/{made.id}"
    found = client.get(name=name).execute()
    assert base64.b64decode(found["fields"]["body"]["bytesValue"]) == msgspec.json.encode(made)
    writes = [{"update": {"name": name, "fields": {}}, "currentDocument": {"updateTime": "2026-01-01T00:00:00.000000Z"}}]
    with pytest.raises(HttpError, match="required base version"):
        client.commit(database=DATABASE, body={"writes": writes}).execute()
    asked = {"structuredQuery": {"from": [{"collectionId": "slots"}], "orderBy": [{"field": {"fieldPath": "number"}}], "limit": 1}}
    (one,) = client.runQuery(parent=f"{DATABASE}/documents/budgets/b", body=asked).execute()
    assert base64.b64decode(one["document"]["fields"]["body"]["bytesValue"]) == msgspec.json.encode(claim)
    http.close()
