"""Google as the issuer of OIDC tokens: a key of this process, its certificate, and tokens, good and bad ones.

The certificates' address is in no discovery document: it is added to those by hand.
"""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.support.google.handmade import DOCUMENTS
from tests.support.google.wire import Handler, Reply
from tests.support.google.world import JSON

KID = "kid-1"
CERTS = {"id": "www.certs", "path": "oauth2/v1/certs", "httpMethod": "GET", "parameters": {}}
DOCUMENTS["www.v1"] = {"name": "www", "servicePath": "", "parameters": {}, "schemas": {}, "methods": {"certs": CERTS}}


@cache
def rsa_key(word: str) -> rsa.RSAPrivateKey:
    """Make a key for a word, once: it takes a while."""
    assert word
    return rsa.generate_private_key(65537, 2048)


def certificate(key: rsa.RSAPrivateKey) -> str:
    """Certify a key, by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.example.com")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    signed = made.not_valid_before(begin).not_valid_after(begin + timedelta(days=365)).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def part(value: object) -> str:
    """Write a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class Issuer:
    """Signs tokens; `by_kid` are the certificates that it shows, for `lives` seconds."""

    def __init__(self) -> None:
        self.key = rsa_key("google")
        self.by_kid = {KID: certificate(self.key)}
        self.lives = 20_000

    def claims(self, audience: str, email: str, now: datetime) -> JSON:
        """Give what a good token says."""
        begin = int(now.timestamp())
        who = {"email": email, "email_verified": True, "sub": "113774264463038321964", "azp": "113774264463038321964"}
        return {"iss": "https://accounts.google.com", "aud": audience, "iat": begin, "exp": begin + 3600, **who}

    def token(self, claims: object, header: object = None, key: rsa.RSAPrivateKey | None = None) -> str:
        """Sign a token."""
        text = f"{part({'alg': 'RS256', 'kid': KID, 'typ': 'JWT'} if header is None else header)}.{part(claims)}"
        return f"{text}.{part((key or self.key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def serve_issuer(issuer: Issuer) -> dict[str, Handler]:
    """Serve the certificates."""
    return {"www.certs": lambda _: Reply(issuer.by_kid, headers={"Cache-Control": f"public, max-age={issuer.lives}, must-revalidate"})}
