"""ringfence trail show."""

from typing import Any

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.cli.state import stack_option, store_of
from ringfence.cli.trail.list_ import step_of
from ringfence.errors import UsageError


@click.command()
@click.argument("job", metavar="ID")
@stack_option
@click.pass_obj
def show(context: Context, job: str, stack: str | None) -> None:
    """Tell the story of one job: why, what was planned, who agreed, what was called, what came of it, and how to undo it."""
    store = store_of(stack)
    found, records = store.job(job), store.records(job)
    if found is None:
        raise UsageError(f"there is no job {job}", "See `ringfence jobs`")
    if context.output.as_json:
        context.output.line({"job": msgspec.to_builtins(found), "records": msgspec.to_builtins(records)})
        return
    say = context.output.text
    say(f"{found.guardrail} ({found.severity}) on {found.plan.target.arn}")
    say(f"{found.reason}\nstate {found.state}, plan {found.plan.digest[:16]}\n")
    for record in records:
        say(f"{record.time:%Y-%m-%d %H:%M:%S}  {record.kind:<19}{step_of(record):<6}{record.reason}")
        for key in ("call", "inverse"):
            if call := record.data.get(key):
                say(f"{'':21}{key:<8}{_call(call)}")
    if found.changed and not found.undo_of:
        say(f"\nto take it back: ringfence undo {found.id}")


def _call(call: dict[str, Any]) -> str:
    parameters = ", ".join(f"{key}={str(value)[:100]}" for key, value in call["parameters"].items())
    return f"{call['service']}:{call['operation']}({parameters})"
