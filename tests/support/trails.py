"""Trails to tamper with: sealed for real, by a key that is no secret, and held in memory as the files of an export."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from ringfence.clouds.local_key import signed
from ringfence.clouds.memory import MemoryArchive, MemoryStore
from ringfence.clouds.trail_folder import TrailFolder, write_folder
from ringfence.domain.checkpoint import Algorithm, Checkpoint, Key
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.tree import leaf, root
from ringfence.engine.ports import Archive
from ringfence.engine.records import note
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.seal import seal

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Signer:
    """A signer over a key that follows from a word."""

    def __init__(self, word: str = "a", name: str = "ringfence.example/trail") -> None:
        """Take the word and the trail's name."""
        self.secret = Ed25519PrivateKey.from_private_bytes(word.encode().rjust(32, b"-"))
        self.key = Key(name, Algorithm.ED25519, self.secret.public_key().public_bytes_raw())

    def sign(self, text: bytes) -> bytes:
        """Sign."""
        return self.secret.sign(text)

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether a signature is by this key."""
        return signed(self.key, text, signature)

    def note(self, lines: list[bytes]) -> str:
        """Sign a checkpoint over these records, whatever they are."""
        made = Checkpoint(self.key.name, len(lines), root(map(leaf, lines)))
        return made.note(self.key, self.sign(made.text.encode()))


def entry(number: int) -> Record:
    """Make a record; what it says is no matter."""
    return note(RecordKind.SWEEP, f"{number:06}", START + timedelta(seconds=number), f"note {number} \u20ac\U0001f512", data={"n": number})


def sealed(rounds: tuple[int, ...], signer: Signer | None = None, begin: int = 0) -> MemoryArchive:
    """Seal some records in rounds of so many."""
    store, archive = MemoryStore(), MemoryArchive()
    number = begin
    for count in rounds:
        for _ in range(count):
            store.note(entry(number))
            number += 1
        seal(store, archive, signer or Signer())
    return archive


class Files(Struct, frozen=True):
    """An export, by the names of its files."""

    files: Mapping[str, bytes]

    @classmethod
    def of(cls, archive: Archive) -> "Files":
        """Export an archive, as the command line does."""
        with TemporaryDirectory() as folder:
            write_folder(archived(archive), Path(folder))
            return cls({p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()})

    def changed(self, changes: Mapping[str, bytes | None]) -> "Files":
        """Give it with other files; None takes one away."""
        return Files({name: body for name, body in {**self.files, **changes}.items() if body is not None})

    def lines(self, name: str = "records.jsonl") -> list[bytes]:
        """Give the lines of a file."""
        return self.files[name].split(b"\n")[:-1]

    def with_lines(self, lines: list[bytes], *, segments: bool = True) -> "Files":
        """Give it with other records; in the segments, too, as somebody would who covers his tracks."""
        changes: dict[str, bytes | None] = {"records.jsonl": joined(lines)}
        if segments:
            names = sorted(name for name in self.files if name.startswith("segments/"))
            at = 0
            for number, name in enumerate(names):
                count = len(self.lines(name)) if number < len(names) - 1 else len(lines) - at
                changes[name] = joined(lines[at : at + max(count, 0)])
                at += max(count, 0)
        return self.changed(changes)

    @property
    def note(self) -> str:
        """The newest checkpoint."""
        return self.files["checkpoint"].decode()

    def write(self, folder: Path) -> Path:
        """Write the folder."""
        for name, body in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        return folder

    def read(self, folder: Path) -> TrailFolder:
        """Give it as the command line reads it."""
        return TrailFolder(self.write(folder))


def joined(lines: list[bytes]) -> bytes:
    """End each line."""
    return b"".join(line + b"\n" for line in lines)


@cache
def usual() -> Files:
    """Give a trail of 40 records in five segments."""
    return Files.of(sealed((3, 9, 1, 20, 7)))


def edited(line: bytes, number: int) -> bytes:
    """Change what a record says, and write it canonically."""
    said = json.loads(line)
    said["reason"] = f"changed {number}"
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def names_of(files: Files, prefix: str) -> Iterator[str]:
    """Give the names that begin so."""
    return (name for name in sorted(files.files) if name.startswith(prefix))
