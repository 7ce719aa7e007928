"""Every minute: the sweep, the search for what contained identities left behind, dead letters, a census when it is due, and the canary.

Reads IAM and CloudTrail, changes nothing there. One chore that fails does not keep the others from being done.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from ringfence import wiring
from ringfence.chores import announce, each_chore, one_by_one, sealing
from ringfence.chores_aws import bury_all, census_if_due, listen, look_for_traces
from ringfence.engine.commands import run_at_desk
from ringfence.engine.sweep import overdue, take_up, tell_again, untold

log = Logger(service="review")
metrics = Metrics(namespace="Ringfence", service="review")


@metrics.log_metrics
def handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Do each chore; say how much there was to do."""
    desk, queues = wiring.desk(), os.environ["DEAD_LETTERS"].split(",")
    return each_chore(
        {
            "ToldAgain": lambda: one_by_one(run_at_desk(untold(), desk), lambda told: run_at_desk(tell_again(told), desk), log),
            "TakenUp": lambda: one_by_one(
                run_at_desk(overdue(), desk), lambda job: run_at_desk(take_up(job.id, wiring.settings()), desk), log
            ),
            "DeadLetters": lambda: bury_all(queues, desk, wiring.settings(), log),
            "Censuses": lambda: census_if_due(log),
            "Loaded": lambda: announce(wiring.store(), wiring.settings(), wiring.now()),
            "Sealing": lambda: sealing(wiring.store(), wiring.now()),
            "Canaries": lambda: listen(desk, os.environ["RULES"].split(",")),
            "Searched": lambda: look_for_traces(desk, wiring.history(), wiring.settings(), log),  # last: it takes longest
        },
        lambda name, count: metrics.add_metric(name=name, unit="Count", value=count),
        log,
    )
