"""ringfence trail list."""

from collections.abc import Iterable
from typing import Any

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.cli.state import stack_option, store_of
from ringfence.cli.trail.filters import filter_of, filter_options
from ringfence.domain.record import Record
from ringfence.engine.trail.story import stories


@click.command(name="list")
@click.option("--job", metavar="ID", help="Only the records of one job.")
@filter_options
@stack_option
@click.pass_obj
def list_(context: Context, /, job: str | None, stack: str | None, **wanted: Any) -> None:
    """List the records, oldest first. A filter keeps all records of the jobs that it fits."""
    records: Iterable[Record] = store_of(stack).records(job)
    if (chosen := filter_of(wanted)) is not None:
        fitting = [record for story in stories(records) if chosen.fits(story) for record in story.records]
        records = sorted(fitting, key=lambda record: record.time)
    if context.output.as_json:
        for record in records:
            context.output.line(msgspec.to_builtins(record))
        return
    rows = ((f"{r.time:%Y-%m-%d %H:%M:%S}", r.job, r.kind, r.identity.rsplit("/", 1)[-1], step_of(r), r.reason) for r in records)
    context.output.table(("time", "job", "kind", "identity", "step", "what"), rows, "nothing on the trail fits")


def step_of(record: Record) -> str:
    """Say which step of how many a record is about."""
    return "" if record.step is None else f"{record.step + 1}/{record.steps}"
