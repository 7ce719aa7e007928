"""One contract for every archive (memory, folder, S3 by moto, Cloud Storage over HTTP) and every signer (a local key, KMS by moto)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.archive import S3Archive
from ringfence.clouds.aws.kms_signer import KmsSigner
from ringfence.clouds.folder import FolderArchive
from ringfence.clouds.gcp.archive import GcsArchive
from ringfence.clouds.local_key import LocalSigner, signed
from ringfence.clouds.memory import MemoryArchive, MemoryStore
from ringfence.engine.ports import Archive
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.seal import seal
from ringfence.engine.trail.verify import verify
from ringfence.errors import ConflictError, UpstreamError
from tests.support.aws import aws
from tests.support.google.ports import BUCKET, ports
from tests.support.trails import START, Signer, entry


def bucket() -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="sealed", ObjectLockEnabledForBucket=True)
    return client


@pytest.fixture(params=["memory", "folder", "s3", pytest.param("gcs", marks=pytest.mark.enable_socket)])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    if request.param == "memory":
        yield MemoryArchive()
    elif request.param == "folder":
        yield FolderArchive(tmp_path / "deep" / "trail")
    elif request.param == "gcs":
        with ports() as google:
            google.objects.page = 2
            yield GcsArchive(BUCKET)
    else:
        with aws(managed=False):
            bucket()
            yield S3Archive("sealed")


def test_what_is_put_comes_back_and_is_never_replaced(archive: Archive) -> None:
    archive.put("segments/1", b"one")
    with pytest.raises(ConflictError, match="segments/1 already"):
        archive.put("segments/1", b"another")
    assert archive.get("segments/1") == b"one"
    assert archive.get("segments/2") is None
    assert archive.touched() == ()


def test_names_come_in_order_after_a_name(archive: Archive) -> None:
    assert archive.names("segments/") == ()
    for name in ("segments/2", "segments/1", "checkpoints/9", "segments/3"):
        archive.put(name, b"x")
    assert archive.names("segments/") == ("segments/1", "segments/2", "segments/3")
    assert archive.names("segments/", after="segments/1") == ("segments/2", "segments/3")
    assert archive.names("segments/", after="segments/3") == ()


def test_a_trail_is_sealed_into_it_and_verifies(archive: Archive) -> None:
    store, signer = MemoryStore(), Signer()
    for number in range(7):
        store.note(entry(number))
        seal(store, archive, signer)
    verdict = verify(archived(archive), signed, START, held=[archived(archive).checkpoint])
    assert (verdict.verified, verdict.records, verdict.anchored) == (True, 7, True)


def test_in_a_bucket_a_delete_marker_and_a_second_version_are_seen() -> None:
    """10: Object Lock keeps versions, and lets a marker or another version be put over them."""
    with aws(managed=False):
        client, archive = bucket(), S3Archive("sealed")
        for name in ("segments/1", "segments/2", "checkpoints/1", "edges/1"):
            archive.put(name, b"one")
        client.delete_object(Bucket="sealed", Key="segments/1")
        assert archive.get("segments/1") is None
        assert archive.touched() == ("segments/1",)
        archive.put("segments/1", b"two")
        client.put_object(Bucket="sealed", Key="checkpoints/1", Body=b"one")
        assert archive.touched() == ("checkpoints/1", "segments/1")


def test_a_bucket_that_is_not_there_is_an_upstream_error() -> None:
    with aws(managed=False):
        nowhere = S3Archive("nowhere")
        for call in (lambda: nowhere.put("x", b""), lambda: nowhere.get("x"), lambda: nowhere.names("x"), nowhere.touched):
            with pytest.raises(UpstreamError):
                call()


def test_a_local_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "seal.key"
    signer = LocalSigner(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert LocalSigner(path).key == signer.key
    assert signer.signed(b"text", signer.sign(b"text"))
    assert not signer.signed(b"text", signer.sign(b"other"))
    assert LocalSigner(tmp_path / "other.key").key != signer.key
    path.write_text("name and no key")
    with pytest.raises(UpstreamError, match="holds no signing key"):
        LocalSigner(path)


def test_kms_signs_and_anybody_can_check_it() -> None:
    """A P-256 key: moto 5.2 knows no Ed25519 keys; those are tried in the deployed local AWS (tests/e2e)."""
    with aws(managed=False):
        client = boto3.client("kms")
        arn = client.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        signer = KmsSigner(arn, "ringfence.example/kms")
        signature = signer.sign(b"text")
        assert signed(signer.key, b"text", signature)
        assert signer.signed(b"text", signature)
        assert not signer.signed(b"other", signature)
        wrong = client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        with pytest.raises(UpstreamError, match="is a RSA_2048, expected one of ECC_NIST_EDWARDS25519, ECC_NIST_P256"):
            KmsSigner(wrong, "x").sign(b"text")
        with pytest.raises(UpstreamError):
            KmsSigner("arn:aws:kms:us-east-1:123456789012:key/none", "x").sign(b"text")


def test_an_ed25519_key_of_kms_is_read_from_its_der() -> None:
    class Kms:
        def get_public_key(self, KeyId: str) -> dict[str, object]:  # noqa: N803 - boto3's
            return {"KeySpec": "ECC_NIST_EDWARDS25519", "PublicKey": bytes.fromhex("302a300506032b6570032100") + b"k" * 32}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "kms", Kms)
        assert KmsSigner("arn", "n").key.public == b"k" * 32


@pytest.mark.parametrize(("races", "said"), [(2, ""), (3, "writing x failed")])
def test_where_somebody_writes_the_same_name_just_now_it_is_tried_again(races: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """409 says that another write is on its way, not that it came to its end."""
    with aws(managed=False):
        real = bucket()
        raced = {"Error": {"Code": "ConditionalRequestConflict", "Message": "a race"}}
        left = [real.exceptions.ClientError(raced, "PutObject")] * races

        class Racing:
            exceptions = real.exceptions

            def put_object(self, **given: Any) -> Any:
                if left:
                    raise left.pop()
                return real.put_object(**given)

        monkeypatch.setattr(clients, "s3", Racing)
        if said:
            with pytest.raises(UpstreamError, match=said):
                S3Archive("sealed").put("x", b"1")
            return
        S3Archive("sealed").put("x", b"1")
        with pytest.raises(ConflictError):
            S3Archive("sealed").put("x", b"2")


def test_what_a_crash_leaves_in_a_folder_is_no_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = FolderArchive(tmp_path / "trail")
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        archive.put("segments/1", b"one")
    monkeypatch.undo()
    assert archive.names("") == ()
    archive.put("segments/1", b"one")
    assert archive.get("segments/1") == b"one"


@pytest.mark.enable_socket
def test_who_may_not_replace_is_told_that_it_is_there_and_who_may_not_write_is_not() -> None:
    """Without `storage.objects.delete` Cloud Storage refuses to replace with 403, before it looks at the condition."""
    with ports() as google:
        archive = GcsArchive(BUCKET)
        archive.put("segments/1", b"one")
        google.google.forbidden.add("storage.objects.insert")
        with pytest.raises(ConflictError, match="segments/1 already"):
            archive.put("segments/1", b"another")
        with pytest.raises(UpstreamError, match="403"):
            archive.put("segments/2", b"two")
        with pytest.raises(UpstreamError, match="403"):
            archive.put("segments/", b"a name that others begin with")
        assert archive.names("") == ("segments/1",)
