"""What the functions' edges share: a log, messages, and batches that never fail for one of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from ringfence.domain.canonical import digest
from ringfence.domain.event import Event
from ringfence.domain.raw import text
from ringfence.errors import RingfenceError


class Log(Protocol):
    """The part of a logger that is used here."""

    def exception(self, msg: object, **more: Any) -> None:
        """Log an error with its traceback."""
        ...

    def warning(self, msg: object, **more: Any) -> None:
        """Log a refusal."""
        ...

    def info(self, msg: object, **more: Any) -> None:
        """Log what was done."""
        ...


def read_event(body: str) -> object:
    """Read the JSON of a message; what is none stays text, and is judged `malformed` like any other."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return body


def named(events: Iterable[Event], body: str) -> tuple[Event, ...]:
    """Name the events of a message that have no id by what it says: another message is another event, the same one delivered again is not."""
    return tuple(
        event if event.id else msgspec.structs.replace(event, id=f"body:{digest(body)}" + (f".{number}" if number else ""))
        for number, event in enumerate(events)
    )


def each_record(event: Mapping[str, Any], one: Callable[[str], None], log: Log) -> dict[str, Any]:
    """Work off an SQS batch and name the messages that failed; SQS gives them back alone, and to the dead-letter queue in the end.

    In a FIFO queue the batch size is 1, so that naming one message never lets a later one overtake it.
    """
    failures: list[dict[str, str]] = []
    records = event.get("Records")
    for record in records if isinstance(records, list) else ():
        message_id = text(record, "messageId")  # whoever calls a function directly may send anything
        try:
            one(record["body"])
        except Exception:  # the function's edge: one bad message must not take its neighbours along
            log.exception("message failed", message_id=message_id)
            failures.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failures}


def refusal(error: RingfenceError, log: Log) -> dict[str, Any]:
    """Answer a refused call with the reason, in words."""
    log.warning("refused", reason=str(error))
    return {"error": error.problem, "hint": error.hint}
