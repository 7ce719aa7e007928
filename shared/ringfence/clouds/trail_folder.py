"""A trail in a folder: what `trail export` writes and `trail verify` reads, and nothing more is needed to verify it."""

from collections.abc import Iterator
from pathlib import Path
from string import Template

from ringfence.domain.checkpoint import Note
from ringfence.engine.trail.export import ArchivedTrail
from ringfence.errors import ForgedError, UsageError

RECORDS, SEGMENTS, CHECKPOINTS, CHECKPOINT, KEY, README = "records.jsonl", "segments", "checkpoints", "checkpoint", "key", "README.md"
PARTS = (RECORDS, SEGMENTS, CHECKPOINTS, CHECKPOINT, KEY, README)
ABOUT = Template("""# A trail of Ringfence

$size records, as they were sealed by `$origin`.

| file | what it is |
|---|---|
| `records.jsonl` | every record, one a line, in the order in which they were sealed; each line is RFC 8785 (canonical) JSON |
| `segments/` | the same records as they lie in the locked archive |
| `checkpoint` | how many records there are and the root over them, signed: a C2SP signed note (c2sp.org/tlog-checkpoint) |
| `checkpoints/` | older ones: they tell where a trail was changed |
| `key` | the verifier key, as NAME+ID+BASE64 (c2sp.org/signed-note) |

An export of a period holds besides: `proofs.jsonl`, the audit path of each of its records to the root (RFC 6962, 2.1.1), `trail.html`, the
same to look at, and `controls.html`, what was found by control.

## How to verify it

    ringfence trail verify . --checkpoint FILE --key FILE

FILE is a checkpoint, and a key, that you got at another time and in another way - from the daily message, from an older export, from
whoever audits the account. Without them this folder proves only that somebody with this key made it.

## How to verify it without us

1. A leaf is SHA-256 over a zero byte and the line without its end; a node is SHA-256 over a byte 1 and its two children (RFC 6962, 2.1).
2. The root over all lines of `records.jsonl`, in base64, is the third line of `checkpoint`; the second is how many there are.
3. The signature under the empty line is base64 over four bytes (the key's id) and an Ed25519 (type 1) or ECDSA P-256 (type 2) signature over
   the three lines, each with its end. The key is base64 over its type and the public key.
4. The root over the first N lines, where N stands in a checkpoint that you held, is that checkpoint's root.
""")


class TrailFolder:
    """An exported folder, as it is found: nothing in it is believed before it is verified."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; raise UsageError where it is none, or lacks a part."""
        self._folder = folder
        missing = [name for name in (RECORDS, CHECKPOINT, KEY) if not (folder / name).is_file()]
        missing += [] if (folder / SEGMENTS).is_dir() else [SEGMENTS]
        if missing:
            raise UsageError(
                f"{folder} is no exported trail: {', '.join(missing)} is not there", "Give the folder that `ringfence trail export` wrote"
            )

    @property
    def key(self) -> str:
        """The verifier key, as text."""
        return self._text(KEY, "key")

    @property
    def checkpoint(self) -> str:
        """The newest signed note."""
        return self._text(CHECKPOINT, "edit")

    def checkpoints(self) -> Iterator[str]:
        """Give the older signed notes."""
        return (path.read_bytes().decode("utf-8", "replace") for path in self._files(CHECKPOINTS))

    def records(self) -> Iterator[bytes]:
        """Give every record."""
        return _lines(self._folder / RECORDS)

    def sealed(self) -> Iterator[bytes]:
        """Give every record as it stands in the segments."""
        return (line for path in self._files(SEGMENTS) for line in _lines(path))

    def _files(self, part: str) -> list[Path]:
        return sorted(path for path in (self._folder / part).glob("*") if path.is_file())

    def _text(self, name: str, kind: str) -> str:
        try:
            return (self._folder / name).read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ForgedError(kind, f"{name} is no text", "Take the file that the log wrote") from error


def write_folder(trail: ArchivedTrail, folder: Path) -> int:
    """Write a trail into a folder that is not there yet, or empty; give how many records it has."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already, and not empty", "Name a new folder: an export is never mixed with another")
    folder.mkdir(parents=True, exist_ok=True)
    for part in (SEGMENTS, CHECKPOINTS):
        (folder / part).mkdir()
    count = 0
    with (folder / RECORDS).open("wb") as file:
        for line in trail.sealed():
            file.write(line + b"\n")
            count += 1
    for name in trail.names:
        (folder / name).write_bytes(trail.archive.get(name) or b"")
    for text in trail.checkpoints():
        note = Note.of(text).checkpoint
        (folder / CHECKPOINTS / f"{note.size:012}").write_bytes(text.encode())
    (folder / CHECKPOINT).write_bytes(trail.checkpoint.encode())
    (folder / KEY).write_text(trail.key + "\n", encoding="utf-8")
    (folder / README).write_text(ABOUT.substitute(size=count, origin=Note.of(trail.checkpoint).checkpoint.origin), encoding="utf-8")
    return count


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                raise ForgedError("edit", f"the last line of {path.name} is cut off", "Each record is a line, the last one too")
            yield line[:-1]
