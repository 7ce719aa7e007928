"""The archive and the key of the trail on Google Cloud: what is its own there, beside the contract of every archive."""

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ringfence.clouds.gcp.archive import GcsArchive
from ringfence.clouds.gcp.crc32c import crc32c
from ringfence.clouds.gcp.kms_signer import KmsSigner
from ringfence.clouds.local_key import signed
from ringfence.clouds.memory import MemoryStore
from ringfence.domain.checkpoint import Algorithm
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.seal import seal
from ringfence.engine.trail.verify import verify
from ringfence.errors import ConflictError, UpstreamError
from tests.support.google.kms import METHODS, RING
from tests.support.google.ports import BUCKET, Ports, ports
from tests.support.google.storage_objects import Bucket, _delete, _insert
from tests.support.google.wire import Asked, Dropped, Refused, Reply
from tests.support.trails import START, entry

pytestmark = pytest.mark.enable_socket  # loopback only
NAME = "ringfence.example/kms"
KEYS: dict[str, Callable[[], ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey]] = {
    "ed25519": lambda: ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32),
    "p256": lambda: ec.derive_private_key(7, ec.SECP256R1()),
}


@pytest.fixture
def google() -> Iterator[Ports]:
    with ports() as made:
        yield made


def asked(name: str, body: bytes = b"") -> Asked:
    """A request of somebody else's, without any condition."""
    return Asked("", {"bucket": BUCKET, "object": name}, {"name": [name], "uploadType": ["media"]}, None, body, {})


@pytest.mark.parametrize("versions", [True, False])
def test_what_somebody_deleted_or_put_again_is_seen(google: Ports, versions: bool) -> None:
    google.objects.buckets[BUCKET] = Bucket(versions=versions)
    google.objects.page = 2
    archive = GcsArchive(BUCKET)
    for name in ("segments/1", "segments/2", "checkpoints/1", "edges/1"):
        archive.put(name, b"one")
    assert archive.touched() == ()
    _delete(google.objects, asked("segments/1"))
    assert archive.get("segments/1") is None
    assert archive.touched() == ("segments/1",)
    archive.put("segments/1", b"two")
    _insert(google.objects, asked("checkpoints/1", b"one"))
    assert archive.touched() == ("checkpoints/1", "segments/1")


def test_two_generations_are_seen_whatever_else_is_told_of_them(google: Ports) -> None:
    twice = {"items": [{"name": "a", "generation": "1"}, {"name": "a", "generation": "2"}, {"name": "b", "generation": "3"}]}
    google.google.handlers["storage.objects.list"] = lambda told: twice if told.one("versions") else {}
    assert GcsArchive(BUCKET).touched() == ("a",)


def test_what_is_retained_is_neither_replaced_nor_deleted_and_says_so_as_a_name_that_is_taken(google: Ports) -> None:
    google.objects.buckets[BUCKET] = Bucket(retention=timedelta(days=365))
    archive = GcsArchive(BUCKET)
    archive.put("a", b"one")
    for call in (_insert, _delete):
        with pytest.raises(Refused, match="retention policy"):
            call(google.objects, asked("a", b"two"))

    def unconditional(told: Asked) -> None:
        told.query.pop("ifGenerationMatch", None)

    google.google.before = unconditional
    with pytest.raises(ConflictError, match="a already"):
        archive.put("a", b"two")
    assert (archive.get("a"), archive.touched()) == (b"one", ())


def test_a_bucket_that_is_not_there_is_an_upstream_error_and_no_empty_one(google: Ports) -> None:
    nowhere = GcsArchive("nowhere")
    for call in (lambda: nowhere.put("x", b""), lambda: nowhere.get("x"), lambda: nowhere.names("x"), nowhere.touched):
        with pytest.raises(UpstreamError):
            call()


def test_odd_names_and_bytes_come_back(google: Ports) -> None:
    archive = GcsArchive(BUCKET)
    held = {"a/b c": b"\x00\xff", "a/\u20ac?x=1&y": b"{}", "a/%2F#": b"", "a/+": b"\r\n"}
    for name, body in held.items():
        archive.put(name, body)
    assert {name: archive.get(name) for name in archive.names("a/")} == held


def test_where_a_reply_is_lost_the_name_is_taken_and_what_lies_there_counts(google: Ports) -> None:
    archive = GcsArchive(BUCKET)

    def lost(told: Asked) -> None:
        if told.method == "storage.objects.insert":
            raise Dropped

    google.google.after = lost
    with pytest.raises(UpstreamError, match="writing a failed"):
        archive.put("a", b"one")
    google.google.after = lambda _: None
    with pytest.raises(ConflictError):
        archive.put("a", b"one")
    assert archive.get("a") == b"one"


