"""What CloudTrail remembers of the last 90 days: management events, by one attribute at a time (CloudTrail API Reference, "LookupEvents").

Two requests a second per account and region, 50 events a page. Events of global services (IAM, STS's global endpoint) are kept in
the region of the partition where those services live, all others where they happened: both places are asked.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

PAUSE = 0.5  # seconds between two requests
PAGES = 20  # of one lookup: 1,000 events; what comes after them is older


class CloudTrailHistory:
    """The history port over CloudTrail."""

    def __init__(
        self, client: "Callable[[], Iterable[CloudTrailClient]]" = clients.cloudtrails, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Take the getter of the clients, one per region, and what waits between two requests."""
        self._clients = client
        self._sleep = sleep

    def lookup(self, attribute: str, value: str, since: datetime) -> tuple[Mapping[str, Any], ...]:
        """Give the records since a time whose attribute has the value, each once. Raises UpstreamError where CloudTrail does not answer."""
        found: dict[str, Mapping[str, Any]] = {}
        with upstream(f"looking up {attribute} {value} in CloudTrail"):
            for client in self._clients():
                for record in self._pages(client, attribute, value, since):
                    found.setdefault(str(record.get("eventID")), record)
        return tuple(found.values())

    def _pages(self, client: "CloudTrailClient", attribute: str, value: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        asked: Any = {"LookupAttributes": [{"AttributeKey": attribute, "AttributeValue": value}], "StartTime": since, "MaxResults": 50}
        for _ in range(PAGES):
            page = client.lookup_events(**asked)
            self._sleep(PAUSE)
            for event in page.get("Events", ()):
                record: object = msgspec.json.decode(event.get("CloudTrailEvent", "null"))
                if isinstance(record, Mapping):
                    yield record
            if not (token := page.get("NextToken")):
                return
            asked["NextToken"] = token
