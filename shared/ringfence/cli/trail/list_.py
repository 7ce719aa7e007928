"""ringfence trail list."""

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.cli.state import stack_option, store_of
from ringfence.domain.record import Record


@click.command(name="list")
@click.option("--job", metavar="ID", help="Only the records of one job.")
@stack_option
@click.pass_obj
def list_(context: Context, job: str | None, stack: str | None) -> None:
    """List the records, oldest first."""
    records = store_of(stack).records(job)
    if context.output.as_json:
        for record in records:
            context.output.line(msgspec.to_builtins(record))
        return
    rows = ((f"{r.time:%Y-%m-%d %H:%M:%S}", r.job, r.kind, r.identity.rsplit("/", 1)[-1], step_of(r), r.reason) for r in records)
    context.output.table(("time", "job", "kind", "identity", "step", "what"), rows, "the trail is empty")


def step_of(record: Record) -> str:
    """Say which step of how many a record is about."""
    return "" if record.step is None else f"{record.step + 1}/{record.steps}"
