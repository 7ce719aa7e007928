"""ringfence deny: a vote on a pending job."""

import click

from ringfence.cli.main import Context
from ringfence.cli.state import stack_option
from ringfence.cli.vote import cast


@click.command(name="deny")
@click.argument("job", metavar="ID")
@stack_option
@click.pass_obj
def command(context: Context, job: str, stack: str | None) -> None:
    """Deny a pending job: it ends, and nothing is changed.

    With --stack the vote is signed with your AWS identity, and STS says who you are: whoever caused the event, the target itself,
    and whoever is no approver have no vote. Without it the job is one of this machine.
    """
    cast(context, job, stack, approve=False)
