"""Each way to tamper with a trail, once, by its class and place; tests/properties does the same a thousandfold."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ringfence.clouds.local_key import signed
from ringfence.clouds.trail_folder import TrailFolder
from ringfence.engine.trail.verify import Verdict, verify
from ringfence.errors import ForgedError, UsageError
from tests.support.outside_verifier import check
from tests.support.trails import START, Files, Signer, edited, entry, joined, sealed, usual
from tools.write_sample_trail import SAMPLE, sample

SOON = START + timedelta(minutes=5)
LINES = usual().lines()
SIGNER = Signer()
SIZE = len(LINES)
FIRST_SEGMENT = "segments/000000000000.jsonl"


def judge(files: Files, place: Path, *held: str, now: datetime = SOON, **more: object) -> Verdict:
    return verify(files.read(place), signed, now, held, **more)  # type: ignore[arg-type]  # by name


def resigned(lines: list[bytes]) -> Files:
    """A trail that the same key signed, with no older checkpoints."""
    gone = dict.fromkeys((name for name in usual().files if name.startswith("checkpoints/")), None)
    return usual().with_lines(lines).changed({**gone, "checkpoint": SIGNER.note(lines).encode()})


CASES: dict[str, tuple[Callable[[], Files], str, int | None]] = {
    "a record edited": (lambda: usual().with_lines([*LINES[:5], edited(LINES[5], 1), *LINES[6:]], segments=False), "edit", 5),
    "a record deleted": (lambda: usual().with_lines(LINES[:5] + LINES[6:], segments=False), "delete", 5),
    "the last record deleted": (lambda: usual().with_lines(LINES[:-1], segments=False), "truncate", SIZE - 1),
    "a record inserted": (lambda: usual().with_lines([*LINES[:5], entry(99).bytes, *LINES[5:]], segments=False), "insert", 5),
    "two records swapped": (lambda: usual().with_lines([*LINES[:5], LINES[6], LINES[5], *LINES[7:]], segments=False), "reorder", 5),
    "one edited and one deleted": (lambda: usual().with_lines([*LINES[:5], edited(LINES[5], 1), *LINES[7:]], segments=False), "edit", 5),
    "one edited and one inserted": (
        lambda: usual().with_lines([*LINES[:5], edited(LINES[5], 1), entry(99).bytes, *LINES[6:]], segments=False),
        "edit",
        5,
    ),
    "a segment edited": (lambda: usual().changed({FIRST_SEGMENT: joined([LINES[0], edited(LINES[1], 1), LINES[2]])}), "edit", 1),
    "a segment missing": (lambda: usual().changed({"segments/000000000003.jsonl": None}), "delete", 3),
    "the last line cut": (lambda: usual().changed({"records.jsonl": joined(LINES)[:-5]}), "edit", None),
    "both edited": (lambda: usual().with_lines([*LINES[:35], edited(LINES[35], 1), *LINES[36:]]), "edit", 33),
    "both edited at once": (lambda: usual().with_lines([edited(LINES[0], 1), *LINES[1:]]), "edit", 0),
    "both shorter by one in the middle": (lambda: usual().with_lines(LINES[:20] + LINES[21:]), "delete", 13),
    "both shorter by the last": (lambda: usual().with_lines(LINES[:-1]), "delete", 33),
    "both cut off where a segment ends": (lambda: usual().with_lines(LINES[:33]), "truncate", 33),
    "rolled back, with the newer checkpoints left": (
        lambda: usual().with_lines(LINES[:33]).changed({"checkpoint": usual().files["checkpoints/000000000033"]}),
        "replay",
        33,
    ),
    "an older checkpoint with other ends of lines": (
        lambda: usual().changed({"checkpoints/000000000003": usual().files["checkpoints/000000000003"].replace(b"\n", b"\r\n")}),
        "edit",
        None,
    ),
    "a time without a zone": (lambda: resigned([*LINES, entry(99).bytes.replace(b'39Z"', b'39"')]), "edit", SIZE),
    "a record that is no text": (lambda: resigned([*LINES, b'{"id":"\xff"}']), "edit", SIZE),
    "both longer by one in the middle": (lambda: usual().with_lines([*LINES[:20], entry(99).bytes, *LINES[20:]]), "insert", 13),
    "both longer by one at the end": (lambda: usual().with_lines([*LINES, entry(99).bytes]), "insert", SIZE),
    "a record at the end, and nothing older to compare with": (
        lambda: resigned(LINES).changed(
            {"records.jsonl": joined([*LINES, entry(99).bytes]), "segments/000000000040.jsonl": joined([entry(99).bytes])}
        ),
        "insert",
        SIZE,
    ),
    "the last edited, and no checkpoint but older ones": (
        lambda: usual().with_lines([*LINES[:-1], edited(LINES[-1], 1)]).changed({"checkpoints/000000000040": None}),
        "edit",
        33,
    ),
    "shorter, and edited": (lambda: usual().with_lines([*LINES[:20], edited(LINES[20], 1), *LINES[21:33]]), "delete", 13),
    "the size changed": (lambda: usual().changed({"checkpoint": usual().note.replace("\n40\n", "\n41\n").encode()}), "edit", None),
    "no checkpoint": (lambda: usual().changed({"checkpoint": b"x"}), "edit", None),
    "no text": (lambda: usual().changed({"checkpoint": b"\xff"}), "edit", None),
    "a key that is none": (lambda: usual().changed({"key": b"x"}), "key", None),
    "a key that is no text": (lambda: usual().changed({"key": b"\xff"}), "key", None),
    "an older checkpoint that nobody signed": (lambda: usual().changed({"checkpoints/000000000003": b"x"}), "edit", None),
    "two histories": (lambda: usual().changed({"checkpoints/x": SIGNER.note([b"a", b"b", b"c", b"d"]).encode()}), "fork", None),
    "two checkpoints of a size": (lambda: usual().changed({"checkpoints/x": SIGNER.note([b"a", b"b", b"c"]).encode()}), "fork", None),
    "a checkpoint beyond the end": (
        lambda: usual().changed({"checkpoints/x": SIGNER.note([*LINES, entry(99).bytes]).encode()}),
        "replay",
        SIZE,
    ),
    "a record twice": (lambda: resigned([*LINES, LINES[4]]), "insert", SIZE),
    "no record": (lambda: resigned([*LINES, b"[]"]), "edit", SIZE),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_named_with_its_class_and_its_place(name: str, tmp_path: Path) -> None:
    files, kind, first = CASES[name]
    verdict = judge(files(), tmp_path)
    assert (verdict.verified, verdict.anchored, verdict.kind, verdict.first_bad) == (False, False, kind, first), verdict.why
    assert verdict.why
    assert verdict.warnings == ()
    assert verdict.records == (0 if kind == "key" or name in UNREAD else len(files().files["records.jsonl"].splitlines()))


UNREAD = ("the last line cut", "the size changed", "no checkpoint", "no text")


def test_what_is_well_is_well(tmp_path: Path) -> None:
    verdict = judge(usual(), tmp_path, usual().note, remembered=(usual().note,), key=SIGNER.key.text)
    assert verdict == Verdict(verified=True, records=SIZE, anchored=True)


def test_an_older_anchor_counts_and_what_came_after_it_is_named(tmp_path: Path) -> None:
    verdict = judge(usual(), tmp_path, SIGNER.note(LINES[:7]), SIGNER.note(LINES[:3]))
    assert verdict.anchored
    assert verdict.warnings == (f"records 7 to {SIZE - 1} came after the checkpoint that you hold: they are signed, and not anchored",)
    assert judge(usual(), tmp_path / "b", SIGNER.note(LINES[:1]), now=START + timedelta(hours=2)).anchored
    assert not judge(usual(), tmp_path / "c", SIGNER.note(LINES[:1]), now=START + timedelta(hours=2, seconds=1)).anchored
    empty = judge(usual(), tmp_path / "e", SIGNER.note([]))
    assert (empty.verified, empty.anchored) == (True, False), "a checkpoint of nothing holds nothing"
    (said,) = judge(usual(), tmp_path / "d").warnings
    assert said.startswith("not anchored: no checkpoint from outside was given")


@pytest.mark.parametrize(("minutes", "anchored"), [(119, True), (120, True), (121, False)])
def test_an_anchor_is_fresh_for_two_heartbeats(minutes: int, anchored: bool, tmp_path: Path) -> None:
    last = START + timedelta(seconds=SIZE - 1)
    verdict = judge(usual(), tmp_path, usual().note, now=last + timedelta(minutes=minutes))
    assert (verdict.verified, verdict.anchored) == (True, anchored)
    assert bool(verdict.warnings) is not anchored


HELD: dict[str, tuple[Callable[[], str], str, int | None]] = {
    "a longer one": (lambda: SIGNER.note([*LINES, entry(99).bytes]), "replay", SIZE),
    "another history": (lambda: SIGNER.note([entry(99).bytes]), "fork", None),
    "another key": (lambda: Signer("mallory").note(LINES[:3]), "key", None),
    "another trail": (lambda: Signer("a", "ringfence.example/other").note(LINES[:3]), "origin", None),
    "no signature": (lambda: usual().note.replace("\n40\n", "\n39\n"), "edit", None),
}


@pytest.mark.parametrize("name", HELD)
def test_a_trail_that_does_not_contain_what_is_held_or_remembered_is_refused(name: str, tmp_path: Path) -> None:
    held, kind, first = HELD[name]
    verdict = judge(usual(), tmp_path / "a", held())
    assert (verdict.verified, verdict.kind, verdict.first_bad) == (False, kind, first)
    remembered = judge(usual(), tmp_path / "b", remembered=(held(),))
    assert (remembered.verified, remembered.kind, remembered.first_bad) == (False, kind, first)
    assert "this machine has seen another state of this trail" in remembered.why


def test_a_key_that_is_named_is_the_one_or_nothing_is_believed(tmp_path: Path) -> None:
    verdict = judge(usual(), tmp_path, key=Signer("mallory").key.text)
    assert (verdict.verified, verdict.kind) == (False, "key")


def test_a_clock_that_went_back_is_told(tmp_path: Path) -> None:
    def told(place: str, *lines: bytes) -> list[str]:
        return [w for w in judge(resigned(list(lines)), tmp_path / place).warnings if "is more than an hour older" in w]

    early = [LINES[0].replace(b"T09:00:00", f"T{at}".encode()).replace(b".000000", b".000099") for at in ("07:59:59", "08:00:00")]
    assert told("a", *LINES, early[0])[0].startswith(f"record {SIZE} is more than an hour older")
    assert told("b", LINES[0], early[0])[0].startswith("record 1 is")
    assert told("c", LINES[0], early[1]) == [], "an hour is not more than an hour"
    assert told("d", LINES[0], LINES[1], early[0])[0].startswith("record 2 is")


def test_an_empty_trail_verifies(tmp_path: Path) -> None:
    files = Files.of(sealed((1,))).changed({"records.jsonl": b"", FIRST_SEGMENT: b"", "checkpoints/000000000001": None})
    verdict = judge(files.changed({"checkpoint": SIGNER.note([]).encode()}), tmp_path, SIGNER.note([]))
    assert (verdict.verified, verdict.records, verdict.anchored) == (True, 0, True)


def test_a_folder_that_is_no_export_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="key is not there"):
        usual().changed({"key": None}).read(tmp_path)
    with pytest.raises(ForgedError):
        list(usual().changed({"records.jsonl": b"x"}).read(tmp_path).records())


def test_the_sample_is_what_its_tool_writes_and_both_verifiers_read_it() -> None:
    here = {path.relative_to(SAMPLE).as_posix(): path.read_bytes() for path in SAMPLE.rglob("*") if path.is_file()}
    assert here == sample(), "run `make docs`"
    kept = (SAMPLE / "checkpoint-that-was-kept").read_text()
    verdict = verify(TrailFolder(SAMPLE / "export"), signed, START, held=[kept])
    assert (verdict.verified, verdict.records) == (True, check(SAMPLE / "export", kept))


def test_what_could_not_even_be_read_has_no_records() -> None:
    assert Verdict(verified=False).records == 0


def test_a_trail_is_as_old_as_its_last_record(tmp_path: Path) -> None:
    later = entry(99).bytes.replace(b"T09:01:39", b"T15:00:00")
    (said,) = judge(resigned([*LINES, later]), tmp_path, now=START + timedelta(hours=7)).warnings
    assert said.startswith("not anchored")
