"""A vote -> a decided job: signed by Slack. Writes approvals, has no rights on IAM. Who is voting is what Slack's signature says."""

from typing import TYPE_CHECKING

from ringfence import wiring_gcp as wiring
from ringfence.chat.slack_desk import SlackDesk
from ringfence.edge_gcp import GoogleLog, too_large, url_event

if TYPE_CHECKING:
    from flask import Request, Response

log = GoogleLog("approve")


def main(request: "Request") -> "Response | tuple[str, int, dict[str, str]]":
    """Take a request of Slack; whatever else comes gets a status and no word."""
    event = url_event(request, request.method)
    if event is None:
        log.warning("refused", reason="it is too large to be Slack's")
        return too_large()
    desk = SlackDesk(wiring.settings(), wiring.signing, wiring.chat, wiring.desk, wiring.threads, log)
    said = desk.handle(event, wiring.now())
    return said["body"], said["statusCode"], said.get("headers", {})
