"""CloudTrail in memory: finds records by the attributes that LookupEvents knows."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ringfence.sources._read import dig, moment, text

NAMED = ("userName", "roleName", "roleArn")


class MemoryHistory:
    """The history port over a list of records."""

    def __init__(self, records: Iterable[Mapping[str, Any]] = ()) -> None:
        """Take the records."""
        self.records = list(records)
        self.asked: list[tuple[str, str]] = []

    def lookup(self, attribute: str, value: str, since: datetime) -> tuple[Mapping[str, Any], ...]:
        """Give the records whose attribute has the value."""
        self.asked.append((attribute, value))
        return tuple(r for r in self.records if value in _values(r, attribute) and (moment(r.get("eventTime")) or since) >= since)


def _values(record: Mapping[str, Any], attribute: str) -> tuple[str, ...]:
    match attribute:
        case "AccessKeyId":
            return (text(record, "userIdentity", "accessKeyId"),)
        case "Username":
            return (text(record, "userIdentity", "userName") or text(record, "userIdentity", "arn").rpartition("/")[2],)
        case _:
            given = [text(record, "requestParameters", name) for name in NAMED]
            listed = dig(record, "resources")
            return (*given, *(text(one, "ARN") for one in (listed if isinstance(listed, list) else [])))
