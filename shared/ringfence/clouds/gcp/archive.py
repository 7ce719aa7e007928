"""The sealed trail in a bucket with a locked retention policy: nobody may delete or replace an object before its time.

`ifGenerationMatch=0` puts an object only where no live one has its name (Cloud Storage documentation, "Request preconditions"). Deleting
leaves a generation that is not live where the bucket keeps versions, and a soft-deleted one where it does not: whoever verifies looks at both.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ringfence.clouds.gcp.session import FORBIDDEN, ApiError, ask, download, upstream
from ringfence.errors import ConflictError, UpstreamError

THERE, NOT_THERE = 412, 404
RETAINED = "retentionPolicyNotMet"  # the reason why what is retained is not replaced ("Bucket Lock")


class GcsArchive:
    """The archive port over a bucket."""

    def __init__(self, bucket: str) -> None:
        """Take the bucket's name."""
        self._bucket = bucket

    def put(self, name: str, body: bytes) -> None:
        """Put an object, once."""
        query = {"uploadType": "media", "name": name, "ifGenerationMatch": "0"}
        with upstream(f"writing {name}"):
            try:
                ask("POST", "storage", f"/upload/storage/v1/b/{self._bucket}/o", body=body, query=query)
            except ApiError as error:
                # Who may add and not delete is refused to replace, whatever the condition says: "storage.objects.delete" is missing, with 403.
                if error.number == THERE or error.code == RETAINED or (error.number == FORBIDDEN and name in self.names(name)):
                    raise ConflictError(f"there is an object {name} already", "What is sealed is never replaced") from error
                raise

    def get(self, name: str) -> bytes | None:
        """Give what an object holds. A bucket that is not there answers as an object does: the listing tells them apart."""
        with upstream(f"reading {name}"):
            try:
                return download("storage", f"/storage/v1/b/{self._bucket}/o/{quote(name, safe='')}", {"alt": "media"})
            except ApiError as error:
                if error.number != NOT_THERE:
                    raise
            if name in self.names(name):
                raise UpstreamError(f"{name} is listed, and cannot be read", "It is tried again")
        return None

    def names(self, prefix: str, after: str = "") -> tuple[str, ...]:
        """Give the names that begin so, and come after another, in order. `startOffset` gives that one too."""
        start = {"startOffset": after} if after else {}
        with upstream(f"listing {prefix}"):
            found = tuple(item["name"] for item in self._list({"prefix": prefix, **start}, "name"))
        return tuple(name for name in found if name > after)

    def touched(self) -> tuple[str, ...]:
        """Give the names that have a second generation, or one that was deleted.

        Whoever asks needs `storage.objects.list`, and `storage.objects.restore` for what is soft-deleted ("Use soft-deleted objects").
        """
        seen: set[str] = set()
        wrong: set[str] = set()
        with upstream("listing versions"):
            for item in self._list({"versions": "true"}, "name,generation,timeDeleted"):
                if item["name"] in seen or "timeDeleted" in item:
                    wrong.add(item["name"])
                seen.add(item["name"])
            wrong |= {item["name"] for item in self._list({"softDeleted": "true"}, "name,generation")}
        return tuple(sorted(wrong))

    def _list(self, query: dict[str, str], fields: str) -> Iterator[dict[str, Any]]:
        asked = {**query, "fields": f"items({fields}),nextPageToken"}
        while True:
            page = ask("GET", "storage", f"/storage/v1/b/{self._bucket}/o", query=asked)
            yield from page.get("items", ())
            if not page.get("nextPageToken"):
                return
            asked = {**asked, "pageToken": page["nextPageToken"]}
