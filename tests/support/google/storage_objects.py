"""Objects of Cloud Storage: generations, preconditions, listings in order and by page, retention and soft deletion.

Cloud Storage documentation, "Request preconditions", "Object versioning", "Bucket Lock", "Soft delete"; JSON API reference, "Objects".
"""

import re
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct, field

from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused, Reply
from tests.support.google.world import JSON, World

FIELDS = re.compile(r"items\(([\w,]+)\),nextPageToken")
UPLOADS = ("media",)
PAGE = 1000


class Generation(Struct):
    """One generation of an object; `gone` is when it was replaced or deleted, `soft` when it left the bucket for all but those who look for it."""

    name: str
    generation: int
    body: bytes
    made: datetime
    gone: datetime | None = None
    soft: datetime | None = None


class Bucket(Struct):
    """`retention`: how long an object may not be deleted or replaced. Without versions, what is deleted is kept softly."""

    versions: bool = True
    retention: timedelta = timedelta()
    held: list[Generation] = field(default_factory=list)

    def live(self, name: str) -> Generation | None:
        """Give the live generation of an object."""
        return next((one for one in self.held if one.name == name and one.gone is None and one.soft is None), None)


class Objects:
    """Buckets by name; `page` is how many objects a listing gives at most."""

    def __init__(self, world: World, **buckets: Bucket) -> None:
        self.world, self.buckets, self.page = world, buckets, PAGE

    def bucket(self, name: str) -> Bucket:
        """Give a bucket. Raises Refused where it is not there."""
        if name not in self.buckets:
            raise Refused(404, "NOT_FOUND", "The specified bucket does not exist.")
        return self.buckets[name]

    def remove(self, bucket: Bucket, one: Generation) -> None:
        """Delete or replace a live generation. Raises Refused while it is retained."""
        now = self.world.clock()
        if now - one.made < bucket.retention:
            until = (one.made + bucket.retention).isoformat()
            why = (
                f"Object '{one.name}' is subject to bucket's retention policy and cannot be deleted, overwritten or archived until {until}"
            )
            raise Refused(403, "PERMISSION_DENIED", why, reason="retentionPolicyNotMet")
        if bucket.versions:
            one.gone = now
        else:
            one.soft = now

    def put(self, bucket: Bucket, name: str, body: bytes) -> Generation:
        """Make a new generation."""
        if (old := bucket.live(name)) is not None:
            self.remove(bucket, old)
        made = Generation(name, 1_700_000_000_000_000 + next(self.world.numbers), body, self.world.clock())
        bucket.held.append(made)
        return made


def serve_objects(objects: Objects) -> dict[str, Handler]:
    """Serve inserting, reading, listing and deleting."""
    served = {"insert": _insert, "get": _get, "list": _list, "delete": _delete}
    return {f"storage.objects.{name}": partial(one, objects) for name, one in served.items()}


def _insert(objects: Objects, asked: Asked) -> JSON:
    bucket, name = objects.bucket(asked.path["bucket"]), asked.one("name")
    if asked.one("uploadType") not in UPLOADS or not name:
        raise Refused(501, "UNIMPLEMENTED", "The tests' Cloud Storage takes simple uploads only.")
    _check(bucket.live(name), asked)
    return _shown(asked.path["bucket"], objects.put(bucket, name, asked.raw))


def _check(live: Generation | None, asked: Asked) -> None:
    wanted = asked.query.get("ifGenerationMatch")
    if wanted and int(wanted[0]) != (live.generation if live else 0):
        raise Refused(
            412, "FAILED_PRECONDITION", "At least one of the pre-conditions you specified did not hold.", reason="conditionNotMet"
        )


def _get(objects: Objects, asked: Asked) -> object:
    if asked.one("alt") != "media":
        return _shown(asked.path["bucket"], _live(objects, asked))
    try:
        return _live(objects, asked).body
    except Refused as refusal:
        return Reply(refusal.message.encode(), refusal.code, {"Content-Type": "text/html; charset=UTF-8"})  # as plain as that


def _live(objects: Objects, asked: Asked) -> Generation:
    found = objects.bucket(asked.path["bucket"]).live(asked.path["object"])
    if found is None:
        raise Refused(404, "NOT_FOUND", f"No such object: {asked.path['bucket']}/{asked.path['object']}")
    return found


def _list(objects: Objects, asked: Asked) -> JSON:
    bucket, soft, versions = objects.bucket(asked.path["bucket"]), asked.one("softDeleted") == "true", asked.one("versions") == "true"
    if soft and versions:
        raise invalid("versions and softDeleted cannot both be set.")
    found = [one for one in bucket.held if (one.soft is not None) == soft and (versions or soft or one.gone is None)]
    start, prefix, token = asked.one("startOffset"), asked.one("prefix"), asked.one("pageToken")
    found = sorted((one for one in found if one.name.startswith(prefix) and one.name >= start), key=lambda one: (one.name, one.generation))
    at = int(token or 0)
    size = min(int(asked.one("maxResults") or objects.page), objects.page)
    items = [_shown(asked.path["bucket"], one) for one in found[at : at + size]]
    if (fields := asked.one("fields")) and (named := FIELDS.fullmatch(fields)) is None:
        raise invalid(f"Invalid field selection {fields}")
    if fields and named:
        items = [{name: item[name] for name in named[1].split(",") if name in item} for item in items]
    more = {"nextPageToken": str(at + size)} if at + size < len(found) else {}
    return {**({} if fields else {"kind": "storage#objects"}), **({"items": items} if items else {}), **more}


def _delete(objects: Objects, asked: Asked) -> object:
    bucket = objects.bucket(asked.path["bucket"])
    _check(bucket.live(asked.path["object"]), asked)
    objects.remove(bucket, _live(objects, asked))
    return Reply(None, 204)


def _shown(bucket: str, one: Generation) -> JSON:
    told: JSON = {
        "kind": "storage#object",
        "id": f"{bucket}/{one.name}/{one.generation}",
        "name": one.name,
        "bucket": bucket,
        "generation": str(one.generation),
        "metageneration": "1",
        "size": str(len(one.body)),
        "timeCreated": one.made.isoformat(),
    }
    if one.gone is not None:
        told["timeDeleted"] = one.gone.isoformat()
    return {**told, "softDeleteTime": one.soft.isoformat()} if one.soft is not None else told
