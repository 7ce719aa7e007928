"""notices queue -> the log, and SNS where the stack has a topic. Knows no IAM, no table."""

import os
from typing import Any

import msgspec
from aws_lambda_powertools import Logger

from ringfence.clouds.aws import clients
from ringfence.edge import each_record
from ringfence.engine.canary import CANARY
from ringfence.engine.ports import Notice

log = Logger(service="notify")


def one(body: str) -> None:
    """Pass one notice on."""
    notice = msgspec.json.decode(body, type=Notice)
    log.info("notice", **msgspec.to_builtins(notice))
    if (topic := os.environ.get("ALARM_TOPIC")) and notice.title != CANARY:  # a canary that comes through is nobody's news
        subject = f"Ringfence {notice.severity}: {notice.title} ({notice.state})"[:100]
        clients.sns().publish(TopicArn=topic, Subject=subject, Message=f"{notice.text}\n\nringfence trail show {notice.job}")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an SQS batch; a notice that fails goes back alone."""
    return each_record(event, one, log)
