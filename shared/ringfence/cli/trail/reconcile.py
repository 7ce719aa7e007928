"""ringfence trail reconcile."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from ringfence.cli.check import Time, events
from ringfence.cli.main import Context
from ringfence.cli.state import decoded, stack_option, trail_of
from ringfence.cli.trail.verify import checked
from ringfence.clouds.aws.history import CloudTrailHistory
from ringfence.domain.event import Event, Outcome
from ringfence.engine.trail.reconcile import WRITTEN, Act, Reconciled
from ringfence.engine.trail.reconcile import reconcile as reconciled
from ringfence.errors import ForgedError, UsageError
from ringfence.sources import normalise

A_DAY = timedelta(days=1)
PAGES = 200  # of 50 calls: under two minutes for each service and region


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
    """Compare the trail with CloudTrail: every change of IAM, trails and Bedrock that our roles made has its record, and every act was made.

    PATH are CloudTrail's own files, or folders of them, and what gives certainty. Without any, CloudTrail is asked: it remembers 90 days, and
    gives 10,000 calls of a service at most. Exit 1 where something has no counterpart - a change without a record means that somebody else
    uses our role -, where the trail does not verify, or where CloudTrail's side is not whole.
    """
    now = datetime.now(UTC)
    trail = trail_of(folder, stack)
    verdict = checked(trail, at=now, remembers=False)
    if not verdict.verified:
        raise ForgedError(verdict.kind or "edit", f"the trail does not verify: {verdict.why}", "See `ringfence trail verify`")
    seen = _read(paths) if paths else _asked(stack, since or now - A_DAY)
    records = decoded(trail)
    until = max((record.time for record in records), default=now) if folder else None
    found = reconciled(seen.events, records, now, since if paths else since or now - A_DAY, until, complete=seen.complete)
    _tell(context, found, seen)
    return 1 if found.unrecorded or found.unmade or not seen.complete else 0


class Seen(Struct, frozen=True):
    """CloudTrail's side, and whether that is all of it."""

    events: tuple[Event, ...]
    complete: bool


def _read(paths: tuple[str, ...]) -> Seen:
    found = tuple(event for _, _, _, event in events(paths))
    broken = [event for event in found if event.set_aside is not None and event.set_aside.outcome is Outcome.MALFORMED]
    return Seen(found, not broken)


def _asked(stack: str | None, since: datetime) -> Seen:
    """Ask CloudTrail about every call of the services that we write to: whoever took our role names the session as they like."""
    if not stack:
        raise UsageError("nothing to compare with", "Name CloudTrail's files, or a stack whose CloudTrail is to be asked")
    history = CloudTrailHistory(pages=PAGES)
    asked = [history.lookup("EventSource", f"{service}.amazonaws.com", since) for service in WRITTEN]
    return Seen(
        tuple(event for told in asked for record in told.records for event in normalise(record)), all(told.complete for told in asked)
    )


def _tell(context: Context, found: Reconciled, seen: Seen) -> None:
    if not seen.complete:
        context.output.aside("warning: CloudTrail's side is not whole: what was not made cannot be told, and something may be missing")
    if context.output.as_json:
        for kind, acts in (("unrecorded", found.unrecorded), ("unmade", found.unmade)):
            for act in acts:
                context.output.line({"kind": kind, **msgspec.to_builtins(act)})
        context.output.line(
            {
                "summary": {
                    "paired": found.paired,
                    "unrecorded": len(found.unrecorded),
                    "unmade": len(found.unmade),
                    "complete": seen.complete,
                }
            }
        )
        return
    rows = [
        *(_row("made, and not on the trail", act) for act in found.unrecorded),
        *(_row("on the trail, and not made", act) for act in found.unmade),
    ]
    context.output.table(("time", "what", "call", "on", "job", "request"), rows, "no act is without its counterpart")
    context.output.text(f"{found.paired} acts paired, {len(found.unrecorded)} without a record, {len(found.unmade)} not in CloudTrail")


def _row(what: str, act: Act) -> tuple[object, ...]:
    return (f"{act.time:%Y-%m-%d %H:%M:%S}" if act.time else "", what, act.call, act.on or act.role, act.job, act.request_id)
