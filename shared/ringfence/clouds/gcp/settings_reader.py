"""Settings of what is on Google Cloud, read live: each part as `ringfence.domain.google_settings` says it. The permissions of each stand beside it.

What Google's answers leave out because it is the default is left out here too, however it is spelt. Discovery documents of Cloud Storage v1, Logging v2,
IAM v1, API Keys v2, Vertex AI v1 and the Directory API v1, read in 2026-11.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from ringfence.clouds.gcp.policies import bucket_of, host_of, path_of
from ringfence.clouds.gcp.session import FORBIDDEN, NOT_FOUND, THROTTLES, ApiError, ask
from ringfence.domain.audit_config import audited
from ringfence.domain.google import VERTEX
from ringfence.domain.google_settings import Thing
from ringfence.domain.member import PUBLIC
from ringfence.domain.raw import flag, items, table, text
from ringfence.domain.state import Document

# What reading each takes (IAM documentation, "IAM permissions reference"). The directory's are no permissions of IAM.
READS: Mapping[Thing, tuple[str, ...]] = {
    Thing.BUCKET: ("storage.buckets.get", "storage.buckets.getIamPolicy"),  # the latter for its access control list
    Thing.SINK: ("logging.sinks.get",),
    Thing.EXCLUSION: ("logging.exclusions.get",),
    Thing.LOG_BUCKET: ("logging.buckets.get",),
    Thing.SCOPE: (
        "resourcemanager.folders.getIamPolicy",
        "resourcemanager.organizations.getIamPolicy",
        "resourcemanager.projects.getIamPolicy",
    ),
    Thing.ROLE: ("iam.roles.get",),
    Thing.WORKLOADS: ("iam.googleapis.com/workloadIdentityPoolProviders.get",),
    Thing.WORKFORCE: ("iam.googleapis.com/workforcePoolProviders.get",),
    Thing.API_KEY: ("apikeys.keys.get",),
    Thing.ENDPOINT: ("aiplatform.endpoints.get",),
}
MADE_AGAIN = (
    Thing.SINK,
    Thing.EXCLUSION,
    Thing.API_KEY,
)  # missing, they have no part: a step makes them again, or has just taken them away
ENFORCED, INHERITED = "enforced", "inherited"
DEFAULTS: tuple[object, ...] = (None, False, "", 0, [], {})
# What can be set. Of a log bucket what can be set back: analytics cannot be switched off again, and an encryption key is another team's.
OF_A_SINK = ("description", "destination", "disabled", "exclusions", "filter", "includeChildren", "interceptChildren")
OF_AN_EXCLUSION = ("description", "disabled", "filter")
OF_A_LOG_BUCKET = ("description", "locked", "restrictedFields", "retentionDays")
type Found = Mapping[str, Any]
type Parts = dict[str, Document]


def settings_of(thing: Thing, resource: str) -> Parts | None:
    """Give the settings of a resource; None where it is deleted. Raises ApiError, of what is not there too, or NoReplyError."""
    try:
        return READERS[thing](resource)
    except ApiError as error:
        if error.number == NOT_FOUND and thing in MADE_AGAIN:
            return {}
        raise


def audit_of(policy: Found) -> Parts:
    """Give the audit configuration that an allow policy holds."""
    found = audited(items(policy, "auditConfigs"))
    return {"audit": found} if found else {}


def suspended(address: str) -> Parts:
    """Say whether a user is suspended; nothing of one whom the directory does not have or does not show: it is another organisation's, say."""
    try:
        found: Found = ask("GET", "admin", f"/admin/directory/v1/users/{quote(address, safe='@')}", query={"fields": "suspended"})
    except ApiError as error:
        if error.number == NOT_FOUND or (error.number == FORBIDDEN and error.code not in THROTTLES):
            return {}
        raise
    return {"suspended": {"suspended": flag(found.get("suspended"))}}


def prevention(bucket: Found) -> str:
    """Say whether public access to a bucket is prevented by its own settings."""
    return ENFORCED if text(bucket, "iamConfiguration", "publicAccessPrevention") == ENFORCED else INHERITED


