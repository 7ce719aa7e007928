"""ringfence explain: what a guardrail, an action, an escalation path or the action catalogue is, and why."""

import difflib
from typing import Any

import click

from ringfence.actions import ACTIONS, Action
from ringfence.cli.main import Context
from ringfence.cli.policy_google import WHOM
from ringfence.domain.finding import Guardrail
from ringfence.domain.plan import ActionClass
from ringfence.errors import UsageError
from ringfence.guardrails import GUARDRAILS
from ringfence.iam import Path, paths
from ringfence.iam.catalogue import catalogue, size
from ringfence.iam.google import Path as GooglePath
from ringfence.iam.google import paths as google_paths

ACTION = {unit.id: unit for unit in ACTIONS}


@click.command(name="explain")
@click.argument("name", metavar="[ID]", required=False)
@click.pass_obj
def command(context: Context, name: str | None) -> None:
    """Explain a guardrail, a playbook, an action or an escalation path by its id; without an id, list them.

    A guardrail: what it hears, why it matters, what is done and undone, how to exempt, where it stands in the frameworks. An action: what it does, what it may hurt, how it is undone. A path: what it needs, and whom
    it reaches; those of Google Cloud are `gcp-` and a number. `catalogue`: the date and the sources of the list of AWS's actions that policies are judged by.
    """
    pages = [*(guardrail(g) for g in GUARDRAILS), *(action(a) for a in ACTIONS), *(path(p) for p in paths())]
    pages += [*(google_path(p) for p in google_paths()), actions()]
    if name is not None:
        known = [page["id"] for page in pages]
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise UsageError(
                f"there is nothing named {name}", f"Did you mean {close[0]}?" if close else "`ringfence explain` lists what there is"
            )
        pages = [page for page in pages if page["id"] == name]
    if context.output.as_json:
        for page in pages:
            context.output.line(page)
    elif name is None:
        context.output.table(("id", "kind", "title"), ((p["id"], p["kind"], p["title"]) for p in pages), "nothing")
    else:
        context.output.text(text(pages[0]))


def guardrail(unit: Guardrail) -> dict[str, Any]:
    """Give what there is to know about a guardrail or playbook."""
    actions = [ACTION[name] for name in unit.actions]
    correlates = {"within": f"{int(unit.window.total_seconds() // 60)} minutes", "follows": list(unit.follows)} if unit.window else {}
    return {
        "id": unit.id,
        "kind": "playbook" if unit.window else "guardrail",
        "title": unit.title,
        "severity": unit.severity,
        "why it matters": unit.why,
        "hears": sorted({f"{t.source} {t.name}" for t in unit.triggers}),
        **correlates,
        "does": [f"{a.id} ({a.action_class}): {_modes(a)}" for a in actions] or ["tells people; nothing of ours can undo it"],
        "before and after": [f"{a.before} -> {a.after}" for a in actions],
        "undo": [f"{a.id}: {a.undo}" for a in actions],
        "exempt": f"{{guardrail: {unit.id}, principal: user/NAME, reason: WHY, until: DATE}} under `exceptions` of the project",
        "false positives": unit.false_positives,
        "ATT&CK": list(unit.standards.attack),
        "ATLAS": list(unit.standards.atlas),
        "CIS": list(unit.standards.cis),
        "NIST SP 800-53": list(unit.standards.nist),
    }


def _modes(unit: Action) -> str:
    """Say what the modes make of an action."""
    if unit.action_class is ActionClass.REVERSAL:
        return "acts on a fresh change in graduated and strict, else asks"
    return "asks in graduated; in strict it acts where the finding is critical and sure"


def action(unit: Action) -> dict[str, Any]:
    """Give what there is to know about an action."""
    return {
        "id": unit.id,
        "kind": "action",
        "title": unit.title,
        "class": unit.action_class,
        "before and after": f"{unit.before} -> {unit.after}",
        "impact": unit.impact,
        "undo": unit.undo,
        "modes": _modes(unit),
        "permissions": [
            p.action + (f" (only {p.limited_to})" if p.limited_to else "") + (" (only with full powers)" if p.powers == "full" else "")
            for p in unit.writes
        ],
        "used by": [g.id for g in GUARDRAILS if unit.id in g.actions],
    }


def path(unit: Path) -> dict[str, Any]:
    """Give what there is to know about an escalation path."""
    return {
        "id": unit.id,
        "kind": "path",
        "title": unit.description,
        "actions": list(unit.actions),
        **({"passes a role to": unit.passes} if unit.passes else {}),
        "certain": "when every action is granted on everything" if unit.certain else "never: it depends on the account",
        "source": unit.source,
    }


def google_path(unit: GooglePath) -> dict[str, Any]:
    """Give what there is to know about an escalation path of Google Cloud."""
    surely = "when every permission is granted on the project or above, under no condition that may fail, and none is denied"
    never = "never: it follows from what the permissions mean" if unit.inferred else "never: it depends on the project"
    return {
        "id": unit.id,
        "kind": "path",
        "title": f"{unit.name}: {unit.description}",
        "permissions": list(unit.all),
        ("and one of" if unit.all else "one of"): list(unit.any),
        "opens by a grant on": list(unit.scope),
        "leads to": f"{unit.category}: no more permissions, but harm" if unit.misuse else WHOM[unit.category],
        "certain": surely if unit.certain and not unit.inferred else never,
        "source": unit.source,
    }


def actions() -> dict[str, Any]:
    """Give what there is to know about the action catalogue."""
    found = catalogue()
    return {
        "id": "catalogue",
        "kind": "catalogue",
        "title": f"{size()} actions of {len(found.services)} AWS services",
        "date": found.date,
        "source": found.source,
    }


def text(page: dict[str, Any]) -> str:
    """Lay a page out for reading."""
    lines = [f"{page['id']}  ({page['kind']})", page["title"], ""]
    for key, value in page.items():
        if key in ("id", "kind", "title") or value == []:
            continue
        if isinstance(value, list):
            lines += [f"{key}:", *(f"  {item}" for item in value)]
        else:
            lines.append(f"{key}: {value}")
    return "\n".join(lines)
