"""Changes settings on Google Cloud: each call of the actions for settings, and each inverse, as one request that writes.

Where an API has a version of what it keeps (an etag, a bucket's metageneration), that is read and sent along, and the whole is done again where somebody
was faster. What is named is written, and nothing else: by a mask, or by a patch. Long-running operations are started: verification sees their effect.
References of the APIs, and "Audit logs: enable Data Access" for `auditConfigs`; read in 2026-11.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

from ringfence.clouds.gcp import policies, settings_reader
from ringfence.clouds.gcp.policies import ATTEMPTS, CONDITIONAL, RACED, bucket_of, host_of, path_of
from ringfence.clouds.gcp.session import ApiError, ask, started
from ringfence.domain.audit_config import applied
from ringfence.domain.google import IAM, RESOURCE_MANAGER, STORAGE, VERTEX
from ringfence.domain.google_settings import API_KEYS, DIRECTORY, LOGGING
from ringfence.domain.member import PUBLIC
from ringfence.domain.plan import Call
from ringfence.domain.raw import items, text
from ringfence.domain.state import Document
from ringfence.errors import UpstreamError

OLD_WRITER, OWN_WRITER = "cloud-logs@", "@gcp-sa-logging."  # who writes for a log sink
type Found = Mapping[str, Any]


class Change(Struct, frozen=True):
    """One call: what it is about, what it says of that, the headers it goes with, and how to wait after somebody else was faster."""

    name: str
    document: Mapping[str, Any]
    headers: Mapping[str, str]
    pause: Callable[[int], None]


type Make = Callable[[Change], None]


def made(call: Call, headers: Mapping[str, str], pause: Callable[[int], None]) -> bool:
    """Make a call for settings; give whether it is one. Raises ApiError, NoReplyError, or UpstreamError where others write all the time."""
    make = CALLS.get((call.service, call.operation))
    if make is None:
        return False
    document = {key: value for key, value in call.parameters.items() if key != "name"}
    make(Change(str(call.parameters["name"]), document, headers, pause))
    return True


def _redone(change: Change, once: Callable[[], None]) -> None:
    """Read, change and write; where somebody was faster, all of it again, at most five times."""
    for attempt in range(ATTEMPTS):
        try:
            once()
        except ApiError as error:
            if error.number not in RACED:
                raise
            change.pause(attempt)
        else:
            return
    raise UpstreamError(f"others write {change.name} all the time", "The job is tried again")


def _version(found: Found) -> dict[str, str]:
    """Give the version to send along; none where the API gave none: the mask alone then says what is written."""
    return {"etag": text(found, "etag")} if text(found, "etag") else {}


def _bucket(change: Change, body: Callable[[Found], Found]) -> None:
    path = f"/storage/v1/b/{bucket_of(change.name)}"

    def once() -> None:
        found: Found = ask("GET", "storage", path, query={"projection": "full"})
        query = {"ifMetagenerationMatch": str(found["metageneration"]), "projection": "noAcl"}
        ask("PATCH", "storage", path, body=body(found), query=query, headers=change.headers)

    _redone(change, once)


def _prevention(change: Change) -> None:
    _bucket(change, lambda _: {"iamConfiguration": {"publicAccessPrevention": change.document["value"]}})


def _access(change: Change) -> None:
    """Take entities off a bucket's list, or put them on it. The list is written whole: whoever else is on it is sent back as it was read."""
    put: Mapping[str, str] = change.document.get("add", {})
    gone = {*change.document.get("remove", ()), *put}

    def body(bucket: Found) -> Found:
        if put.keys() & {*PUBLIC} and settings_reader.prevention(bucket) == settings_reader.ENFORCED:
            # Cloud Storage says this by 412, as it says that somebody was faster: asked, it would be asked again and again.
            raise ApiError(400, "FAILED_PRECONDITION", "public access prevention is enforced")
        kept = [{"entity": one["entity"], "role": one["role"]} for one in items(bucket, "acl") if one["entity"] not in gone]
        return {"acl": [*kept, *({"entity": entity, "role": role} for entity, role in put.items())]}

    _bucket(change, body)


def _audit(change: Change) -> None:
    def once() -> None:
        policy: Found = policies.read(change.name)
        if not policy.get("etag"):
            raise UpstreamError(
                f"the allow policy of {change.name} came without an etag", "Written without one it would undo what others do"
            )
        told = {"auditConfigs": applied(items(policy, "auditConfigs"), change.document), "etag": policy["etag"], "version": CONDITIONAL}
        body = {"policy": told, "updateMask": "auditConfigs,etag"}
        ask("POST", "cloudresourcemanager", f"/v3/{path_of(change.name)}:setIamPolicy", body=body, headers=change.headers)

    _redone(change, once)


