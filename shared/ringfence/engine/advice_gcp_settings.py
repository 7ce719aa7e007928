"""What a person can do by hand about settings on Google Cloud: the command of gcloud, or, where that has none that says exactly this, the API's call.

Google Cloud CLI reference and the discovery documents of the APIs, read in 2026-11; not run against a real Google Cloud project.
"""

import json
from collections.abc import Mapping
from shlex import quote
from typing import Any

from ringfence.domain.plan import Call

SCOPES = {"projects": "project", "folders": "folder", "organizations": "organization", "billingAccounts": "billing-account"}
SINK = ("destination", "filter", "description", "disabled", "exclusions")  # a sink's settings: whichever a call does not name is cleared
# How the API is called: method, the path after the name, and which fields may be cleared by leaving them out.
CALLS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "UpdateSink": ("PUT", "", SINK),
    "UpdateExclusion": ("PATCH", "", ("description", "disabled", "filter")),
    "DeleteExclusion": ("DELETE", "", ()),
    "UpdateBucket": ("PATCH", "", ("retentionDays", "restrictedFields")),
    "UpdateWorkloadIdentityPoolProvider": ("PATCH", "", ()),
    "UpdateWorkforcePoolProvider": ("PATCH", "", ()),
    "DeleteKey": ("DELETE", "", ()),
    "UndeleteKey": ("POST", ":undelete", ()),
}
INTO = {"CreateSink": "sinks", "CreateExclusion": "exclusions"}
VERSIONS = {"logging.googleapis.com": "v2", "apikeys.googleapis.com": "v2", "iam.googleapis.com": "v1"}


def by_hand(call: Call) -> str:
    """Write a call for settings as a command; empty for any other."""
    name = str(call.parameters.get("name", ""))
    given = {key: value for key, value in call.parameters.items() if key != "name"}
    if call.operation == "SetAuditConfig":
        return _audit(name, given)
    if call.operation == "PatchUser":
        verb = "Suspend user" if given["suspended"] else "Reactivate"
        return f"in the Admin console, under Directory > Users, open {name.removeprefix('users/')}: {verb}"
    if call.operation == "UpdateKey":
        return _curl("PATCH", call.service, f"{name}?updateMask=restrictions", {"restrictions": given})
    if call.operation in INTO:
        parent, _, last = name.rpartition(f"/{INTO[call.operation]}/")
        return _curl("POST", call.service, f"{parent}/{INTO[call.operation]}", {"name": last, **given})
    if call.operation in CALLS:
        verb, after, cleared = CALLS[call.operation]
        mask = f"?updateMask={','.join(dict.fromkeys((*cleared, *given)))}" if verb in ("PUT", "PATCH") else ""
        return _curl(verb, call.service, f"{name}{after}{mask}", given)
    command = _gcloud(call.operation, name, given)
    return f"gcloud {command}" if command else ""


def _gcloud(operation: str, name: str, given: Mapping[str, Any]) -> str:
    words = name.split("/")
    at = {key: quote(value) for key, value in zip(words[::2], words[1::2], strict=False)}
    scope = f"--{SCOPES.get(words[0], 'project')}={at.get(words[0], '')}"
    bucket, location = at.get("buckets", ""), at.get("locations", "")
    match operation:
        case "PatchBucket":
            return f"storage buckets update gs://{bucket} --{'' if given['value'] == 'enforced' else 'no-'}public-access-prevention"
        case "PatchBucketAcl":
            grants = (f"--remove-acl-grant={quote(entity)}" for entity in given.get("remove", ()))
            more = (f"--add-acl-grant={quote(f'entity={entity},role={role}')}" for entity, role in given.get("add", {}).items())
            return " ".join((f"storage buckets update gs://{bucket}", *grants, *more))
        case "DeleteSink":
            return f"logging sinks delete {at.get('sinks', '')} {scope}"
        case "DeleteBucket" | "UndeleteBucket":
            return f"logging buckets {operation.removesuffix('Bucket').lower()} {bucket} --location={location} {scope}"
        case "UpdateRole":
            stage = f" --stage={quote(given['stage'])}" if "stage" in given else ""
            return f"iam roles update {at.get('roles', '')} {scope} --permissions={quote(','.join(given['includedPermissions']))}{stage}"
        case "UpdateEndpoint":
            split = ",".join(f"{model}={percent}" for model, percent in given["trafficSplit"].items())
            flag = f"--traffic-split={quote(split)}" if split else "--clear-traffic-split"
            return f"ai endpoints update {at.get('endpoints', '')} --region={location} {scope} {flag}"
        case _:
            return ""


def _audit(name: str, given: Mapping[str, Any]) -> str:
    """Name the three steps: gcloud writes audit configuration only with the whole policy."""
    kind = {"projects": "projects", "folders": "resource-manager folders", "organizations": "organizations"}.get(
        name.partition("/")[0], "projects"
    )
    place = quote(name.partition("/")[2])
    put = [" exempt ".join(map(quote, (entry, *([",".join(people)] if people else ())))) for entry, people in given.get("add", {}).items()]
    changes = [f"put {', '.join(put)}"] if put else []
    changes += [f"take out {', '.join(map(quote, given['remove']))}"] if given.get("remove") else []
    return (
        f"gcloud {kind} get-iam-policy {place} --format=json > policy.json; under auditConfigs {' and '.join(changes)}; "
        f"gcloud {kind} set-iam-policy {place} policy.json"
    )


def _curl(verb: str, host: str, path: str, body: Mapping[str, Any]) -> str:
    sent = f" -H 'Content-Type: application/json' -d {quote(json.dumps(dict(body)))}" if body else ""
    return f'curl -X {verb} -H "Authorization: Bearer $(gcloud auth print-access-token)" {quote(f"https://{host}/{VERSIONS[host]}/{path}")}{sent}'
