"""The page of the trail: what was heard, why it was judged so, what was done, who agreed, how it is undone - to look at, search and filter.

One file that loads nothing. Whatever the trail says may have been written by an attacker: it travels as JSON and is put on the page as text.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import msgspec
from msgspec import Struct

from ringfence.domain.job import JobState
from ringfence.domain.record import NO_JOB, Record
from ringfence.engine.trail.story import OPEN, Story
from ringfence.engine.trail.verify import Verdict
from ringfence.report.style import STYLE

HERE = Path(__file__).parent
PAGE = Template((HERE / "trail_page.html").read_text(encoding="utf-8"))
SCRIPT = (HERE / "trail_page.js").read_text(encoding="utf-8")
LONGEST = 4000  # characters of one text on the page; the export has all of it
KINDS = (("acted", "acted"), ("asked", "asked, or still open"), ("bad", "failed, or not contained"), ("other", "no act"))
ASKED = (JobState.PENDING, JobState.APPROVED, JobState.RUNNING, JobState.VERIFYING, JobState.EXPIRED, JobState.DENIED, OPEN)
BAD = (
    JobState.FAILED,
    JobState.NOT_CONTAINED,
    JobState.PARTIAL,
    JobState.STALE,
    JobState.STOPPED,
    JobState.UNSUPPORTED,
    JobState.FOR_A_PERSON,
)
WIDTH, HEIGHT, BARS = 900, 120, 60


class Sealed(Struct, frozen=True):
    """What is known of the trail as a whole."""

    origin: str
    verdict: Verdict
    made: datetime


def render(stories: Sequence[Story], sealed: Sealed) -> str:
    """Give the page as HTML."""
    ordered = sorted(stories, key=lambda story: story.begun, reverse=True)
    data = msgspec.json.encode([_plain(story) for story in ordered]).decode()
    kinds = Counter(kind_of(story) for story in stories if not story.undo_of)
    figures = (
        (sum(len(story.records) for story in stories), "records"),
        (sum(story.job != NO_JOB for story in stories), "jobs"),
        (kinds["acted"], "acted"),
        (kinds["asked"], "asked, or still open"),
        (kinds["bad"], "failed, or not contained"),
        (sum(bool(story.taken_back) for story in stories), "taken back"),
    )
    banner = _banner(sealed)
    return PAGE.substitute(
        style=STYLE,
        title=escape(sealed.origin),
        lead=escape(_lead(stories, sealed)),
        banner_class=banner[0],
        banner=escape(banner[1]),
        banner_text="".join(f"<p>{escape(text)}</p>" for text in banner[2]),
        figures="".join(f"<li><b>{number:,}</b><span>{escape(label)}</span></li>" for number, label in figures),
        chart=_chart(stories),
        data=data.replace("<", "\\u003c"),
        script=SCRIPT,
        script_hash=b64encode(sha256(SCRIPT.encode()).digest()).decode(),
    )


def kind_of(story: Story) -> str:
    """Say in one word what became of a story: acted, asked, bad or other."""
    if story.outcome in BAD:
        return "bad"
    if story.acted:
        return "acted"
    return "asked" if story.outcome in ASKED else "other"


def _lead(stories: Sequence[Story], sealed: Sealed) -> str:
    if not stories:
        return f"{sealed.origin}: nothing yet. Made {sealed.made:%Y-%m-%d %H:%M} UTC."
    first, last = min(s.begun for s in stories), max(r.time for s in stories for r in s.records)
    return f"{sealed.origin}, from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC. Made {sealed.made:%Y-%m-%d %H:%M} UTC."


def _banner(sealed: Sealed) -> tuple[str, str, tuple[str, ...]]:
    found = sealed.verdict
    if not found.verified:
        where = "" if found.first_bad is None else f", record {found.first_bad}"
        return "bad", f"Not verified: {found.kind}{where}", (found.why,)
    said = f"{found.records:,} records are numbered, under one tree, and signed"
    if found.anchored:
        return "", f"Verified and anchored. {said}.", found.warnings
    return "doubt", f"Verified, not anchored. {said}.", found.warnings


def _plain(story: Story) -> dict[str, Any]:
    """Give what the script shows of a story."""
    return {
        "job": story.job,
        "time": f"{story.begun:%Y-%m-%d %H:%M:%S}",
        "last": f"{story.last:%Y-%m-%d}",
        "guardrail": story.guardrail,
        "identity": story.identity,
        "short": story.identity.rpartition(":")[2],
        "unique_id": story.unique_id,
        "project": story.project,
        "severity": story.severity,
        "actor": story.actor,
        "event": story.records[0].event_key,
        "outcome": story.outcome,
        "reason": _cut(story.reason),
        "approvers": story.approvers,
        "changes": [_cut_all(msgspec.to_builtins(change)) for change in story.changes],
        "evidence": _cut_all(msgspec.to_builtins(story.evidence)),
        "verified": f"{story.verified:%Y-%m-%d %H:%M:%S}" if story.verified else "",
        "undo_of": story.undo_of,
        "acted": story.acted,
        "class": kind_of(story),
        "records": [_record(number, record) for number, record in zip(story.numbers, story.records, strict=True)],
    }


def _record(number: int, record: Record) -> tuple[int, str, str, str, str]:
    step = "" if record.step is None else f"{record.step + 1}/{record.steps}"
    return (number, f"{record.time:%Y-%m-%d %H:%M:%S}", record.kind, step, _cut(record.reason))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ... (+{len(text) - LONGEST})"


def _cut_all(value: Any) -> Any:
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dict):
        return {key: _cut_all(item) for key, item in value.items()}
    return [_cut_all(item) for item in value] if isinstance(value, list) else value


def _chart(stories: Iterable[Story]) -> str:
    """Draw how many stories began when, by what became of them; with the same as a table for who does not see it."""
    told = [(story.begun, kind_of(story)) for story in stories if story.job != NO_JOB]
    if not told:
        return ""
    first, last = min(time for time, _ in told), max(time for time, _ in told)
    width = next(
        (w for w in (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)) if last - first < w * BARS),
        timedelta(days=7),
    )
    width = max(width, (last - first) / BARS)
    counts = Counter(((time - first) // width, kind) for time, kind in told)
    bars = (last - first) // width + 1
    highest = max(sum(counts[bar, kind] for kind, _ in KINDS) for bar in range(bars))
    step, drawn = WIDTH / max(bars, 12), list[str]()
    for bar in range(bars):
        top = float(HEIGHT)
        begins = first + bar * width
        parts = [(kind, label, counts[bar, kind]) for kind, label in KINDS if counts[bar, kind]]
        for kind, label, count in parts:
            height = count / highest * HEIGHT
            top -= height
            drawn.append(
                f'<rect class="k-{kind}" x="{bar * step:.1f}" y="{top:.1f}" width="{max(step - 2, 1):.1f}" height="{height:.1f}">'
                f"<title>{begins:%Y-%m-%d %H:%M}: {count} {label}</title></rect>"
            )
    keys = "".join(f'<span class="key k-{kind}"></span>{label}' for kind, label in KINDS)
    rows = "".join(
        f"<tr><th scope='row'>{label}</th><td>{sum(counts[bar, kind] for bar in range(bars))}</td></tr>" for kind, label in KINDS
    )
    end = f'<text x="{WIDTH}" y="{HEIGHT + 14}" text-anchor="end">{last:%Y-%m-%d %H:%M}</text>' if bars > 1 else ""
    return (
        f'<figure class="chart"><svg viewBox="0 -14 {WIDTH} {HEIGHT + 32}" aria-hidden="true" focusable="false">'
        f'<text x="0" y="-4">{highest} at most</text>{"".join(drawn)}<text x="0" y="{HEIGHT + 14}">{first:%Y-%m-%d %H:%M}</text>{end}</svg>'
        f"<figcaption>Jobs over time{keys}</figcaption><table class='hide'><caption>Jobs by what became of them</caption>{rows}</table></figure>"
    )
