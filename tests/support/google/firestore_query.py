"""Firestore's order of values, its queries, and which of them the indexes serve that it keeps by itself.

Firestore documentation, "Supported data types" (value type ordering), "Index types", "Queries". Composite indexes are those that a test adds.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from tests.support.google.schema import invalid
from tests.support.google.wire import Refused
from tests.support.google.world import JSON

NAME = "__name__"
UP, DOWN = "ASCENDING", "DESCENDING"
RANKS = (
    "nullValue",
    "booleanValue",
    "integerValue",
    "timestampValue",
    "stringValue",
    "bytesValue",
    "referenceValue",
    "arrayValue",
    "mapValue",
)
TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "EQUAL": lambda a, b: a == b,
    "LESS_THAN": lambda a, b: a < b,
    "LESS_THAN_OR_EQUAL": lambda a, b: a <= b,
    "GREATER_THAN": lambda a, b: a > b,
    "GREATER_THAN_OR_EQUAL": lambda a, b: a >= b,
}
type Index = tuple[str, tuple[tuple[str, str], ...]]  # collection, and fields with their order


def ordered(value: JSON) -> tuple[int, Any]:
    """Give what a value sorts by: its type, then what it is. Strings by their UTF-8, names segment by segment, bytes by the first 1,500."""
    ((kind, held),) = value.items()
    kind = "integerValue" if kind == "doubleValue" else kind
    rank = RANKS.index(kind)
    match kind:
        case "integerValue":
            return rank, float(held)
        case "timestampValue":
            return rank, datetime.fromisoformat(held)
        case "stringValue" | "bytesValue":
            return rank, held.encode()[:1500]
        case "referenceValue":
            return rank, tuple(part.encode() for part in held.split("/"))
        case "arrayValue":
            return rank, tuple(ordered(item) for item in held.get("values", []))
        case "mapValue":
            return rank, tuple((name.encode(), ordered(item)) for name, item in sorted(held.get("fields", {}).items()))
    return rank, bool(held)


class Query:
    """A structured query over the documents of one collection."""

    def __init__(self, told: JSON, parent: str) -> None:
        unknown = set(told) - {"from", "where", "orderBy", "limit", "startAt", "endAt"}
        if unknown or len(told.get("from", [])) != 1 or told["from"][0].get("allDescendants"):
            raise Refused(501, "UNIMPLEMENTED", f"The tests' Firestore does not serve {sorted(unknown) or told.get('from')}.")
        self.told, self.collection = told, told["from"][0]["collectionId"]
        self.place = f"{parent}/{self.collection}/"
        self.filters = list(_filters(told.get("where")))
        self.order = self._order(told.get("orderBy", []))

    def _order(self, told: list[JSON]) -> list[tuple[str, str]]:
        order = [(one["field"]["fieldPath"], one.get("direction", UP)) for one in told]
        unequal = sorted({field for field, op, _ in self.filters if op != "EQUAL"})
        last = order[-1][1] if order else UP
        order += [(field, last) for field in unequal if field not in dict(order)]
        if NAME in [field for field, _ in order[:-1]]:
            raise invalid("order by clause cannot contain more fields after the key")
        return order if NAME in dict(order) else [*order, (NAME, last)]

    def check(self, indexes: Iterable[Index]) -> None:
        """Refuse what needs an index that is not there. Built in: one field in either order, names ascending, and merges of equalities."""
        equal = {field for field, op, _ in self.filters if op == "EQUAL"}
        unequal = {field for field, op, _ in self.filters if op != "EQUAL"}
        *fields, (_, by_name) = self.order
        alone = len(fields) == 1 and fields[0][1] == by_name and equal <= {fields[0][0]} and unequal <= {fields[0][0]}
        merged = not fields and by_name == UP
        wanted = tuple(sorted((field, UP) for field in equal)) + tuple(fields)
        if not alone and not merged and (self.collection, wanted) not in indexes:
            raise Refused(400, "FAILED_PRECONDITION", f"The query requires an index. You can create it here: {self.collection} {wanted}")

    def run(self, documents: Iterable[tuple[str, JSON]]) -> list[tuple[str, JSON]]:
        """Give the names and documents that it finds, in order."""
        found = [(name, doc) for name, doc in documents if name.startswith(self.place) and "/" not in name[len(self.place) :]]
        found = [one for one in found if self._fits(*one)]
        for field, direction in reversed(self.order):
            found.sort(key=partial(self._key, field), reverse=direction == DOWN)
        for bound, keep in (("startAt", (1, 0)), ("endAt", (-1, 0))):
            if cursor := self.told.get(bound):
                before = cursor.get("before", False)
                wanted = keep if before == (bound == "startAt") else keep[:1]
                found = [one for one in found if self._side(one, cursor["values"]) in wanted]
        return found[: self.told["limit"]] if "limit" in self.told else found

    def _key(self, field: str, one: tuple[str, JSON]) -> tuple[int, Any]:
        return ordered(self._value(*one, field))

    def _value(self, name: str, document: JSON, field: str) -> Any:
        return {"referenceValue": name} if field == NAME else document["fields"].get(field)

    def _fits(self, name: str, document: JSON) -> bool:
        if any(self._value(name, document, field) is None for field, _ in self.order):
            return False  # who has no such field stands in no index of it
        for field, op, value in self.filters:
            held = self._value(name, document, field)
            if held is None:
                return False
            mine, other = ordered(held), ordered(value)
            if mine[0] != other[0] or not TESTS[op](mine[1], other[1]):
                return False
        return True

    def _side(self, one: tuple[str, JSON], values: list[JSON]) -> int:
        """Whether a document stands before a position (-1), after it (1), or at it (0)."""
        if len(values) > len(self.order):
            raise invalid("Cursor has too many values.")
        for (field, direction), value in zip(self.order, values, strict=False):
            mine, other = ordered(self._value(*one, field)), ordered(value)
            if mine != other:
                return 1 if (mine > other) == (direction == UP) else -1
        return 0


def _filters(told: JSON | None) -> Iterable[tuple[str, str, JSON]]:
    if not told:
        return
    if "compositeFilter" in told:
        if told["compositeFilter"].get("op") != "AND":
            raise Refused(501, "UNIMPLEMENTED", "The tests' Firestore serves AND only.")
        for one in told["compositeFilter"]["filters"]:
            yield from _filters(one)
    elif (one := told.get("fieldFilter")) and one.get("op") in TESTS:
        yield one["field"]["fieldPath"], one["op"], one["value"]
    else:
        raise Refused(501, "UNIMPLEMENTED", f"The tests' Firestore does not serve the filter {told}.")
