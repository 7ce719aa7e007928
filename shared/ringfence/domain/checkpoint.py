"""Checkpoints: the trail's size and root in three lines, signed; and the key that they are verified by.

C2SP signed-note and tlog-checkpoint. A checkpoint carries no time of its own (extension lines are not recommended): it is as old as the
last record under it, and when nothing happens that is a heartbeat.
"""

import re
from base64 import b64decode, b64encode
from enum import IntEnum
from hashlib import sha256

from msgspec import Struct

from ringfence.errors import ForgedError

DASH = "\N{EM DASH} "
NAME = re.compile(r"[^\s+]+")
SIZE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
NOTE = re.compile(r"^\S+\n[0-9]+\n[A-Za-z0-9+/]{43}=\n\n(?:\N{EM DASH} \S+ \S+\n)+", re.MULTILINE)
HASH = 32
SHOWN = 80  # characters of what is wrong
SIGNATURES = 16  # a verifier has to look at that many (signed-note)


class Algorithm(IntEnum):
    """The signature types of signed-note that we make. Ed25519 keys are 32 bytes; ECDSA keys (P-256) are DER, SubjectPublicKeyInfo."""

    ED25519 = 1
    ECDSA = 2


class Key(Struct, frozen=True):
    """A public key with its name, which is the origin of the trail that it signs."""

    name: str
    algorithm: Algorithm
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        if self.algorithm is Algorithm.ECDSA:
            return sha256(self.public).digest()[:4]
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The key as people hand it on: name, id, type and key."""
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.algorithm]) + self.public).decode()}"

    @classmethod
    def of(cls, text: str) -> "Key":
        """Read a key; raise ForgedError where it is none, or does not fit its own id."""
        name, _, rest = text.strip().partition("+")
        named, _, encoded = rest.partition("+")
        try:
            kind, *public = _decoded(encoded, "the key")
            key = cls(name, Algorithm(kind), bytes(public))
        except (ForgedError, ValueError) as error:
            raise ForgedError(
                "key", f"this is no verifier key: {text.strip()[:SHOWN]!a}", "It looks like NAME+ID+BASE64, in one line"
            ) from error
        if not NAME.fullmatch(name) or key.id.hex() != named:
            raise ForgedError(
                "key", f"the verifier key {name!a} does not fit its own id {named!a}", "Ask whoever gave it to you for it again"
            )
        return key


class Checkpoint(Struct, frozen=True):
    """What is signed: how many records there are, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    def note(self, key: Key, signature: bytes) -> str:
        """Give the signed note."""
        return f"{self.text}\n{DASH}{key.name} {b64encode(key.id + signature).decode()}\n"


class Note(Struct, frozen=True):
    """A signed note as it was read; nothing of it is to be believed before a signature is verified."""

    checkpoint: Checkpoint
    signatures: tuple[tuple[str, bytes, bytes], ...]  # name and id of the key, and the signature

    @classmethod
    def of(cls, text: str) -> "Note":
        """Read a note; raise ForgedError where it is none, or not spelt exactly as a log spells it."""
        body, blank, rest = text.rpartition("\n\n")
        lines, signed = body.split("\n"), rest.split("\n")
        well = blank and len(lines) == len(Checkpoint.__struct_fields__) and SIZE.fullmatch(lines[1]) and signed.pop() == ""
        if not well or not 0 < len(signed) <= SIGNATURES or not lines[0]:
            raise ForgedError(
                "edit",
                "this is no checkpoint",
                "It is a signed note: origin, size and root in a line each, an empty line, and a signature",
            )
        root = _decoded(lines[2], "the root")
        checkpoint = Checkpoint(lines[0], int(lines[1]), root)
        if len(root) != HASH or checkpoint.text != f"{body}\n":
            raise ForgedError("edit", "the checkpoint is not spelt as one", "Take the file that the log wrote")
        return cls(checkpoint, tuple(_signature(line) for line in signed))

    @classmethod
    def within(cls, text: str) -> str:
        """Take the note out of a message that holds one, with whatever ends of lines; give the text itself where there is none."""
        plain = text.replace("\r\n", "\n")
        found = NOTE.search(f"{plain}\n")
        return found[0] if found else text

    def by(self, key: Key) -> bytes:
        """Give the signature that says it is by a key; raise ForgedError where there is none, or the origin is another than the key's."""
        if self.checkpoint.origin != key.name:
            raise ForgedError(
                "origin", f"the checkpoint is of {self.checkpoint.origin!a}, the key of {key.name!a}", "They belong to two trails"
            )
        found = [signature for name, named, signature in self.signatures if (name, named) == (key.name, key.id)]
        if not found:
            raise ForgedError("key", f"no signature of the checkpoint is by the key {key.name}+{key.id.hex()}", "Another key signed it")
        return found[0]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    signature = _decoded(encoded, "a signature")
    if not line.startswith(DASH) or not NAME.fullmatch(name) or len(signature) <= len(b"name"):
        raise ForgedError("edit", f"this is no line of a signature: {line[:SHOWN]!a}", "It begins with a dash, the key's name and base64")
    return name, signature[:4], signature[4:]


def _decoded(text: str, what: str) -> bytes:
    try:
        found = b64decode(text)
    except ValueError as error:
        raise ForgedError("edit", f"{what} is not base64: {text[:SHOWN]!a}", "Take the file that the log wrote") from error
    if b64encode(found).decode() != text:
        raise ForgedError("edit", f"{what} is not spelt as base64 is: {text[:SHOWN]!a}", "Take the file that the log wrote")
    return found
