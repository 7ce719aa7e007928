"""Firestore as its REST API shows it: documents with times of update, commits that are all or nothing, queries by index.

Standard edition, native mode. Firestore REST reference, v1; "Quotas and limits". What conditions answer (ALREADY_EXISTS, NOT_FOUND,
FAILED_PRECONDITION) is what its clients' issues show. Nothing is ever stale, as nothing is in Firestore.
"""

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from tests.support.google.firestore_query import Index, Query
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused, Reply
from tests.support.google.world import JSON, World

DATABASE = "projects/fraud-ml-prod/databases/(default)"
METHODS = "firestore.projects.databases.documents"
WRITES, DOCUMENT, REQUEST, NAME = 500, 1_048_576, 10 * 1_048_576, 1500
BAD = re.compile(r"\.\.?|__.*__")
SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CODES = {"NOT_FOUND": 5, "ALREADY_EXISTS": 6, "FAILED_PRECONDITION": 9, "INVALID_ARGUMENT": 3}


class Firestore:
    """Databases with their documents; `indexes` are the composite ones."""

    def __init__(self, world: World, *databases: str) -> None:
        self.world = world
        self.databases = set(databases or [DATABASE])
        self.documents: dict[str, JSON] = {}
        self.indexes: set[Index] = set()
        self.last = datetime.min.replace(tzinfo=UTC)

    def there(self, name: str) -> str:
        """Give the database of a name. Raises Refused where there is none."""
        database = "/".join(name.split("/")[:4])
        if database not in self.databases:
            raise Refused(404, "NOT_FOUND", f"The database {database.split('/')[-1]} does not exist for project {database.split('/')[1]}")
        return database

    def tick(self) -> str:
        """Give the time of a write: never the same twice, whatever the clock says."""
        self.last = max(self.world.clock(), self.last + timedelta(microseconds=1))
        return self.last.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def write(self, database: str, write: JSON, held: dict[str, JSON], time: str) -> JSON:
        """Do one write over what is held. Raises Refused, and has done nothing then."""
        update, transform = write.get("update"), write.get("transform")
        name = (update or {}).get("name") or (transform or {}).get("document") or write.get("delete") or ""
        _check_name(name, database)
        old = held.get(name)
        _check_condition(write.get("currentDocument") or {}, old, name)
        if "delete" in write:
            held.pop(name, None)
            return {}
        fields = dict((old or {}).get("fields", {}))
        if update is not None:
            fields = _masked(fields, {key: _value(value) for key, value in update.get("fields", {}).items()}, write.get("updateMask"))
        for one in [*(transform or {}).get("fieldTransforms", []), *write.get("updateTransforms", [])]:
            fields[one["fieldPath"]] = _transformed(fields.get(one["fieldPath"]), one)
        made = {"name": name, "fields": fields, "createTime": (old or {}).get("createTime", time), "updateTime": time}
        if len(json.dumps(fields)) * 3 // 4 > DOCUMENT:
            raise invalid(f"Document '{name}' cannot be written because its size exceeds the maximum allowed size of 1,048,576 bytes.")
        held[name] = made
        return {"updateTime": time}

    def put(self, path: str, fields: JSON) -> None:
        """Put a document as somebody else would, whatever it holds."""
        name, time = f"{DATABASE}/documents/{path}", self.tick()
        self.documents[name] = {"name": name, "fields": fields, "createTime": time, "updateTime": time}


def serve_firestore(firestore: Firestore) -> dict[str, Handler]:
    """Serve the documents. What streams answers with a list, and so does its refusal."""
    served = {"commit": _commit, "batchWrite": _batch_write, "get": _get}
    streams = {"batchGet": _batch_get, "runQuery": _run_query}
    return {f"{METHODS}.{name}": partial(one, firestore) for name, one in served.items()} | {
        f"{METHODS}.{name}": partial(_stream, one, firestore) for name, one in streams.items()
    }


def _stream(handler: Callable[[Firestore, Asked], list[JSON]], firestore: Firestore, asked: Asked) -> object:
    try:
        return handler(firestore, asked)
    except Refused as refusal:
        return Reply([{"error": {"code": refusal.code, "message": refusal.message, "status": refusal.status}}], refusal.code)


def _commit(firestore: Firestore, asked: Asked) -> JSON:
    database, writes = firestore.there(asked.path["database"]), asked.body.get("writes", [])
    if len(writes) > WRITES or len(asked.raw) > REQUEST:
        raise invalid(f"maximum {WRITES} writes allowed per request")
    held, time = dict(firestore.documents), firestore.tick()
    results = [firestore.write(database, write, held, time) for write in writes]
    firestore.documents = held
    return {"writeResults": results, "commitTime": time}


