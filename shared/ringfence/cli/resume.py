"""ringfence resume: the kill switch."""

import click

from ringfence.cli.main import Context
from ringfence.cli.state import stack_option
from ringfence.cli.vote import turn_switch


@click.command(name="resume")
@stack_option
@click.pass_obj
def command(context: Context, stack: str | None) -> None:
    """Lift the kill switch. Jobs that ended as `stopped` are not taken up again: what stands is judged anew by the next event.

    Where the configuration names approvers, only they may. With --stack your wish is signed with your AWS identity.
    """
    turn_switch(context, stack, stopped=False)
