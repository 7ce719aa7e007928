"""One page for an auditor: what the trail shows of a period, by control. A mapping, no certification."""

from collections.abc import Iterable, Sequence
from html import escape
from string import Template

from msgspec import Struct

from ringfence.engine.trail.ocsf import controls
from ringfence.engine.trail.period import Period
from ringfence.engine.trail.story import OPEN, Story
from ringfence.report.style import STYLE
from ringfence.report.trail_page import kind_of

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ringfence, $period: evidence by control</title>
<style>$style</style>
</head>
<body>
<main>
<h1>Evidence by control, $period</h1>
<p class="lead">What Ringfence found in this period, and did about it, put beside the controls that its guardrails speak to. <b>This is a mapping, and no
certification</b>: it says which records may serve as evidence, and not that a control is met. The mapping to CIS and NIST is the product's own.</p>
<ul class="figures">$figures</ul>
<h2>By control</h2>
<div class="wide"><table>
<thead><tr><th scope="col">Control</th><th scope="col">Guardrails</th><th scope="col">Found</th><th scope="col">Acted</th><th scope="col">Approved by a person</th><th scope="col">Taken back</th><th scope="col">Open or failed</th></tr></thead>
<tbody>$rows</tbody>
</table></div>
<h2>What lies beside this page</h2>
<p><code>records.jsonl</code> and <code>segments/</code>: the whole trail up to the end of the period. <code>checkpoint</code> and <code>key</code>: its signature.
<code>proofs.jsonl</code>: for each record of the period, the path to the signed root, so that one record can be shown alone. <code>trail.html</code>: the
same to look at. <code>README.md</code>: how to verify all of it without us.</p>
<footer>This page stands alone: no scripts, nothing loaded. Controls without a finding in the period are not listed: that nothing was found is no proof that nothing was.</footer>
</main>
</body>
</html>
""")


class Row(Struct, frozen=True):
    """One control, and what speaks to it."""

    control: str
    guardrails: tuple[str, ...]
    found: int
    acted: int
    approved: int
    undone: int
    bad: int


def rows(stories: Sequence[Story]) -> tuple[Row, ...]:
    """Count the stories of a period by control."""
    undone = {story.taken_back for story in stories if story.taken_back}
    by_control: dict[str, list[Story]] = {}
    for story in stories:
        for control in () if story.undo_of else controls(story.guardrail):
            by_control.setdefault(control, []).append(story)
    return tuple(
        Row(
            control,
            tuple(sorted({story.guardrail for story in told})),
            len(told),
            sum(story.acted for story in told),
            sum(story.approved for story in told),
            sum(story.job in undone for story in told),
            sum(kind_of(story) == "bad" or story.outcome == OPEN for story in told),
        )
        for control, told in sorted(by_control.items())
    )


def render(stories: Iterable[Story], period: Period) -> str:
    """Give the page as HTML."""
    every = list(stories)
    told = [story for story in every if period.holds(story.begun)]
    jobs = [story for story in told if story.guardrail and not story.undo_of]
    figures = (
        (sum(period.holds(record.time) for story in every for record in story.records), "records in the period"),
        (len(jobs), "findings begun"),
        (sum(story.acted for story in jobs), "acted on"),
        (sum(story.approved for story in jobs), "approved by a person"),
        (sum(bool(story.taken_back) for story in told), "taken back"),
    )
    cells = (
        (row.control, ", ".join(row.guardrails), *(str(n) for n in (row.found, row.acted, row.approved, row.undone, row.bad)))
        for row in rows(told)
    )
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in cells)
    return PAGE.substitute(
        style=STYLE,
        period=escape(period.name),
        figures="".join(f"<li><b>{number:,}</b><span>{escape(label)}</span></li>" for number, label in figures),
        rows=body or "<tr><td colspan='7'>Nothing was found in this period.</td></tr>",
    )
