"""A snapshot of Google Cloud projects: the form of what `ringfence snapshot --gcp` writes.

A part that could not be read is null, and `unread` says why: it is never taken for empty. There is no secret in it: of a key its name, whether it is
disabled, and since when it is valid.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ringfence.errors import UsageError

MARK, FORM = "googleCloud", 1
AGAIN = "Make a new one with `ringfence snapshot --gcp PROJECT`"


class Form(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What all parts of the file share: names as Google writes them, and nothing that is not known here."""


class Key(Form, frozen=True):
    """A key that people made, by its full name."""

    name: str
    disabled: bool
    valid_after: str


class Account(Form, frozen=True):
    """A service account. `keys` is null where they could not be read."""

    email: str
    unique_id: str
    disabled: bool
    keys: tuple[Key, ...] | None


class Role(Form, frozen=True):
    """A custom role, by its full name."""

    name: str
    included_permissions: tuple[str, ...]
    stage: str


class Place(Form, frozen=True):
    """A project, folder or organisation: its allow policy in version 3, the deny policies attached to it, its custom roles (a folder has none)."""

    name: str
    policy: dict[str, Any] | None
    denials: tuple[dict[str, Any], ...] | None
    roles: tuple[Role, ...] | None


class Project(Form, frozen=True):
    """A project. `number` is empty where it could not be read; `above` names the folders and the organisation, the nearest first."""

    id: str
    number: str
    place: Place
    accounts: tuple[Account, ...] | None
    above: tuple[str, ...] | None


class Unread(Form, frozen=True):
    """What could not be read, of which resource, and why."""

    what: str
    where: str
    why: str


class Snapshot(Form, frozen=True):
    """The file. `google_cloud` is the number of the form; `above` holds what several projects hang below once."""

    google_cloud: int
    taken: str
    projects: tuple[Project, ...]
    above: tuple[Place, ...]
    unread: tuple[Unread, ...]

    def levels(self, project: Project) -> tuple[Place, ...]:
        """Give what is above a project, the nearest first; nothing where that is not known."""
        by_name = {place.name: place for place in self.above}
        return tuple(by_name[name] for name in project.above or ())

    def places(self) -> Iterator[Place]:
        """Give every project, folder and organisation."""
        yield from (project.place for project in self.projects)
        yield from self.above


def is_google_snapshot(content: object) -> bool:
    """Whether a file is such a snapshot, sound or not."""
    return isinstance(content, Mapping) and MARK in content


def google_snapshot(content: object) -> Snapshot:
    """Read the file's content; raise UsageError where it is damaged: half a snapshot would pass for a whole one."""
    try:
        found = msgspec.convert(content, Snapshot)
    except msgspec.ValidationError as error:
        raise UsageError(f"this snapshot of Google Cloud is damaged: {error}", AGAIN) from error
    if found.google_cloud != FORM:
        raise UsageError(f"this snapshot of Google Cloud is of form {found.google_cloud}, expected {FORM}", AGAIN)
    names = [place.name for place in found.places()]
    missing = [name for project in found.projects for name in project.above or () if name not in names]
    twice = [name for n, name in enumerate(names) if name in names[:n]]
    if not found.projects or missing or twice:
        what = f"{missing[0]} is missing" if missing else f"{twice[0]} is in it twice" if twice else "it holds no project"
        raise UsageError(f"this snapshot of Google Cloud is damaged: {what}", AGAIN)
    return found