def _log(change: Change, said: Callable[[Found], Document], query: Callable[[Found], Mapping[str, str]]) -> None:
    """Write what differs from what is set, cleared fields included. Where nothing seems to, the reading may lag: then all that the call says."""
    path = f"/v2/{path_of(change.name)}"
    found: Found = ask("GET", "logging", path)
    now = said(found)
    names = sorted(now.keys() | change.document.keys())
    differ = [name for name in names if now.get(name) != change.document.get(name)]
    mask = {"updateMask": ",".join(differ or names)}
    ask("PATCH", "logging", path, body=change.document, query={**mask, **query(found)}, headers=change.headers)


def _writer(sink: Found) -> Mapping[str, str]:
    """Say that a log sink keeps the identity by which it writes (Logging API v2, `sinks.patch`: what is not said of it would be another)."""
    writer = text(sink, "writerIdentity")
    if not writer or OWN_WRITER in writer:
        return {"uniqueWriterIdentity": "true"}
    return {} if OLD_WRITER in writer else {"customWriterIdentity": writer}


def _made_anew(change: Change, kind: str, query: Mapping[str, str]) -> None:
    parent, _, name = change.name.rpartition(f"/{kind}/")
    ask("POST", "logging", f"/v2/{path_of(parent)}/{kind}", body={"name": name, **change.document}, query=query, headers=change.headers)


def _gone(change: Change) -> None:
    ask("DELETE", "logging", f"/v2/{path_of(change.name)}", headers=change.headers)


def _log_bucket_back(change: Change) -> None:
    ask("POST", "logging", f"/v2/{path_of(change.name)}:undelete", body={}, headers=change.headers)


def _masked(change: Change, host: str, path: str) -> None:
    """Write what the call names, with the version that was read."""

    def once() -> None:
        body = {**change.document, **_version(ask("GET", host, path))}
        ask("PATCH", host, path, body=body, query={"updateMask": ",".join(sorted(change.document))}, headers=change.headers)

    _redone(change, once)


def _role(change: Change) -> None:
    _masked(change, "iam", f"/v1/{path_of(change.name)}")


def _endpoint(change: Change) -> None:
    _masked(change, host_of(VERTEX, change.name), f"/v1/{path_of(change.name)}")


def _provider(change: Change) -> None:
    query = {"updateMask": ",".join(sorted(change.document))}
    started(ask("PATCH", "iam", f"/v1/{path_of(change.name)}", body=change.document, query=query, headers=change.headers))


def _key(change: Change) -> None:
    path = f"/v2/{path_of(change.name)}"

    def once() -> None:
        body = {"restrictions": change.document, **_version(ask("GET", "apikeys", path))}
        started(ask("PATCH", "apikeys", path, body=body, query={"updateMask": "restrictions"}, headers=change.headers))

    _redone(change, once)


def _key_gone(change: Change) -> None:
    started(ask("DELETE", "apikeys", f"/v2/{path_of(change.name)}", headers=change.headers))


def _key_back(change: Change) -> None:
    started(ask("POST", "apikeys", f"/v2/{path_of(change.name)}:undelete", body={}, headers=change.headers))


def _user(change: Change) -> None:
    address = path_of(change.name.removeprefix("users/"))
    ask("PATCH", "admin", f"/admin/directory/v1/users/{address}", body=change.document, headers=change.headers)


CALLS: Mapping[tuple[str, str], Make] = {
    (STORAGE, "PatchBucket"): _prevention,
    (STORAGE, "PatchBucketAcl"): _access,
    (RESOURCE_MANAGER, "SetAuditConfig"): _audit,
    (LOGGING, "UpdateSink"): partial(_log, said=settings_reader.sink, query=_writer),
    (LOGGING, "CreateSink"): partial(_made_anew, kind="sinks", query={"uniqueWriterIdentity": "true"}),
    (LOGGING, "DeleteSink"): _gone,
    (LOGGING, "UpdateExclusion"): partial(_log, said=settings_reader.exclusion, query=lambda _: {}),
    (LOGGING, "CreateExclusion"): partial(_made_anew, kind="exclusions", query={}),
    (LOGGING, "DeleteExclusion"): _gone,
    (LOGGING, "UpdateBucket"): partial(_log, said=settings_reader.log_bucket, query=lambda _: {}),
    (LOGGING, "DeleteBucket"): _gone,
    (LOGGING, "UndeleteBucket"): _log_bucket_back,
    (IAM, "UpdateRole"): _role,
    (IAM, "UpdateWorkloadIdentityPoolProvider"): _provider,
    (IAM, "UpdateWorkforcePoolProvider"): _provider,
    (API_KEYS, "UpdateKey"): _key,
    (API_KEYS, "DeleteKey"): _key_gone,
    (API_KEYS, "UndeleteKey"): _key_back,
    (VERTEX, "UpdateEndpoint"): _endpoint,
    (DIRECTORY, "PatchUser"): _user,
}
