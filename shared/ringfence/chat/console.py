"""Asking the person at the console."""

import sys

import click

from ringfence.domain.job import Job


def inert(text: str) -> str:
    """Show attacker-written text inertly: control, bidi and other invisible characters are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def show(job: Job) -> None:
    """Show what would be done, to whom, why, how it is undone, and until when to decide."""
    click.echo(f"\n  {click.style(job.severity.upper(), fg='red', bold=True)} {inert(job.reason)}")
    for step in job.plan.steps:
        click.echo(
            f"    would call {step.call.operation} on {inert(job.plan.target.name)} ({step.action}); undone by {step.inverse.operation}"
        )
    click.echo(f"    plan {job.plan.digest[:16]}, decide by {job.expires:%H:%M} UTC")


def ask() -> bool | None:
    """Ask for a yes or a no; None where nobody is there to answer."""
    return click.confirm("    Approve?", default=True) if sys.stdin.isatty() else None
