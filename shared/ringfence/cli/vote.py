"""What approve and deny, stop and resume share: a word that counts, in a stack or on this machine."""

import getpass
import platform
from collections.abc import Callable
from typing import Any

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.cli.run import finish
from ringfence.cli.settings import settings
from ringfence.cli.state import Stack, local_store, stack_option
from ringfence.clouds.aws.caller import SWITCH, sign
from ringfence.clouds.memory import MemoryQueue
from ringfence.domain.caller import Caller
from ringfence.domain.job import JobState
from ringfence.engine.approve import Vote, vote
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.switch import turn
from ringfence.wiring import now


def turn_switch(context: Context, stack: str | None, *, stopped: bool) -> None:
    """Turn the kill switch, and say how it stands."""
    if stack:
        deployed = Stack(stack)
        ballot = sign(SWITCH, "stop" if stopped else "resume", deployed.output("Table"))
        answer = deployed.ask("ApproveFunction", msgspec.to_builtins(ballot))
        state, by = str(answer["state"]), str(answer["by"])
    else:
        turned = turn(local_store(), Caller(_me()), settings(context), now(), stopped=stopped)
        state, by = "stopped" if turned.stopped else "running", turned.by
    if context.output.as_json:
        context.output.line({"state": state, "by": by})
    else:
        context.output.text(f"{state}, by {by}")


def vote_options[F: Callable[..., Any]](function: F) -> F:
    """Add --plan and --reason to a command that votes."""
    plan = "The beginning of the plan's digest, as the question showed it: another plan is refused."
    reason = click.option("--reason", default="", metavar="TEXT", help="Why; stays on record.")
    return click.option("--plan", default="", metavar="DIGEST", help=plan)(reason(stack_option(function)))


def _me() -> str:
    return f"local:{getpass.getuser()}@{platform.node()}"


def cast(context: Context, job: str, stack: str | None, plan: str, reason: str, *, approve: bool) -> None:
    """Vote, and say what became of the job."""
    if stack:
        deployed = Stack(stack)
        ballot = sign(job, "approve" if approve else "deny", deployed.output("Table"), plan, reason)
        state = str(deployed.ask("ApproveFunction", msgspec.to_builtins(ballot))["state"])
    else:
        store, queue = local_store(), MemoryQueue()
        decided = run_at_desk(
            vote(Vote(job=job, approve=approve, shown=plan, reason=reason), Caller(_me()), settings(context)), Desk(store, queue, now)
        )
        state = finish(decided, settings(context), store, queue).state if decided.state is JobState.APPROVED else decided.state
    if context.output.as_json:
        context.output.line({"job": job, "state": state})
    else:
        context.output.text(f"job {job} is {state}")
