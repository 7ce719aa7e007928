"""Every minute: records that have no number into a locked segment, under the tree and a signature; the checkpoint of the day to people.

Reads the database, writes the archive, signs. No rights on IAM; cannot change a record, or delete anything.
"""

from typing import TYPE_CHECKING

from ringfence import wiring_gcp as wiring
from ringfence.edge_gcp import Answer, GoogleLog, pushed
from ringfence.engine.trail.seal import beat, seal, send_out
from ringfence.errors import RefusedError

if TYPE_CHECKING:
    from flask import Request

log = GoogleLog("seal")


def tick() -> None:
    """Seal what is new; raises where the trail cannot be continued, which is somebody's to look at."""
    at = seal(wiring.store(), wiring.archive(), wiring.signer())
    beat(at, wiring.store(), wiring.now())
    told = send_out(at, wiring.archive(), wiring.queue(), wiring.now())
    log.info("sealed", size=at.edge.size, checkpoint=at.note, told=told)


def one(_body: str) -> None:
    """Refuse a message: only a schedule calls here."""
    raise RefusedError("this function takes the calls of its schedule alone", "See deploy/gcp/")


def main(request: "Request") -> Answer:
    """Take the minute's call."""
    return pushed(request, wiring.gate(), one, tick, log)
