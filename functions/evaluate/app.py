"""events queue -> findings -> jobs. Reads IAM, writes nothing but jobs and records."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from ringfence import wiring
from ringfence.edge import each_record, read_event
from ringfence.engine.canary import heard, is_canary
from ringfence.engine.commands import run_at_desk
from ringfence.engine.hear import hear
from ringfence.sources import normalise

log = Logger(service="evaluate")
metrics = Metrics(namespace="Ringfence", service="evaluate")


def one(body: str) -> None:
    """Judge one message; raises where it must be tried again."""
    raw = read_event(body)
    if is_canary(raw):
        metrics.add_metric(name="canary", unit="Count", value=1)
        run_at_desk(heard(wiring.settings()), wiring.desk())
        return
    for event in normalise(raw):
        judgement = wiring.evaluator().judge(event, wiring.now())
        metrics.add_metric(name=f"outcome-{judgement.outcome}", unit="Count", value=1)
        log.info(
            "judged", event_id=event.id, source=event.source, event_name=event.name, outcome=judgement.outcome, reason=judgement.reason
        )
        if jobs := run_at_desk(hear(judgement, wiring.evaluator(), wiring.settings()), wiring.desk()):
            log.info("decided", event_id=event.id, jobs={job.id: job.state for job in jobs})


@metrics.log_metrics
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an SQS batch; a message that fails goes back alone."""
    return each_record(event, one, log)
