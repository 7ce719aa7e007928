"""ringfence deny: a vote on a pending job."""

import click

from ringfence.cli.main import Context
from ringfence.cli.vote import cast, vote_options


@click.command(name="deny")
@click.argument("job", metavar="ID")
@vote_options
@click.pass_obj
def command(context: Context, job: str, stack: str | None, plan: str, reason: str) -> None:
    """Deny a pending job: it ends, and nothing is changed.

    With --stack the vote is signed with your AWS identity, and STS says who you are: whoever caused the event, the target itself,
    and whoever is no approver have no vote. Without it the job is one of this machine.
    """
    cast(context, job, stack, plan, reason, approve=False)
