"""Sealing: records that have none get their number, go into a segment, under the tree and under a signature.

What is in the archive decides, the table only says where to begin looking. A segment's name is its first number and is put once, so that
whoever seals - twice, at the same time, or again after a crash anywhere - seals the same. Nothing is signed that does not continue what
was signed before. What nobody could foresee stops the sealing, loudly: a trail that cannot be continued has been tampered with.
"""

from base64 import b64decode, b64encode
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from ringfence.domain.checkpoint import Checkpoint, Note
from ringfence.domain.finding import Severity
from ringfence.domain.record import NO_JOB, Record, RecordKind
from ringfence.domain.tree import Edge, leaf
from ringfence.engine.ports import Archive, Entry, Notice, Queue, Signer, Store
from ringfence.engine.records import note
from ringfence.errors import ConflictError, ForgedError, UpstreamError

SEGMENTS, EDGES, CHECKPOINTS, DIGESTS = "segments/", "edges/", "checkpoints/", "digests/"
KEY = "key"
DAILY = "checkpoint."  # begins the name of the day's notice
RUNBOOK = "Somebody wrote to the archive or the table: see docs/runbook.md"
BEAT = timedelta(hours=1)
AT_ONCE = 500  # records of a segment, at most
ENTRY = msgspec.json.Decoder(Entry)  # made here, when nobody else runs


class Sealed(Struct, frozen=True, kw_only=True):
    """The trail as it is sealed: how far, the tree's edge, the last signed note, and the last segment with the number that it begins with."""

    edge: Edge = Edge()
    note: str = ""
    first: int = 0
    last: tuple[Entry, ...] = ()


class _Stored(Struct, frozen=True):
    """An edge as it is kept."""

    first: int  # of the segment that it comes after
    roots: tuple[str, ...]


def segment_name(first: int) -> str:
    """Name a segment by its first number."""
    return f"{SEGMENTS}{first:012}.jsonl"


def checkpoint_name(size: int) -> str:
    """Name a checkpoint by its size."""
    return f"{CHECKPOINTS}{size:012}"


def lines(body: bytes) -> tuple[bytes, ...]:
    """Cut a segment, or a whole trail, into its records; raise ForgedError where the last line is not ended."""
    *found, rest = body.split(b"\n")
    if rest:
        raise ForgedError("edit", "the last line is cut off", "Each record is a line, the last one too")
    return tuple(found)


