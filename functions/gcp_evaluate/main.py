"""Events by push of Pub/Sub -> findings -> jobs. Reads IAM, writes nothing but jobs and records."""

from typing import TYPE_CHECKING

from ringfence import wiring_gcp as wiring
from ringfence.edge_gcp import Answer, GoogleLog, nothing, pushed

if TYPE_CHECKING:
    from flask import Request

log = GoogleLog("evaluate")


def one(body: str) -> None:
    """Judge one message; raises where it must be sent again. The judge is loaded with the first: Cloud Run sends none before the port is open."""
    from ringfence.hearing import hear_message

    hear_message(body, wiring, lambda name: log.info("counted", metric=name), log)


def main(request: "Request") -> Answer:
    """Take a push: of Pub/Sub as it is, or as a CloudEvent."""
    return pushed(request, wiring.gate(), one, nothing, log)