@pytest.mark.parametrize("kind", KEYS)
def test_cloud_kms_signs_and_anybody_can_check_it(google: Ports, kind: str) -> None:
    private = KEYS[kind]()
    signer = KmsSigner(google.kms.make("seal", private), NAME)
    signature = signer.sign(b"text")
    assert signed(signer.key, b"text", signature)
    assert signer.signed(b"text", signature)
    assert not signer.signed(b"other", signature)
    assert signer.key.name == NAME
    assert signer.key.algorithm is (Algorithm.ED25519 if kind == "ed25519" else Algorithm.ECDSA)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        assert signer.key.public == private.public_key().public_bytes_raw()
    assert [told.method.rpartition(".")[2] for told in google.google.log] == ["getPublicKey", "asymmetricSign"], "the key is read once"


@pytest.mark.parametrize("kind", KEYS)
def test_a_trail_sealed_by_cloud_kms_into_a_bucket_verifies(google: Ports, kind: str) -> None:
    store, archive = MemoryStore(), GcsArchive(BUCKET)
    signer = KmsSigner(google.kms.make("seal", KEYS[kind]()), NAME)
    for number in range(3):
        store.note(entry(number))
        seal(store, archive, KmsSigner(signer._version, NAME))
    verdict = verify(archived(archive), signed, START, held=[archived(archive).checkpoint])
    assert (verdict.verified, verdict.records, verdict.anchored) == (True, 3, True)


def test_another_kind_of_key_or_none_signs_nothing(google: Ports) -> None:
    full = google.kms.make("seal", KEYS["p256"]())
    google.kms.kinds[full] = "RSA_SIGN_PSS_2048_SHA256"
    with pytest.raises(UpstreamError, match=r"is a RSA_SIGN_PSS_2048_SHA256, expected one of EC_SIGN_ED25519, EC_SIGN_P256_SHA256"):
        KmsSigner(full, NAME).sign(b"text")
    with pytest.raises(UpstreamError, match="not found"):
        KmsSigner(f"{RING}/none/cryptoKeyVersions/1", NAME).sign(b"text")


DAMAGED: dict[str, dict[str, Any]] = {
    "signature": {"signature": base64.b64encode(b"another").decode()},
    "checksum": {"signatureCrc32c": "1"},
    "no checksum": {"signatureCrc32c": None},
    "another key": {"name": f"{RING}/other/cryptoKeyVersions/1"},
    "not verified": {"verifiedDigestCrc32c": False},
    "nothing": {"signature": "", "signatureCrc32c": "0"},
}


@pytest.mark.parametrize("wrong", DAMAGED)
def test_what_was_damaged_on_the_way_is_no_signature(google: Ports, wrong: str) -> None:
    full = google.kms.make("seal", KEYS["p256"]())
    real = google.google.handlers[f"{METHODS}.asymmetricSign"]

    def damaged(told: Asked) -> object:
        answer: Any = real(told)
        return {key: value for key, value in {**answer, **DAMAGED[wrong]}.items() if value is not None}

    google.google.handlers[f"{METHODS}.asymmetricSign"] = damaged
    with pytest.raises(UpstreamError, match="damaged"):
        KmsSigner(full, NAME).sign(b"text")


@pytest.mark.parametrize("wrong", [{"pemCrc32c": "1"}, {"name": "another"}, {"pem": ""}, {"pem": "-----BEGIN PUBLIC KEY-----"}])
def test_what_was_damaged_on_the_way_is_no_key(google: Ports, wrong: dict[str, str]) -> None:
    full = google.kms.make("seal", KEYS["ed25519"]())
    real = google.google.handlers[f"{METHODS}.getPublicKey"]
    google.google.handlers[f"{METHODS}.getPublicKey"] = lambda told: {**real(told), **wrong}  # type: ignore[dict-item]
    with pytest.raises(UpstreamError, match="damaged"):
        _ = KmsSigner(full, NAME).key


def test_what_damages_the_text_is_told_by_cloud_kms(google: Ports) -> None:
    full = google.kms.make("seal", KEYS["ed25519"]())
    real = google.google.handlers[f"{METHODS}.asymmetricSign"]

    def damaging(told: Asked) -> object:
        told.body["data"] = base64.b64encode(b"another").decode()
        return real(told)

    google.google.handlers[f"{METHODS}.asymmetricSign"] = damaging
    with pytest.raises(UpstreamError, match="checksum does not match"):
        KmsSigner(full, NAME).sign(b"text")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_the_checksum_is_that_of_rfc_3720(data: bytes, told: int) -> None:
    assert crc32c(data) == told


def test_an_object_that_is_listed_and_cannot_be_read_is_no_absence(google: Ports) -> None:
    archive = GcsArchive(BUCKET)
    archive.put("a", b"one")
    google.google.handlers["storage.objects.get"] = lambda _: Reply(b"No such object: sealed/a", 404)
    with pytest.raises(UpstreamError, match="is listed, and cannot be read"):
        archive.get("a")
    assert archive.get("b") is None
