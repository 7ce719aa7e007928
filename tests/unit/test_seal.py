"""Sealing: nothing lost, nothing twice, whoever seals and wherever they stop; and nothing is signed that does not continue what was signed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from threading import Thread

import msgspec
import pytest

from ringfence.clouds.decoders import ENTRY
from ringfence.clouds.decoders import RECORD as SEALED
from ringfence.clouds.local_key import signed
from ringfence.clouds.memory import MemoryArchive, MemoryQueue, MemoryStore
from ringfence.domain.checkpoint import Checkpoint, Note
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.tree import leaf, root
from ringfence.engine.ports import Entry
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.seal import AT_ONCE, beat, checkpoint_name, lines, seal, segment_name, send_out
from ringfence.engine.trail.verify import beside, verify
from ringfence.errors import ForgedError, UpstreamError, UsageError
from tests.support.trails import START, Signer, entry

SIGNER = Signer()
HOUR = timedelta(hours=1)


def filled(count: int, begin: int = 0) -> MemoryStore:
    store = MemoryStore()
    for number in range(begin, begin + count):
        store.note(entry(number))
    return store


def ids(archive: MemoryArchive) -> list[str]:
    """Read the sealed ids, and check that the newest checkpoint is over just these."""
    trail = archived(archive)
    found = list(trail.sealed())
    note = Note.of(trail.checkpoint)
    assert SIGNER.signed(note.checkpoint.text.encode(), note.by(SIGNER.key))
    assert (note.checkpoint.size, note.checkpoint.root) == (len(found), root(map(leaf, found)))
    return [SEALED.decode(line).id for line in found]


def test_what_is_new_is_sealed_in_order_and_numbered() -> None:
    store, archive = filled(3), MemoryArchive()
    at = seal(store, archive, SIGNER)
    assert (at.edge.size, at.first) == (3, 0)
    assert ids(archive) == [entry(n).id for n in range(3)]
    assert store.unsealed(9) == ()
    assert store.size() == 3
    assert archive.get("key") == SIGNER.key.text.encode()
    for number in (3, 4):
        store.note(entry(number))
    assert seal(store, archive, SIGNER).first == 3
    assert ids(archive) == [entry(n).id for n in range(5)]
    assert [*archive.names("segments/")] == [segment_name(0), segment_name(3)]


def test_what_is_too_much_for_a_segment_goes_into_several() -> None:
    store, archive = filled(AT_ONCE * 2 + 1), MemoryArchive()
    seal(store, archive, SIGNER)
    assert [len(lines(archive.kept[name])) for name in archive.names("segments/")] == [AT_ONCE, AT_ONCE, 1]
    assert len(ids(archive)) == AT_ONCE * 2 + 1


def test_where_nothing_is_new_nothing_is_written() -> None:
    store, archive = filled(2), MemoryArchive()
    seal(store, archive, SIGNER)
    before = dict(archive.kept)
    again = seal(store, archive, SIGNER)
    assert archive.kept == before
    assert again.edge.size == 2


class CrashError(Exception):
    """The function was killed here."""


class Crashing:
    """A port that is killed before or after its n-th writing call."""

    def __init__(self, port: object, calls: list[str], at: int, names: Iterable[str], *, after: bool) -> None:
        self._port, self._calls, self._at, self._names, self._after = port, calls, at, tuple(names), after

    def __getattr__(self, name: str) -> object:
        real = getattr(self._port, name)
        if name not in self._names:
            return real

        def call(*given: object) -> object:
            self._calls.append(name)
            dies = len(self._calls) == self._at
            if dies and not self._after:
                raise CrashError(name)
            answer = real(*given)
            if dies:
                raise CrashError(name)
            return answer

        return call


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
def test_a_crash_anywhere_loses_and_doubles_nothing(at: int, after: bool) -> None:
    store, archive, calls = filled(3), MemoryArchive(), list[str]()
    seal(store, archive, SIGNER)
    for number in (3, 4):
        store.note(entry(number))
    crashing = (Crashing(port, calls, at, ("put", "sealed"), after=after) for port in (store, archive))
    try:
        seal(*crashing, SIGNER)  # type: ignore[call-arg,arg-type]  # stand-ins
        died = False
    except CrashError:
        died = True
    assert died == (at <= 4), calls
    store.note(entry(5))  # meanwhile there is more
    seal(store, archive, SIGNER)
    assert sorted(ids(archive)) == [entry(n).id for n in range(6)]
    assert store.unsealed(9) == ()
    assert store.size() == 6


def test_many_who_seal_at_once_seal_the_same() -> None:
    for _ in range(5):
        store, archive = MemoryStore(), MemoryArchive()
        failed: list[Exception] = []

        def work(worker: int, store: MemoryStore = store, archive: MemoryArchive = archive, failed: list[Exception] = failed) -> None:
            try:
                for number in range(worker * 100, worker * 100 + 20):
                    store.note(entry(number))
                    seal(store, archive, SIGNER)
            except Exception as error:  # noqa: BLE001 - told below
                failed.append(error)

        threads = [Thread(target=work, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        found = ids(archive)
        assert len(found) == len(set(found)) == 80


def test_a_key_that_is_not_that_of_the_trail_signs_nothing() -> None:
    store, archive = filled(2), MemoryArchive()
    seal(store, archive, SIGNER)
    store.note(entry(9))
    before = dict(archive.kept)
    with pytest.raises(ForgedError, match="no signature of the checkpoint is by the key"):
        seal(store, archive, Signer("mallory"))
    assert archive.kept == before


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("edges/000000000002", b'{"first":0,"roots":["AAAA"]}', "the edge of the tree does not lead to"),
        ("edges/000000000002", None, "the edge of the tree does not lead to"),
        (checkpoint_name(2), b"x", "this is no checkpoint"),
        ("edges/000000000002", b"x", "the edge of the tree does not lead to"),
        (segment_name(0), b"{}", "cut off"),
        (segment_name(0), b"{}\n", "a sealed record cannot be read"),
        (segment_name(0), entry(0).bytes + b"\n", "does not end where"),
    ],
)
def test_an_archive_that_somebody_wrote_to_is_not_continued(name: str, body: bytes | None, said: str) -> None:
    store, archive = filled(2), MemoryArchive()
    seal(store, archive, SIGNER)
    if body is None:
        del archive.kept[name]
    else:
        archive.kept[name] = body
    store.note(entry(9))
    with pytest.raises(ForgedError, match=said):
        seal(store, archive, SIGNER)
    assert checkpoint_name(3) not in archive.kept


def test_a_checkpoint_that_somebody_forged_is_not_continued() -> None:
    store, archive = filled(2), MemoryArchive()
    seal(store, archive, SIGNER)
    forged = Checkpoint(SIGNER.key.name, 2, Note.of(archive.kept[checkpoint_name(2)].decode()).checkpoint.root)
    archive.kept[checkpoint_name(2)] = forged.note(SIGNER.key, Signer("mallory").sign(forged.text.encode())).encode()
    store.note(entry(9))
    with pytest.raises(ForgedError, match="checkpoints/000000000002 is not signed by the key of this trail"):
        seal(store, archive, SIGNER)
    assert checkpoint_name(3) not in archive.kept


def test_an_edge_that_does_not_follow_from_the_segments_stops_it() -> None:
    store, archive = filled(2), MemoryArchive()
    seal(store, archive, SIGNER)
    store.note(entry(9))
    archive.kept["edges/000000000003"] = b"{}"
    with pytest.raises(ForgedError, match="not what follows from the segments"):
        seal(store, archive, SIGNER)


@pytest.mark.parametrize("hint", [0, 1, 2])
def test_the_table_only_says_where_to_begin_looking(hint: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store, archive = filled(1), MemoryArchive()
    seal(store, archive, SIGNER)
    store.note(entry(1))
    seal(store, archive, SIGNER)
    monkeypatch.setattr(store, "size", lambda: hint)
    assert seal(store, archive, SIGNER).edge.size == 2


def minutely(store: MemoryStore, archive: MemoryArchive, now: datetime) -> None:
    """What the function does every minute."""
    beat(seal(store, archive, SIGNER), store, now)


def kinds(store: MemoryStore) -> list[RecordKind]:
    return [record.kind for record in store.records() if record.kind is not RecordKind.SWEEP]


def test_when_nothing_happens_it_beats_once_an_hour() -> None:
    store, archive = MemoryStore(), MemoryArchive()
    for minute in range(6 * 60):
        minutely(store, archive, START + timedelta(minutes=minute))
    assert kinds(store) == [RecordKind.HEARTBEAT] * 6
    beats = [record.time for record in store.records()]
    assert max(later - one for one, later in pairwise(beats)) <= HOUR
    assert store.records()[0].reason == "the trail begins"


def test_when_it_could_not_seal_for_long_it_says_so_itself() -> None:
    store, archive = filled(1), MemoryArchive()
    seal(store, archive, SIGNER)
    minutely(store, archive, START + HOUR * 5)
    minutely(store, archive, START + HOUR * 5 + timedelta(minutes=1))
    assert kinds(store) == [RecordKind.CHECKPOINT_MISSED]
    assert "nothing was sealed for 5.0 hours" in store.records()[-1].reason
    for hours, kind, said in (
        (2, RecordKind.CHECKPOINT_MISSED, "for 2.0 hours"),
        (1.99, RecordKind.HEARTBEAT, ""),
        (3601, RecordKind.CHECKPOINT_MISSED, "for 3601.0 hours"),
    ):
        other = filled(1)
        beat(seal(other, MemoryArchive(), SIGNER), other, START + HOUR * hours)
        assert kinds(other) == [kind]
        assert said in other.records()[-1].reason
    assert len(ids(archive)) == 2


def test_any_record_is_covered_a_minute_later() -> None:
    """18: with a seal every minute, whatever is older than that is under a signed checkpoint."""
    store, archive = MemoryStore(), MemoryArchive()
    for minute in range(100):
        now = START + timedelta(minutes=minute)
        before: set[str] = {record.id for record in store.records()}
        minutely(store, archive, now)
        assert before <= set(ids(archive)) if before else True
        store.note(entry(minute))


def test_the_newest_checkpoint_goes_out_once_a_day() -> None:
    store, archive, queue = filled(1), MemoryArchive(), MemoryQueue()
    at = seal(store, archive, SIGNER)
    assert send_out(at, archive, queue, START)
    assert send_out(at, archive, queue, START + HOUR) is False
    assert send_out(at, archive, queue, START + HOUR * 24)
    assert [notice.id for notice in queue.notices] == ["checkpoint.2026-03-02", "checkpoint.2026-03-03"]
    assert at.note in queue.notices[0].text
    empty = seal(MemoryStore(), MemoryArchive(), SIGNER)
    assert not send_out(empty, MemoryArchive(), queue, START)


def test_nothing_sealed_is_nothing_to_export() -> None:
    with pytest.raises(UsageError, match="nothing is sealed yet"):
        archived(MemoryArchive())


def test_a_segment_without_its_checkpoint_is_not_exported() -> None:
    store, archive = filled(2), MemoryArchive()
    seal(store, archive, SIGNER)
    archive.put(segment_name(2), entry(2).bytes + b"\n")
    assert ids(archive) == [entry(0).id, entry(1).id]


def test_a_living_trail_is_compared_with_its_versions_and_its_table() -> None:
    store, archive = filled(5), MemoryArchive()
    seal(store, archive, SIGNER)
    trail, now, kept = archived(archive), START + HOUR, store.entries()
    well = verify(trail, signed, now, held=[trail.checkpoint])
    assert well.anchored
    assert beside(well, trail, (), kept, now) == well
    touched = beside(well, trail, ("segments/000000000000.jsonl",), kept, now)
    assert (touched.verified, touched.anchored, touched.kind) == (False, False, "extra-version")
    gone = beside(well, trail, (), kept[:2] + kept[3:], now)
    assert (gone.verified, gone.anchored, gone.kind, gone.first_bad) == (False, False, "gap", 2)
    assert gone.why == "record 2 is not in the table"
    other = (*kept[:4], msgspec.structs.replace(kept[4], body=kept[4].body + b" "))
    assert beside(well, trail, (), other, now).why == "record 4 says something else in the table"
    late = (*kept, ENTRY.decode(entry(9).bytes))
    assert beside(well, trail, (), late, START + timedelta(seconds=9, minutes=10)).verified
    assert not beside(well, trail, (), late, START + timedelta(seconds=10, minutes=10)).verified
    assert "1 records of the table were never sealed" in beside(well, trail, (), late, now).why
    assert beside(well, trail, (), late, START + timedelta(seconds=9, minutes=-10)).verified
    assert not beside(well, trail, (), late, START + timedelta(seconds=8, minutes=-10)).verified, "of a time to come"
    bad = msgspec.structs.replace(well, verified=False, kind="edit")
    assert beside(bad, trail, ("x",), (), now) is bad


@pytest.mark.parametrize("left", [(), ("000000000002",)])
def test_an_archive_that_lost_its_end_is_not_begun_anew(left: tuple[str, ...]) -> None:
    store, archive = filled(2), MemoryArchive()
    seal(store, archive, SIGNER)
    store.note(entry(2))
    seal(store, archive, SIGNER)
    for name in [n for n in archive.kept if n != "key" and not n.endswith(left or ("key",))]:
        del archive.kept[name]
    archive.kept |= {"segments/000000000000.jsonl": b"".join(entry(n).bytes + b"\n" for n in range(2))} if left else {}
    before = dict(archive.kept)
    with pytest.raises(ForgedError, match="3 records were sealed, and"):
        seal(store, archive, SIGNER)
    assert archive.kept == before


def test_a_table_that_was_put_back_to_what_it_was_doubles_nothing() -> None:
    store, archive = filled(2), MemoryArchive()
    seal(store, archive, SIGNER)
    numbers = dict(store._numbers)
    for number in (2, 3):
        store.note(entry(number))
        seal(store, archive, SIGNER)
    store._numbers = numbers  # as it was before the last two segments
    store.note(entry(4))
    seal(store, archive, SIGNER)
    assert ids(archive) == [entry(n).id for n in range(5)]
    assert store.size() == 5


@pytest.mark.parametrize("known", [0, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, AT_ONCE * 2])
def test_however_much_the_table_forgot_it_is_told_again(known: int) -> None:
    store, archive = filled(AT_ONCE * 3), MemoryArchive()
    seal(store, archive, SIGNER)
    store._numbers = {name: number for name, number in store._numbers.items() if number < known}
    archive.kept[segment_name(AT_ONCE * 3)] = entry(AT_ONCE * 3).bytes + b"\n"  # somebody wrote it, and died
    store.note(entry(AT_ONCE * 3))
    seal(store, archive, SIGNER)
    assert ids(archive) == [entry(n).id for n in range(AT_ONCE * 3 + 1)]
    assert store.size() == AT_ONCE * 3 + 1


def test_bytes_are_sealed_as_they_are_kept_whoever_wrote_them() -> None:
    """A newer version may know fields, and kinds, that this one does not."""
    archive = MemoryArchive()
    newer = entry(0).bytes.replace(b'"kind":"sweep"', b'"kind":"of tomorrow","zz":1e+21')

    class Newer(MemoryStore):
        def unsealed(self, count: int) -> tuple[Entry, ...]:
            return () if self.size() else (msgspec.structs.replace(ENTRY.decode(newer), body=newer),)

    store = Newer()
    seal(store, archive, SIGNER)
    assert seal(store, archive, SIGNER).edge.size == 1
    assert list(archived(archive).sealed()) == [newer]


def test_what_was_written_and_is_not_there_is_an_outage_and_nothing_is_signed() -> None:
    class Losing(MemoryArchive):
        def put(self, name: str, body: bytes) -> None:
            if not name.startswith("segments/"):
                super().put(name, body)

    archive = Losing()
    with pytest.raises(UpstreamError, match="is not there, or empty"):
        seal(filled(2), archive, SIGNER)
    assert archive.names("checkpoints/") == ()


def test_a_record_is_kept_as_canonical_bytes() -> None:
    made = entry(3)
    assert SEALED.decode(made.bytes) == made
    assert SEALED.decode(made.bytes).bytes == made.bytes
    assert made.by("c").code_hash == "c"
    assert made.by("") is made
    assert isinstance(made, Record)
