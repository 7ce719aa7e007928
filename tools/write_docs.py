"""Writes the generated pages: reference of guardrails, actions, configuration and commands, and the drawing of a job's states.

A test compares what is committed with what this writes, so that the pages cannot drift. Usage: python tools/write_docs.py.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "shared"))

from ringfence.actions import ACTIONS  # noqa: E402 - the package lies in shared/
from ringfence.cli.explain import action, guardrail  # noqa: E402
from ringfence.cli.main import COMMANDS, root  # noqa: E402
from ringfence.config import Config  # noqa: E402
from ringfence.domain.job import EDGES, TERMINAL  # noqa: E402
from ringfence.guardrails import GUARDRAILS  # noqa: E402

GUARDED = "What is judged, and by what. `ringfence explain ID` shows the same. The mappings to frameworks are a help, no certification."
ACTED = "What can be done to somebody. Each step is one call with its inverse."
NOTE = "<!-- written by tools/write_docs.py; change the source, then `make docs` -->\n"


def pages() -> dict[str, str]:
    """Give every generated page by its path below docs/."""
    return {
        "reference/guardrails.md": NOTE + _index("Guardrails and playbooks", GUARDED, "guardrails", [guardrail(g) for g in GUARDRAILS]),
        "reference/actions.md": NOTE + _index("Actions", ACTED, "actions", [action(a) for a in ACTIONS]),
        **{f"reference/guardrails/{g.id}.md": NOTE + _unit(guardrail(g)) for g in GUARDRAILS},
        **{f"reference/actions/{a.id}.md": NOTE + _unit(action(a)) for a in ACTIONS},
        "reference/commands.md": NOTE + "# Commands\n\n" + "\n".join(_commands()),
        "reference/configuration.md": NOTE + _configuration(),
        "job-states.md": NOTE + _states(),
    }


def _index(title: str, text: str, folder: str, found: list[dict[str, Any]]) -> str:
    rows = [f"| [`{p['id']}`]({folder}/{p['id']}.md) | {p['title']} | {p.get('severity') or p.get('class')} |" for p in found]
    return f"# {title}\n\n{text}\n\n| | | |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _unit(page: dict[str, Any]) -> str:
    rows = []
    for key, value in page.items():
        if key in ("id", "title", "why it matters") or value == []:
            continue
        text = "<br>".join(f"`{item}`" if " " not in item else item for item in value) if isinstance(value, list) else str(value)
        rows.append(f"| {key} | {text.replace('|', chr(92) + '|')} |")
    why = f"{page['why it matters']}\n\n" if "why it matters" in page else ""
    return f"# {page['id']}\n\n{page['title']}.\n\n{why}| | |\n|---|---|\n" + "\n".join(rows) + "\n"


def _commands() -> Iterator[str]:
    context = click.Context(root, info_name="ringfence", max_content_width=100)
    yield f"```text\n{root.get_help(context)}\n```\n"
    for name, _, _ in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        yield from _help(command, name, context)


def _help(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100)
    yield f"## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            yield from _help(found, sub, context)


def _configuration() -> str:
    schema = Config.model_json_schema()
    lines = ["# Configuration\n\nOne YAML file, right when it is absent. Unknown keys are errors; patterns are globs (`*`, `?`).\n"]
    for name, model in (("(the file)", schema), *sorted(schema["$defs"].items())):
        if "properties" not in model:
            values = ", ".join(f"`{v}`" for v in model["enum"])
            lines.append(f"## {name}\n\n{model.get('description', '')} One of {values}.\n")
            continue
        rows = [
            f"| `{key}` | {_type(field)} | {_default(field, key in model.get('required', ()))} | {field.get('description', '')} |"
            for key, field in model["properties"].items()
        ]
        lines.append(
            f"## {name}\n\n{model.get('description', '')}\n\n| key | type | default | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(lines)


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    if "enum" in field:
        return ", ".join(f"`{v}`" for v in field["enum"])
    return str(field.get("const", field.get("type", "any")))


def _default(field: dict[str, Any], required: bool) -> str:  # noqa: FBT001 - of a property
    if required:
        return "**needed**"
    default = field.get("default")
    return "" if default in (None, [], {}) or isinstance(default, dict) else f"`{default}`"


def _states() -> str:
    drawn = [f"    {_id(a)} --> {_id(b)}" for a, targets in EDGES.items() for b in sorted(targets) if a is not b]
    starts = ["    [*] --> pending: asks", "    [*] --> approved: acts"]
    ends = [f"    {_id(state)} --> [*]" for state in sorted(TERMINAL)]
    names = [f'    state "{state}" as {_id(state)}' for state in sorted({*EDGES, *TERMINAL}) if "-" in state]
    drawing = "\n".join(["stateDiagram-v2", *names, *starts, *drawn, *ends])
    rows = "\n".join(f"| {a} | {b} | {why} |" for a, targets in EDGES.items() for b, why in targets.items())
    text = "# A job's states\n\nDrawn from `EDGES` in `shared/ringfence/domain/job.py`, the one table of what may follow what. A job begins"
    text += (
        "\npending (it asks), approved (it acts), or at an end (it is only observed, or out of reach). Every end has one `closed` record."
    )
    return f"{text}\n\n```mermaid\n{drawing}\n```\n\n| from | to | when |\n|---|---|---|\n{rows}\n"


def _id(state: str) -> str:
    return state.replace("-", "_")


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        path = ROOT / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
