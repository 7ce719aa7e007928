"""Cloud KMS, as far as it signs (Cloud KMS reference, `cryptoKeyVersions`): keys of this process, and the checksums of what travels."""

import base64
import hashlib
from functools import partial

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from ringfence.clouds.gcp.crc32c import crc32c
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON

RING = "projects/fraud-ml-prod/locations/europe-west4/keyRings/ringfence/cryptoKeys"
METHODS = "cloudkms.projects.locations.keyRings.cryptoKeys.cryptoKeyVersions"
type Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class Kms:
    """Key versions by their full name; `kinds` says what another kind of key calls itself."""

    def __init__(self) -> None:
        self.keys: dict[str, Private] = {}
        self.kinds: dict[str, str] = {}

    def make(self, name: str, key: Private) -> str:
        """Make a key, and give the full name of its first version."""
        full = f"{RING}/{name}/cryptoKeyVersions/1"
        self.keys[full] = key
        return full

    def key(self, name: str) -> Private:
        """Give a key. Raises Refused where it is not there."""
        if name not in self.keys:
            raise Refused(404, "NOT_FOUND", f"CryptoKeyVersion {name} not found.")
        return self.keys[name]


def serve_kms(kms: Kms) -> dict[str, Handler]:
    """Serve the public key, and signing."""
    return {f"{METHODS}.getPublicKey": partial(_public, kms), f"{METHODS}.asymmetricSign": partial(_sign, kms)}


def _public(kms: Kms, asked: Asked) -> JSON:
    name = asked.path["name"]
    key = kms.key(name)
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(*form)
    kind = "EC_SIGN_ED25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "EC_SIGN_P256_SHA256"
    told = {"name": name, "algorithm": kms.kinds.get(name, kind), "pem": pem.decode(), "pemCrc32c": str(crc32c(pem))}
    return {**told, "protectionLevel": "SOFTWARE"}


def _sign(kms: Kms, asked: Asked) -> JSON:
    name, body = asked.path["name"], asked.body
    key = kms.key(name)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        given, kind = base64.b64decode(body.get("data", "")), "Data"
        signature = key.sign(given)
    else:
        given, kind = base64.b64decode((body.get("digest") or {}).get("sha256", "")), "Digest"
        if len(given) != hashlib.sha256().digest_size:
            raise invalid("digest.sha256 must have 32 bytes.")
        signature = key.sign(given, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    if ("data" in body) == ("digest" in body) or not given:
        raise invalid(f"This key signs {kind.lower()}, and that alone.")
    told = body.get(f"{kind.lower()}Crc32c")
    if told is not None and int(told) != crc32c(given):
        raise invalid(f"{kind} checksum does not match.")
    answer = {"name": name, "signature": base64.b64encode(signature).decode(), "signatureCrc32c": str(crc32c(signature))}
    return {**answer, "protectionLevel": "SOFTWARE", **({f"verified{kind}Crc32c": True} if told is not None else {})}
