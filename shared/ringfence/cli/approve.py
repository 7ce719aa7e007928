"""ringfence approve: a vote on a pending job."""

import click

from ringfence.cli.main import Context
from ringfence.cli.vote import cast, vote_options


@click.command(name="approve")
@click.argument("job", metavar="ID")
@vote_options
@click.pass_obj
def command(context: Context, job: str, stack: str | None, plan: str, reason: str) -> None:
    """Approve a pending job: its plan is carried out as it was shown, byte for byte.

    With --stack the vote is signed with your AWS identity, and STS says who you are: whoever caused the event, the target itself,
    and whoever is no approver have no vote. Without it the job is one of this machine.
    """
    cast(context, job, stack, plan, reason, approve=True)
