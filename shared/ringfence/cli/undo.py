"""ringfence undo: take back what a job did."""

import time
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.cli.run import finish
from ringfence.cli.settings import settings
from ringfence.cli.state import Stack, local_store, stack_option
from ringfence.clouds.aws.caller import sign
from ringfence.clouds.aws.iam_writer import IamWriter
from ringfence.clouds.memory import MemoryQueue
from ringfence.domain.job import TERMINAL, JobState
from ringfence.domain.plan import Call
from ringfence.engine.ports import Done, Failed, Lost
from ringfence.engine.undo import open_undo
from ringfence.errors import UpstreamError
from ringfence.wiring import now

PATIENCE = 60  # seconds until the end of a stack's undo is not waited for any longer


@click.command(name="undo")
@click.argument("job", metavar="ID")
@stack_option
@click.pass_obj
def command(context: Context, job: str, stack: str | None) -> int:
    """Undo a job: exactly what it changed is put back, in reverse order, and recorded like any other act.

    Taking off Ringfence's own containment is done by the stack. Giving a permission back is not: that call is made here, with your
    own AWS credentials, between the stack's intent and its reading back.
    """
    if stack:
        undo, state = _deployed(Stack(stack), job)
    else:
        store, queue = local_store(), MemoryQueue()
        opened = open_undo(job, "local operator", store, queue, now())
        ended = opened if opened.ended else finish(opened, settings(context), store, queue)
        undo, state = ended.id, str(ended.state)
    if context.output.as_json:
        context.output.line({"job": job, "undo": undo, "state": state})
    else:
        context.output.text(f"undo {undo} of job {job} is {state}")
    return 0 if state in (JobState.DONE, JobState.NOTHING_TO_DO) else 1


def _deployed(stack: Stack, job: str) -> tuple[str, str]:
    answer: Mapping[str, Any] = stack.ask("RespondFunction", msgspec.to_builtins(sign(job, "undo")))
    undo = str(answer["job"])
    while answer.get("call"):
        answer = stack.ask("RespondFunction", {"wish": "settle", "job": undo, "reply": _made(answer["call"], undo)})
    deadline = time.monotonic() + PATIENCE
    while answer["state"] not in TERMINAL and time.monotonic() < deadline:
        time.sleep(1)
        answer = stack.ask("RespondFunction", {"wish": "show", "job": undo})
    return undo, str(answer["state"])


def _made(call: Mapping[str, Any], undo: str) -> dict[str, str]:
    """Make the granting call with the operator's credentials, and write down what came of it."""
    match IamWriter().call(msgspec.convert(call, Call), undo):
        case Done(request_id):
            return {"request_id": request_id}
        case Failed(code, message):
            return {"code": code, "message": message}
        case Lost(why):
            raise UpstreamError(f"no reply to {call['operation']}: {why}", "Run the same undo again: it reads what happened and goes on")
