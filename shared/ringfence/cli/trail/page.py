"""ringfence trail page."""

from datetime import UTC, datetime
from pathlib import Path

import click

from ringfence.cli.main import Context
from ringfence.cli.state import decoded, home, trail_of, trail_options
from ringfence.cli.trail.verify import checked
from ringfence.domain.checkpoint import Note
from ringfence.engine.trail.story import stories
from ringfence.engine.trail.verify import Exported, Verdict
from ringfence.errors import ForgedError, UsageError
from ringfence.report.trail_page import Sealed, render


@click.command()
@trail_options
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it; else trail.html beside the local state.")
@click.pass_obj
def page(context: Context, folder: Path | None, out: Path | None, held: tuple[Path, ...], stack: str | None) -> None:
    """Write one HTML page to look at: every incident with its proof, the difference it made, who agreed and how to undo it.

    Of an exported trail (DIR), of --stack, or of this machine. The page loads nothing, works without a network, and says whether the trail
    verifies.
    """
    trail = trail_of(folder, stack)
    file = out or home() / "trail.html"
    verdict = checked(trail, held=held)
    count = write_page(trail, verdict, file)
    if context.output.as_json:
        context.output.line({"page": str(file), "records": count, "verified": verdict.verified})
        return
    context.output.text(f"{file}: {count} records, {'verified' if verdict.verified else f'NOT VERIFIED ({verdict.kind})'}")


def write_page(trail: Exported, verdict: Verdict, file: Path) -> int:
    """Write the page of a trail; give how many records it shows."""
    records = decoded(trail)
    try:
        origin = Note.of(trail.checkpoint).checkpoint.origin
    except ForgedError:
        origin = "a trail whose checkpoint cannot be read"
    sealed = Sealed(origin, verdict, datetime.now(UTC))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(render(stories(records), sealed), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error}", "Name another file with --out") from error
    return len(records)
