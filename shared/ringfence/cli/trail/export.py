"""ringfence trail export."""

from pathlib import Path

import click

from ringfence.cli.main import Context
from ringfence.cli.state import archive_of, stack_option
from ringfence.clouds.trail_folder import write_folder
from ringfence.engine.trail.export import archived


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@stack_option
@click.pass_obj
def export(context: Context, folder: Path, stack: str | None) -> None:
    """Write the sealed trail into a new folder, with all that it takes to verify it - without us, and without the account.

    Keep the file `checkpoint` of each export somewhere else: with it, `trail verify --checkpoint FILE` sees whatever is changed later.
    """
    count = write_folder(archived(archive_of(stack)), folder)
    if context.output.as_json:
        context.output.line({"folder": str(folder), "records": count})
        return
    context.output.text(f"{count} records in {folder}\nto verify them: ringfence trail verify {folder}")
