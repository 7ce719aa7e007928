"""ringfence check: judge events offline."""

import gzip
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.cli.settings import settings
from ringfence.clouds.google_snapshot_form import google_snapshot, is_google_snapshot
from ringfence.clouds.snapshot import SnapshotReader
from ringfence.domain.event import Event, Outcome, Source, unjudged
from ringfence.domain.finding import Severity
from ringfence.domain.raw import moment
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.judgement import Judgement, Planned
from ringfence.engine.ports import Reader
from ringfence.errors import UsageError
from ringfence.sources import normalise

GZIP = b"\x1f\x8b"
NO_TIME = datetime.max.replace(tzinfo=UTC)  # "now" for an event without a time: then nothing is fresh
UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeError)


class Time(click.ParamType[datetime]):
    """An ISO 8601 time."""

    name = "ISO"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the time, as UTC where it names no zone."""
        found = value if isinstance(value, datetime) else moment(value)
        return found or self.fail(f"{value!r} is no ISO 8601 time, such as 2026-03-02T09:00:00Z", param, ctx)


@click.command(name="check")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--snapshot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Identities as they are: `ringfence snapshot`, of either cloud, or `aws iam get-account-authorization-details`.",
)
@click.option("--now", type=Time(), metavar="ISO", help="Judge as of this time. Else as of each event's own time.")
@click.option("--fail-on", type=click.Choice([s.value for s in Severity]), help="Exit 1 when a finding is at least this severe.")
@click.pass_obj
def command(context: Context, paths: tuple[str, ...], snapshot: Path | None, now: datetime | None, fail_on: str | None) -> int:
    """Judge events offline, as they would be judged when they happen. Nothing is called, nothing is changed.

    PATH is a file, a folder (every file in it), or - for standard input: one JSON object, an array, JSON Lines, or CloudTrail's
    {"Records": [...]}; plain or gzip. Every feed is recognised by itself. What only the state of the identity could tell is
    `needs-state`; give a snapshot to have it judged.
    """
    evaluator = Evaluator(settings(context), read_snapshot(snapshot) if snapshot else None)
    worst, outcomes = -1, Counter[str]()
    rows: list[tuple[object, ...]] = []
    for name, index, part, event in events(paths):
        judgement = evaluator.judge(event, now or event.time or NO_TIME)
        outcomes[judgement.outcome] += 1
        worst = max([worst, *(p.finding.severity.rank for p in judgement.planned)])
        if context.output.as_json:
            context.output.line(line(name, index, part, judgement))
        elif judgement.outcome is not Outcome.QUIET:
            rows += human(judgement)
    if not context.output.as_json:
        context.output.table(("time", "event", "identity", "outcome", "what"), rows, "nothing to report")
        context.output.text("\n" + ", ".join(f"{n} {outcome}" for outcome, n in sorted(outcomes.items())))
    return 1 if fail_on and worst >= Severity(fail_on).rank else 0


def read_snapshot(path: Path) -> Reader:
    """Read a snapshot of either cloud; raise UsageError where it is none."""
    found = _decoded(path)
    if not is_google_snapshot(found):
        return SnapshotReader(found)
    from ringfence.clouds.google_snapshot import GoogleSnapshotReader

    return GoogleSnapshotReader(google_snapshot(found))


def snapshot_of(path: Path) -> Mapping[str, Any]:
    """Read a snapshot of an AWS account as it was written; raise UsageError where it is none."""
    found: Mapping[str, Any] = _decoded(path)
    if is_google_snapshot(found):
        raise UsageError(f"{path}: is a snapshot of Google Cloud, expected one of an AWS account", f"`ringfence policy {path}` judges it")
    SnapshotReader(found)
    return found


def _decoded(path: Path) -> Any:
    try:
        return msgspec.json.decode(_text(gzip.decompress(data) if (data := path.read_bytes())[:2] == GZIP else data))
    except (OSError, EOFError, zlib.error, *UNREADABLE) as error:
        raise UsageError(f"{path}: cannot be read: {error}", "Make one with `ringfence snapshot`") from error


def events(paths: tuple[str, ...]) -> Iterator[tuple[str, int, int | None, Event]]:
    """Give every event of every path, in order: file, index, part (where a record carries several), event."""
    for path in paths:
        for name, data in _files(path):
            for index, raw in enumerate(records(data)):
                found = (raw,) if isinstance(raw, Event) else normalise(raw)
                for part, event in enumerate(found):
                    yield name, index, part if len(found) > 1 else None, event


def _files(path: str) -> Iterator[tuple[str, bytes]]:
    if path == "-":
        yield path, sys.stdin.buffer.read()
        return
    place = Path(path)
    try:
        if not path or not place.exists():
            raise UsageError(
                f"{path or 'an empty name'}: there is no such file or folder", "Name a file, a folder, or - for standard input"
            )
        files = sorted(p for p in place.rglob("*") if p.is_file() and p.name != "README.md") if place.is_dir() else [place]
        if not files:
            click.echo(f"warning: {path} holds no files: nothing was judged", err=True)
        for file in files:
            yield str(file), file.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error}", "Check its name and permissions") from error


def records(data: bytes) -> Iterator[object]:
    """Give the records of a file; what cannot be read is one `malformed` event in its place."""
    data, cut = _unpacked(data)
    if cut and not data.strip():
        yield _malformed(cut)
        return
    try:
        whole = msgspec.json.decode(_text(data))
    except UNREADABLE as error:
        yield from _lines(data, str(error))
    else:
        yield from _flat(whole)
    if cut:
        yield _malformed(cut)


def _flat(value: object) -> Iterator[object]:
    """Give the records of a list, of a delivery file, or of a list of delivery files; else the value itself."""
    if isinstance(value, dict) and isinstance(value.get("Records"), list) and "eventName" not in value:
        yield from value["Records"]
    elif isinstance(value, list):
        for item in value:
            yield from _flat(item) if isinstance(item, dict) else (item,)
    else:
        yield value


def _unpacked(data: bytes) -> tuple[bytes, str]:
    """Unpack gzip, several members too; of a file that is cut off, what came before the cut, and what is wrong."""
    if data[:2] != GZIP:
        return data, ""
    unpacked = b""
    while data:
        stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            unpacked += stream.decompress(data)
        except zlib.error as error:
            return unpacked, f"the file cannot be unpacked: {error}"
        if not stream.eof:
            return unpacked, "the file is cut off: its end is missing"
        data = stream.unused_data
        unpacked += b"\n" if data and not unpacked.endswith(b"\n") else b""
    return unpacked, ""


def _text(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def _lines(data: bytes, error: str) -> Iterator[object]:
    """Read JSON Lines; a file of which no line is an object is garbage as a whole."""
    found: list[object] = []
    for each in (each for each in data.split(b"\n") if each.strip()):
        try:
            found += _flat(msgspec.json.decode(_text(each)))
        except UNREADABLE as problem:
            found.append(_malformed(f"this line is no JSON: {problem}"))
    if any(isinstance(item, dict) for item in found):
        yield from found
    else:
        yield _malformed(f"the file is no JSON: {error}")


def _malformed(reason: str) -> Event:
    return unjudged(Source.OTHER, Outcome.MALFORMED, reason)


def line(name: str, index: int, part: int | None, judgement: Judgement) -> dict[str, Any]:
    """Write a judgement in the fields of the contract."""
    event = judgement.event
    return {
        "file": name,
        "index": index,
        **({} if part is None else {"part": part}),
        "event_id": event.id or None,
        "source": event.source,
        "name": event.name,
        "time": event.time,
        "actor": event.actor.display if event.actor else None,
        "identities": [identity.arn for identity in judgement.identities],
        "outcome": judgement.outcome,
        "reason": judgement.reason,
        "findings": [_finding(planned) for planned in judgement.planned],
    }


def _finding(planned: Planned) -> dict[str, Any]:
    finding = planned.finding
    steps = [
        {
            "action": p.step.action,
            "class": p.step.action_class,
            "when": p.when,
            "call": msgspec.to_builtins(p.step.call),
            "inverse": msgspec.to_builtins(p.step.inverse),
        }
        for p in planned.steps
    ]
    return {
        "guardrail": finding.guardrail,
        "severity": finding.severity,
        "identity": finding.identity.arn,
        "reason": finding.reason,
        "evidence": finding.evidence,
        "steps": steps,
        **({"remark": planned.remark} if planned.remark else {}),
    }


def human(judgement: Judgement) -> Iterator[tuple[object, ...]]:
    """Write a judgement as rows of a table."""
    event = judgement.event
    when = f"{event.time:%Y-%m-%d %H:%M}" if event.time else "?"
    named = judgement.identities[0].name if judgement.identities else "-"
    if not judgement.planned:
        yield when, event.name or event.source, named, judgement.outcome, judgement.reason
    for planned in judgement.planned:
        steps = "; ".join(f"{p.when}: {p.step.call.operation}" for p in planned.steps) or planned.remark or "a person decides"
        yield when, event.name, planned.finding.identity.name, planned.finding.severity, (planned.finding.reason, f"-> {steps}")
