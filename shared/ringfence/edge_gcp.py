"""What the functions' edges on Google Cloud share: messages by push, believed only with the token of our own account, and a structured log."""

import json
import sys
import traceback
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ringfence.errors import RefusedError, UpstreamError

if TYPE_CHECKING:
    from flask import Request, Response

    from ringfence.edge import Log

LARGEST = 2 * 64 * 1024  # bytes of a request that anybody may send: twice what is taken of Slack
UNAUTHORISED, FAILED, TAKEN, TOO_LARGE, UNAVAILABLE = 401, 500, 204, 413, 503
type Answer = tuple[str, int]


class Admits(Protocol):
    """Who says whether a sender is ours."""

    def admit(self, authorization: str | None, serverless: str | None = None) -> None:
        """Raise RefusedError where it is not, UpstreamError where nobody can tell."""
        ...


class GoogleLog:
    """One line of JSON for each entry (Cloud Logging documentation, "Structured logging"): `severity`, `message`, and what else is told."""

    def __init__(self, service: str) -> None:
        """Take the name of the function."""
        self._service = service

    def info(self, msg: object, **more: Any) -> None:
        """Log what was done."""
        self._write("INFO", msg, more)

    def warning(self, msg: object, **more: Any) -> None:
        """Log a refusal."""
        self._write("WARNING", msg, more)

    def exception(self, msg: object, **more: Any) -> None:
        """Log an error with its traceback."""
        self._write("ERROR", msg, {**more, "exception": traceback.format_exc()})

    def _write(self, severity: str, msg: object, more: Mapping[str, Any]) -> None:
        line = json.dumps({**more, "severity": severity, "message": msg, "service": self._service}, default=str)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def message_of(body: bytes) -> str | None:
    """Give the text in a message of Pub/Sub, however it is wrapped; None where the body is no message of Pub/Sub.

    A push of Pub/Sub and a binary CloudEvent have `{message, subscription}`, a structured CloudEvent has that under `data` (CloudEvents, "HTTP
    Protocol Binding"; Eventarc documentation, `google.cloud.pubsub.topic.v1.messagePublished`). What cannot be decoded is given as it is: it is
    judged as malformed, and told.
    """
    try:
        read: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    for wrapped in (read, read.get("data") if isinstance(read, Mapping) else None):
        message = wrapped.get("message") if isinstance(wrapped, Mapping) else None
        if isinstance(message, Mapping):
            data = message.get("data", "")
            try:
                return b64decode(data, validate=True).decode()
            except (ValueError, TypeError):
                return str(data)
    return None


def pushed(request: "Request", gate: Admits, one: Callable[[str], None], otherwise: Callable[[], None], log: "Log") -> Answer:
    """Work off one push. Whoever has not our own token gets 401, and nothing is read of what they say.

    `otherwise` is done where the body is no message: the call of a schedule. Anything that fails is answered by 500, so that it is sent again, and
    ends as a dead letter.
    """
    if refused := closed(request, gate, log):
        return refused
    try:
        text = message_of(request.get_data())
        if text is None:
            otherwise()
        else:
            one(text)
    except Exception:  # the function's edge: Pub/Sub sends it again, and to the dead letters in the end
        log.exception("message failed", message_id=request.headers.get("X-CloudPubSub-MessageId") or request.headers.get("ce-id"))
        return "", FAILED
    return "", TAKEN


def closed(request: "Request", gate: Admits, log: "Log") -> Answer | None:
    """Give the answer to whoever may not send here; None to whoever may."""
    try:
        gate.admit(request.headers.get("Authorization"), request.headers.get("X-Serverless-Authorization"))
    except RefusedError as error:
        log.warning("refused", reason=str(error))
        return "", UNAUTHORISED
    except UpstreamError as error:
        log.warning("nobody can say who sent it", reason=str(error))
        return "", UNAVAILABLE
    return None


def nothing() -> None:
    """Refuse a call that brings no message."""
    raise RefusedError("this function takes messages of Pub/Sub alone", "See deploy/gcp/ for who sends what here")


def url_event(request: "Request", method: str) -> dict[str, Any] | None:
    """Write a request as AWS's function URLs deliver it: the one form in which requests of Slack are read. None for one that is too large.

    Anybody may send one, of up to 32 MiB: where its size is told nothing is read of one that is too large, else no more than shows that it is.
    """
    size = request.content_length
    body = b"" if size is not None and size > LARGEST else request.stream.read(LARGEST + 1)
    if len(body) > LARGEST or (size or 0) > LARGEST:
        return None
    return {
        "headers": {key.lower(): value for key, value in request.headers.items()},
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
        "requestContext": {"http": {"method": method}},
    }


def too_large() -> "Response":
    """Refuse a request without reading it: functions-framework reads the whole of what is answered by anything but a stream."""
    from flask import Response

    return Response(iter((b"",)), status=TOO_LARGE)
