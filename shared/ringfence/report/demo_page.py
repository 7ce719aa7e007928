"""The page that the demo leaves: what happened, what was done about it, and how each act is taken back."""

from collections.abc import Iterable
from datetime import datetime
from html import escape
from string import Template

from msgspec import Struct

from ringfence.domain.job import Job
from ringfence.domain.record import Record, RecordKind
from ringfence.report.style import STYLE

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ringfence demo: $acted acted, $asked asked, $undone undone</title>
<style>$style</style>
</head>
<body>
<main>
<h1>What happened in the account, and what Ringfence did about it</h1>
<p class="lead">The real engine and the real IAM adapters ran against an embedded AWS account of an AI project, in graduated mode: fresh changes
are reversed at once, containment asks a person, everything can be taken back. $played.</p>
<ul class="figures">$figures</ul>
<h2>As it happened</h2>
<div class="wide"><table>
<thead><tr><th scope="col">Time (UTC)</th><th scope="col">What happened</th><th scope="col">Judged</th><th scope="col">Why</th></tr></thead>
<tbody>$rows</tbody>
</table></div>
<h2>What was done</h2>
$jobs
<footer>$verified This page stands alone: no scripts, nothing loaded. The account was emulated (moto); nothing here ran against real AWS.</footer>
</main>
</body>
</html>
""")


class Row(Struct, frozen=True):
    """One line of the table of events."""

    time: datetime
    what: str
    tag: str  # quiet, ignored, acted, asked ...
    why: str


class Story(Struct, frozen=True, kw_only=True):
    """Everything that the page shows."""

    played: datetime
    rows: tuple[Row, ...]
    jobs: tuple[tuple[Job, tuple[Record, ...]], ...]
    acted: int
    asked: int
    undone: int
    problems: tuple[str, ...]


def render(story: Story) -> str:
    """Give the page as HTML. Every text in it is escaped."""
    quiet = sum(row.tag in ("quiet", "ignored") for row in story.rows)
    numbers = (
        (len(story.rows), "events heard"),
        (quiet, "left alone"),
        (story.acted, "reversed at once"),
        (story.asked, "asked a person"),
        (story.undone, "taken back"),
    )
    trail = (
        "Trail and jobs agree: each call has its intent before it, each job one end."
        if not story.problems
        else f"Trail: {'; '.join(story.problems)}."
    )
    return PAGE.substitute(
        style=STYLE,
        acted=story.acted,
        asked=story.asked,
        undone=story.undone,
        played=f"Played on {story.played:%Y-%m-%d at %H:%M} UTC",
        figures="".join(f"<li><b>{n}</b><span>{escape(label)}</span></li>" for n, label in numbers),
        rows="".join(_row(row) for row in story.rows),
        jobs="".join(_job(job, records) for job, records in story.jobs),
        verified=escape(trail),
    )


def _row(row: Row) -> str:
    tag = f'<span class="tag {escape(row.tag)}">{escape(row.tag)}</span>'
    return f'<tr><td class="when">{row.time:%H:%M:%S}</td><td>{escape(row.what)}</td><td>{tag}</td><td>{escape(row.why)}</td></tr>'


def _job(job: Job, records: Iterable[Record]) -> str:
    lines = "".join(f"<li>{_record(record)}</li>" for record in records)
    back = f"<p>To take it back: <code>ringfence undo {escape(job.id)}</code></p>" if job.changed and not job.undo_of else ""
    title = f"{job.plan.target.kind} {job.plan.target.name}"
    return (
        f'<section class="job"><h3>{escape(title)} &mdash; <span class="tag {escape(job.state)}">{escape(job.state)}</span></h3>'
        f"<p>{escape(job.reason)}</p><ol>{lines}</ol>{back}</section>"
    )


def _record(record: Record) -> str:
    call = record.data.get("call")
    named = f" <code>{escape(call['operation'])}</code>" if call and record.kind is RecordKind.INTENT else ""
    return f"{record.time:%H:%M:%S} <b>{escape(record.kind)}</b>{named} {escape(record.reason)}"
