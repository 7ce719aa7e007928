"""Every minute: the sweep, a census when it is due, once a day the look for access that nobody uses, and the canary; dead letters by push.

Reads IAM, changes nothing there. One chore that fails does not keep the others from being done.
"""

from typing import TYPE_CHECKING

from ringfence import wiring_gcp as wiring
from ringfence.chores import announce, each_chore, one_by_one, sealing
from ringfence.chores_gcp import census_if_due, excess_if_due, lay_to_rest, listen, readable, unsearched_all
from ringfence.edge_gcp import Answer, GoogleLog, pushed
from ringfence.engine.commands import run_at_desk
from ringfence.engine.sweep import overdue, take_up, tell_again, untold

if TYPE_CHECKING:
    from flask import Request

log = GoogleLog("review")


def tick() -> None:
    """Do each chore, what may take long last; say how much there was to do."""
    desk = wiring.desk()
    each_chore(
        {
            "ToldAgain": lambda: one_by_one(run_at_desk(untold(), desk), lambda told: run_at_desk(tell_again(told), desk), log),
            "TakenUp": lambda: one_by_one(
                run_at_desk(overdue(), desk), lambda job: run_at_desk(take_up(job.id, wiring.settings()), desk), log
            ),
            "Loaded": lambda: announce(wiring.store(), wiring.settings(), wiring.now()),
            "Sealing": lambda: sealing(wiring.store(), wiring.now()),
            "Canaries": lambda: listen(desk),
            "Unsearched": lambda: unsearched_all(desk),
            "Readable": lambda: readable(wiring.store(), wiring.now()),
            "Censuses": lambda: census_if_due(wiring.store(), wiring.reader(), wiring.settings(), wiring.now(), log),
            "Excess": lambda: excess_if_due(wiring, log),
        },
        lambda name, count: log.info("counted", metric=name, count=count),
        log,
    )


def main(request: "Request") -> Answer:
    """Take the minute's call, or a dead letter."""
    return pushed(request, wiring.gate(), lambda body: lay_to_rest(body, wiring, log), tick, log)
