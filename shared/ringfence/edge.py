"""What the functions' edges share: batches that never fail for one message, and answers to operators' calls."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from ringfence.domain.caller import Caller
from ringfence.domain.job import Job
from ringfence.domain.raw import text
from ringfence.engine.commands import run_at_desk
from ringfence.engine.ids import person
from ringfence.engine.moves import is_operators
from ringfence.engine.ports import Done, Failed, Reply
from ringfence.engine.respond import Responder
from ringfence.engine.undo import open_undo
from ringfence.errors import RefusedError, RingfenceError, UpstreamError

PAUSES = (1.0, 4.0)  # seconds, well within a function's time


class Log(Protocol):
    """The part of a logger that is used here."""

    def exception(self, msg: object, **more: Any) -> None:
        """Log an error with its traceback."""
        ...

    def warning(self, msg: object, **more: Any) -> None:
        """Log a refusal."""
        ...


def read_event(body: str) -> object:
    """Read the JSON of a message; what is none stays text, and is judged `malformed` like any other."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return body


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


def patiently[T](do: Callable[[], T], pauses: Iterable[float] = PAUSES, sleep: Callable[[float], None] = time.sleep) -> T:
    """Do something again, after a pause, where the cloud did not answer: a message that fails comes back only minutes later."""
    for pause in pauses:
        try:
            return do()
        except UpstreamError:
            sleep(pause)
    return do()


def refusal(error: RingfenceError, log: Log) -> dict[str, Any]:
    """Answer a refused call with the reason, in words."""
    log.warning("refused", reason=str(error))
    return {"error": error.problem, "hint": error.hint}


def answer_operator(
    event: Mapping[str, Any], responder: Responder, caller: Callable[[Mapping[str, Any]], Caller], log: Log
) -> dict[str, Any]:
    """Open, or close, the undo of a stored job. The call that gives something back is the operator's to make, between the two.

    `caller` proves who asks. A settling is taken only of who opened the undo, for the step that is open; the state is read again
    whatever it says.
    """
    try:
        match event:
            case {"wish": "undo", "job": str(job)}:
                by = caller(event)
                override = str(event.get("override", ""))
                return _opened(run_at_desk(open_undo(job, by, responder.settings, override), responder), by.name, responder)
            case {"wish": "settle", "job": str(job), "step": int(step), "reply": reply}:
                by = caller(event)
                _check_settling(responder.store.job(job), step, by.name)
                return _opened(responder.settle(job, _reply(reply)), by.name, responder)
            case {"wish": "show", "job": str(job)}:
                return _answer(responder.store.job(job))
            case _:
                raise RefusedError("this call is none that is known", "Use `ringfence undo`")
    except RingfenceError as error:
        return refusal(error, log)


def _check_settling(undo: Job | None, step: int, by: str) -> None:
    if undo is None or not is_operators(undo):
        raise RefusedError("this is no undo that an operator carries out", "Use `ringfence undo`")
    _check_opener(undo, by)
    if undo.step != step:
        raise RefusedError(f"step {step} is not open (step {undo.step} is)", "Run `ringfence undo` again: it goes on where it stands")


def _check_opener(undo: Job, by: str) -> None:
    if undo.actor is None or person(undo.actor) != person(by):
        hint = f"Who opened it has to close it; it ends at {undo.due:%Y-%m-%d %H:%M} UTC by itself" if undo.due else "Look at the job"
        raise RefusedError(f"the undo {undo.id} was opened by {undo.actor}, not by {by}", hint)


def _opened(job: Job, by: str, responder: Responder) -> dict[str, Any]:
    if is_operators(job) and not job.ended:
        _check_opener(job, by)
    call = responder.prepare(job.id) if is_operators(job) else None
    current = responder.store.job(job.id) or job
    return {**_answer(current), "step": current.step, "call": None if call is None else msgspec.to_builtins(call)}


def _answer(job: Job | None) -> dict[str, Any]:
    if job is None:
        raise RefusedError("there is no such job", "See `ringfence jobs`")
    return {
        "job": job.id,
        "state": str(job.state),
        "version": job.version,
        "identity": job.plan.target.arn,
        "class": str(job.action_class),
    }


def _reply(given: object) -> Reply:
    match given:
        case {"request_id": str(request_id)}:
            return Done(request_id)
        case {"code": str(code), "message": str(message)}:
            return Failed(code, message)
        case _:
            raise RefusedError("the reply is none that is known", "Use `ringfence undo`")
