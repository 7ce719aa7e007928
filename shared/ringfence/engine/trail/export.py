"""The trail as it is handed on: what is sealed in an archive, with the key to verify it by."""

from collections.abc import Iterator

from msgspec import Struct

from ringfence.domain.checkpoint import Note
from ringfence.engine.ports import Archive
from ringfence.engine.trail.seal import CHECKPOINTS, KEY, SEGMENTS, lines
from ringfence.errors import UsageError


class ArchivedTrail(Struct, frozen=True):
    """An archive, seen as an export: its records are those of its segments, as far as the newest checkpoint."""

    archive: Archive
    key: str  # the verifier key, as text
    names: tuple[str, ...]  # of the segments
    checkpoint: str

    def checkpoints(self) -> Iterator[str]:
        """Give every signed note."""
        return (_text(self.archive.get(name)) for name in self.archive.names(CHECKPOINTS))

    def records(self) -> Iterator[bytes]:
        """Give every record."""
        return self.sealed()

    def sealed(self) -> Iterator[bytes]:
        """Give every record as it stands in the segments."""
        return (line for name in self.names for line in lines(self.archive.get(name) or b""))


def archived(archive: Archive) -> ArchivedTrail:
    """Give what is sealed; raise UsageError where nothing is. A segment that no checkpoint covers yet is left out."""
    checkpoints = archive.names(CHECKPOINTS)
    if not checkpoints:
        raise UsageError("nothing is sealed yet", "The trail begins with the first record; in a deployment `seal` runs every minute")
    checkpoint = _text(archive.get(checkpoints[-1]))
    size = Note.of(checkpoint).checkpoint.size
    names = tuple(name for name in archive.names(SEGMENTS) if name < f"{SEGMENTS}{size:012}")
    return ArchivedTrail(archive, _text(archive.get(KEY)).strip(), names, checkpoint)


def _text(body: bytes | None) -> str:
    return (body or b"").decode("utf-8", "replace")
