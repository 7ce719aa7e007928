"""The trail's key in Cloud KMS: a version of an asymmetric key that only `seal` may sign with, and whose private part nobody ever has.

Cloud KMS documentation, "Digital signatures": EC_SIGN_ED25519 signs the text itself (RFC 8032), EC_SIGN_P256_SHA256 its SHA-256, and gives
a signature in DER. There is no call that verifies: whoever has the public key does, and so do we. "Verifying end-to-end data integrity": the
checksums and the name in the answer are compared before it is used.
"""

from base64 import b64decode, b64encode
from functools import cached_property
from hashlib import sha256
from typing import Any

from ringfence.clouds.gcp.crc32c import crc32c
from ringfence.clouds.gcp.session import ask, upstream
from ringfence.domain.checkpoint import Algorithm, Key
from ringfence.errors import UpstreamError

ALGORITHMS = {"EC_SIGN_ED25519": Algorithm.ED25519, "EC_SIGN_P256_SHA256": Algorithm.ECDSA}
ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: SubjectPublicKeyInfo of an Ed25519 key, before its 32 bytes
BEGIN, END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"


class KmsSigner:
    """The signer port over a key version of Cloud KMS."""

    def __init__(self, key_version: str, origin: str) -> None:
        """Take the version's full name (`projects/.../cryptoKeyVersions/1`), and the name of the trail that it signs."""
        self._version, self._origin = key_version, origin

    @cached_property
    def key(self) -> Key:
        """The public key, read once."""
        with upstream("reading the trail's public key"):
            found = ask("GET", "cloudkms", f"/v1/{self._version}/publicKey")
        pem = str(found.get("pem", ""))
        self._check(found, pem.encode(), "pemCrc32c")
        kind = str(found.get("algorithm"))
        if kind not in ALGORITHMS:
            raise UpstreamError(f"the trail's key is a {kind}, expected one of {', '.join(ALGORITHMS)}", "Make a key of one of these kinds")
        der = b64decode(pem.strip().removeprefix(BEGIN).removesuffix(END))
        algorithm = ALGORITHMS[kind]
        return Key(self._origin, algorithm, der.removeprefix(ED25519_PREFIX) if algorithm is Algorithm.ED25519 else der)

    def sign(self, text: bytes) -> bytes:
        """Sign."""
        raw = self.key.algorithm is Algorithm.ED25519
        given = text if raw else sha256(text).digest()
        asked: dict[str, object] = {"data": _text(given)} if raw else {"digest": {"sha256": _text(given)}}
        checksum, checked = ("dataCrc32c", "verifiedDataCrc32c") if raw else ("digestCrc32c", "verifiedDigestCrc32c")
        with upstream("signing a checkpoint"):
            reply = ask("POST", "cloudkms", f"/v1/{self._version}:asymmetricSign", body={**asked, checksum: str(crc32c(given))})
        signature = b64decode(reply.get("signature", ""))
        self._check(reply, signature, "signatureCrc32c")
        if reply.get(checked) is not True:
            raise UpstreamError("what was to be signed was damaged on the way to Cloud KMS", "It is tried again")
        return signature

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether a signature is by this key."""
        from ringfence.clouds.local_key import signed  # it loads `cryptography`, which only `seal` needs

        return signed(self.key, text, signature)

    def _check(self, reply: dict[str, Any], data: bytes, checksum: str) -> None:
        if not data or reply.get("name") != self._version or int(reply.get(checksum, -1)) != crc32c(data):
            raise UpstreamError(f"the answer of Cloud KMS about {self._version} is damaged, or about another key", "It is tried again")


def _text(data: bytes) -> str:
    return b64encode(data).decode()
