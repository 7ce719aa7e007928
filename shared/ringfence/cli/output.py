"""Where commands write: JSON Lines for machines, tables for people."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click
import msgspec

from ringfence.domain.inert import visible


class Output:
    """One of the two ways to answer."""

    def __init__(self, *, as_json: bool) -> None:
        """Take which one."""
        self.as_json = as_json

    def line(self, value: Mapping[str, Any]) -> None:
        """Write one JSON line. What is no Unicode (a lone surrogate in a log) is escaped."""
        sys.stdout.buffer.write(json_line(value).encode() + b"\n")

    def text(self, text: str) -> None:
        """Write for people, on stdout."""
        click.echo(text)

    def aside(self, text: str) -> None:
        """Write for people, on stderr: progress and warnings."""
        click.echo(text, err=True)

    def table(self, columns: Iterable[str], rows: Iterable[Iterable[object]], empty: str) -> None:
        """Write a table, or a sentence where there is nothing to show. A cell that is a tuple has a line for each part."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for number, column in enumerate(columns):
            table.add_column(column, no_wrap=number == 0, overflow="fold")
        for row in rows:
            table.add_row(*(Text("\n".join(visible(str(part)) for part in (cell if isinstance(cell, tuple) else (cell,)))) for cell in row))
        if table.row_count:
            Console().print(table)
        else:
            click.echo(empty)


def json_line(value: Mapping[str, Any]) -> str:
    """Give a value as one line of JSON."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        import json

        return json.dumps(msgspec.to_builtins(value))
