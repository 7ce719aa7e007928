"""The trail as it is handed on: what is sealed in an archive, with the key to verify it by."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from ringfence.domain.checkpoint import Note
from ringfence.engine.ports import Archive, Entry
from ringfence.engine.trail.seal import CHECKPOINTS, KEY, SEGMENTS, checkpoint_name, entries, lines, segment_name
from ringfence.errors import UsageError


class ArchivedTrail(Struct, frozen=True):
    """An archive, seen as an export: its records are those of its segments, as far as the newest checkpoint."""

    archive: Archive
    key: str  # the verifier key, as text
    names: tuple[str, ...]  # of the segments
    notes: tuple[str, ...]  # names of the checkpoints
    checkpoint: str

    def checkpoints(self) -> Iterator[str]:
        """Give every signed note."""
        return (_text(self.archive.get(name)) for name in self.notes)

    def records(self) -> Iterator[bytes]:
        """Give every record."""
        return self.sealed()

    def sealed(self) -> Iterator[bytes]:
        """Give every record as it stands in the segments."""
        return (line for name in self.names for line in lines(self.archive.get(name) or b""))


def archived(archive: Archive, size: int | None = None) -> ArchivedTrail:
    """Give what is sealed, as far as a checkpoint of that size; raise UsageError where nothing is. A segment without a checkpoint is left out."""
    checkpoints = [name for name in archive.names(CHECKPOINTS) if size is None or name <= checkpoint_name(size)]
    if not checkpoints:
        raise UsageError("nothing is sealed yet", "The trail begins with the first record; in a deployment `seal` runs every minute")
    checkpoint = _text(archive.get(checkpoints[-1]))
    end = Note.of(checkpoint).checkpoint.size
    names = tuple(name for name in archive.names(SEGMENTS) if name < segment_name(end))
    return ArchivedTrail(archive, _text(archive.get(KEY)).strip(), names, tuple(checkpoints), checkpoint)


def until(archive: Archive, first: datetime, end: datetime) -> ArchivedTrail:
    """Give what is sealed as far as the first checkpoint that covers everything from before a time; UsageError where nothing is from the period."""
    whole = archived(archive)
    times = [head_of(line).time for line in whole.sealed()]
    if not [time for time in times if first <= time < end]:
        raise UsageError(f"nothing on the trail is from {first:%Y-%m-%d} to {end:%Y-%m-%d}", "See `ringfence trail list` for what there is")
    last = max(number for number, time in enumerate(times) if time < end)
    size = min((found for name in whole.notes if (found := int(name.removeprefix(CHECKPOINTS))) > last), default=None)
    return archived(archive, size)


def _text(body: bytes | None) -> str:
    return (body or b"").decode("utf-8", "replace")


def head_of(line: bytes) -> Entry:
    """Read as much of a record as its place takes; raise ForgedError where that cannot be."""
    (found,) = entries(line + b"\n")
    return found