def sink(found: Found) -> Document:
    """Give the settings of a log sink. The order of its exclusions means nothing."""
    exclusions = sorted(
        (_said(one, ("name", *OF_AN_EXCLUSION)) for one in items(found, "exclusions")), key=lambda one: str(one.get("name"))
    )
    tables = _said(table(found, "bigqueryOptions"), ("usePartitionedTables",))
    return _said({**found, "exclusions": exclusions, "bigqueryOptions": tables}, (*OF_A_SINK, "bigqueryOptions"))


def exclusion(found: Found) -> Document:
    """Give the settings of a log exclusion."""
    return _said(found, OF_AN_EXCLUSION)


def log_bucket(found: Found) -> Document:
    """Give the settings of a log bucket."""
    return _said({**found, "restrictedFields": sorted(items(found, "restrictedFields"))}, OF_A_LOG_BUCKET)


def _said(found: Found, fields: tuple[str, ...]) -> dict[str, Any]:
    return {key: found[key] for key in fields if key in found and found[key] not in DEFAULTS}


def _bucket(resource: str) -> Parts:
    found: Found = ask("GET", "storage", f"/storage/v1/b/{bucket_of(resource)}", query={"projection": "full"})
    listed = {text(one, "entity"): text(one, "role") for one in items(found, "acl") if text(one, "entity") in PUBLIC}
    return {"publicAccessPrevention": {"value": prevention(found)}, **({"acl": listed} if listed else {})}


def _sink(resource: str) -> Parts:
    return {"sink": sink(ask("GET", "logging", f"/v2/{path_of(resource)}"))}


def _exclusion(resource: str) -> Parts:
    return {"exclusion": exclusion(ask("GET", "logging", f"/v2/{path_of(resource)}"))}


def _log_bucket(resource: str) -> Parts:
    found: Found = ask("GET", "logging", f"/v2/{path_of(resource)}")
    return {"bucket": log_bucket(found), "deleted": {"deleted": text(found, "lifecycleState") == "DELETE_REQUESTED"}}


def _role(resource: str) -> Parts | None:
    found: Found = ask("GET", "iam", f"/v1/{path_of(resource)}")
    if flag(found.get("deleted")):
        return None
    held = sorted(items(found, "includedPermissions"))
    return {"permissions": {"includedPermissions": held, "stage": text(found, "stage") or "ALPHA"}}  # ALPHA is left out (IAM API, `Role`)


def _provider(resource: str) -> Parts | None:
    found: Found = ask("GET", "iam", f"/v1/{path_of(resource)}")
    return None if text(found, "state") == "DELETED" else {"disabled": {"disabled": flag(found.get("disabled"))}}


def _key(resource: str) -> Parts:
    found: Found = ask("GET", "apikeys", f"/v2/{path_of(resource)}")
    restrictions = table(found, "restrictions")
    return {"key": {"deleted": bool(text(found, "deleteTime"))}, **({"restrictions": restrictions} if restrictions else {})}


def _endpoint(resource: str) -> Parts:
    found: Found = ask("GET", host_of(VERTEX, resource), f"/v1/{path_of(resource)}")
    deployed = {text(one, "id"): text(one, "model") for one in items(found, "deployedModels")}
    return {"traffic": {"trafficSplit": dict(table(found, "trafficSplit"))}, "deployed": deployed}


# All but projects, folders and organisations, whose settings lie in their allow policies.
READERS: Mapping[Thing, Callable[[str], Parts | None]] = {
    Thing.BUCKET: _bucket,
    Thing.SINK: _sink,
    Thing.EXCLUSION: _exclusion,
    Thing.LOG_BUCKET: _log_bucket,
    Thing.ROLE: _role,
    Thing.WORKLOADS: _provider,
    Thing.WORKFORCE: _provider,
    Thing.API_KEY: _key,
    Thing.ENDPOINT: _endpoint,
}
