"""Whatever is done to a trail is seen, and by two verifiers that share no code."""

import random
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ringfence.clouds.local_key import signed
from ringfence.engine.trail.verify import Verdict, verify
from tests.support.outside_verifier import BadTrailError, check
from tests.support.scale import cases
from tests.support.trails import START, Files, Signer, edited, entry, joined, names_of, sealed, usual

SOON = START + timedelta(minutes=5)
SIZE = 40


@pytest.fixture
def place() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(folder)


def judge(files: Files, place: Path, *held: str, now: datetime = SOON) -> Verdict:
    """Verify an export as the command line does; the outsider's verifier has to say the same."""
    folder = place / "export"
    shutil.rmtree(folder, ignore_errors=True)
    verdict = verify(files.read(folder), signed, now, held)
    try:
        told = check(folder, held[0] if held else "") == verdict.records
    except (BadTrailError, UnicodeError):
        told = False
    older_only = verdict.kind is not None and "checkpoint of" in verdict.why  # the outsider does not look at older ones
    assert told == verdict.verified or older_only, verdict
    return verdict


def test_what_nobody_touched_verifies_and_is_anchored_by_what_was_held(place: Path) -> None:
    verdict = judge(usual(), place, usual().note)
    assert (verdict.verified, verdict.records, verdict.anchored, verdict.first_bad, verdict.kind) == (True, SIZE, True, None, None)
    assert verdict.warnings == ()
    alone = judge(usual(), place)
    assert (alone.verified, alone.anchored) == (True, False)
    assert "not anchored" in alone.warnings[0]


def test_1_any_byte_of_records_segments_or_checkpoints_is_missed_by_nobody(place: Path) -> None:
    rnd, files = random.Random(1), usual()  # noqa: S311 - no secret
    names = [n for n in files.files if n in ("records.jsonl", "checkpoint", "key") or n.startswith(("segments/", "checkpoints/"))]
    for number in range(cases(1000)):
        name = names[number % len(names)]
        body = bytearray(files.files[name])
        at = rnd.randrange(len(body))
        body[at] ^= rnd.randrange(1, 256)
        if name == "key" and bytes(body).strip() == files.files[name].strip():
            continue  # a space at the end of the key is none of it
        folder = place / "export"
        shutil.rmtree(folder, ignore_errors=True)
        verdict = verify(files.changed({name: bytes(body)}).read(folder), signed, SOON)
        assert not verdict.verified, (name, at)
        assert verdict.kind
        if name.startswith(("records", "segments/")) and body.count(b"\n") == files.files[name].count(b"\n"):
            before = sum(len(files.lines(n)) for n in names_of(files, "segments/") if name.startswith("segments/") and n < name)
            assert verdict.first_bad == before + files.files[name][:at].count(b"\n"), (name, at, verdict)


def changes(rnd: random.Random, lines: list[bytes]) -> Iterator[tuple[str, list[bytes], int]]:
    """Give every kind of change, with the number of the first record that is not what it was."""
    at, other = rnd.randrange(len(lines)), rnd.randrange(len(lines))
    yield "edit", [*lines[:at], edited(lines[at], at), *lines[at + 1 :]], at
    yield "delete", [*lines[:at], *lines[at + 1 :]], at
    yield "insert", [*lines[:at], entry(1000 + at).bytes, *lines[at:]], at
    yield "insert", [*lines[:at], lines[other], *lines[at:]], at if other != at else at + 1
    if at != other:
        low, high = sorted((at, other))
        yield "reorder", [*lines[:low], lines[high], *lines[low + 1 : high], lines[low], *lines[high + 1 :]], low
    yield "truncate", lines[: rnd.randrange(len(lines))], -1


def test_2_to_4_what_is_deleted_inserted_or_swapped_is_named_with_its_place(place: Path) -> None:
    rnd, lines = random.Random(2), usual().lines()  # noqa: S311 - no secret
    for _ in range(cases(1000)):
        for kind, changed, first in changes(rnd, lines):
            verdict = judge(usual().with_lines(changed, segments=False), place)
            assert not verdict.verified
            kinds = {kind, "truncate"} if changed == lines[: len(changed)] else {kind}
            assert verdict.kind in kinds, (kind, verdict)
            if kind != "truncate" and len(set(changed)) == len(changed):
                assert verdict.first_bad == first, (kind, verdict)


