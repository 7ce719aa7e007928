"""Jobs by push of Pub/Sub or as a task -> apply | verify. The only writer of IAM.

A message carries the id of a stored job, never a plan: whatever else is sent does nothing but get logged.
"""

from typing import TYPE_CHECKING

from ringfence import wiring_gcp as wiring
from ringfence.edge_gcp import Answer, GoogleLog, nothing, pushed
from ringfence.responding import work_on

if TYPE_CHECKING:
    from flask import Request

log = GoogleLog("respond")


def main(request: "Request") -> Answer:
    """Take a push or a task."""
    return pushed(request, wiring.gate(), lambda body: work_on(body, wiring.responder(), log), nothing, log)
