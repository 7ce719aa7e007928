"""Who is voting? The caller signs an STS GetCallerIdentity request that names its vote; the function sends it and believes STS.

The request is presigned (SigV4, query form) with a signed header `x-ringfence-vote: JOB approve|deny`, so that a request made for
one vote proves nothing for another, and it holds for a minute. Only STS hosts are ever asked. The same proof is used by
Vault's AWS auth method and by the EKS token (their documentation).
"""

import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import ParseError, fromstring  # noqa: S405 - the reply is STS's own, over TLS

from msgspec import Struct

from ringfence.errors import RefusedError, UpstreamError

HEADER = "x-ringfence-vote"
HOST = re.compile(r"sts(\.[a-z0-9-]+)?\.(amazonaws\.com|amazonaws\.com\.cn)", re.ASCII)
LIFETIME = 60  # seconds
LONGEST = 8192
QUERY = {"Action": ["GetCallerIdentity"], "Version": ["2011-06-15"]}


class Ballot(Struct, frozen=True):
    """A vote and its proof."""

    job: str
    approve: bool
    proof: str  # the presigned URL

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Ballot":
        """Read a ballot; raise RefusedError for anything else."""
        match event:
            case {"job": str(job), "approve": bool(approve), "proof": str(proof)} if len(proof) <= LONGEST and re.fullmatch(r"[0-9a-f]{1,64}", job):
                return cls(job, approve, proof)
        raise RefusedError("this is no ballot", "Use `ringfence approve` or `ringfence deny`")

    @property
    def header(self) -> str:
        """What the proof is bound to."""
        return f"{self.job} {'approve' if self.approve else 'deny'}"


def sign(job: str, *, approve: bool) -> Ballot:
    """Make a ballot with the caller's own credentials."""
    import boto3
    from botocore.signers import RequestSigner

    session = boto3.Session()
    client = session.client("sts")
    region = client.meta.region_name
    signer = RequestSigner(client.meta.service_model.service_id, region, "sts", "v4", session.get_credentials(), session.events)
    unsigned = Ballot(job, approve, "")
    request = {
        "method": "GET",
        "url": f"{client.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {HEADER: unsigned.header},
        "context": {},
    }
    return Ballot(job, approve, signer.generate_presigned_url(request, region_name=region, expires_in=LIFETIME, operation_name=""))


def caller_of(ballot: Ballot) -> str:
    """Give the ARN that STS knows the signer by; raise RefusedError where the proof is not of the one form that is sent."""
    parts = urlsplit(ballot.proof)
    local = os.environ.get("AWS_ENDPOINT_URL_STS") or os.environ.get("AWS_ENDPOINT_URL", "")
    same_place = bool(local) and (parts.scheme, parts.netloc) == urlsplit(local)[:2]
    if not same_place and (parts.scheme != "https" or not HOST.fullmatch(parts.netloc)):
        raise RefusedError("the proof does not go to STS", "Sign it with `ringfence approve`")
    query = parse_qs(parts.query, keep_blank_values=True)
    signed = query.get("X-Amz-SignedHeaders", [""])[0].split(";")
    expires = query.get("X-Amz-Expires", [""])[0]
    if parts.path not in ("", "/") or any(query.get(k) != v for k, v in QUERY.items()) or HEADER not in signed or not (expires.isdigit() and int(expires) <= LIFETIME):
        raise RefusedError("the proof is no GetCallerIdentity request bound to this vote", "Sign it with `ringfence approve`")
    request = urllib.request.Request(ballot.proof, headers={HEADER: ballot.header})  # noqa: S310 - scheme and host were checked above
    try:
        with _opener().open(request, timeout=5) as reply:
            return _arn(reply.read(65536))
    except urllib.error.HTTPError as error:
        raise RefusedError(f"STS does not accept the proof ({error.code})", "Sign it anew: it holds for a minute, for one vote") from error
    except (urllib.error.URLError, TimeoutError) as error:
        raise UpstreamError(f"STS does not answer: {error}", "Try again") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - urllib's signature
        """Follow nothing."""


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def _arn(body: bytes) -> str:
    try:
        found = fromstring(body).find(".//{*}Arn")  # noqa: S314 - as above
    except ParseError as error:
        raise UpstreamError(f"STS's reply cannot be read: {error}", "Try again") from error
    if found is None or not found.text:
        raise UpstreamError("STS's reply names nobody", "Try again")
    return found.text
