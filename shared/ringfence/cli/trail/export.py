"""ringfence trail export."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.cli.state import archive_of, decoded, stack_option
from ringfence.cli.trail.page import write_page
from ringfence.cli.trail.verify import checked
from ringfence.clouds.trail_folder import TrailFolder, write_folder
from ringfence.domain.record import NO_JOB, Record
from ringfence.engine.trail import asff, ocsf
from ringfence.engine.trail.export import ArchivedTrail, archived, until
from ringfence.engine.trail.period import Period, proofs
from ringfence.engine.trail.story import Story, stories
from ringfence.report import controls

TRAIL = "trail"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--period", metavar="2026-Q4", help="A year, a quarter or a month: an evidence pack for an auditor.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice([TRAIL, "ocsf", "asff"]),
    help="Also write ocsf.jsonl (OCSF 1.8.0) or asff.jsonl (Security Hub). May be repeated.",
)
@stack_option
@click.pass_obj
def export(context: Context, folder: Path, period: str | None, formats: tuple[str, ...], stack: str | None) -> None:
    """Write the sealed trail into a new folder, with all that it takes to verify it - without us, and without the account.

    Keep the file `checkpoint` of each export somewhere else: with it, `trail verify --checkpoint FILE` sees whatever is changed later.
    With --period the trail ends where the period does, and the folder holds besides: a proof for each record of the period, the page, and
    one page by control.
    """
    asked = Period.of(period) if period else None
    archive = archive_of(stack)
    trail = until(archive, asked.first, asked.end) if asked else archived(archive)
    count = write_folder(trail, folder)
    records = decoded(trail)
    told = stories(records)
    if asked:
        _pack(folder, trail, told, asked, records)
    if "ocsf" in formats:
        _lines(folder / "ocsf.jsonl", ocsf.events(told))
    if "asff" in formats:
        region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
        _lines(folder / "asff.jsonl", (asff.of_story(story, region) for story in told if story.job != NO_JOB))
    if context.output.as_json:
        context.output.line({"folder": str(folder), "records": count, "period": asked.name if asked else None})
        return
    context.output.text(f"{count} records in {folder}\nto verify them: ringfence trail verify {folder}")


def _pack(folder: Path, trail: ArchivedTrail, told: Sequence[Story], period: Period, records: Sequence[Record]) -> None:
    """Write what an auditor gets besides."""
    _lines(folder / "proofs.jsonl", proofs(period, list(trail.records()), records))
    exported = TrailFolder(folder)
    write_page(exported, checked(exported, at=period.end, remembers=False), folder / "trail.html")
    (folder / "controls.html").write_text(controls.render(told, period), encoding="utf-8")


def _lines(path: Path, values: Iterable[Mapping[str, Any]]) -> None:
    with path.open("wb") as file:
        file.writelines(msgspec.json.encode(value) + b"\n" for value in values)
