"""ringfence undo: take back what a job did."""

import getpass
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import click
import msgspec

from ringfence.cli.google_stack import PREFIX, GoogleStack, given_back_by_hand
from ringfence.cli.main import Context
from ringfence.cli.run import finish
from ringfence.cli.settings import settings
from ringfence.cli.state import Stack, local_store, stack_option
from ringfence.clouds.aws.caller import sign
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.clouds.memory import MemoryQueue
from ringfence.domain.arn import Arn, parse_arn
from ringfence.domain.caller import Caller
from ringfence.domain.inert import visible
from ringfence.domain.job import TERMINAL, JobState
from ringfence.domain.plan import Call
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.ports import Done, Failed, Lost
from ringfence.engine.undo import open_undo
from ringfence.errors import RefusedError, UpstreamError
from ringfence.wiring import now

NAMES = ("RoleName", "UserName", "GroupName")
# What an undo gives back, and which parameter has to name whom the job is about; nothing else is made with an operator's credentials.
PUTTING_BACK: Mapping[tuple[str, str], str] = {
    **{("iam", f"{verb}{kind}Policy"): f"{kind}Name" for verb in ("Attach", "Put") for kind in ("Role", "User", "Group")},
    **{("iam", f"{verb}{kind}PermissionsBoundary"): f"{kind}Name" for verb in ("Put", "Delete") for kind in ("Role", "User")},
    ("iam", "UpdateAssumeRolePolicy"): "RoleName",
    ("iam", "UpdateAccessKey"): "UserName",
    ("iam", "AddUserToGroup"): "UserName",
    ("iam", "SetDefaultPolicyVersion"): "PolicyArn",
    ("cloudtrail", "StopLogging"): "Name",
    ("cloudtrail", "UpdateTrail"): "Name",
    ("cloudtrail", "DeleteTrail"): "Name",
    ("cloudtrail", "PutEventSelectors"): "TrailName",
    ("bedrock", "PutModelInvocationLoggingConfiguration"): "",
    ("bedrock", "DeleteModelInvocationLoggingConfiguration"): "",
}
PATIENCE = 60  # seconds until the end of a stack's undo is not waited for any longer


@click.command(name="undo")
@click.argument("job", metavar="ID")
@click.option(
    "--override", metavar="REASON", default="", help="Undo although it would re-open a critical finding, or wake sessions; kept on record."
)
@click.option("--yes", is_flag=True, help="Make the call that gives something back without asking.")
@stack_option
@click.pass_obj
def command(context: Context, job: str, override: str, stack: str | None, *, yes: bool) -> int:
    """Undo a job: exactly what it changed is put back, in reverse order, and recorded like any other act.

    Taking off Ringfence's own containment is done by the stack. Giving a permission back is not: that call is shown, and made here, with
    your own AWS credentials, between the stack's intent and its reading back.
    """
    if stack and stack.startswith(PREFIX):
        raise given_back_by_hand(GoogleStack(stack).store().job(job), job)
    if stack:
        undo, state = _deployed(Stack(stack), job, override, lambda call: _agreed(context, call, yes=yes))
    else:
        store, queue, known = local_store(), MemoryQueue(), settings(context)
        opened = run_at_desk(open_undo(job, Caller(f"local:{getpass.getuser()}"), known, override), Desk(store, queue, now))
        ended = opened if opened.ended else finish(opened, known, store, queue)
        undo, state = ended.id, str(ended.state)
    if context.output.as_json:
        context.output.line({"job": job, "undo": undo, "state": state})
    else:
        context.output.text(f"undo {undo} of job {job} is {state}")
    return 0 if state in (JobState.DONE, JobState.NOTHING_TO_DO) else 1


def _agreed(context: Context, call: Call, *, yes: bool) -> bool:
    """Show the call that is about to be made with the operator's credentials; ask where somebody is there."""
    shown = ", ".join(f"{key}={visible(str(value))}" for key, value in call.parameters.items())
    context.output.aside(f"with your credentials: {call.service}:{call.operation}({shown})")
    return yes or not sys.stdin.isatty() or click.confirm("Make this call?", default=False, err=True)


def _deployed(stack: Stack, job: str, override: str, agreed: Callable[[Call], bool]) -> tuple[str, str]:
    audience = stack.output("Table")
    asked = {**msgspec.to_builtins(sign(job, "undo", audience)), "override": override}
    answer: Mapping[str, Any] = stack.ask("RespondFunction", asked)
    undo = str(answer["job"])
    while answer.get("call"):
        call = _safe(answer)
        if not agreed(call):
            raise RefusedError("not agreed: the call was not made", "The undo stays open; run it again to go on")
        if stack.ask("RespondFunction", {"wish": "show", "job": undo}).get("version") != answer.get("version"):
            raise RefusedError("the undo moved on while you were asked: the call was not made", "Run it again: it goes on where it stands")
        reply = _made(call, undo)
        proof = msgspec.to_builtins(sign(undo, "settle", audience))
        answer = stack.ask("RespondFunction", {**proof, "step": answer["step"], "reply": reply})
    deadline = time.monotonic() + PATIENCE
    while answer["state"] not in TERMINAL and time.monotonic() < deadline:
        time.sleep(1)
        answer = stack.ask("RespondFunction", {"wish": "show", "job": undo})
    return undo, str(answer["state"])


def _safe(answer: Mapping[str, Any]) -> Call:
    """Take only a call that gives something back to whom the job is about."""
    call = msgspec.convert(answer["call"], Call)
    arn = parse_arn(answer.get("identity"))
    named = PUTTING_BACK.get((call.service, call.operation))
    if arn is None or named is None or not _is_about(call, named, arn):
        hint = "Somebody may have tampered with it: look at the job, and tell your security team"
        raise RefusedError(f"the stack asks for {call.service}:{call.operation}, which no undo needs", hint)
    return call


def _is_about(call: Call, named: str, arn: Arn) -> bool:
    """Whether a call is about what the ARN names, and about nobody else. A user who joins a group is whom it is about."""
    if not named:
        return call.service == arn.service and call.region == arn.region
    others = (
        {name for name in NAMES if name in call.parameters} - {named} - ({"GroupName"} if call.operation == "AddUserToGroup" else set())
    )
    return call.parameters.get(named) in (arn.name, str(arn)) and not others and call.service == arn.service


def _made(call: Call, undo: str) -> dict[str, str]:
    """Make the granting call with the operator's credentials, and write down what came of it."""
    match AwsWriter().call(call, undo):
        case Done(request_id):
            return {"request_id": request_id}
        case Failed(code, message):
            return {"code": code, "message": message}
        case Lost(why):
            raise UpstreamError(f"no reply to {call.operation}: {why}", "Run the same undo again: it reads what happened and goes on")
