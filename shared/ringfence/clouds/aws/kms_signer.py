"""The trail's key in KMS: an asymmetric key that only `seal` may sign with, and whose private part nobody ever has.

KMS API Reference, Sign: ED25519_SHA_512 over a RAW message is Ed25519 as RFC 8032 has it; ECDSA_SHA_256 gives a signature in DER.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.domain.checkpoint import Algorithm, Key
from ringfence.errors import UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_kms.literals import SigningAlgorithmSpecType

ALGORITHMS: "dict[str, tuple[Algorithm, SigningAlgorithmSpecType]]" = {
    "ECC_NIST_EDWARDS25519": (Algorithm.ED25519, "ED25519_SHA_512"),
    "ECC_NIST_P256": (Algorithm.ECDSA, "ECDSA_SHA_256"),
}
ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: SubjectPublicKeyInfo of an Ed25519 key, before its 32 bytes


class KmsSigner:
    """The signer port over a key of KMS."""

    def __init__(self, arn: str, name: str) -> None:
        """Take the key's ARN, and the name of the trail that it signs."""
        self._arn, self._name = arn, name

    @cached_property
    def _public(self) -> "tuple[bytes, Algorithm, SigningAlgorithmSpecType]":
        with upstream("reading the trail's public key"):
            found = clients.kms().get_public_key(KeyId=self._arn)
        spec = str(found.get("KeySpec", found.get("CustomerMasterKeySpec")))  # the second is what it was called before
        if spec not in ALGORITHMS:
            raise UpstreamError(f"the trail's key is a {spec}, expected one of {', '.join(ALGORITHMS)}", "Make a key of one of these kinds")
        return (found["PublicKey"], *ALGORITHMS[spec])

    @property
    def key(self) -> Key:
        """The public key."""
        public, algorithm, _ = self._public
        return Key(self._name, algorithm, public.removeprefix(ED25519_PREFIX) if algorithm is Algorithm.ED25519 else public)

    def sign(self, text: bytes) -> bytes:
        """Sign."""
        with upstream("signing a checkpoint"):
            return clients.kms().sign(KeyId=self._arn, Message=text, MessageType="RAW", SigningAlgorithm=self._public[2])["Signature"]

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether a signature is by this key."""
        client = clients.kms()
        with upstream("verifying a checkpoint"):
            try:
                reply = client.verify(
                    KeyId=self._arn, Message=text, MessageType="RAW", Signature=signature, SigningAlgorithm=self._public[2]
                )
            except client.exceptions.KMSInvalidSignatureException:
                return False
            return reply["SignatureValid"]
