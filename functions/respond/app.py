"""jobs.fifo and later -> apply | verify; direct call by an operator -> undo. The only writer of IAM.

A message carries the id of a stored job, never a plan: whatever else is sent does nothing but get logged.
"""

import os
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

from ringfence import wiring
from ringfence.clouds.aws.caller import Ballot, caller_of
from ringfence.domain.caller import Caller
from ringfence.edge import each_record
from ringfence.responding import answer_operator, work_on

log = Logger(service="respond")


def one(body: str) -> None:
    """Work on one job; raises where it must be tried again."""
    work_on(body, wiring.responder(), log)


def caller(asked: Mapping[str, Any]) -> Caller:
    """Say who asks, by what STS says of the proof."""
    return caller_of(Ballot.of(asked), os.environ["TABLE"], wiring.now())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an SQS batch, or an operator's call."""
    if "Records" in event:
        return each_record(event, one, log)
    return answer_operator(event, wiring.responder(), caller, log)
