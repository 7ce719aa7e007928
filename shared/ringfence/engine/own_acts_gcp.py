"""Whether an audit log of Google Cloud tells of a call of ours: the same method, on the same resource, and of a grant the same one.

Logs name some methods otherwise than we do, projects by id or number, and service accounts by their unique ids (samples and documentation, read in 2026-11).
"""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.binding import binding_of
from ringfence.domain.event import Event
from ringfence.domain.plan import Call

# Our name of a call -> how logs name its method, where that is another name.
LOGGED: Mapping[str, tuple[str, ...]] = {
    "SetAuditConfig": ("SetIamPolicy",),
    "PatchBucket": ("buckets.patch", "buckets.update"),
    "PatchBucketAcl": ("buckets.patch", "buckets.update", "SetIamPolicy"),
    "PatchUser": ("suspendUser", "unsuspendUser", "SUSPEND_USER", "UNSUSPEND_USER"),
    "UpdateBucket": ("UpdateBucket", "UpdateBucketAsync"),
}


def same(call: Call, event: Event) -> bool:
    """Whether an event is about this call. Of a grant, what the log tells beside it has to be nothing."""
    if event.heard_as not in LOGGED.get(call.operation, (call.operation,)):
        return False
    if call.operation == "SetIamPolicy" and (told := event.parameters.get("deltas")):
        return [_told(delta) for delta in told] == [_meant(call.parameters)] and _on(call, event)
    return _on(call, event)


def _meant(given: Mapping[str, Any]) -> tuple[str, str]:
    verb = "add" if "add" in given else "remove"
    return verb.upper(), binding_of(given[verb]).key


def _told(delta: Mapping[str, Any]) -> tuple[str, str]:
    return str(delta["action"]), binding_of(delta).key


def _on(call: Call, event: Event) -> bool:
    """Whether both name one resource, by the last part of its name; a project may be named by its number."""
    given = call.parameters
    meant = str(given.get("resource") or given.get("name") or given.get("parent") or "")
    told = {str(event.parameters.get("resource", "")), event.target.arn if event.target else ""}
    if meant.startswith("policies/"):  # a deny policy: its own name is in the log, or that of the place where it is attached
        return any(name.startswith(("policies/", "projects/", "folders/", "organizations/")) for name in told)
    if meant.count("/") == 1 and any(name.startswith("projects/") and name.count("/") == 1 for name in told):
        return meant in told or any(name.rpartition("/")[2].isdigit() for name in told) or event.account == meant.rpartition("/")[2]
    return meant.rpartition("/")[2].casefold() in {name.rpartition("/")[2].casefold() for name in told if name}
