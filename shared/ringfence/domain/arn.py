"""Amazon Resource Names: parse once, keep the partition, never write `arn:aws:` by hand.

Shape: arn:partition:service:region:account:resource, where only the resource may hold further colons
(AWS General Reference, "Amazon Resource Names"). IAM resources are `type/path/name`.
"""

import re
from functools import lru_cache

from msgspec import Struct

ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
PARTITION = re.compile(r"aws(-[a-z]+)*", re.ASCII)


class Arn(Struct, frozen=True):
    """One parsed ARN. For IAM, `type`, `path` (with both slashes) and `name` come from the resource."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def type(self) -> str:
        """The part of the resource before its first slash: `role`, `user`, `assumed-role` ..."""
        return self.resource.split("/", 1)[0]

    @property
    def name(self) -> str:
        """The last part of an IAM resource."""
        return self.resource.rsplit("/", 1)[-1]

    @property
    def path(self) -> str:
        """The IAM path, `/` when there is none."""
        middle = self.resource.split("/")[1:-1]
        return "/" + "".join(f"{part}/" for part in middle)

    def __str__(self) -> str:
        """Give the ARN back as text."""
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse_arn(text: object) -> Arn | None:
    """Parse an ARN; None for whatever is none (attackers and anonymised logs write anything into these fields)."""
    return _parsed(text) if isinstance(text, str) else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Arn | None:
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not PARTITION.fullmatch(parts[1]) or not parts[2] or not parts[5]:  # noqa: PLR2004 - arn has six parts
        return None
    return Arn(parts[1], parts[2], parts[3], parts[4], parts[5])
