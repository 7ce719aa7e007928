"""What every part of the tests' Google shares: the clock, the numbers it counts, the projects, and stores that may lag behind."""

import base64
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

from msgspec import Struct, json

from tests.support.google.wire import Refused

JSON = dict[str, Any]


class Project(Struct):
    """A project and where it hangs; without an organisation its last owner may not go."""

    id: str
    number: str
    parent: str = ""
    state: str = "ACTIVE"


class World:
    """`lag`: how many reads after a write still show what was before it. `slow_operations`: how many polls until an operation has happened."""

    def __init__(self) -> None:
        self.clock: Callable[[], datetime] = lambda: datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.lock = threading.RLock()
        self.lag = 0
        self.slow_operations = 0
        self.operation_error: JSON | None = None  # how the operations that start from now on end, if they are to fail
        self.projects: dict[str, Project] = {}
        self.homes: dict[str, str] = {}  # resources whose names do not say what they belong to
        self.numbers = count(1)

    def now(self) -> str:
        """Give the time as Google writes it."""
        return self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def etag(self) -> str:
        """Give an etag that was never given before."""
        return base64.b64encode(b"\x07" + next(self.numbers).to_bytes(7, "big")).decode()

    def find_project(self, text: str) -> Project:
        """Find a project by its id or number. Raises Refused: a project that is not there looks like one that may not be seen."""
        for project in self.projects.values():
            if text in (project.id, project.number):
                return project
        raise Refused(403, "PERMISSION_DENIED", "The caller does not have permission")


def copied[V](value: V) -> V:
    """Copy a JSON value: many times faster than `copy.deepcopy`, and policies are long."""
    made: V = json.decode(json.encode(value))
    return made


class Shelf[T]:
    """Values by name, copied in and out. A reader may see an old one for a while; `now` is the truth, which writes are held against."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.values: dict[str, T] = {}
        self.stale: dict[str, tuple[T | None, int]] = {}

    def put(self, name: str, value: T | None) -> None:
        """Write a value; None takes it away."""
        if self.world.lag:
            self.stale[name] = (self.now(name), self.world.lag)
        if value is None:
            self.values.pop(name, None)
        else:
            self.values[name] = copied(value)

    def now(self, name: str) -> T | None:
        """Give the true value."""
        return copied(self.values.get(name))

    def read(self, name: str) -> T | None:
        """Give what a reader sees."""
        if name in self.stale:
            old, left = self.stale.pop(name)
            if left > 1:
                self.stale[name] = (old, left - 1)
            return copied(old)
        return self.now(name)

    def below(self, prefix: str) -> Iterator[T]:
        """Give the true values whose names are one segment longer than the prefix, by name."""
        for name in sorted(self.values):
            if name.startswith(prefix) and "/" not in name[len(prefix) :]:
                yield copied(self.values[name])


def page(items: list[Any], key: str, size: str, token: str, otherwise: int = 100) -> JSON:
    """Give one page of a list, and the token of the next. An empty list is no field at all, as in every answer of Google's."""
    start = int(token or 0)
    end = start + (int(size or 0) or otherwise)
    return {**({key: items[start:end]} if items[start:end] else {}), **({"nextPageToken": str(end)} if end < len(items) else {})}


def patched(old: JSON, new: JSON, mask: str) -> JSON:
    """Give the old value with the fields that a mask names (`a,b.c`) as they are in the new one; a field that is not in it goes."""
    made = copied(old)
    for path in filter(None, (one.strip() for one in mask.split(","))):
        *outer, last = path.split(".")
        target, source = made, new
        for name in outer:
            target, source = target.setdefault(name, {}), source.get(name) or {}
        if source.get(last) is None:
            target.pop(last, None)
        else:
            target[last] = copied(source[last])
    return made