def entries(body: bytes) -> tuple[Entry, ...]:
    """Read the records of a segment, as far as sealing looks at them; raise ForgedError where that cannot be."""
    try:
        return tuple(msgspec.structs.replace(ENTRY.decode(line), body=line) for line in lines(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ForgedError("edit", f"a sealed record cannot be read: {error}", RUNBOOK) from error


def seal(store: Store, archive: Archive, signer: Signer) -> Sealed:
    """Seal everything that has no number. Raises ForgedError where the trail cannot be continued."""
    at = newest(store, archive, signer)
    _mark(at, store, archive)
    while True:
        new = store.unsealed(AT_ONCE)
        if not new and archive.get(segment_name(at.edge.size)) is None:
            return at
        at = _sealed(at, new, archive, signer)
        store.sealed(at.first, at.last)


def beat(at: Sealed, store: Store, now: datetime) -> None:
    """Write a heartbeat where nothing happened for an hour: the next round seals it."""
    if sign_of_life := _beat(at, now):
        store.note(sign_of_life)


def newest(store: Store, archive: Archive, signer: Signer) -> Sealed:
    """Find the newest checkpoint, and check that it is ours and what it says."""
    hint = checkpoint_name(store.size())
    names = archive.names(CHECKPOINTS, after=hint) or ((hint,) if archive.get(hint) else archive.names(CHECKPOINTS))
    size = store.size()
    if not names and size:
        raise ForgedError("truncate", f"{size} records were sealed, and the archive holds no checkpoint", RUNBOOK)
    if not names:
        _put_same(archive, KEY, signer.key.text.encode())
        return Sealed()
    text = (archive.get(names[-1]) or b"").decode("utf-8", "replace")
    found = Note.of(text)
    checkpoint = found.checkpoint
    if not signer.signed(checkpoint.text.encode(), found.by(signer.key)):
        raise ForgedError("key", f"{names[-1]} is not signed by the key of this trail", RUNBOOK)
    if size > checkpoint.size:
        raise ForgedError("truncate", f"{size} records were sealed, and the newest checkpoint is {names[-1]}", RUNBOOK)
    stored = _stored(archive.get(f"{EDGES}{checkpoint.size:012}"))
    edge = Edge(checkpoint.size, tuple(b64decode(root) for root in stored.roots)) if stored else Edge()
    if stored is None or not edge.whole or edge.root != checkpoint.root:
        raise ForgedError("fork", f"the edge of the tree does not lead to {names[-1]}", RUNBOOK)
    last = entries(archive.get(segment_name(stored.first)) or b"")
    if len(last) != checkpoint.size - stored.first:
        raise ForgedError("fork", f"{segment_name(stored.first)} does not end where {names[-1]} does", RUNBOOK)
    return Sealed(edge=edge, note=text, first=stored.first, last=last)


def _stored(body: bytes | None) -> _Stored | None:
    try:
        return msgspec.json.decode(body or b"null", type=_Stored | None)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _mark(at: Sealed, store: Store, archive: Archive) -> None:
    """Tell the table the numbers that it does not know, after a crash or since it was put back to what it was some time ago."""
    if (size := store.size()) >= at.edge.size:
        return
    for name in archive.names(SEGMENTS, after=segment_name(max(size - AT_ONCE, 0) - 1)):  # a segment holds no more than that
        first = int(name.removeprefix(SEGMENTS).removesuffix(".jsonl"))
        store.sealed(first, entries(archive.get(name) or b""))


def _sealed(at: Sealed, new: tuple[Entry, ...], archive: Archive, signer: Signer) -> Sealed:
    """Write one segment, its edge and its checkpoint, or finish what somebody began."""
    first = at.edge.size
    with suppress(ConflictError):  # somebody was faster, or did not come to an end: what they wrote counts
        archive.put(segment_name(first), b"".join(entry.body + b"\n" for entry in new))
    if not (written := lines(archive.get(segment_name(first)) or b"")):
        raise UpstreamError(f"{segment_name(first)} is not there, or empty, although it was written", "The next minute tries again")
    edge = at.edge.added(map(leaf, written))
    stored = msgspec.json.encode(_Stored(first, tuple(b64encode(root).decode() for root in edge.roots)))
    _put_same(archive, f"{EDGES}{edge.size:012}", stored)
    checkpoint = Checkpoint(signer.key.name, edge.size, edge.root)
    text = checkpoint.note(signer.key, signer.sign(checkpoint.text.encode()))
    with suppress(ConflictError):  # the same checkpoint, by somebody who was faster
        archive.put(checkpoint_name(edge.size), text.encode())
    return Sealed(edge=edge, note=text, first=first, last=entries(b"".join(line + b"\n" for line in written)))


def _put_same(archive: Archive, name: str, body: bytes) -> None:
    try:
        archive.put(name, body)
    except ConflictError:
        if archive.get(name) != body:
            raise ForgedError(
                "fork", f"{name} is not what follows from the segments", "Somebody wrote to the archive: see the runbook"
            ) from None


def _beat(at: Sealed, now: datetime) -> Record | None:
    """Say that the trail is alive; or, where that should have been said long ago, that it was not sealed."""
    name = f"{now:%Y%m%dT%H}"  # one in an hour, whoever is slow to seal it
    if not at.last:
        return note(RecordKind.HEARTBEAT, name, now, "the trail begins")
    age = now - max(entry.time for entry in at.last)
    if age >= 2 * BEAT:
        missed = f"nothing was sealed for {age.total_seconds() / 3600:.1f} hours, longer than two heartbeats"
        return note(RecordKind.CHECKPOINT_MISSED, name, now, missed)
    return note(RecordKind.HEARTBEAT, name, now, "nothing happened for an hour") if age >= BEAT else None


def send_out(at: Sealed, archive: Archive, queue: Queue, now: datetime) -> bool:
    """Once a day have people told the newest checkpoint: whoever keeps one outside the account sees what is changed before it."""
    name = f"{DIGESTS}{now:%Y-%m-%d}"
    if not at.note or archive.get(name) is not None:
        return False
    text = f"{at.edge.size} records are sealed. Keep this: whoever has it sees when the trail before it is changed.\n\n{at.note}"
    title = "Checkpoint of the trail"
    queue.notice(Notice(f"{DAILY}{now:%Y-%m-%d}", NO_JOB, "sealed", Severity.LOW, title, text, now))
    with suppress(ConflictError):  # somebody told it at the same time
        archive.put(name, at.note.encode())
    return True
