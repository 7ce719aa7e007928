"""CloudTrail in memory: finds records by the attributes that LookupEvents knows."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ringfence.domain.raw import dig, moment, text
from ringfence.engine.ports import Remembered

MOST = 500


class MemoryHistory:
    """The history port over a list of records."""

    def __init__(self, records: Iterable[Mapping[str, Any]] = ()) -> None:
        """Take the records."""
        self.records = list(records)
        self.asked: list[tuple[str, str]] = []

    regions = ("us-east-1",)

    def lookup(self, attribute: str, value: str, since: datetime) -> Remembered:
        """Give the records whose attribute has the value, the newest (which came last) first, and no more than a thousand."""
        self.asked.append((attribute, value))
        found = [r for r in reversed(self.records) if value in _values(r, attribute) and (moment(r.get("eventTime")) or since) >= since]
        return Remembered(tuple(found[:MOST]), len(found) <= MOST, 1 + min(len(found), MOST) // 50)


def _values(record: Mapping[str, Any], attribute: str) -> tuple[str, ...]:
    match attribute:
        case "AccessKeyId":
            return (text(record, "userIdentity", "accessKeyId"),)
        case "Username":
            return (text(record, "userIdentity", "userName") or text(record, "userIdentity", "arn").rpartition("/")[2],)
        case _:
            listed = dig(record, "resources")  # CloudTrail lists the ARN of an assumed role, and never its bare name
            return tuple(text(one, "ARN") for one in (listed if isinstance(listed, list) else []))
