"""One session for every API of Google Cloud: REST with google-auth's credentials (google-auth documentation, "AuthorizedSession").

`GOOGLE_ENDPOINT` points everything at a local Google, without credentials: for tests, and never in a deployment.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from ringfence.errors import RefusedError, UpstreamError

if TYPE_CHECKING:
    from requests import Response, Session

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
DIRECTORY, DIRECTORY_SCOPE = (
    "admin",
    "https://www.googleapis.com/auth/admin.directory.user",
)  # Google Workspace takes no token of the other scope
TIMEOUT = (5, 10)  # seconds to connect, and to wait for an answer: a job is tried again by its queue, not by a client that waits
FORBIDDEN, NOT_FOUND, THROTTLED, FIRST_ERROR, FIRST_OUTAGE = 403, 404, 429, 400, 500
# The reasons by which older APIs throttle under HTTP's 403 (Directory API, "Limits and quotas"; BigQuery, "Error messages").
THROTTLES = ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded")
# What operations end with: numbers of gRPC, without their names (google/rpc/code.proto).
OPERATIONS = {5: "NOT_FOUND", 6: "ALREADY_EXISTS", 7: "PERMISSION_DENIED", 9: "FAILED_PRECONDITION", 10: "ABORTED"}


class ApiError(Exception):
    """An API said no: HTTP's number, the canonical name (`ABORTED`, `NOT_FOUND`), and its words (Google API Design Guide, "Errors")."""

    def __init__(self, number: int, code: str, message: str) -> None:
        """Take the three."""
        super().__init__(f"{number} {code}: {message}")
        self.number, self.code, self.message = number, code, message


class NoReplyError(Exception):
    """Nothing came back that can be read: whether it happened is not known."""


@cache
def _session() -> "Session":
    if os.environ.get("GOOGLE_ENDPOINT"):
        import requests

        return requests.Session()
    return _authorized(SCOPE)


@cache
def _directory() -> "Session":
    return _authorized(DIRECTORY_SCOPE)


def _authorized(scope: str) -> "Session":
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=[scope])
    # 401 is answered by one new token; everything else is told to whoever asked.
    session: Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]  # google-auth types only a part of itself
    return session


def ask(
    verb: str,
    host: str,
    path: str,
    *,
    body: object = None,
    query: Mapping[str, str | list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Ask an API once and give its JSON. `host` is its first name (`iam`), `path` begins with `/`. Raises ApiError or NoReplyError."""
    return _read(_send(verb, host, path, body, query, headers))


def download(host: str, path: str, query: Mapping[str, str]) -> bytes:
    """Give the bytes of an object. Raises ApiError or NoReplyError."""
    reply = _send("GET", host, path, None, query, None)
    if reply.status_code >= FIRST_ERROR:
        raise _error(reply)
    return reply.content


def _send(
    verb: str,
    host: str,
    path: str,
    body: object,
    query: Mapping[str, str | list[str]] | None,
    headers: Mapping[str, str] | None,
) -> "Response":
    if "?" in path or "#" in path or not {".", ".."}.isdisjoint(unquote(path).split("/")):
        raise RefusedError(f"{path!a} is no path of an API", "A name in it says more than a name may: look where it came from")
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    local = os.environ.get("GOOGLE_ENDPOINT", "")
    url = f"{local}/{host}.googleapis.com{path}" if local else f"https://{host}.googleapis.com{path}"
    data = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    told = {"Content-Type": kind} if data is not None else {}
    told |= headers or {}
    try:
        session = _directory() if host == DIRECTORY and not local else _session()
        return session.request(verb, url, data=data, params=dict(query or {}), headers=told, timeout=TIMEOUT, allow_redirects=False)
    except (RequestException, GoogleAuthError) as error:
        raise NoReplyError(f"{type(error).__name__}: {error}") from error


def _read(reply: "Response") -> Any:
    if reply.status_code >= FIRST_ERROR:
        raise _error(reply)
    try:
        return msgspec.json.decode(reply.content) if reply.content else {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoReplyError(f"the answer cannot be read ({error})") from error


def _error(reply: "Response") -> ApiError:
    """Read an error; Cloud Storage and BigQuery give reasons instead of canonical names, and what streams puts it into a list."""
    try:
        told = msgspec.json.decode(reply.content)
        told = told[0] if isinstance(told, list) and told else told
        error = told["error"] if isinstance(told, dict) and isinstance(told.get("error"), dict) else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        error = {}
    reasons = error.get("errors")
    reason = reasons[0].get("reason", "") if isinstance(reasons, list) and reasons and isinstance(reasons[0], dict) else ""
    return ApiError(reply.status_code, str(error.get("status") or reason or reply.status_code), str(error.get("message") or reply.reason))


def started(operation: Mapping[str, Any]) -> None:
    """Raise what a long-running operation ended with, where it has ended badly. One that goes on is seen by reading what it changes."""
    error = operation.get("error")
    if isinstance(error, Mapping):
        number = int(error.get("code", 0))
        raise ApiError(number, OPERATIONS.get(number, "OPERATION_FAILED"), str(error.get("message", "")))


@contextmanager
def upstream(what: str) -> Iterator[None]:
    """Turn a no, or no answer, into UpstreamError."""
    try:
        yield
    except ApiError as error:
        hint = "Give the service account this permission" if error.code == "PERMISSION_DENIED" else "It is tried again"
        raise UpstreamError(f"{what} failed: {error}", hint) from error
    except NoReplyError as error:
        raise UpstreamError(f"{what} failed: {error}", "It is tried again") from error
