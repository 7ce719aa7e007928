"""A key of this machine, and how anybody checks a signature. Only the command line has the library for it: in a deployment KMS signs."""

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from ringfence.clouds.folder import FolderArchive
from ringfence.domain.checkpoint import Algorithm, Key
from ringfence.errors import ConflictError, UpstreamError

ORIGIN = "ringfence.local/"


class LocalSigner:
    """The signer port over a key in a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        """Read the key; make one where there is none."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            made = f"{ORIGIN}{uuid4().hex} {Ed25519PrivateKey.generate().private_bytes_raw().hex()}\n"
            with suppress(ConflictError):  # somebody made one at the same time
                FolderArchive(path.parent).put(path.name, made.encode())
        name, _, secret = path.read_bytes().decode("ascii", "replace").strip().partition(" ")
        try:
            self._secret = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
        except ValueError as error:
            raise UpstreamError(
                f"{path} holds no signing key", "Without it nothing can be added to this trail; begin a new one elsewhere"
            ) from error
        self._key = Key(name, Algorithm.ED25519, self._secret.public_key().public_bytes_raw())

    @property
    def key(self) -> Key:
        """The public key."""
        return self._key

    def sign(self, text: bytes) -> bytes:
        """Sign."""
        return self._secret.sign(text)

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether a signature is by this key."""
        return signed(self._key, text, signature)


def signed(key: Key, text: bytes, signature: bytes) -> bool:
    """Whether a signature over a text is by a key."""
    try:
        if key.algorithm is Algorithm.ED25519:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text)
            return True
        public = load_der_public_key(key.public)
        if not isinstance(public, EllipticCurvePublicKey):
            return False
        public.verify(signature, text, ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