def _batch_write(firestore: Firestore, asked: Asked) -> JSON:
    database, writes = firestore.there(asked.path["database"]), asked.body.get("writes", [])
    names = [(write.get("update") or {}).get("name") or write.get("delete") for write in writes]
    if len(writes) > WRITES or len(set(names)) < len(names):
        raise invalid("Cannot write to the same document twice, or too many writes, in one request.")
    results: list[JSON] = []
    status: list[JSON] = []
    for write in writes:
        try:
            results.append(firestore.write(database, write, firestore.documents, firestore.tick()))
            status.append({})
        except Refused as refusal:
            results.append({})
            status.append({"code": CODES[refusal.status], "message": refusal.message})
    return {"writeResults": results, "status": status}


def _get(firestore: Firestore, asked: Asked) -> JSON:
    firestore.there(asked.path["name"])
    found = firestore.documents.get(asked.path["name"])
    if found is None:
        raise Refused(404, "NOT_FOUND", f'Document "{asked.path["name"]}" not found.')
    return _shown(found, asked.query.get("mask.fieldPaths"))


def _batch_get(firestore: Firestore, asked: Asked) -> list[JSON]:
    database, time = firestore.there(asked.path["database"]), firestore.world.now()
    told: list[JSON] = []
    for name in asked.body.get("documents", []):
        _check_name(name, database)
        found, mask = firestore.documents.get(name), (asked.body.get("mask") or {}).get("fieldPaths")
        told.append({"readTime": time, **({"found": _shown(found, mask)} if found else {"missing": name})})
    return told


def _run_query(firestore: Firestore, asked: Asked) -> list[JSON]:
    firestore.there(asked.path["parent"])
    query = Query(asked.body["structuredQuery"], asked.path["parent"])
    query.check(firestore.indexes)
    found = query.run(firestore.documents.items())
    time = firestore.world.now()
    return [{"document": _shown(document, None), "readTime": time} for _, document in found] or [{"readTime": time}]


def _shown(document: JSON, mask: list[str] | None) -> JSON:
    fields = document["fields"] if mask is None else {key: value for key, value in document["fields"].items() if key in mask}
    return {**document, "fields": fields} if fields else {key: value for key, value in document.items() if key != "fields"}


def _check_name(name: str, database: str) -> None:
    parts = name.removeprefix(f"{database}/documents/").split("/")
    if not name.startswith(f"{database}/documents/") or len(parts) % 2 or not all(parts):
        raise invalid(f'Document name "{name}" is not a document of "{database}".')
    if any(BAD.fullmatch(part) or len(part.encode()) > NAME for part in parts):
        raise invalid(f'Resource id in "{name}" is invalid.')


def _check_condition(condition: JSON, old: JSON | None, name: str) -> None:
    if condition.get("exists") is False and old is not None:
        raise Refused(409, "ALREADY_EXISTS", f"Document already exists: {name}")
    if (condition.get("exists") or "updateTime" in condition) and old is None:
        raise Refused(404, "NOT_FOUND", f"No document to update: {name}")
    if "updateTime" in condition and old is not None:
        wanted, stored = (datetime.fromisoformat(time) for time in (condition["updateTime"], old["updateTime"]))
        if wanted != stored:
            raise Refused(
                400, "FAILED_PRECONDITION", f"the stored version ({stored}) does not match the required base version ({wanted}) of {name}"
            )


def _masked(old: JSON, new: JSON, mask: JSON | None) -> JSON:
    if mask is None:
        return new
    made = dict(old)
    for path in mask.get("fieldPaths", []):
        if not SIMPLE.fullmatch(path):
            raise invalid(f'Invalid property path "{path}".')
        if path in new:
            made[path] = new[path]
        else:
            made.pop(path, None)
    return made


def _transformed(old: JSON | None, told: JSON) -> JSON:
    if set(told) != {"fieldPath", "maximum"}:
        raise Refused(501, "UNIMPLEMENTED", f"The tests' Firestore does not serve the transform {told}.")
    new, held = int(told["maximum"]["integerValue"]), (old or {}).get("integerValue")
    return {"integerValue": str(new if held is None else max(new, int(held)))}


def _value(value: JSON) -> JSON:
    """Give a value as it is kept: times to the microsecond, base64 in one spelling."""
    if len(value) != 1:
        raise invalid("A value has one type, and one only.")
    ((kind, held),) = value.items()
    if kind == "timestampValue":
        return {kind: datetime.fromisoformat(held).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    if kind == "bytesValue":
        return {kind: base64.b64encode(base64.b64decode(held)).decode()}
    return {kind: str(held)} if kind == "integerValue" else value
