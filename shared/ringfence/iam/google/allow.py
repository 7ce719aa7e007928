"""Google's allow policies, parsed once: bindings, where the policy hangs, and what is wrong with it. Never a crash.

Forms: what `getIamPolicy` returns and gcloud prints; {"policy": ...}; Cloud Asset's {"resource": ..., "policy": ...} and
{"name": ..., "iamPolicy": ...}. Facts: IAM documentation, "Understanding allow policies"; Resource Manager API v3, Policy.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeGuard

from msgspec import Struct

from ringfence.iam.document import Problem
from ringfence.iam.google.roles import PermissionSet, beginning, facts

KNOWN = frozenset({"bindings", "version", "etag", "auditConfigs"})  # any of them makes a policy
WRAPPED = (("policy", "resource"), ("iamPolicy", "name"))
HIDDEN = re.compile(r"(.+)_withcond_[0-9a-f]+", re.ASCII)  # how a read below version 3 names a conditional binding's role
ANY = "(not named)"
BUCKETS = "projects/_/buckets/"
WIDE = ("organizations", "folders", "projects")
HOSTS = {"cloudresourcemanager": "resourcemanager", "sqladmin": "cloudsql"}  # APIs whose permissions begin otherwise


class Level(StrEnum):
    """Where a policy hangs. The first four are wide: what is granted there holds for everything below."""

    ORGANIZATION = "organization"
    FOLDER = "folder"
    PROJECT = "project"
    UNNAMED = "unnamed"  # not said: taken for the widest
    SERVICE_ACCOUNT = "serviceAccount"
    BUCKET = "bucket"
    RESOURCE = "resource"

    @property
    def wide(self) -> bool:
        """Whether a grant there reaches everything of a project."""
        return self in (Level.ORGANIZATION, Level.FOLDER, Level.PROJECT, Level.UNNAMED)


class Binding(Struct, frozen=True, gc=False):
    """One binding. `condition` is None where there is none, and empty where there is one that says nothing."""

    index: int
    role: str
    members: tuple[str, ...]
    condition: str | None = None
    hidden: bool = False  # a condition was left out by a read below version 3


class Allow(Struct, frozen=True):
    """A parsed policy with the resource it hangs at."""

    bindings: tuple[Binding, ...]
    problems: tuple[Problem, ...] = ()
    resource: str = ANY
    level: Level = Level.UNNAMED
    reach: PermissionSet = 0  # the permissions that a grant there can make use of


def is_google(document: object) -> bool:
    """Whether a document is one of Google's: bindings or what wraps them, and no Statement."""
    if not isinstance(document, Mapping) or "Statement" in document:
        return False
    if any(isinstance(document.get(key), Mapping) and is_google(document[key]) for key, _ in WRAPPED):
        return True
    return "bindings" in document or ("etag" in document and set(document) <= KNOWN | {"kind", "resourceId"})


def parse(document: object, resource: str = "") -> Allow:
    """Parse a policy, as it is or wrapped; `resource` where the document does not name its own."""
    for key, name in WRAPPED:
        if _is_object(document) and isinstance(document.get(key), Mapping):
            named = document.get(name)
            document, resource = document[key], named if isinstance(named, str) and named else resource
    if not _is_object(document):
        return Allow((), (Problem("policy", f"is {_kind(document)}, expected an object"),))
    if isinstance(document.get("resourceId"), str):  # Cloud Storage says it
        resource = resource or document["resourceId"]
    level, path, service = _hung(resource)
    where = Allow((), (), path or ANY, level, _reach(level, service))
    entries = document.get("bindings", [] if KNOWN & set(document) else None)
    if not isinstance(entries, list | tuple):
        return _with(where, (), (Problem("bindings", f"is {_kind(entries)}, expected a list"),))
    problems: list[Problem] = []
    bindings = [b for n, entry in enumerate(entries) if (b := _binding(n, entry, problems)) is not None]
    return _with(where, tuple(bindings), tuple(problems))


def _with(where: Allow, bindings: tuple[Binding, ...], problems: tuple[Problem, ...]) -> Allow:
    return Allow(bindings, problems, where.resource, where.level, where.reach)


def _binding(index: int, entry: object, problems: list[Problem]) -> Binding | None:
    where = f"bindings[{index}]"
    if not _is_object(entry):
        problems.append(Problem(where, f"is {_kind(entry)}, expected an object"))
        return None
    role, members, condition = entry.get("role"), entry.get("members", []), entry.get("condition")
    if not isinstance(role, str) or not role:
        problems.append(Problem(f"{where}.role", f"is {_kind(role)}, expected the name of a role"))
        return None
    if not isinstance(members, list | tuple) or not all(isinstance(m, str) and m for m in members):
        problems.append(Problem(f"{where}.members", "is no list of members"))
        return None
    if condition is not None and not _is_object(condition):
        problems.append(Problem(f"{where}.condition", f"is {_kind(condition)}, expected an object"))
        return None
    hidden = HIDDEN.fullmatch(role)
    expression = None if condition is None else condition.get("expression")
    text = None if condition is None else expression if isinstance(expression, str) else ""
    return Binding(index, hidden[1] if hidden else role, tuple(members), text, hidden is not None)


def _hung(resource: str) -> tuple[Level, str, str]:
    """Give the level of a resource, its name without the host, and the service it is of, where that is said."""
    host, _, path = resource[2:].partition("/") if resource.startswith("//") else ("", "", resource)
    service, path = host.partition(".")[0], path.strip("/")
    parts = path.split("/")
    if not path:
        return Level.UNNAMED, "", ""
    if service == "storage" or path.startswith(BUCKETS):
        return (Level.BUCKET if len(parts) in (1, 4) else Level.RESOURCE), path, "storage"
    if len(parts) == 2 and parts[0] in WIDE:  # noqa: PLR2004 - a kind and an id
        return Level(parts[0].removesuffix("s")), path, ""
    if len(parts) == 4 and parts[0] == "projects" and parts[2] == "serviceAccounts":  # noqa: PLR2004 - two of them
        return Level.SERVICE_ACCOUNT, path, ""
    return Level.RESOURCE, path, HOSTS.get(service, service)


@lru_cache(maxsize=1024)
def _reach(level: Level, service: str) -> PermissionSet:
    """Give the permissions that a grant at a level can make use of: a folder's policy is no project's to write."""
    everything = (1 << len(facts().permissions)) - 1
    of_organizations = beginning("resourcemanager.organizations.", "iam.googleapis.com/workforcePool")
    match level:
        case Level.ORGANIZATION | Level.UNNAMED:
            return everything
        case Level.FOLDER:
            return everything & ~of_organizations
        case Level.PROJECT:
            return everything & ~of_organizations & ~beginning("resourcemanager.folders.")
        case Level.SERVICE_ACCOUNT:
            return beginning("iam.serviceAccounts.", "iam.serviceAccountKeys.")
        case Level.BUCKET:
            return beginning("storage.")
    # Of a service whose permissions have another name: whatever is not of something above it.
    return (beginning(f"{service}.") if service else 0) or everything & ~beginning(*(f"resourcemanager.{kind}." for kind in WIDE))


def _is_object(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
