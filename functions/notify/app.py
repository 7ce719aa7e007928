"""notices queue -> the log, and SNS and Security Hub where the stack has them. Knows no IAM, no table."""

import os
from typing import Any

import msgspec
from aws_lambda_powertools import Logger

from ringfence.clouds.aws import clients, security_hub
from ringfence.domain.record import NO_JOB
from ringfence.edge import each_record
from ringfence.engine.canary import CANARY
from ringfence.engine.ports import Notice

log = Logger(service="notify")


def one(body: str) -> None:
    """Pass one notice on."""
    notice = msgspec.json.decode(body, type=Notice)
    log.info("notice", **msgspec.to_builtins(notice))
    if notice.title == CANARY:
        return  # a canary that comes through is nobody's news
    if (place := os.environ.get("SECURITY_HUB")) and notice.job != NO_JOB:
        security_hub.send(notice, *place.split("/"))  # first: sending it again changes nothing, and people are told once
    if topic := os.environ.get("ALARM_TOPIC"):
        subject = f"Ringfence {notice.severity}: {notice.title} ({notice.state})"[:100]
        more = "ringfence trail verify" if notice.job == NO_JOB else f"ringfence trail show {notice.job}"
        clients.sns().publish(TopicArn=topic, Subject=subject, Message=f"{notice.text}\n\n{more}")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an SQS batch; a notice that fails goes back alone."""
    return each_record(event, one, log)
