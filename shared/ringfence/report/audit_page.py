"""The page of an audit: who is administrator, and every way up as a chain of who, how and whom."""

from collections.abc import Iterable
from html import escape
from string import Template

from ringfence.iam import Access, Climb, Granted
from ringfence.report.audit import ADMIN, Audit, how, short
from ringfence.report.style import STYLE

CHAINS = """
.chain { display: inline; margin: 0; padding: 0; list-style: none; }
.chain li { display: inline-block; margin: .15rem .2rem; border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .7rem; background: var(--paper); overflow-wrap: anywhere; }
.chain li + li::before { content: "\\2192\\00a0"; color: var(--soft); } .chain .how { border-style: dashed; }
.chain .top { border-color: var(--mark); color: var(--mark); font-weight: 600; }
details { background: var(--card); border: 1px solid var(--line); border-left: .3rem solid var(--ask); border-radius: .6rem; padding: .7rem 1rem; margin: 0 0 .7rem; }
details.certain { border-left-color: var(--mark); } summary { cursor: pointer; }
summary:focus-visible { outline: 2px solid var(--act); outline-offset: 3px; } details p { color: var(--soft); margin: .6rem 0; }
.wide + details { margin-top: .7rem; }
ul.plain { margin: 0; padding-left: 1.2rem; }
"""

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>IAM audit: $admins administrators, $ways ways up</title>
<style>$style</style>
</head>
<body>
<main>
<h1>Who rules this account, and who could</h1>
<p class="lead">Judged from a snapshot of the account's IAM: groups, boundaries, denials, conditions and trust policies count. A way is certain when
every action is granted on what it needs and no condition is in doubt. What runs in the account is not in such a snapshot: ways
through it are in doubt.</p>
<ul class="figures">$figures</ul>
<h2>Administrators</h2>
$rulers
<h2>Ways up</h2>
$climbs
$guarded
$hygiene
<footer>This page stands alone: no scripts, nothing loaded.</footer>
</main>
</body>
</html>
""")


def page(found: Audit) -> str:
    """Give the page as HTML. Every text in it is escaped."""
    climbs = found.climbs
    certain = sum(c.certain and c.reaches == ADMIN for c in climbs)
    figures = (
        (len(found.account.holders), "users and roles"),
        (len(found.admins), "administrators"),
        (len({c.identity for c in climbs if c.reaches == ADMIN}), "could become one"),
        (certain, "certain ways to it"),
        (len(climbs) - certain, "other ways up"),
    )
    ordered = sorted(climbs, key=lambda c: (c.reaches != ADMIN, not c.certain))
    lists = (
        ("Not in the snapshot, and so not judged", found.account.missing),
        ("Roles that nobody used for long", found.unused),
        ("Passwords without MFA", found.without_mfa),
    )
    return PAGE.substitute(
        style=STYLE + CHAINS,
        admins=len(found.admins),
        ways=len(climbs),
        figures="".join(f"<li><b>{n}</b><span>{escape(label)}</span></li>" for n, label in figures),
        rulers=_list(found.admins) if found.admins else "<p>Nobody, by policies alone.</p>",
        climbs="".join(map(_climb, ordered)) or "<p>None was found.</p>",
        guarded="".join(_guarded(asset.name, [a for a in found.accesses if a.asset is asset]) for asset in found.assets),
        hygiene="".join(f"<h2>{escape(title)}</h2>{_list(arns)}" for title, arns in lists if arns),
    )


def _list(arns: Iterable[str]) -> str:
    return f'<ul class="plain">{"".join(f"<li><code>{escape(arn)}</code></li>" for arn in arns)}</ul>'


def _climb(climb: Climb) -> str:
    end = ADMIN if climb.reaches == ADMIN and climb.steps[-1].to != ADMIN else ""
    said = (
        f"<p>{escape(climb.path.description)} Path <code>{escape(climb.path.id)}</code>, {'certain' if climb.certain else 'in doubt'}.</p>"
    )
    return _details(climb, end, said, tuple(g for step in climb.steps for g in step.proof))


def _guarded(name: str, accesses: list[Access]) -> str:
    """Write who reaches one asset: by policies of its own in a list, through others as chains."""
    own = [a for a in accesses if not a.steps]
    rows = "".join(
        f"<tr><td><code>{escape(short(a.identity))}</code></td><td>{escape(a.use)}</td><td><code>{escape(a.granted.action)}</code></td>"
        f"<td>{'yes' if a.certain else 'in doubt'}</td></tr>"
        for a in own
    )
    table = _table(("Who", "May", "For example by", "Sure"), rows) if own else "<p>Nobody but administrators, by policies of its own.</p>"
    through = "".join(
        _details(
            a,
            a.asset.name,
            f"<p>May {escape(a.use)} it, by becoming somebody else.</p>",
            (*(g for s in a.steps for g in s.proof), a.granted),
        )
        for a in accesses
        if a.steps
    )
    return f"<h2>Who reaches <code>{escape(name)}</code></h2>{table}{through}"


def _details(way: Climb | Access, end: str, said: str, proof: tuple[Granted, ...]) -> str:
    """Write a way as a chain of who, how and whom, with its proof to unfold."""
    steps = [f"<li>{escape(short(way.identity))}</li>"]
    for step in way.steps:
        steps.append(f'<li class="how">{escape(how(step.proof))}</li>')
        steps.append('<li class="top">administrator</li>' if step.to == ADMIN else f"<li>{escape(short(step.to))}</li>")
    if isinstance(way, Access):
        steps.append(f'<li class="how">{escape(way.granted.action)}</li>')
    if end:
        steps.append(f'<li class="top">{"administrator" if end == ADMIN else escape(end)}</li>')
    rows = "".join(
        f"<tr><td><code>{escape(g.action)}</code></td><td><code>{escape(g.resource)}</code></td><td>{escape(g.conditions)}</td>"
        f"<td>{'yes' if g.certain else 'in doubt'}</td></tr>"
        for g in proof
    )
    return (
        f'<details class="{"certain" if way.certain else "doubt"}"><summary><ul class="chain">{"".join(steps)}</ul></summary>{said}'
        f"{_table(('Action', 'Granted on', 'Conditions', 'Sure'), rows)}</details>"
    )


def _table(columns: Iterable[str], rows: str) -> str:
    heads = "".join(f'<th scope="col">{column}</th>' for column in columns)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
