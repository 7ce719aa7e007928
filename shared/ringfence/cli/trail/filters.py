"""The options by which a command narrows the trail down."""

from collections.abc import Callable
from typing import Any

import click

from ringfence.cli.check import Time
from ringfence.engine.trail.story import Filter

WORDS = (
    ("identity", "ARN or unique id, or a part of it."),
    ("guardrail", "Guardrail or playbook, or a part of its id."),
    ("project", "Project."),
    ("approver", "Who approved."),
    ("outcome", "State in which the job ended, or `open`."),
)


def filter_options[F: Callable[..., Any]](function: F) -> F:
    """Add the options; the command takes them as `**wanted`."""
    options = [click.option(f"--{name}", default="", metavar="TEXT", help=text) for name, text in WORDS]
    options += [
        click.option("--since", type=Time(), metavar="ISO", help="What went on at this time or later (UTC)."),
        click.option("--until", type=Time(), metavar="ISO", help="What began before this time (UTC)."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def filter_of(wanted: dict[str, Any]) -> Filter | None:
    """Give the filter that somebody asked for, None where they asked for everything."""
    return Filter(**wanted) if any(wanted.values()) else None
