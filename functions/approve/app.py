"""A signed vote -> a decided job. Writes approvals, has no rights on IAM. Who is voting is what STS says, not what the caller says."""

import os
from typing import Any

from aws_lambda_powertools import Logger

from ringfence import wiring
from ringfence.clouds.aws.caller import Ballot, caller_of
from ringfence.edge import refusal
from ringfence.engine.approve import Vote, vote
from ringfence.engine.commands import run_at_desk
from ringfence.engine.switch import turn
from ringfence.errors import RefusedError, RingfenceError

log = Logger(service="approve")


def switch(ballot: Ballot) -> dict[str, Any]:
    """Turn the kill switch."""
    by = caller_of(ballot, os.environ["TABLE"], wiring.now())
    turned = turn(wiring.store(), by, wiring.settings(), wiring.now(), stopped=ballot.wish == "stop")
    log.info("switch", stopped=turned.stopped, by=turned.by)
    return {"state": "stopped" if turned.stopped else "running", "by": turned.by}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Count one vote."""
    try:
        ballot = Ballot.of(event)
        if ballot.wish in ("stop", "resume"):
            return switch(ballot)
        if ballot.wish not in ("approve", "deny"):
            raise RefusedError("this function counts votes and turns the kill switch, no more", "Use `ringfence undo`")
        voter = caller_of(ballot, os.environ["TABLE"], wiring.now())
        wish = Vote(job=ballot.job, approve=ballot.wish == "approve", shown=ballot.shown, reason=ballot.reason)
        job = run_at_desk(vote(wish, voter, wiring.settings()), wiring.desk())
    except RingfenceError as error:
        return refusal(error, log)
    log.info("voted", job=job.id, state=job.state, voter=voter.name)
    return {"job": job.id, "state": job.state}
