"""A vote -> a decided job: signed by Slack over the function URL, or by an AWS identity. Writes approvals, has no rights on IAM.

Who is voting is what Slack's signature, or STS, says; never what the caller says.
"""

import os
from typing import Any

from aws_lambda_powertools import Logger

from ringfence import wiring
from ringfence.chat.slack_desk import SlackDesk
from ringfence.clouds.aws.caller import Ballot, caller_of
from ringfence.edge import refusal
from ringfence.engine.approve import Vote, vote
from ringfence.engine.commands import run_at_desk
from ringfence.engine.switch import news, turn
from ringfence.errors import RefusedError, RingfenceError

log = Logger(service="approve")


def switch(ballot: Ballot) -> dict[str, Any]:
    """Turn the kill switch."""
    by = caller_of(ballot, os.environ["TABLE"], wiring.now())
    turned = turn(wiring.store(), by, wiring.settings(), wiring.now(), stopped=ballot.wish == "stop")
    wiring.queue().notice(news(turned))
    log.info("switch", stopped=turned.stopped, by=turned.by)
    return {"state": "stopped" if turned.stopped else "running", "by": turned.by}


def signed(event: dict[str, Any]) -> dict[str, Any]:
    """Count the vote of an AWS identity, or turn the switch for it."""
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


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take a request of the function URL, or a direct call."""
    if "requestContext" in event:  # only the URL's own envelope has it at the top
        return SlackDesk(wiring.settings(), wiring.signing, wiring.chat, wiring.desk, wiring.threads, log).handle(event, wiring.now())
    return signed(event)
