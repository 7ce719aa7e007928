"""ringfence trail reconcile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec

from ringfence.cli.check import Time, events
from ringfence.cli.main import Context
from ringfence.cli.state import Stack, stack_option, trail_of
from ringfence.clouds.aws.history import CloudTrailHistory
from ringfence.clouds.decoders import RECORD
from ringfence.domain.event import Event
from ringfence.engine.trail.reconcile import Act, Reconciled
from ringfence.engine.trail.reconcile import reconcile as reconciled
from ringfence.errors import UsageError
from ringfence.sources import normalise

A_DAY = timedelta(days=1)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--trail", "folder", type=click.Path(path_type=Path), metavar="DIR", help="An exported trail; else that of --stack or of this machine."
)
@click.option(
    "--since", type=Time(), metavar="ISO", help="Look at what happened since then; else at the last day, or at all that PATH holds."
)
@stack_option
@click.pass_obj
def reconcile(context: Context, paths: tuple[str, ...], folder: Path | None, since: datetime | None, stack: str | None) -> int:
    """Compare the trail with CloudTrail: every change that our roles made has its record, and every act on the trail was made.

    PATH are CloudTrail's own files, or folders of them; without any, CloudTrail is asked about what the functions of --stack did (it
    remembers 90 days). Exit 1 where something has no counterpart: a change without a record means that somebody else uses our role.
    """
    now = datetime.now(UTC)
    since = since or (None if paths else now - A_DAY)
    made = (event for _, _, _, event in events(paths)) if paths else _asked(context, stack, since or now - A_DAY)
    records = [RECORD.decode(line) for line in trail_of(folder, stack).records()]
    found = reconciled(made, records, now, since)
    _tell(context, found)
    return 1 if found.unrecorded or found.unmade else 0


def _asked(context: Context, stack: str | None, since: datetime) -> Iterator[Event]:
    """Ask CloudTrail what the writer did: a function's session is named like the function."""
    if not stack:
        raise UsageError("nothing to compare with", "Name CloudTrail's files, or a stack whose CloudTrail is to be asked")
    remembered = CloudTrailHistory().lookup("Username", Stack(stack).output("RespondFunction"), since)
    if not remembered.complete:
        context.output.aside("warning: CloudTrail gave only part of it: name its files instead")
    return (event for record in remembered.records for event in normalise(record))


def _tell(context: Context, found: Reconciled) -> None:
    if context.output.as_json:
        for kind, acts in (("unrecorded", found.unrecorded), ("unmade", found.unmade)):
            for act in acts:
                context.output.line({"kind": kind, **msgspec.to_builtins(act)})
        context.output.line({"summary": {"paired": found.paired, "unrecorded": len(found.unrecorded), "unmade": len(found.unmade)}})
        return
    rows = [
        *(_row("made, and not on the trail", act) for act in found.unrecorded),
        *(_row("on the trail, and not made", act) for act in found.unmade),
    ]
    context.output.table(("time", "what", "call", "on", "job", "request"), rows, "trail and CloudTrail agree")
    context.output.text(f"{found.paired} acts paired, {len(found.unrecorded)} without a record, {len(found.unmade)} not in CloudTrail")


def _row(what: str, act: Act) -> tuple[object, ...]:
    return (f"{act.time:%Y-%m-%d %H:%M:%S}" if act.time else "", what, act.call, act.on or act.role, act.job, act.request_id)
