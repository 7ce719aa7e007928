"""Jobs by push of Pub/Sub or as a task -> apply | verify. The only writer of IAM.

A message carries the id of a stored job, never a plan: whatever else is sent does nothing but get logged.
"""

from typing import TYPE_CHECKING

from ringfence import wiring_gcp as wiring
from ringfence.edge_gcp import Answer, GoogleLog, nothing, pushed

if TYPE_CHECKING:
    from flask import Request

log = GoogleLog("respond")


def one(body: str) -> None:
    """Work on one job; raises where it must be sent again. What does it is loaded with the first: Cloud Run sends none before the port is open."""
    from ringfence.responding import work_on

    work_on(body, wiring.responder(), log)


def main(request: "Request") -> Answer:
    """Take a push or a task."""
    return pushed(request, wiring.gate(), one, nothing, log)
