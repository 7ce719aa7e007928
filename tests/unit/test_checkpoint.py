"""Checkpoints and keys: spelt in one way only, and refused in words where they are not."""

import re
from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ringfence.clouds.local_key import signed
from ringfence.domain.checkpoint import Algorithm, Checkpoint, Key, Note
from ringfence.domain.tree import EMPTY
from ringfence.errors import ForgedError
from tests.support.trails import Signer

SIGNER = Signer()
KEY = SIGNER.key
MADE = Checkpoint(KEY.name, 0, EMPTY)
TEXT = MADE.note(KEY, SIGNER.sign(MADE.text.encode()))
PRIME = ec.generate_private_key(ec.SECP256R1())


def test_a_note_and_a_key_come_back_as_they_were_written() -> None:
    note = Note.of(TEXT)
    assert note.checkpoint == MADE
    assert signed(KEY, MADE.text.encode(), note.by(KEY))
    assert Key.of(KEY.text + "\n") == KEY
    assert not signed(KEY, MADE.text.encode() + b"x", note.by(KEY))


def test_a_p256_key_signs_too_and_its_id_is_that_of_its_der() -> None:
    public = PRIME.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = Key("ringfence.example/p256", Algorithm.ECDSA, public)
    assert Key.of(key.text) == key
    assert key.id == sha256(public).digest()[:4]
    assert b64decode(key.text.split("+", 2)[2])[0] == 2, "as signed-note numbers them"
    checkpoint = Checkpoint(key.name, 0, EMPTY)
    signature = PRIME.sign(checkpoint.text.encode(), ec.ECDSA(SHA256()))
    note = Note.of(checkpoint.note(key, signature))
    assert signed(key, checkpoint.text.encode(), note.by(key))
    assert not signed(key, checkpoint.text.encode(), signature[:-1])
    assert not signed(Key(key.name, Algorithm.ECDSA, b"no key"), b"", signature)
    ed = bytes.fromhex("302a300506032b6570032100") + KEY.public
    assert not signed(Key(key.name, Algorithm.ECDSA, ed), b"", signature), "a key of another kind"


def test_signatures_of_others_are_ignored() -> None:
    other = Signer("witness", "witness.example/w")
    both = TEXT + f"\N{EM DASH} {other.key.name} {b64encode(other.key.id + other.sign(MADE.text.encode())).decode()}\n"
    assert signed(KEY, MADE.text.encode(), Note.of(both).by(KEY))


ROOT64 = b64encode(EMPTY).decode()
SIGNATURE = TEXT.rpartition("\n\n")[2]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "edit"),
        (TEXT[:-1], "edit"),
        (TEXT + "\n", "edit"),
        (MADE.text, "edit"),
        (TEXT.replace("\n0\n", "\n00\n"), "edit"),
        (TEXT.replace("\n0\n", "\n-1\n"), "edit"),
        (TEXT.replace("\n0\n", "\n\N{FULLWIDTH DIGIT ZERO}\n"), "edit"),
        (TEXT.replace(ROOT64, ROOT64[:-4]), "edit"),
        (TEXT.replace(ROOT64, ROOT64[:-2] + "V="), "edit"),
        (TEXT.replace(ROOT64, "*"), "edit"),
        (TEXT.replace(f"{ROOT64}\n", f"{ROOT64}\nmore\n"), "edit"),
        ("\n" + TEXT.partition("\n")[2], "edit"),
        (TEXT.replace("\N{EM DASH} ", "- "), "edit"),
        (TEXT.replace("\N{EM DASH} ring", "\N{EM DASH}  ring"), "edit"),
        (f"{MADE.text}\n\N{EM DASH} {KEY.name} AAAA\n", "edit"),
        (f"{MADE.text}\n\N{EM DASH} {KEY.name} AAAAAA==\n", "edit"),
        (f"{MADE.text}\n{SIGNATURE * 17}", "edit"),
        (TEXT[:-3] + chr(ord(TEXT[-3]) + 1) + "=\n", "edit"),  # the same bytes, spelt in another way
    ],
)
def test_what_is_no_note_is_refused(text: str, kind: str) -> None:
    with pytest.raises(ForgedError) as refused:
        Note.of(text)
    assert refused.value.kind == kind
    assert refused.value.hint


def test_a_note_is_by_the_key_of_its_origin_or_by_nobody() -> None:
    note = Note.of(TEXT)
    with pytest.raises(ForgedError, match=r"is of 'ringfence\.example/trail', the key of 'elsewhere'") as refused:
        note.by(Key("elsewhere", KEY.algorithm, KEY.public))
    assert refused.value.kind == "origin"
    with pytest.raises(ForgedError, match="no signature of the checkpoint is by the key") as refused:
        note.by(Signer("mallory").key)
    assert refused.value.kind == "key"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AA",
        KEY.text.replace("+", "-"),
        KEY.text[:-1] + "*",
        KEY.text.replace(KEY.id.hex(), "00000000"),
        KEY.text.replace(KEY.id.hex(), KEY.id.hex().upper()),
        " x" + KEY.text,
        KEY.text.replace("ringfence", "ring fence"),
        f"name+00000000+{b64encode(b'\x07' + KEY.public).decode()}",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ForgedError) as refused:
        Key.of(text)
    assert refused.value.kind == "key"


def test_what_is_wrong_is_shown_as_far_as_it_helps() -> None:
    for wrong in (lambda: Key.of("x" * 99), lambda: Note.of(f"{MADE.text}\n{'x' * 99}\n"), lambda: Note.of(TEXT.replace(ROOT64, "*" * 99))):
        with pytest.raises(ForgedError) as refused:
            wrong()
        shown = re.search(r"'(x+|\*+)'", refused.value.problem)
        assert shown is not None, refused.value
        assert len(shown[1]) == 80
    with pytest.raises(ForgedError, match=r"not spelt as base64 is: 'A{80}'"):
        Note.of(TEXT.replace(ROOT64, "A" * 98 + "B="))


def test_a_note_is_taken_out_of_the_text_around_it() -> None:
    for around in (TEXT, TEXT.replace("\n", "\r\n"), f"Hello,\n\n{TEXT}\nbye\n", f"keep this:\n\n{TEXT[:-1]}"):
        assert Note.within(around) == TEXT, around
    for other in ("", "no note", TEXT.replace(ROOT64, "*")):
        assert Note.within(other) == other
