"""Every minute: records that have no number into a locked segment, under the tree and a signature; the checkpoint of the day to people.

Reads the table, writes the archive, signs. No rights on IAM; cannot change a record, or delete anything.
"""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from ringfence import wiring
from ringfence.engine.trail.seal import beat, seal, send_out

log = Logger(service="seal")
metrics = Metrics(namespace="Ringfence", service="seal")


@metrics.log_metrics
def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Seal what is new; raises where the trail cannot be continued, which is somebody's to look at."""
    at = seal(wiring.store(), wiring.archive(), wiring.signer())
    beat(at, wiring.store(), wiring.now())
    told = send_out(at, wiring.archive(), wiring.queue(), wiring.now())
    metrics.add_metric(name="Sealed", unit="Count", value=at.edge.size)
    log.info("sealed", size=at.edge.size, checkpoint=at.note, told=told)
    return {"size": at.edge.size, "told": told}
