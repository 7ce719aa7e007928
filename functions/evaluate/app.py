"""events queue -> findings -> jobs. Reads IAM, writes nothing but jobs and records."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from ringfence import wiring
from ringfence.edge import each_record
from ringfence.hearing import hear_message

log = Logger(service="evaluate")
metrics = Metrics(namespace="Ringfence", service="evaluate")


def count(name: str) -> None:
    """Count an outcome."""
    metrics.add_metric(name=name, unit="Count", value=1)


def one(body: str) -> None:
    """Judge one message; raises where it must be tried again."""
    hear_message(body, wiring, count, log)


@metrics.log_metrics
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an SQS batch; a message that fails goes back alone."""
    return each_record(event, one, log)
