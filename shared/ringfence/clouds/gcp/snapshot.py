"""Takes a snapshot of Google Cloud projects, with the operator's own credentials: who holds what, and what lies above.

Resource Manager API v3 (`getIamPolicy`, `projects.get`) and v1 (`projects.getAncestry`, which takes no right on the folders), IAM API v1 (service accounts,
keys, custom roles) and v2 (deny policies); discovery documents of 2026-11. What may not be read, or is gone meanwhile, is named; whatever else goes wrong
ends the whole.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from ringfence.clouds.gcp import policies
from ringfence.clouds.gcp.session import FORBIDDEN, NOT_FOUND, THROTTLED, ApiError, ask, upstream
from ringfence.clouds.google_snapshot_form import FORM, Account, Key, Place, Project, Role, Snapshot, Unread
from ringfence.errors import UpstreamError

EVERY = 100  # service accounts between two lines of progress
TRIES = 6
PAGES = 1000  # of one list; a token that leads nowhere would never end
BY_PEOPLE = {"keyTypes": "USER_MANAGED"}
LEFT_OUT = "ALPHA"  # the stage of a role whose stage the API leaves out (IAM API, `Role`)
SAFE = ":.-_"  # in the name of a project
Policy = dict[str, Any]


class _Told(Struct, frozen=True, rename="camel"):
    project_id: str
    name: str


class _Id(Struct, frozen=True):
    type: Literal["project", "folder", "organization"]
    id: str


class _Ancestor(Struct, frozen=True, rename="camel"):
    resource_id: _Id


class _Account(Struct, frozen=True, rename="camel"):
    email: str
    unique_id: str
    disabled: bool = False


class _Key(Struct, frozen=True, rename="camel"):
    name: str
    disabled: bool = False
    valid_after_time: str = ""


class _Role(Struct, frozen=True, rename="camel"):
    name: str
    included_permissions: tuple[str, ...] = ()
    stage: str = LEFT_OUT


class _Listed(Struct, frozen=True):
    name: str


def _pause(attempt: int) -> None:
    time.sleep(2.0**attempt)


def _say_nothing(count: int, kind: str) -> None:
    del count, kind


def take(
    projects: Iterable[str], now: datetime, progress: Callable[[int, str], None] = _say_nothing, pause: Callable[[int], None] = _pause
) -> Snapshot:
    """Read projects, by their ids or numbers, each once. Raises UpstreamError where Google does not answer, or shows nothing of a project.

    `progress` hears how many of what were read; `pause` waits where Google throttles, by the number of the attempt.
    """
    reading = _Reading(progress, pause)
    found: dict[str, Project] = {}
    for name in dict.fromkeys(projects):
        with upstream(f"reading the project {name}"):
            project = reading.project(name)
        found[project.id] = project
        progress(len(found), "projects read")
    above: list[Place] = []
    for name in dict.fromkeys(name for project in found.values() for name in project.above or ()):
        with upstream(f"reading {name}"):
            above.append(reading.place(name))
    return Snapshot(
        google_cloud=FORM, taken=now.isoformat(), projects=tuple(found.values()), above=tuple(above), unread=tuple(reading.unread)
    )


class _Reading:
    """Reads part by part, and notes what it may not read."""

    def __init__(self, progress: Callable[[int, str], None], pause: Callable[[int], None]) -> None:
        self.progress, self.pause = progress, pause
        self.unread: list[Unread] = []
        self.accounts = 0

    def project(self, name: str) -> Project:
        """Read a project. Raises UpstreamError where nothing at all of it may be read: it is not there, or nobody here may see it."""
        path = f"/v3/projects/{quote(name, safe=SAFE)}"
        told = self._part("id and number", f"projects/{name}", lambda: _as(self._ask("GET", "cloudresourcemanager", path), _Told))
        own = told.project_id if told else name
        number = told.name.rpartition("/")[2] if told else ""
        where = f"projects/{own}"
        above = self._part("what lies above", where, lambda: self._above(own))
        place = self.place(where)
        accounts = self._part("service accounts", where, lambda: tuple(self._accounts(where)))
        if told is None and place.policy is None and accounts is None:
            why = self.unread[-1].why
            raise UpstreamError(f"nothing of the project {name} may be read: {why}", "Check its id, and whose credentials these are")
        return Project(id=own, number=number, place=place, accounts=accounts, above=above)

    def place(self, name: str) -> Place:
        """Read what hangs at a project, folder or organisation."""
        folder = name.startswith("folders/")
        return Place(
            name=name,
            policy=self._part("allow policy", name, lambda: _as(self._patiently(lambda: policies.read(name)), Policy)),
            denials=self._part("deny policies", name, lambda: tuple(self._denials(name))),
            roles=() if folder else self._part("custom roles", name, lambda: tuple(self._roles(name))),
        )

    def _above(self, project: str) -> tuple[str, ...]:
        path = f"/v1/projects/{quote(project, safe=SAFE)}:getAncestry"
        told = self._ask("POST", "cloudresourcemanager", path, body={})
        ids = [one.resource_id for one in _as(told.get("ancestor", []), list[_Ancestor])]
        return tuple(f"{one.type}s/{one.id}" for one in ids if one.type != "project")

    def _accounts(self, project: str) -> Iterator[Account]:
        for found in self._pages(f"/v1/{project}/serviceAccounts", "accounts", _Account, {"pageSize": "100"}):
            name = f"{project}/serviceAccounts/{found.email}"
            keys = self._part("keys", name, lambda name=name: tuple(self._keys(name)))  # type: ignore[misc]  # a default binds the loop's value
            yield Account(email=found.email, unique_id=found.unique_id, disabled=found.disabled, keys=keys)
            self.accounts += 1
            if self.accounts % EVERY == 0:
                self.progress(self.accounts, "service accounts read, with their keys")

    def _keys(self, name: str) -> Iterator[Key]:
        told = self._ask("GET", "iam", f"/v1/{policies.path_of(name)}/keys", query=BY_PEOPLE)
        for key in _as(told.get("keys", []), list[_Key]):
            yield Key(name=key.name, disabled=key.disabled, valid_after=key.valid_after_time)

    def _roles(self, name: str) -> Iterator[Role]:
        for role in self._pages(f"/v1/{name}/roles", "roles", _Role, {"view": "FULL", "pageSize": "300"}):
            yield Role(name=role.name, included_permissions=role.included_permissions, stage=role.stage)

    def _denials(self, name: str) -> Iterator[Policy]:
        """Give deny policies with their rules, which their list leaves out."""
        at = f"/v2/policies/cloudresourcemanager.googleapis.com%2F{name.replace('/', '%2F')}/denypolicies"
        for listed in self._pages(at, "policies", _Listed, {}):
            yield self._ask("GET", "iam", f"/v2/{listed.name}")

    def _pages[T](self, path: str, key: str, shape: type[T], query: Mapping[str, str]) -> Iterator[T]:
        token = ""
        for _ in range(PAGES):
            page = self._ask("GET", "iam", path, query={**query, **({"pageToken": token} if token else {})})
            yield from (_as(one, shape) for one in _as(page.get(key, []), list[Any]))
            token = str(page.get("nextPageToken", ""))
            if not token:
                return
        raise UpstreamError(f"{path} does not end after {PAGES} pages", "What came until then was thrown away")

    def _ask(self, verb: str, host: str, path: str, *, body: object = None, query: Mapping[str, str] | None = None) -> Policy:
        return _as(self._patiently(lambda: ask(verb, host, path, body=body, query=query)), Policy)

    def _patiently[T](self, asking: Callable[[], T]) -> T:
        for attempt in range(TRIES - 1):
            try:
                return asking()
            except ApiError as error:
                if error.number != THROTTLED:
                    raise
                self.pause(attempt)
        return asking()

    def _part[T](self, what: str, where: str, reading: Callable[[], T]) -> T | None:
        """Give a part; None where it may not be read or is gone, which is noted."""
        try:
            return reading()
        except ApiError as error:
            if error.number not in (FORBIDDEN, NOT_FOUND):
                raise
            self.unread.append(Unread(what=what, where=where, why=str(error)))
            return None


def _as[T](found: object, shape: type[T]) -> T:
    try:
        return msgspec.convert(found, shape)
    except msgspec.ValidationError as error:
        raise UpstreamError(f"Google answered in a form that is not known here: {error}", "Tell whoever looks after Ringfence") from error
