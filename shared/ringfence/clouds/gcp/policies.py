"""Allow policies over REST: read at version 3, written with the etag that was read, and never as they were before.

IAM documentation, "Understanding allow policies" (versions, etags) and "Conditions"; Cloud Storage JSON API, "Buckets: setIamPolicy"; BigQuery REST API,
"datasets" (which has no allow policy of its own: `access`). Read in 2026-11.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from ringfence.clouds.gcp import datasets
from ringfence.clouds.gcp.session import ApiError, ask
from ringfence.domain import binding as allow
from ringfence.domain.binding import Binding, bindings_of
from ringfence.domain.google import BIGQUERY, RESOURCE_MANAGER, STORAGE, VERTEX, keeper, location
from ringfence.errors import UpstreamError

CONDITIONAL = 3  # the version from which on a policy may hold conditions
ACCESS = {"accessPolicyVersion": str(CONDITIONAL)}  # of BigQuery: without it conditions are hidden
ATTEMPTS = 5
RACED = (409, 412)  # somebody else wrote meanwhile; Cloud Storage says it by 412
READ_BY_GET = ("cloudkms.googleapis.com", "secretmanager.googleapis.com")
VERSIONED = {"iam.googleapis.com": "v1", "cloudkms.googleapis.com": "v1", "secretmanager.googleapis.com": "v1", VERTEX: "v1beta1"}
type Policy = Mapping[str, Any]


def read(resource: str) -> Policy:
    """Give the allow policy of a resource. Raises ApiError, NoReplyError, or UpstreamError where none is known of such a resource."""
    found = _fetch(resource)
    return datasets.policy_of(found) if keeper(resource) == BIGQUERY else found


def _fetch(resource: str) -> Policy:
    """Give what holds the grants of a resource, whole, as it is written back: its allow policy, or a data set."""
    host = keeper(resource)
    if host == STORAGE:
        found: Policy = ask("GET", "storage", f"/storage/v1/b/{bucket_of(resource)}/iam", query={"optionsRequestedPolicyVersion": "3"})
    elif host == BIGQUERY:
        found = ask("GET", "bigquery", f"/bigquery/v2/{resource}", query=ACCESS)
    elif host == RESOURCE_MANAGER:
        found = ask(
            "POST", "cloudresourcemanager", f"/v3/{path_of(resource)}:getIamPolicy", body={"options": {"requestedPolicyVersion": 3}}
        )
    elif host in VERSIONED:
        verb = "GET" if host in READ_BY_GET else "POST"
        path = f"/{VERSIONED[host]}/{path_of(resource)}:getIamPolicy"
        found = ask(verb, host_of(host, resource), path, query={"options.requestedPolicyVersion": "3"})
    else:
        raise UpstreamError(f"the allow policy of {resource} is none that is read here", "Look at its service")
    return found


def _write(resource: str, policy: Policy, headers: Mapping[str, str]) -> None:
    """Write what was read and changed: the etag goes back, and version 3, which whoever leaves it out loses every condition by."""
    host = keeper(resource)
    if host == BIGQUERY:
        matching = {**headers, "If-Match": str(policy["etag"])}
        ask("PATCH", "bigquery", f"/bigquery/v2/{resource}", body={"access": policy["access"]}, query=ACCESS, headers=matching)
        return
    body = {**policy, "version": max(int(policy.get("version") or 1), CONDITIONAL)}
    if host == STORAGE:
        ask("PUT", "storage", f"/storage/v1/b/{bucket_of(resource)}/iam", body=body, headers=headers)
    elif host == RESOURCE_MANAGER:
        whole = {"policy": body, "updateMask": "bindings,etag"}
        ask("POST", "cloudresourcemanager", f"/v3/{path_of(resource)}:setIamPolicy", body=whole, headers=headers)
    else:
        path = f"/{VERSIONED[host]}/{path_of(resource)}:setIamPolicy"
        ask("POST", host_of(host, resource), path, body={"policy": body}, headers=headers)


def change(
    resource: str, binding: Binding, *, add: bool, headers: Mapping[str, str], pause: Callable[[int], None], unless_last: bool = False
) -> bool:
    """Add one grant, or take one off, whatever else somebody writes meanwhile; give whether it made a difference.

    `unless_last`: nothing is taken off where nobody else would hold that role without a condition any more; ApiError 400 then. Where somebody was faster the whole is done again, at most five times. Raises ApiError, NoReplyError, or UpstreamError where others write all the time.
    """
    applied = datasets.applied if keeper(resource) == BIGQUERY else allow.applied
    for attempt in range(ATTEMPTS):
        policy = _fetch(resource)
        if not policy.get("etag"):
            raise UpstreamError(f"the allow policy of {resource} came without an etag", "Written without one it would undo what others do")
        changed = applied(policy, binding, add=add)
        if changed is None:
            return False
        if unless_last and not any(b.role == binding.role and b.condition is None for b in bindings_of(changed)):
            raise ApiError(400, "FAILED_PRECONDITION", f"{binding.member} is the last one with {binding.role} on {resource}: it stays")
        try:
            _write(resource, changed, headers)
        except ApiError as error:
            if error.number not in RACED:
                raise
            pause(attempt)
        else:
            return True
    raise UpstreamError(f"others write the allow policy of {resource} all the time", "The job is tried again")


def bucket_of(resource: str) -> str:
    """Give the name of a bucket as it stands in a path."""
    return quote(resource.rpartition("/")[2], safe="")


def path_of(resource: str) -> str:
    """Write a resource's name as it stands in a path."""
    return quote(resource, safe="/@:.-_~")


def host_of(host: str, resource: str) -> str:
    """Give the host that answers for a resource: Vertex AI's are regional, but for what is at `global`."""
    name, region = host.removesuffix(".googleapis.com"), location(resource)
    return f"{region}-{name}" if host == VERTEX and region not in ("", "global") else name
