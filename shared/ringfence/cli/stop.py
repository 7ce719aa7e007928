"""ringfence stop: the kill switch."""

import click

from ringfence.cli.main import Context
from ringfence.cli.state import stack_option
from ringfence.cli.vote import turn_switch


@click.command(name="stop")
@stack_option
@click.pass_obj
def command(context: Context, stack: str | None) -> None:
    """Set the kill switch: no mutating call starts from now on. What is in flight is found and closed; jobs that would act end as `stopped`.

    The switch is read before each call, and one that cannot be read counts as set. With --stack your wish is signed with your AWS
    identity. Giving back a permission with your own credentials (`ringfence undo`) stays possible. `ringfence resume` lifts it.
    """
    turn_switch(context, stack, stopped=True)
