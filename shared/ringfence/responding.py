"""The edge of `respond`, on every cloud: one job of a message, and the answers to operators' calls."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from ringfence.domain.caller import Caller
from ringfence.domain.job import Job
from ringfence.edge import Log, refusal
from ringfence.engine.commands import run_at_desk
from ringfence.engine.ids import person
from ringfence.engine.moves import is_operators
from ringfence.engine.ports import Done, Failed, JobMessage, Reply
from ringfence.engine.respond import Responder
from ringfence.engine.undo import open_undo
from ringfence.errors import RefusedError, RingfenceError, UpstreamError

PAUSES = (1.0, 4.0)  # seconds, well within a function's time


def work_on(body: str, responder: Responder, log: Log) -> None:
    """Carry out, or verify, the job that a message names; raises where it must be tried again."""
    message = msgspec.json.decode(body, type=JobMessage)
    work = responder.verify if message.do == "verify" else responder.apply
    job = patiently(lambda: work(message.job))
    log.info(message.do, job=job.id, state=job.state, identity=job.plan.target.arn)


def patiently[T](do: Callable[[], T], pauses: Iterable[float] = PAUSES, sleep: Callable[[float], None] = time.sleep) -> T:
    """Do something again, after a pause, where the cloud did not answer: a message that fails comes back only minutes later."""
    for pause in pauses:
        try:
            return do()
        except UpstreamError:
            sleep(pause)
    return do()


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
