"""A period of the trail, for whoever audits it: which checkpoint ends it, and the proofs that its records lie under it.

A trail is verified from its beginning, so a period is handed on with all that came before it.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from ringfence.domain.record import Record
from ringfence.domain.tree import Tree, leaf
from ringfence.errors import UsageError

NAMED = re.compile(r"(\d{4})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?", re.ASCII)
MONTHS, QUARTER = 12, 3
FIRST, LAST = 2000, 9000  # years that can be meant


class Period(Struct, frozen=True):
    """From the first moment to the one after the last, UTC."""

    name: str
    first: datetime
    end: datetime

    @classmethod
    def of(cls, text: str) -> "Period":
        """Read `2026`, `2026-Q4` or `2026-11`; raise UsageError where it is none of these."""
        found = NAMED.fullmatch(text)
        if not found or not FIRST <= int(found[1]) <= LAST:
            raise UsageError(f"{text!a} is no period", "Say a year, a quarter or a month: 2026, 2026-Q4, 2026-11")
        year = int(found[1])
        begin, months = (int(found[2]) * QUARTER - 2, QUARTER) if found[2] else (int(found[3]), 1) if found[3] else (1, MONTHS)
        after = begin - 1 + months
        return cls(text, datetime(year, begin, 1, tzinfo=UTC), datetime(year + after // MONTHS, after % MONTHS + 1, 1, tzinfo=UTC))

    def holds(self, time: datetime) -> bool:
        """Whether a time lies in it."""
        return self.first <= time < self.end


def proofs(period: Period, lines: Sequence[bytes], records: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Give, for each record of a period, its number, its leaf and the audit path to the root over all lines (RFC 6962, 2.1.1)."""
    tree = Tree(leaf(line) for line in lines)
    for number, record in enumerate(records):
        if period.holds(record.time):
            path = [b64encode(step).decode() for step in tree.inclusion(number)]
            yield {"number": number, "id": record.id, "leaf": b64encode(leaf(lines[number])).decode(), "size": tree.size, "path": path}
