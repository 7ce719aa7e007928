"""Whether a trail is what its log wrote: by the key, the checkpoint and the tree - and by a checkpoint that somebody held outside.

Without the latter a trail proves only that whoever has the key made it: an old one, or another one, would verify too. So each
verification says whether it is anchored. Everything is judged by hashes; no record is believed, or even read, before its root is signed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Protocol

import msgspec
from msgspec import Struct

from ringfence.domain.checkpoint import Checkpoint, Key, Note
from ringfence.domain.tree import Edge, leaf, root
from ringfence.engine.ports import Entry
from ringfence.engine.trail.seal import BEAT
from ringfence.errors import ForgedError

LATE = timedelta(minutes=10)  # for as long a record may wait for its number

type Signed = Callable[[Key, bytes, bytes], bool]  # whether a signature (last) over a text is by a key


class Exported(Protocol):
    """A trail as it is handed on. Lines come without their ends; ForgedError where the last one has none."""

    @property
    def key(self) -> str:
        """The verifier key, as text."""
        ...

    @property
    def checkpoint(self) -> str:
        """The newest signed note."""
        ...

    def checkpoints(self) -> Iterator[str]:
        """Give older signed notes, where there are some: they narrow down where the trail was changed."""
        ...

    def records(self) -> Iterator[bytes]:
        """Give every record."""
        ...

    def sealed(self) -> Iterator[bytes]:
        """Give every record as it stands in the segments."""
        ...


class Verdict(Struct, frozen=True, kw_only=True):
    """What came out. `anchored`: a checkpoint from outside, not older than two heartbeats, is in the trail."""

    verified: bool
    records: int = 0
    anchored: bool = False
    first_bad: int | None = None  # the number of a record, from 0; None where none is bad or nobody can tell which
    kind: str | None = None  # the class of tampering
    why: str = ""
    warnings: tuple[str, ...] = ()


class _Head(Struct, frozen=True):
    """As much of a record as is looked at."""

    id: str
    time: Annotated[datetime, msgspec.Meta(tz=True)]


HEAD = msgspec.json.Decoder(_Head)


class TamperedError(ForgedError):
    """Where the trail was changed: the number of the first record that is not what was sealed, as far as that can be told."""

    def __init__(self, kind: str, first: int | None, problem: str) -> None:
        """Take the class, the number and the problem."""
        super().__init__(kind, problem, "Keep what you have, and compare it with an older export or the archive")
        self.first = first


def verify(
    trail: Exported, signed: Signed, now: datetime, held: Iterable[str] = (), remembered: Iterable[str] = (), key: str = ""
) -> Verdict:
    """Verify a trail. `held` are signed notes from outside, `remembered` those that this machine saw before, `key` the key as it is known."""
    count = 0
    try:
        known = _key(trail.key, key)
        newest = _believed(trail.checkpoint, known, signed)
        leaves = [leaf(line) for line in trail.records()]
        count = len(leaves)
        older, spoilt = _older(trail, known, signed)
        _compare(leaves, [leaf(line) for line in trail.sealed()], newest, older)
        _agree(leaves, older, spoilt)
        times = _read(trail.records())
        anchors = [_anchor(note, known, signed, leaves) for note in held]
        _recall(remembered, known, signed, leaves)
    except ForgedError as error:
        first = error.first if isinstance(error, TamperedError) else None
        return Verdict(verified=False, records=count, first_bad=first, kind=error.kind, why=str(error))
    anchor = max(anchors, default=None)
    warnings = tuple(_warnings(times, anchor, now))
    fresh = anchor is not None and (not times or (anchor > 0 and now - times[anchor - 1] <= 2 * BEAT))
    return Verdict(verified=True, records=count, anchored=fresh, warnings=warnings)


def beside(verdict: Verdict, trail: Exported, touched: Sequence[str], kept: Sequence[Entry], now: datetime) -> Verdict:
    """Judge a verified trail beside what only the living one shows: versions of its objects, and the table that it was sealed from."""
    if not verdict.verified:
        return verdict
    if touched:
        return _refused(verdict, "extra-version", None, f"{len(touched)} sealed objects were put again or deleted, {touched[0]} first")
    table = {entry.id: leaf(entry.body) for entry in kept}
    for number, line in enumerate(trail.sealed()):
        if (found := table.pop(HEAD.decode(line).id, None)) != leaf(line):
            what = "is not in the table" if found is None else "says something else in the table"
            return _refused(verdict, "gap", number, f"record {number} {what}")
    late = sorted((e.time, e.id) for e in kept if e.id in table and not timedelta() - LATE <= now - e.time <= LATE)
    if late:
        return _refused(verdict, "gap", None, f"{len(late)} records of the table were never sealed, {late[0][1]} first")
    return verdict


def _refused(verdict: Verdict, kind: str, first: int | None, why: str) -> Verdict:
    return msgspec.structs.replace(verdict, verified=False, anchored=False, kind=kind, first_bad=first, why=why)


def _key(text: str, named: str) -> Key:
    key = Key.of(text)
    if named and Key.of(named) != key:
        raise ForgedError("key", f"the trail came with the key {key.text}, and not with the one that you named", "Ask who changed it")
    return key


def _believed(text: str, key: Key, signed: Signed) -> Checkpoint:
    note = Note.of(text)
    if not signed(key, note.checkpoint.text.encode(), note.by(key)):
        raise ForgedError("edit", "the checkpoint's signature is not by the key", "The checkpoint, its signature or the key was changed")
    return note.checkpoint


def _compare(records: list[bytes], segments: list[bytes], newest: Checkpoint, roots: dict[int, bytes]) -> None:
    """Compare records and segments with the signed root; where one of them is right it tells what was done to the other."""
    right, whole = ((len(found), root(found)) == (newest.size, newest.root) for found in (records, segments))
    if not right and whole:
        raise _difference(segments, records, "the records are not those of the segments")
    if right and not whole:
        raise _difference(records, segments, "the segments are not those of the records")
    if not right:
        raise _localised(records, newest, roots)


def _difference(good: Sequence[bytes], bad: Sequence[bytes], what: str) -> TamperedError:
    first = next((at for at, (one, other) in enumerate(zip(good, bad, strict=False)) if one != other), min(len(good), len(bad)))
    kind = "edit"
    if len(bad) < len(good):
        kind = "truncate" if first == len(bad) else "delete" if _within(bad, good) else "edit"
    elif len(bad) > len(good):
        kind = "insert" if _within(good, bad) else "edit"
    elif sorted(good) == sorted(bad):
        kind = "reorder"
    return TamperedError(kind, first, f"{what}, from number {first} on")


def _within(few: Iterable[bytes], many: Iterable[bytes]) -> bool:
    """Whether the few stand among the many, in their order."""
    rest = iter(many)
    return all(one in rest for one in few)


def _localised(records: Sequence[bytes], newest: Checkpoint, roots: dict[int, bytes]) -> TamperedError:
    """Say where, by the older checkpoints: what stands before the last that fits is as it was."""
    edge, right = Edge(), 0
    for size in sorted(size for size in roots if size <= len(records)):
        edge = edge.added(records[edge.size : size])
        if edge.root != roots[size]:
            break
        right = size
    else:
        if len(records) == right < newest.size:
            return TamperedError("truncate", right, f"{newest.size} records were sealed, and {right} are here")
    if len(records) > newest.size and root(records[: newest.size]) == newest.root:
        return TamperedError("insert", newest.size, f"{newest.size} records were sealed, and {len(records)} are here")
    kind = "delete" if len(records) < newest.size else "insert" if len(records) > newest.size else "edit"
    return TamperedError(kind, right, f"the records do not lead to the signed root; up to number {right} they are right")


def _older(trail: Exported, key: Key, signed: Signed) -> tuple[dict[int, bytes], ForgedError | None]:
    """Give the roots of the older checkpoints, and why one is not to be believed, if one is not."""
    found: dict[int, bytes] = {}
    spoilt: ForgedError | None = None
    for text in trail.checkpoints():
        try:
            checkpoint = _believed(text, key, signed)
            if found.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
                raise _fork(checkpoint.size)
        except ForgedError as error:
            spoilt = spoilt or error
    return found, spoilt


def _agree(leaves: Sequence[bytes], older: dict[int, bytes], spoilt: ForgedError | None) -> None:
    """Raise where an older checkpoint is not to be believed, or is one of another history."""
    if spoilt is not None:
        raise spoilt
    edge = Edge()
    for size in sorted(older):
        if size > len(leaves):
            raise TamperedError("replay", len(leaves), f"a checkpoint of {size} records lies beside a trail of {len(leaves)}")
        edge = edge.added(leaves[edge.size : size])
        if edge.root != older[size]:
            raise _fork(size)


def _fork(size: int) -> TamperedError:
    return TamperedError("fork", None, f"two histories are signed: the trail, and a checkpoint of {size} records that does not lie on it")


def _anchor(text: str, key: Key, signed: Signed, leaves: Sequence[bytes]) -> int:
    """Give the size of a checkpoint that was held elsewhere; raise where the trail does not contain and extend it."""
    held = _believed(text, key, signed)
    if held.size > len(leaves):
        raise TamperedError("replay", len(leaves), f"you hold a checkpoint of {held.size} records, and this trail ends after {len(leaves)}")
    if root(leaves[: held.size]) != held.root:
        raise TamperedError("fork", None, f"the first {held.size} records are not those of the checkpoint that you hold")
    return held.size


def _recall(notes: Iterable[str], key: Key, signed: Signed, leaves: Sequence[bytes]) -> None:
    """Raise where a checkpoint that this machine saw before does not lie on the trail."""
    for text in notes:
        try:
            _anchor(text, key, signed, leaves)
        except ForgedError as error:
            what = f"this machine has seen another state of this trail ({Note.of(text).checkpoint.size} records): {error.problem}"
            first = error.first if isinstance(error, TamperedError) else None
            raise TamperedError(error.kind, first, what) from error


def _read(lines: Iterable[bytes]) -> list[datetime]:
    """Give the times of the records; raise where one stands there twice."""
    seen: set[str] = set()
    times: list[datetime] = []
    for number, line in enumerate(lines):
        try:
            head = HEAD.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise TamperedError("edit", number, f"record {number} cannot be read: {error}") from error
        if head.id in seen:
            raise TamperedError("insert", number, f"record {number} stands there twice: {head.id}")
        seen.add(head.id)
        times.append(head.time)
    return times


def _warnings(times: Sequence[datetime], anchor: int | None, now: datetime) -> Iterator[str]:
    if anchor is None:
        yield "not anchored: no checkpoint from outside was given, so an older or another trail by the same key would verify as well"
    elif anchor < len(times):
        yield f"records {anchor} to {len(times) - 1} came after the checkpoint that you hold: they are signed, and not anchored"
    if times and now - times[-1] > 2 * BEAT:
        yield f"the last record is of {times[-1]:%Y-%m-%d %H:%M} UTC: what was done since is not in here"
    if back := next((n for n in range(1, len(times)) if times[n - 1] - times[n] > BEAT), None):
        yield f"record {back} is more than an hour older than the one before it: a clock went wrong, or it was sealed late"
