"""Documents of Firestore over REST: reading, asking, and writing all or nothing (Cloud Firestore REST reference, v1).

A value travels as `{"stringValue": ...}`, bytes as base64, integers as text. `runQuery` and `batchGet` answer with a list, and an error may
stand in the middle of it. Documents are read by `batchGet`, where one that is not there is no error, while a database that is not there is.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from hashlib import sha256
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct

from ringfence.clouds.gcp.session import FIRST_OUTAGE, ApiError, NoReplyError, ask, upstream
from ringfence.errors import UpstreamError

type Value = Mapping[str, Any]  # JSON of a value, as the API writes it
type Fields = Mapping[str, Value]

ABSENT: Mapping[str, Any] = {"exists": False}
PRESENT: Mapping[str, Any] = {"exists": True}
NAME = "__name__"
MARK = "mark"  # a field of what is written: who wrote it, for whoever lost the reply
PLAIN = re.compile(r"[A-Za-z0-9-][A-Za-z0-9._:-]{0,199}")
AT_ONCE = 500  # writes of one request, at most (Firestore documentation, "Quotas and limits")
PAGE = 300  # documents
GOOD, NO_SUCH = 0, 5  # google.rpc.Code
BUSY = "ABORTED"  # somebody writes the same just now
TAKEN = frozenset({"ALREADY_EXISTS"})  # ABSENT does not hold
OTHER = frozenset({"ALREADY_EXISTS", "FAILED_PRECONDITION", "NOT_FOUND"})  # nor PRESENT, or a time


class Written(Enum):
    """What became of writes."""

    DONE = "all of them are written"
    REFUSED = "a condition does not hold: none is written"
    BUSY = "somebody else writes the same just now: none is written"


class Document(Struct, frozen=True):
    """A document: its path below the database, its fields as they came, and when it was written. What has another type counts as not there."""

    path: str
    fields: Fields
    updated: str
    created: str

    @property
    def body(self) -> bytes:
        """The bytes that it holds; none where it holds something else."""
        return b64decode(self.fields.get("body", {}).get("bytesValue", ""))

    def number(self, name: str) -> int | None:
        """Give an integer."""
        found = self.fields.get(name, {}).get("integerValue")
        return None if found is None else int(found)

    def time(self, name: str) -> datetime | None:
        """Give a time."""
        found = self.fields.get(name, {}).get("timestampValue")
        return None if found is None else datetime.fromisoformat(found)


class Query(Struct, frozen=True):
    """Documents of one collection (`path`): those of which every condition holds, by one field or by name."""

    path: str
    where: tuple[tuple[str, str, Value], ...] = ()  # field, operator, value
    by: str = NAME
    direction: str = "ASCENDING"
    limit: int = PAGE


def text(value: str) -> Value:
    """Write a string."""
    return {"stringValue": value}


def integer(value: int) -> Value:
    """Write an integer."""
    return {"integerValue": str(value)}


def blob(value: bytes) -> Value:
    """Write bytes."""
    return {"bytesValue": b64encode(value).decode()}


def moment(time: datetime) -> Value:
    """Write a time, to the microsecond, which is all that Firestore keeps."""
    return {"timestampValue": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def as_of(document: Document) -> Mapping[str, Any]:
    """Give the condition that nobody has written a document since it was read."""
    return {"updateTime": document.updated}


def key(*parts: str) -> str:
    """Make the last part of a path of texts, whatever they hold: as they are where that can stand in a path, else their hash.

    A path holds no `/`, is no `.`, and has 1,500 bytes at most. Two lists of texts never make the same.
    """
    if all(PLAIN.fullmatch(part) for part in parts):
        return "~".join(parts)
    return f"~{sha256(msgspec.json.encode(parts)).hexdigest()}"


class Database:
    """One database: `projects/PROJECT/databases/NAME`. Everything raises UpstreamError where Firestore does not answer as it should."""

    def __init__(self, name: str) -> None:
        """Take its full name."""
        self._root = f"{name}/documents"

    def put(self, path: str, fields: Fields, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Make the write that puts a whole document."""
        write: dict[str, Any] = {"update": {"name": f"{self._root}/{path}", "fields": dict(fields)}}
        return write if condition is None else {**write, "currentDocument": dict(condition)}

    def change(self, path: str, fields: Fields, *gone: str) -> dict[str, Any]:
        """Make the write that changes some fields of a document that is there, and takes others away."""
        return {**self.put(path, fields, PRESENT), "updateMask": {"fieldPaths": [*fields, *gone]}}

    def get(self, path: str, *fields: str) -> Document | None:
        """Give a document, or some fields of it; None where it is not there."""
        body: dict[str, Any] = {"documents": [f"{self._root}/{path}"]}
        if fields:
            body["mask"] = {"fieldPaths": list(fields)}
        with upstream(f"reading {path}"):
            found = self._stream("batchGet", body, ("found", "missing"), self._root)[0]
        return self._document(found["found"]) if "found" in found else None

    def find(self, query: Query) -> list[Document]:
        """Give the first documents of a query."""
        return self._find(query, None)

    def pages(self, query: Query) -> Iterator[list[Document]]:
        """Give all documents of a query, page by page."""
        page = self._find(query, None)
        while page:
            yield page
            page = self._find(query, page[-1]) if len(page) == query.limit else []

    def commit(self, what: str, first: dict[str, Any], *others: dict[str, Any]) -> Written:
        """Write all or nothing. Where no reply comes, the first document's mark says whether it happened; what is not known is UpstreamError."""
        mark = uuid4().hex
        told = first["update"]
        conditional = [write for write in (first, *others) if "currentDocument" in write]
        marked = {**first, "update": {**told, "fields": {**told["fields"], MARK: text(mark)}}}
        with upstream(what):
            try:
                ask("POST", "firestore", f"/v1/{self._root}:commit", body={"writes": [marked, *others]})
            except NoReplyError:
                if not self._is_marked(told["name"], mark):
                    raise
            except ApiError as error:
                if error.code == BUSY:
                    return Written.BUSY
                if error.code in (TAKEN if all(write["currentDocument"] == ABSENT for write in conditional) else OTHER):
                    return Written.REFUSED
                if error.number < FIRST_OUTAGE or not self._is_marked(told["name"], mark):
                    raise
        return Written.DONE

    def lift(self, what: str, path: str, field: str, number: int) -> None:
        """Lift a number of a document to another, and never lower it; make the document where it is not there."""
        rise = {"fieldPath": field, "maximum": integer(number)}
        write = {"transform": {"document": f"{self._root}/{path}", "fieldTransforms": [rise]}}
        with upstream(what):
            ask("POST", "firestore", f"/v1/{self._root}:commit", body={"writes": [write]})

    def each(self, what: str, writes: list[dict[str, Any]]) -> None:
        """Make writes that do not depend on one another; one whose document is not there is passed over."""
        for at in range(0, len(writes), AT_ONCE):
            with upstream(what):
                reply = ask("POST", "firestore", f"/v1/{self._root}:batchWrite", body={"writes": writes[at : at + AT_ONCE]})
            said = [status.get("code", GOOD) for status in reply.get("status", ())]
            if len(said) != len(writes[at : at + AT_ONCE]) or not set(said) <= {GOOD, NO_SUCH}:
                raise UpstreamError(f"{what} failed: {reply.get('status')}", "It is tried again")

    def _is_marked(self, name: str, mark: str) -> bool:
        found = self.get(name.removeprefix(f"{self._root}/"), MARK)
        return found is not None and found.fields.get(MARK) == text(mark)

    def _find(self, query: Query, last: Document | None) -> list[Document]:
        parent, _, collection = f"{self._root}/{query.path}".rpartition("/")
        order = [query.by] if query.by == NAME else [query.by, NAME]
        asked: dict[str, Any] = {
            "from": [{"collectionId": collection}],
            "orderBy": [{"field": {"fieldPath": name}, "direction": query.direction} for name in order],
            "limit": query.limit,
        }
        if query.where:
            filters = [{"fieldFilter": {"field": {"fieldPath": name}, "op": op, "value": value}} for name, op, value in query.where]
            asked["where"] = {"compositeFilter": {"op": "AND", "filters": filters}}
        if last is not None:
            name = {"referenceValue": f"{self._root}/{last.path}"}
            asked["startAt"] = {"values": [name if field == NAME else last.fields[field] for field in order], "before": False}
        with upstream(f"asking for {query.path}"):
            reply = self._stream("runQuery", {"structuredQuery": asked}, ("document", "readTime"), parent)
        return [self._document(one["document"]) for one in reply if "document" in one]

    def _stream(self, method: str, body: object, known: tuple[str, ...], at: str) -> list[Any]:
        """Ask what answers with a list; raise ApiError where an error stands in it, NoReplyError where it is something else."""
        reply = ask("POST", "firestore", f"/v1/{at}:{method}", body=body)
        if not isinstance(reply, list) or not reply:
            raise NoReplyError(f"the answer of {method} cannot be read")
        for one in reply:
            error = one.get("error") if isinstance(one, dict) else None
            if isinstance(error, dict):
                raise ApiError(int(error.get("code", FIRST_OUTAGE)), str(error.get("status", "")), str(error.get("message", "")))
            if not isinstance(one, dict) or not any(name in one for name in known):
                raise NoReplyError(f"the answer of {method} cannot be read")
        return reply

    def _document(self, told: Mapping[str, Any]) -> Document:
        return Document(told["name"].removeprefix(f"{self._root}/"), told.get("fields", {}), told["updateTime"], told["createTime"])
