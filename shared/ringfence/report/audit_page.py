"""The page of an audit: who is administrator, and every way up as a chain of who, how and whom."""

from collections.abc import Iterable
from html import escape
from string import Template

from ringfence.iam import Account, Climb
from ringfence.report.style import STYLE

CHAINS = """
.chain { display: inline; margin: 0; padding: 0; list-style: none; }
.chain li { display: inline-block; margin: .15rem .2rem; border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .7rem; background: var(--paper); overflow-wrap: anywhere; }
.chain li + li::before { content: "\\2192\\00a0"; color: var(--soft); } .chain .how { border-style: dashed; }
.chain .top { border-color: var(--mark); color: var(--mark); font-weight: 600; }
details { background: var(--card); border: 1px solid var(--line); border-left: .3rem solid var(--ask); border-radius: .6rem; padding: .7rem 1rem; margin: 0 0 .7rem; }
details.certain { border-left-color: var(--mark); } summary { cursor: pointer; }
summary:focus-visible { outline: 2px solid var(--act); outline-offset: 3px; } details p { color: var(--soft); margin: .6rem 0; }
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
$hygiene
<footer>This page stands alone: no scripts, nothing loaded.</footer>
</main>
</body>
</html>
""")


def page(
    account: Account, admins: tuple[str, ...], climbs: tuple[Climb, ...], unused: tuple[str, ...], without_mfa: tuple[str, ...]
) -> str:
    """Give the page as HTML. Every text in it is escaped."""
    certain = sum(c.certain and c.reaches == "admin" for c in climbs)
    figures = (
        (len(account.holders), "users and roles"),
        (len(admins), "administrators"),
        (len({c.identity for c in climbs if c.reaches == "admin"}), "could become one"),
        (certain, "certain ways to it"),
        (len(climbs) - certain, "other ways up"),
    )
    ordered = sorted(climbs, key=lambda c: (c.reaches != "admin", not c.certain))
    lists = (
        ("Not in the snapshot, and so not judged", account.missing),
        ("Roles that nobody used for long", unused),
        ("Passwords without MFA", without_mfa),
    )
    return PAGE.substitute(
        style=STYLE + CHAINS,
        admins=len(admins),
        ways=len(climbs),
        figures="".join(f"<li><b>{n}</b><span>{escape(label)}</span></li>" for n, label in figures),
        rulers=_list(admins) if admins else "<p>Nobody, by policies alone.</p>",
        climbs="".join(map(_climb, ordered)) or "<p>None was found.</p>",
        hygiene="".join(f"<h2>{escape(title)}</h2>{_list(arns)}" for title, arns in lists if arns),
    )


def _list(arns: Iterable[str]) -> str:
    return f'<ul class="plain">{"".join(f"<li><code>{escape(arn)}</code></li>" for arn in arns)}</ul>'


def _climb(climb: Climb) -> str:
    how = " + ".join(dict.fromkeys(g.action for g in climb.proof))
    steps = [f"<li>{escape(_short(climb.identity))}</li>", f'<li class="how">{escape(how)}</li>']
    steps += [f"<li>{escape(_short(arn))}</li>" for arn in climb.via]
    steps.append('<li class="top">administrator</li>' if climb.reaches == "admin" else f"<li>{escape(_short(climb.reaches))}</li>")
    rows = "".join(
        f"<tr><td><code>{escape(g.action)}</code></td><td><code>{escape(g.resource)}</code></td><td>{escape(g.conditions)}</td>"
        f"<td>{'yes' if g.certain else 'in doubt'}</td></tr>"
        for g in climb.proof
    )
    return (
        f'<details class="{"certain" if climb.certain else "doubt"}"><summary><ul class="chain">{"".join(steps)}</ul></summary>'
        f"<p>{escape(climb.path.description)} Path <code>{escape(climb.path.id)}</code>, {'certain' if climb.certain else 'in doubt'}.</p>"
        '<div class="wide"><table><thead><tr><th scope="col">Action</th><th scope="col">Granted on</th><th scope="col">Conditions</th>'
        f'<th scope="col">Sure</th></tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def _short(arn: str) -> str:
    return arn.split(":", 5)[-1]
