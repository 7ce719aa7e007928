"""Asking the person at the console: the same card as in a chat, for a terminal."""

import sys
import textwrap

import click

from ringfence.domain.card import Card

WIDTH = 110


def show(card: Card) -> None:
    """Show a card: what would be done, to whom, why, how it is undone, what may break, and until when to decide."""
    grave = card.title.startswith(("CRITICAL", "HIGH"))
    click.echo(f"\n  {click.style(card.title, fg='red' if grave else 'yellow', bold=True)}")
    for warning in card.warnings:
        click.echo(f"    {click.style(warning, fg='red')}")
    for line in card.lines:
        first, *rest = textwrap.wrap(line.text, WIDTH - 20) or [""]
        click.echo(f"    {click.style(f'{line.label:<15}', fg='bright_black')} {first}")
        for more in rest:
            click.echo(f"{'':20}{more}")
    click.echo(f"    {click.style(card.footer, fg='bright_black')}")


def ask() -> bool | None:
    """Ask for a yes or a no; None where nobody is there to answer."""
    return click.confirm("    Approve?", default=True) if sys.stdin.isatty() else None
