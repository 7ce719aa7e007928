"""Sinks, exclusions and log buckets (Cloud Logging API v2 reference, `projects.sinks`, `projects.exclusions`, `projects.locations.buckets`)."""

from collections.abc import Callable
from functools import partial

from tests.support.google.items import Items, begun
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import page

type Answer = Callable[[Items, Asked], object]
OLD_MASK = "destination,filter,includeChildren"  # what a sink's patch without a mask changes, for old clients
OUTPUT = {"sinks": ("createTime", "updateTime", "writerIdentity", "resourceName"), "exclusions": ("createTime", "updateTime")}
OLD_WRITER, OWN_WRITER = "serviceAccount:cloud-logs@system.gserviceaccount.com", "@gcp-sa-logging."


def serve_logs(items: Items) -> dict[str, Handler]:
    """Serve them for projects, folders and organisations."""
    served: dict[str, Handler] = {}
    for kind in ("projects", "folders", "organizations"):
        for word in ("sinks", "exclusions"):
            verbs: dict[str, Answer] = {"get": _get, "list": partial(_list, word), "create": partial(_create, word), "delete": _delete}
            served |= {f"logging.{kind}.{word}.{verb}": partial(handler, items) for verb, handler in verbs.items()}
        served |= {f"logging.{kind}.sinks.{verb}": partial(_patch, items, OLD_MASK) for verb in ("patch", "update")}
        served[f"logging.{kind}.exclusions.patch"] = partial(_patch, items, "")
        buckets: dict[str, Answer] = {
            "get": _get,
            "list": partial(_list, "buckets"),
            "patch": _patch_bucket,
            "delete": partial(_put_away, "DELETE_REQUESTED"),
            "undelete": partial(_put_away, "ACTIVE"),
        }
        served |= {f"logging.{kind}.locations.buckets.{verb}": partial(handler, items) for verb, handler in buckets.items()}
    return served


def _name(asked: Asked) -> str:
    return asked.path.get("sinkName") or asked.path["name"]


def _get(items: Items, asked: Asked) -> object:
    return items.read(_name(asked))


def _list(word: str, items: Items, asked: Asked) -> object:
    return page(list(items.shelf.below(f"{asked.path['parent']}/{word}/")), word, asked.one("pageSize"), asked.one("pageToken"))


def _create(word: str, items: Items, asked: Asked) -> object:
    name = f"{asked.path['parent']}/{word}/{asked.body.get('name', '')}"
    if not asked.body.get("name"):
        raise invalid("The name is required.")
    if name in items.shelf.values:
        raise Refused(409, "ALREADY_EXISTS", f"{name} already exists.")
    told = {key: value for key, value in asked.body.items() if key not in OUTPUT[word]}
    made = {**told, **begun(name, next(items.world.numbers)), "createTime": items.world.now()}
    if word == "sinks" and name.startswith("projects/") and asked.one("uniqueWriterIdentity") != "true":
        made["writerIdentity"] = OLD_WRITER
    return items.put(name, made)


def _delete(items: Items, asked: Asked) -> object:
    items.now(_name(asked))
    items.shelf.put(_name(asked), None)
    return {}


def _patch(items: Items, otherwise: str, asked: Asked) -> object:
    if OWN_WRITER in items.now(_name(asked)).get("writerIdentity", "") and asked.one("uniqueWriterIdentity") != "true":
        raise invalid("The unique writer identity of a sink cannot be taken away.")
    told = {key: value for key, value in asked.body.items() if key not in OUTPUT["sinks"]}
    return items.patch(_name(asked), told, asked.one("updateMask") or otherwise)


def _patch_bucket(items: Items, asked: Asked) -> object:
    old, new = items.now(_name(asked)), items.patched(_name(asked), asked.body, asked.one("updateMask"))
    if old.get("locked") and (not new.get("locked") or new.get("retentionDays", 0) < old.get("retentionDays", 0)):
        raise Refused(400, "FAILED_PRECONDITION", "The bucket is locked.")
    return items.put(_name(asked), new)


def _put_away(state: str, items: Items, asked: Asked) -> object:
    items.put(_name(asked), {**items.now(_name(asked)), "lifecycleState": state})
    return {}
