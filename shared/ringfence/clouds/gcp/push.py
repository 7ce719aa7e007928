"""Who sent it: the token of a Pub/Sub push, or of a task of Cloud Tasks, is Google's, and for us.

Pub/Sub documentation, "Authentication for push subscriptions": `Authorization: Bearer` and a JSON Web Token, signed by Google with RS256,
whose audience and account the subscription names. The signature is checked by google-auth; what the token says, here: google-auth takes other
algorithms too, a token without a `kid`, and the machine's own clock. Nothing is believed before it is checked, and no key is looked at for an
algorithm that is not RS256.
"""

import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import msgspec
from msgspec import Struct

from ringfence.errors import RefusedError, UpstreamError

PATH = "www.googleapis.com/oauth2/v1/certs"  # Google's certificates, by `kid`, in PEM
ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"  # in the place of the signature (Cloud Run documentation, "Authenticating service-to-service")
SKEW = 60  # seconds
PAUSE = timedelta(minutes=1)  # between two requests for certificates, for the sake of a key that is not among them
RETRY = timedelta(seconds=10)  # the same, where those that are held are too old, or none are
AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])", re.ASCII)
BEARER = re.compile(r"Bearer ([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII | re.IGNORECASE)
OBJECT = msgspec.json.Decoder(dict[str, Any])
CERTIFICATES = msgspec.json.Decoder(dict[str, str])
LONGEST = 8192  # characters of a token
TIMEOUT = (5, 10)  # seconds to connect, and to wait for an answer
FOUND = 200
HINT = "Only our own Pub/Sub subscriptions and Cloud Tasks queue may send here: see PUSH_ACCOUNT and AUDIENCE"


class Certificates(Struct, frozen=True):
    """Google's certificates, and for how long they may be kept."""

    by_kid: Mapping[str, str]
    lives: timedelta


def google_certificates() -> Certificates:
    """Ask Google for its certificates; no credentials are needed. Raises UpstreamError."""
    import requests

    local = os.environ.get("GOOGLE_ENDPOINT", "")
    try:
        reply = requests.get(f"{local}/{PATH}" if local else f"https://{PATH}", timeout=TIMEOUT, allow_redirects=False)
        if reply.status_code != FOUND:
            raise UpstreamError(f"Google's certificates cannot be read ({reply.status_code})", "It is tried again")
        found = CERTIFICATES.decode(reply.content)
    except (requests.RequestException, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamError(f"Google's certificates cannot be read ({error})", "It is tried again") from error
    age = AGE.search(reply.headers.get("Cache-Control", ""))
    return Certificates(found, timedelta(seconds=int(age[1]) if age else 0))


class Gate:
    """Lets in what our own subscriptions and queue send, and nothing else."""

    def __init__(
        self,
        audience: str,
        account: str,
        clock: Callable[[], datetime],
        certificates: Callable[[], Certificates] = google_certificates,
        *,
        stripped: bool = False,
    ) -> None:
        """Take whom tokens are for, the service account whose tokens they are, the clock, and what fetches Google's certificates.

        `stripped`: Cloud Run lets nobody in but that account, checks the token itself, and may pass it on without its signature. Only where the
        deployment says so is such a token taken; what it says is checked all the same. A request with `X-Serverless-Authorization` is refused then:
        Cloud Run checks that header instead, and passes `Authorization` on as the sender wrote it (Cloud Run documentation, "Authenticating
        service-to-service").
        """
        self._audience, self._account = audience, account
        self._stripped = stripped
        self._clock, self._fetch = clock, certificates
        self._held: Mapping[str, str] = {}
        self._until: datetime | None = None
        self._asked: datetime | None = None
        self._lock = Lock()

    def admit(self, authorization: str | None, serverless: str | None = None) -> None:
        """Take the headers `Authorization` and `X-Serverless-Authorization` of a request.

        Raises RefusedError, with the reason, or UpstreamError where Google's certificates cannot be had.
        """
        if not self._audience or not self._account:
            raise RefusedError("PUSH_ACCOUNT or AUDIENCE is not set", "Without them nobody may send here")
        if self._stripped and serverless is not None:
            raise _no("Cloud Run checked another header than `Authorization`")
        if not authorization or len(authorization) > LONGEST or (parts := BEARER.fullmatch(authorization)) is None:
            raise _no("there is no bearer token")
        header, claims = _read(parts[1], "header"), _read(parts[2], "claims")
        kid = header.get("kid")
        if header.get("alg") != "RS256":
            raise _no("it is not signed with RS256")
        if "crit" in header or header.get("typ", "JWT") != "JWT":
            raise _no("it is no plain JSON Web Token")
        if not isinstance(kid, str) or not kid:
            raise _no("it names no key")
        if parts[3] == REMOVED:
            if not self._stripped:
                raise _no("Cloud Run took its signature off: say CLOUD_RUN_AUTHENTICATES=yes where only our account may call")
        elif not _signed(self._certificate(kid), f"{parts[1]}.{parts[2]}", _decoded(parts[3], "signature")):
            raise _no("its signature is not by Google's key")
        self._check(claims)

    def _check(self, claims: Mapping[str, Any]) -> None:
        if not isinstance(claims.get("iss"), str) or claims["iss"] not in ISSUERS:
            raise _no("its issuer is not Google")
        if claims.get("aud") != self._audience:
            raise _no("it is for another audience")
        if claims.get("email") != self._account or claims.get("email_verified") is not True:
            raise _no("it is of another account")
        now = self._clock().timestamp()
        begins = _time(claims, "iat"), _time(claims, "nbf") if "nbf" in claims else 0
        if _time(claims, "exp") + SKEW <= now:
            raise _no("it has expired")
        if max(begins) - SKEW > now:
            raise _no("it is not valid yet")

    def _certificate(self, kid: str) -> str:
        """Give a certificate; fetch them anew where they are too old, or do not hold it: for that, once a minute at most."""
        with self._lock:  # whoever comes while another one asks waits for that answer
            now = self._clock()
            held = self._held_at(now)
            pause = PAUSE if held else RETRY
            if (held is None or kid not in held) and (self._asked is None or now - self._asked >= pause):
                self._asked = now  # also where there is no answer: whoever sends rubbish does not make us ask more often
                told = self._fetch()
                self._held, self._until = told.by_kid, now + max(told.lives, PAUSE)
                held = self._held
        if held is None:
            raise UpstreamError("Google's certificates could not be read a moment ago", "It is tried again")
        if kid not in held:
            raise _no("its key is not one of Google's")
        return held[kid]

    def _held_at(self, now: datetime) -> Mapping[str, str] | None:
        return self._held if self._until is not None and now < self._until else None


def _no(reason: str) -> RefusedError:
    return RefusedError(f"the sender's token is refused: {reason}", HINT)


def _decoded(part: str, what: str) -> bytes:
    """Read base64url without padding, in its one spelling."""
    try:
        found = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise _no(f"its {what} cannot be read") from error
    if urlsafe_b64encode(found).rstrip(b"=") != part.encode():
        raise _no(f"its {what} cannot be read")
    return found


def _read(part: str, what: str) -> Mapping[str, Any]:
    try:
        return OBJECT.decode(_decoded(part, what))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _no(f"its {what} cannot be read") from error


def _signed(certificate: str, text: str, signature: bytes) -> bool:
    from google.auth.crypt import RSAVerifier

    try:
        verifier = RSAVerifier.from_string(certificate)  # type: ignore[no-untyped-call]  # google-auth types only a part of itself
        return bool(verifier.verify(text, signature))
    except (ValueError, TypeError) as error:  # no certificate, or of a key that is no RSA key
        raise _no("the certificate of its key cannot be used") from error


def _time(claims: Mapping[str, Any], name: str) -> float:
    found = claims.get(name)
    if not isinstance(found, int | float) or isinstance(found, bool):
        raise _no(f"it has no `{name}`")
    return found
