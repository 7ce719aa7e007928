"""Notices by push of Pub/Sub -> the log and the chat. Every minute: what the chat is still owed.

Reads jobs, to show them as they stand; writes nothing but its own memory of messages. Knows no IAM.
"""

from typing import TYPE_CHECKING

import msgspec

from ringfence import wiring_gcp as wiring
from ringfence.edge_gcp import Answer, GoogleLog, pushed
from ringfence.engine.canary import CANARY
from ringfence.engine.ports import Notice
from ringfence.engine.tell import Teller

if TYPE_CHECKING:
    from flask import Request

log = GoogleLog("notify")


def aloud(notice: Notice, why: str) -> None:
    """Tell the log, at a severity that an alert hears; `why` says why the chat does not, empty where it does."""
    log.warning("a notice for people", reason=why, notice=msgspec.to_builtins(notice))


def teller() -> Teller:
    """Give who tells the chat."""
    return Teller(wiring.settings(), wiring.store(), wiring.threads(), wiring.chat(), wiring.now, aloud)


def one(body: str) -> None:
    """Pass one notice on."""
    notice = msgspec.json.decode(body, type=Notice)
    log.info("notice", notice=msgspec.to_builtins(notice))
    if notice.title == CANARY:
        return  # a canary that comes through is nobody's news
    if wiring.settings().slack is None:
        aloud(notice, "")
    elif teller().tell(notice) and notice.page:
        aloud(notice, "")  # the chat has it, and somebody has to look now


def owed() -> None:
    """Send what the chat is still owed."""
    if wiring.settings().slack is not None:
        log.info("owed", messages=teller().catch_up())


def main(request: "Request") -> Answer:
    """Take a push, or the minute's call."""
    return pushed(request, wiring.gate(), one, owed, log)
