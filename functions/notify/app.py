"""notices queue -> the log, the chat, SNS and Security Hub, where the stack has them. Every minute: what the chat is still owed.

Reads jobs, to show them as they stand; writes nothing but its own memory of messages. Knows no IAM.
"""

import os
from typing import Any

import msgspec
from aws_lambda_powertools import Logger

from ringfence import wiring
from ringfence.clouds.aws import clients, security_hub
from ringfence.domain.record import NO_JOB
from ringfence.edge import each_record
from ringfence.engine.canary import CANARY
from ringfence.engine.ports import Notice
from ringfence.engine.tell import Teller

log = Logger(service="notify")


def publish(notice: Notice, why: str) -> None:
    """Tell SNS; `why` says why the chat does not, empty where it does."""
    if why:
        log.warning("the chat is not reached", reason=why, job=notice.job)
    if topic := os.environ.get("ALARM_TOPIC"):
        subject = f"Ringfence {notice.severity}: {notice.title} ({notice.state})"[:100]
        more = "ringfence trail verify" if notice.job == NO_JOB else f"ringfence trail show {notice.job}, ringfence approve {notice.job}"
        text = f"{notice.text}\n\n{more}" + (f"\n\nThe chat is not reached: {why}" if why else "")
        clients.sns().publish(TopicArn=topic, Subject=subject, Message=text)


def teller() -> Teller:
    """Give who tells the chat."""
    return Teller(wiring.settings(), wiring.store(), wiring.threads(), wiring.chat(), wiring.now, publish)


def one(body: str) -> None:
    """Pass one notice on."""
    notice = msgspec.json.decode(body, type=Notice)
    log.info("notice", **msgspec.to_builtins(notice))
    if notice.title == CANARY:
        return  # a canary that comes through is nobody's news
    if (place := os.environ.get("SECURITY_HUB")) and notice.job != NO_JOB:
        security_hub.send(notice, *place.split("/"))  # first: sending it again changes nothing, and people are told once
    if wiring.settings().slack is None:
        publish(notice, "")
    elif teller().tell(notice) and notice.page:
        publish(notice, "")  # the chat has it, and somebody has to look now


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take an SQS batch - a notice that fails goes back alone -, or the minute's call."""
    if "Records" in event:
        return each_record(event, one, log)
    return {"owed": teller().catch_up() if wiring.settings().slack is not None else 0}
