"""A vote -> a decided job: signed by Slack. Writes approvals, has no rights on IAM. Who is voting is what Slack's signature says."""

from typing import TYPE_CHECKING

from ringfence import wiring_gcp as wiring
from ringfence.chat.slack_desk import SlackDesk
from ringfence.edge_gcp import GoogleLog, url_event

if TYPE_CHECKING:
    from flask import Request

log = GoogleLog("approve")


def main(request: "Request") -> tuple[str, int, dict[str, str]]:
    """Take a request of Slack; whatever else comes gets a status and no word."""
    desk = SlackDesk(wiring.settings(), wiring.signing, wiring.chat, wiring.desk, wiring.threads, log)
    said = desk.handle(url_event(request, request.method), wiring.now())
    return said["body"], said["statusCode"], said.get("headers", {})
