"""What goes over the wire between a client and the tests' Google: a request that was understood, a reply, and the ways to say no."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

# Cloud Storage and BigQuery name reasons (Cloud Storage documentation, "HTTP status and error codes for JSON"; BigQuery, "Error messages").
REASONS = {
    "NOT_FOUND": "notFound",
    "ALREADY_EXISTS": "conflict",
    "PERMISSION_DENIED": "forbidden",
    "FAILED_PRECONDITION": "conditionNotMet",
    "INVALID_ARGUMENT": "invalid",
    "ABORTED": "conditionNotMet",
    "RESOURCE_EXHAUSTED": "rateLimitExceeded",
    "UNAVAILABLE": "backendError",
    "INTERNAL": "backendError",
    "UNAUTHENTICATED": "authError",
}


class Refused(Exception):  # noqa: N818 - it is an answer, not a defect
    """A no: HTTP's number, the canonical name (`ABORTED`), the words; `reason` where Storage or BigQuery name another than the usual one."""

    def __init__(self, code: int, status: str, message: str, *, reason: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code} {status}: {message}")
        self.code, self.status, self.message, self.headers = code, status, message, dict(headers or {})
        self.reason = reason or REASONS.get(status, "backendError")


class Dropped(Exception):  # noqa: N818 - it is what happens to a connection
    """The connection ends without an answer."""


class Asked(Struct, frozen=True):
    """A request: `method` is the discovery method's id, empty where nothing was matched; `body` is None where there was none.

    `path` and `query` hold the method's parameters, decoded; in a `{+name}` of several segments `%2F` stays (google/api/http.proto).
    `headers` are looked up in any case. `host` is the API's host without `.googleapis.com`, `url` the path and query as they came.
    """

    method: str
    path: dict[str, str]
    query: dict[str, list[str]]
    body: Any
    raw: bytes
    headers: Mapping[str, str]
    host: str = ""
    verb: str = ""
    url: str = ""

    def one(self, name: str, otherwise: str = "") -> str:
        """Give a query parameter's only value."""
        return self.query.get(name, [otherwise])[0]


class Reply(Struct, frozen=True):
    """A reply with a number or headers of its own; handlers may give one instead of a JSON value or bytes."""

    body: object = None
    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


type Handler = Callable[[Asked], object]
