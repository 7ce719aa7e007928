"""What CloudTrail remembers of the last 90 days: management events, by one attribute at a time (CloudTrail API Reference, "LookupEvents").

Two requests a second per account and region, 50 events a page, the newest first. Events of global services (IAM, STS's global endpoint) are
kept in the region of the partition where those services live, all others where they happened.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.engine.ports import Remembered

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

PAUSE = 0.5  # seconds between two requests
PAGES = 10  # of one lookup in one region: 500 events


class CloudTrailHistory:
    """The history port over CloudTrail."""

    def __init__(
        self,
        client: "Callable[[], tuple[CloudTrailClient, ...]]" = clients.cloudtrails,
        sleep: Callable[[float], None] = time.sleep,
        pages: int = PAGES,
    ) -> None:
        """Take the getter of the clients, one per region, what waits between two requests, and how many pages of a lookup are read."""
        self._pages = pages
        self._clients = client
        self._sleep = sleep

    @property
    def regions(self) -> tuple[str, ...]:
        """Where it looks."""
        return tuple(client.meta.region_name for client in self._clients())

    def lookup(self, attribute: str, value: str, since: datetime) -> Remembered:
        """Give the records since a time whose attribute has the value. A record that cannot be read makes it incomplete."""
        found: dict[str, Mapping[str, Any]] = {}
        complete, requests = True, 0
        asked: Any = {"LookupAttributes": [{"AttributeKey": attribute, "AttributeValue": value}], "StartTime": since, "MaxResults": 50}
        with upstream(f"looking up {attribute} {value} in CloudTrail"):
            for client in self._clients():
                more: dict[str, Any] = {}
                for _ in range(self._pages):
                    page = client.lookup_events(**{**asked, **more})
                    requests += 1
                    self._sleep(PAUSE)
                    records = [_read(event.get("CloudTrailEvent", "null")) for event in page.get("Events", ())]
                    complete = complete and None not in records
                    found |= {str(record.get("eventID")): record for record in records if record is not None}
                    more = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}
                    if not more:
                        break
                complete = complete and not more
        return Remembered(tuple(found.values()), complete, requests)


def _read(text: str) -> Mapping[str, Any] | None:
    """Read a record; None for what is none: names and headers in it are chosen by whoever made the call."""
    try:
        record: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    return record if isinstance(record, Mapping) else None
