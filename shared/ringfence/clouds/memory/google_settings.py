"""What calls for settings on Google Cloud do to a state in memory: one part each, as `ringfence.domain.google_settings` keeps them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ringfence.domain.audit_config import changed
from ringfence.domain.member import PUBLIC
from ringfence.domain.plan import Call
from ringfence.domain.state import Document, State
from ringfence.engine.ports import Failed

# A call that puts a part: its document is what the call has beside the name. Creating is for what is not there, updating for what is.
UPDATES = {
    "PatchBucket": "publicAccessPrevention",
    "UpdateSink": "sink",
    "UpdateExclusion": "exclusion",
    "UpdateBucket": "bucket",
    "UpdateRole": "permissions",
    "UpdateWorkloadIdentityPoolProvider": "disabled",
    "UpdateWorkforcePoolProvider": "disabled",
    "UpdateKey": "restrictions",
    "UpdateEndpoint": "traffic",
    "PatchUser": "suspended",
}
CREATES = {"CreateSink": "sink", "CreateExclusion": "exclusion"}
DELETES = {"DeleteSink": "sink", "DeleteExclusion": "exclusion"}
# What is deleted for a while, and can be put back.
SWITCHES: Mapping[str, tuple[str, Document]] = {
    "DeleteKey": ("key", {"deleted": True}),
    "UndeleteKey": ("key", {"deleted": False}),
    "DeleteBucket": ("deleted", {"deleted": True}),
    "UndeleteBucket": ("deleted", {"deleted": False}),
}
DELTAS = {"PatchBucketAcl": "acl", "SetAuditConfig": "audit"}
ENFORCED = {"value": "enforced"}


def change(state: State, call: Call) -> State | Failed:
    """Carry out one call."""
    operation, held = call.operation, state.settings or {}
    document = {key: value for key, value in call.parameters.items() if key != "name"}
    if operation in SWITCHES:
        part, there = SWITCHES[operation]
        return _with(state, part, there) if part in held else Failed("NOT_FOUND", f"there is no {part}")
    if operation in DELTAS:
        return _delta(state, DELTAS[operation], document)
    if (part := CREATES.get(operation, "")) and part in held:
        return Failed("ALREADY_EXISTS", f"there is a {part} already")
    if (part := UPDATES.get(operation) or DELETES.get(operation) or "") and part not in held:
        return Failed("NOT_FOUND", f"there is no {part}")
    part = part or CREATES.get(operation, "")
    if not part:
        return Failed("UNIMPLEMENTED", f"{operation} is no call that is known here")
    return _with(state, part, None if operation in DELETES else document)


def prevents(state: State, given: Mapping[str, Any]) -> bool:
    """Whether public access prevention refuses a grant (Cloud Storage documentation, "Public access prevention")."""
    closed = (state.settings or {}).get("publicAccessPrevention") == ENFORCED
    return closed and given.get("add", {}).get("member") in PUBLIC


def _with(state: State, part: str, document: Document | None) -> State:
    others = {name: value for name, value in (state.settings or {}).items() if name != part}
    return msgspec.structs.replace(state, settings=others if document is None else {**others, part: document})


def _delta(state: State, part: str, given: Mapping[str, Any]) -> State | Failed:
    held = (state.settings or {}).get(part, {})
    if part == "acl" and "add" in given and (state.settings or {}).get("publicAccessPrevention") == ENFORCED:
        return Failed("FAILED_PRECONDITION", "public access prevention is enforced")
    return _with(state, part, changed(held, given) or None)