def test_6_somebody_who_rewrites_everything_but_has_no_key_is_seen(place: Path) -> None:
    rnd, lines, mallory = random.Random(6), usual().lines(), Signer("mallory")  # noqa: S311 - no secret
    for number in range(cases(5000) // 6):
        for kind, changed, first in changes(rnd, lines):
            files = usual().with_lines(changed)
            if number % 2:  # signs anew with a key of his own, under the same name
                files = files.changed({"checkpoint": mallory.note(changed).encode()})
            verdict = judge(files, place)
            assert not verdict.verified, kind
            assert verdict.first_bad is None or verdict.first_bad <= max(first, len(changed)), (kind, verdict)


def test_5_truncation_below_the_checkpoint_that_is_held_is_seen_and_above_it_the_rest_is_named(place: Path) -> None:
    rnd, lines, signer = random.Random(5), usual().lines(), Signer()  # noqa: S311 - no secret
    for _ in range(cases(1000)):
        length, held = rnd.randrange(1, SIZE), rnd.randrange(1, SIZE + 1)
        short = usual().with_lines(lines[:length]).changed({"checkpoint": signer.note(lines[:length]).encode()})
        gone = {name: None for name in names_of(usual(), "checkpoints/") if int(name[-12:]) > length}
        verdict = judge(short.changed(gone), place, signer.note(lines[:held]))
        assert verdict.verified == (held <= length)
        if held > length:
            assert (verdict.kind, verdict.first_bad) == ("replay", length)
        else:
            assert verdict.anchored
            assert (f"records {held} to {length - 1} came after" in "".join(verdict.warnings)) == (held < length)


def test_7_of_two_signed_histories_one_is_refused_by_whoever_holds_a_checkpoint_of_the_other(place: Path) -> None:
    rnd, lines, signer = random.Random(7), usual().lines(), Signer()  # noqa: S311 - no secret
    for _ in range(cases(500)):
        common, more = rnd.randrange(SIZE), rnd.randrange(1, 9)
        other = [*lines[:common], *(entry(2000 + n).bytes for n in range(more))]
        gone = dict.fromkeys(names_of(usual(), "checkpoints/"))
        fork = usual().with_lines(other).changed({**gone, "checkpoint": signer.note(other).encode()})
        assert judge(fork, place).verified
        held = signer.note(lines[: common + 1])
        assert judge(fork, place, held).kind == "fork"
        both = fork.changed({"checkpoints/held": held.encode()})
        assert judge(both, place).kind == "fork", "a checkpoint of another history lies beside it"


def test_8_an_old_checkpoint_does_not_anchor_and_an_old_trail_is_a_replay(place: Path) -> None:
    rnd = random.Random(8)  # noqa: S311 - no secret
    for _ in range(cases(100)):
        late = rnd.randrange(1, 48 * 60)
        verdict = judge(usual(), place, usual().note, now=START + timedelta(seconds=SIZE - 1, minutes=late))
        assert verdict.verified
        assert verdict.anchored == (late <= 120), late
        assert ("what was done since is not in here" in "".join(verdict.warnings)) == (late > 120)


def test_9_a_trail_of_another_deployment_or_key_is_refused(place: Path) -> None:
    moved = Files.of(sealed((3, 4), Signer("a", "ringfence.example/elsewhere")))
    forged = Files.of(sealed((3, 4), Signer("mallory")))
    assert judge(usual(), place, moved.note).kind == "origin"
    assert judge(usual(), place, forged.note).kind == "key"
    assert judge(usual().changed({"checkpoint": forged.files["checkpoint"]}), place).kind == "key"
    assert judge(usual().changed({"checkpoint": moved.files["checkpoint"]}), place).kind == "origin"
    assert judge(usual().changed({"key": forged.files["key"]}), place).kind == "key"
    named = verify(forged.read(place / "named"), signed, SOON, key=Signer().key.text)
    assert (named.verified, named.kind) == (False, "key")


def test_13_the_two_verifiers_agree_on_whatever_is_done_to_some_bytes(place: Path) -> None:
    rnd, seen = random.Random(13), {True: 0, False: 0}  # noqa: S311 - no secret
    for number in range(cases(10_000)):
        files = usual()
        name = rnd.choice(["records.jsonl", "checkpoint", "key", *names_of(files, "segments/")])
        body = files.files[name]
        at, to = sorted(rnd.randrange(len(body) + 1) for _ in range(2))
        new = [body, body[:at] + body[to:], body[:at] + rnd.randbytes(2) + body[at:], body[:at] + body[at:to][::-1] + body[to:]][number % 4]
        seen[judge(files.changed({name: new}), place).verified] += 1
    assert min(seen.values()) > cases(10_000) // 10


def test_a_record_that_was_sealed_twice_is_one_too_many(place: Path) -> None:
    lines, signer = usual().lines(), Signer()
    twice = [*lines, lines[4]]
    verdict = verify(usual().with_lines(twice).changed({"checkpoint": signer.note(twice).encode()}).read(place), signed, SOON)
    assert (verdict.kind, verdict.first_bad) == ("insert", SIZE)


def test_what_is_signed_and_no_record_is_named(place: Path) -> None:
    lines, signer = [*usual().lines(), b"[]"], Signer()
    files = usual().changed(
        {"records.jsonl": joined(lines), "segments/000000000040.jsonl": b"[]\n", "checkpoint": signer.note(lines).encode()}
    )
    verdict = verify(files.read(place), signed, SOON)
    assert (verdict.kind, verdict.first_bad) == ("edit", SIZE)
