"""The sealed trail in a bucket with Object Lock. Nobody in the account may delete or replace: the bucket's policy says so, and so does the lock.

A plain DELETE of a locked object still puts a delete marker over it, after which `If-None-Match` lets another version through (S3 User
Guide, "How S3 Object Lock works"): so whoever verifies looks at all versions.
"""

from typing import Any

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.errors import ConflictError

THERE, RACED = "PreconditionFailed", "ConditionalRequestConflict"  # the second: somebody else writes it just now, and may fail
ATTEMPTS = 3


class S3Archive:
    """The archive port over a bucket."""

    def __init__(self, bucket: str) -> None:
        """Take the bucket's name."""
        self._bucket = bucket

    def put(self, name: str, body: bytes) -> None:
        """Put an object, once."""
        client = clients.s3()
        with upstream(f"writing {name}"):
            for attempt in range(ATTEMPTS):
                try:
                    client.put_object(Bucket=self._bucket, Key=name, Body=body, IfNoneMatch="*")
                except client.exceptions.ClientError as error:
                    code = error.response.get("Error", {}).get("Code")
                    if code == THERE:
                        raise ConflictError(f"there is an object {name} already", "What is sealed is never replaced") from error
                    if code != RACED or attempt == ATTEMPTS - 1:
                        raise
                else:
                    return

    def get(self, name: str) -> bytes | None:
        """Give what an object holds."""
        client = clients.s3()
        with upstream(f"reading {name}"):
            try:
                return client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
            except client.exceptions.NoSuchKey:
                return None

    def names(self, prefix: str, after: str = "") -> tuple[str, ...]:
        """Give the names that begin so, and come after another, in order."""
        start: dict[str, Any] = {"StartAfter": after} if after else {}
        with upstream(f"listing {prefix}"):
            pages = clients.s3().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix, **start)
            return tuple(found["Key"] for page in pages for found in page.get("Contents", ()))

    def touched(self) -> tuple[str, ...]:
        """Give the names that have a delete marker, or a second version."""
        seen: set[str] = set()
        wrong: dict[str, None] = {}
        with upstream("listing versions"):
            for page in clients.s3().get_paginator("list_object_versions").paginate(Bucket=self._bucket):
                for version in page.get("Versions", ()):
                    if version["Key"] in seen:
                        wrong[version["Key"]] = None
                    seen.add(version["Key"])
                wrong |= dict.fromkeys(marker["Key"] for marker in page.get("DeleteMarkers", ()))
        return tuple(sorted(wrong))
