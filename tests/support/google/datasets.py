"""Who may use a BigQuery dataset: its `access` list, under an ETag (BigQuery API v2 reference, `datasets`)."""

from functools import partial

from tests.support.google import bindings
from tests.support.google.items import Items
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused, Reply
from tests.support.google.world import JSON

LEGACY = {"roles/bigquery.dataOwner": "OWNER", "roles/bigquery.dataEditor": "WRITER", "roles/bigquery.dataViewer": "READER"}
WHO = ("userByEmail", "groupByEmail", "domain", "specialGroup", "iamMember", "view", "routine", "dataset")
OUTPUT = ("kind", "etag", "id", "selfLink", "datasetReference", "creationTime", "lastModifiedTime")
CONDITIONS = 3


def _name(asked: Asked) -> str:
    return f"projects/{asked.path['projectId']}/datasets/{asked.path['datasetId']}"


def _version(asked: Asked) -> int:
    version = int(asked.one("accessPolicyVersion", "1"))
    if version not in bindings.VERSIONS:
        raise invalid(f"Invalid access policy version {version}.")
    return version


def _shown(asked: Asked, dataset: JSON) -> Reply:
    told = dict(dataset)
    if _version(asked) < CONDITIONS:
        told["access"] = [_hidden(entry) for entry in dataset.get("access", [])]
    return Reply(told, headers={"ETag": dataset["etag"]})


def _hidden(entry: JSON) -> JSON:
    if "condition" not in entry:
        return entry
    policy = bindings.shown({"bindings": [{"role": entry["role"], "members": [], "condition": entry["condition"]}]}, 1)
    return {**{key: value for key, value in entry.items() if key != "condition"}, "role": policy["bindings"][0]["role"]}


def _get(items: Items, asked: Asked) -> object:
    return _shown(asked, items.read(_name(asked)))


def _patch(items: Items, asked: Asked) -> object:
    old = items.now(_name(asked))
    wanted = asked.headers.get("If-Match", "").strip('"')
    if wanted not in ("", "*", old["etag"]):
        raise Refused(412, "FAILED_PRECONDITION", "Precondition check failed.")
    change = {key: value for key, value in asked.body.items() if key not in OUTPUT}
    if "access" in change:
        change["access"] = [_checked(entry) for entry in change["access"] or []]
        both = (*change["access"], *old.get("access", []))
        if any("condition" in entry for entry in both) and _version(asked) < CONDITIONS:
            raise invalid("Conditional access entries need access policy version 3.")
    made = {key: value for key, value in {**old, **change}.items() if value is not None}
    return _shown(asked, items.put(_name(asked), made))


def _checked(entry: JSON) -> JSON:
    who, role = [key for key in WHO if key in entry], entry.get("role", "")
    if len(who) != 1:
        raise invalid("An access entry names exactly one of its kinds.")
    if who[0] not in ("view", "routine", "dataset") and (not role or bindings.WITHCOND.search(role)):
        raise invalid(f"Role {role} is not supported for this resource.")
    return {**entry, **({"role": LEGACY.get(role, role)} if role else {})}


def serve_datasets(items: Items) -> dict[str, Handler]:
    """Serve reading and writing; `update` is served as `patch` is."""
    return {
        f"bigquery.datasets.{verb}": partial(handler, items) for verb, handler in {"get": _get, "patch": _patch, "update": _patch}.items()
    }
