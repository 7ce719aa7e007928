"""Who is asking? The caller signs an STS GetCallerIdentity request that names its wish; the function sends it and believes STS.

The request is presigned (SigV4, query form) with a signed header `x-ringfence-wish: JOB WISH STACK`, so that a request made for
one wish proves nothing for another, and it holds for a minute. Only STS hosts are ever asked. The same proof is used by
Vault's AWS auth method and by the EKS token (their documentation).
"""

import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import ParseError, fromstring

from msgspec import Struct

from ringfence.domain.caller import Caller
from ringfence.errors import RefusedError, UpstreamError

HEADER = "x-ringfence-wish"
HOST = re.compile(r"sts(\.[a-z]{2}(-[a-z]+)+-[0-9])?\.amazonaws\.com(\.cn)?", re.ASCII)
LIFETIME = 60  # seconds
LONGEST = 8192
SHOWN, REASON = 64, 300  # characters
SWITCH = "0"  # in the place of a job: the wish is about the kill switch
JOB = re.compile(r"[0-9a-f]{1,64}", re.ASCII)
HINT = "Sign it with the command line: `ringfence approve`, `deny` or `undo`"
QUERY = {"Action": ["GetCallerIdentity"], "Version": ["2011-06-15"]}


class Ballot(Struct, frozen=True):
    """What somebody asks for, and the proof of who it is."""

    job: str
    wish: str  # "approve", "deny", "undo", "settle", "stop" or "resume"
    proof: str = ""  # the presigned URL
    shown: str = ""  # the beginning of the digest of the plan that was seen, empty where none was
    reason: str = ""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Ballot":
        """Read a ballot; raise RefusedError for anything else."""
        match event:
            case {"job": str(job), "wish": ("approve" | "deny" | "undo" | "settle" | "stop" | "resume") as wish, "proof": str(proof)} if (
                len(proof) <= LONGEST and JOB.fullmatch(job)
            ):
                return cls(job, wish, proof, str(event.get("shown", ""))[:SHOWN], str(event.get("reason", ""))[:REASON])
        raise RefusedError("this is no signed request", "Use `ringfence approve`, `ringfence deny` or `ringfence undo`")

    def header(self, audience: str) -> str:
        """What the proof is bound to: job, wish, the stack (by its table's name) that is asked, and the plan that was seen."""
        return " ".join(filter(None, (self.job, self.wish, audience, self.shown)))


def sign(job: str, wish: str, audience: str, shown: str = "", reason: str = "") -> Ballot:
    """Make a ballot with the caller's own credentials."""
    import boto3
    from botocore.signers import RequestSigner

    session = boto3.Session()
    client = session.client("sts")
    region = client.meta.region_name
    credentials = session.get_credentials()
    if credentials is None:
        raise RefusedError("there are no AWS credentials to sign with", "Log in, or set the usual AWS environment")
    signer = RequestSigner(client.meta.service_model.service_id, region, "sts", "v4", credentials, session.events)
    ballot = Ballot(job, wish, shown=shown, reason=reason)
    request = {
        "method": "GET",
        "url": f"{client.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {HEADER: ballot.header(audience)},
        "context": {},
    }
    proof = signer.generate_presigned_url(request, region_name=region, expires_in=LIFETIME, operation_name="")
    return Ballot(job, wish, proof, shown, reason)


def caller_of(ballot: Ballot, audience: str, now: datetime) -> Caller:
    """Give the signer as STS knows them; raise RefusedError where the proof is not of the one form that is sent."""
    try:
        _check(ballot.proof, now)
    except ValueError as error:
        raise RefusedError(f"the proof cannot be read: {error}", HINT) from error
    request = urllib.request.Request(ballot.proof, headers={HEADER: ballot.header(audience)})  # noqa: S310 - scheme and host were checked
    try:
        with _opener().open(request, timeout=5) as reply:
            return _caller(reply.read(65536))
    except urllib.error.HTTPError as error:
        raise RefusedError(f"STS does not accept the proof ({error.code})", "Sign it anew: it holds for a minute, for one wish") from error
    except http.client.InvalidURL as error:
        raise RefusedError(f"the proof cannot be read: {error}", HINT) from error
    except (urllib.error.URLError, TimeoutError) as error:
        raise UpstreamError(f"STS does not answer: {error}", "Try again") from error


def _check(proof: str, now: datetime) -> None:
    """Refuse a proof of any other form than `sign` makes. STS itself would take it for 15 minutes, so its date is checked here."""
    parts = urlsplit(proof)
    local = os.environ.get("AWS_ENDPOINT_URL_STS") or os.environ.get("AWS_ENDPOINT_URL", "")
    same_place = bool(local) and (parts.scheme, parts.netloc) == urlsplit(local)[:2]
    if not same_place and (parts.scheme != "https" or not HOST.fullmatch(parts.netloc)):
        raise RefusedError("the proof does not go to STS", HINT)
    query = parse_qs(parts.query, keep_blank_values=True)
    signed = query.get("X-Amz-SignedHeaders", [""])[0].split(";")
    expires = query.get("X-Amz-Expires", [""])[0]
    signed_at = datetime.strptime(query.get("X-Amz-Date", [""])[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    lives = expires == str(LIFETIME) and abs((now - signed_at).total_seconds()) <= LIFETIME
    if parts.path not in ("", "/") or any(query.get(k) != v for k, v in QUERY.items()) or HEADER not in signed or not lives:
        raise RefusedError("the proof is no GetCallerIdentity request bound to this wish", HINT)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def _caller(body: bytes) -> Caller:
    """Read STS's reply. `UserId` is the unique id of a user, and of a session the role's with the session's name behind a colon."""
    try:
        reply = fromstring(body)  # noqa: S314 - as above
    except ParseError as error:
        raise UpstreamError(f"STS's reply cannot be read: {error}", "Try again") from error
    arn, user_id = (reply.findtext(f".//{{*}}{name}") for name in ("Arn", "UserId"))
    if not arn:
        raise UpstreamError("STS's reply names nobody", "Try again")
    return Caller(arn, (user_id or "").partition(":")[0])
