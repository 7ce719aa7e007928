"""ringfence trail: review the record of every act, verify it, hand it on."""

import click

from ringfence.cli.trail.export import export
from ringfence.cli.trail.list_ import list_
from ringfence.cli.trail.page import page
from ringfence.cli.trail.reconcile import reconcile
from ringfence.cli.trail.show import show
from ringfence.cli.trail.verify import verify


@click.group(name="trail")
def command() -> None:
    """Review the trail: every decision, intent, call and outcome, with what undoes it - and prove that nobody changed it.

    Every minute the records are numbered, put under a tree and signed. Whoever holds a checkpoint from outside the account, and the key,
    sees whatever was changed, taken out, put in or cut off before it.
    """


for _part in (list_, show, page, verify, reconcile, export):
    command.add_command(_part)
