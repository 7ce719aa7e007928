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
    from flask import Request

    from ringfence.edge import Log

UNAUTHORISED, FAILED, TAKEN, UNAVAILABLE = 401, 500, 204, 503
type Answer = tuple[str, int]


class Admits(Protocol):
    """Who says whether a sender is ours."""

    def admit(self, authorization: str | None) -> None:
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
        gate.admit(request.headers.get("Authorization"))
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


def url_event(request: "Request", method: str) -> dict[str, Any]:
    """Write a request as AWS's function URLs deliver it: the one form in which requests of Slack are read."""
    return {
        "headers": {key.lower(): value for key, value in request.headers.items()},
        "body": b64encode(request.get_data()).decode(),
        "isBase64Encoded": True,
        "requestContext": {"http": {"method": method}},
    }
