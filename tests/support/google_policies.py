"""Google policies for the judge, in a few words each."""

from datetime import UTC, datetime
from typing import Any

from ringfence.iam.google import (
    Judged,
)
from tests.support.cases import ROOT

SAMPLES = ROOT / "samples/google"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PAST, FUTURE = "2026-03-02T08:00:00Z", "2026-03-02T10:00:00Z"
ADA, GRACE = "user:ada@example.com", "user:grace@example.com"
TRAINER = "serviceAccount:trainer@fraud-ml-prod.iam.gserviceaccount.com"
COMPUTE = "serviceAccount:100000000001-compute@developer.gserviceaccount.com"
PROJECT = "projects/fraud-ml-prod"
ACCOUNT = f"{PROJECT}/serviceAccounts/trainer@fraud-ml-prod.iam.gserviceaccount.com"
BUCKET = "projects/_/buckets/example-training-data"
ENDPOINT = "//aiplatform.googleapis.com/projects/fraud-ml-prod/locations/europe-west1/endpoints/1"
CUSTOM = {
    "projects/p/roles/reviewer": ("aiplatform.models.get",),
    "projects/p/roles/caller": ("aiplatform.endpoints.predict", "aiplatform.endpoints.get"),
    "projects/p/roles/sharer": ("aiplatform.endpoints.setIamPolicy", "resourcemanager.projects.setIamPolicy"),
    "projects/p/roles/starter": ("run.services.create", "run.routes.invoke"),
    "projects/p/roles/folders": ("resourcemanager.folders.setIamPolicy",),
    "projects/p/roles/tags": ("resourcemanager.tagValueBindings.create",),
}


def grant(role: str, *members: str, on: str | None = None) -> dict[str, Any]:
    """One binding, under a condition if one is given."""
    name = role if "/" in role else f"roles/{role}"
    return {"role": name, "members": list(members or [ADA]), **({} if on is None else {"condition": {"title": "t", "expression": on}})}


def policy(*bindings: dict[str, Any]) -> dict[str, Any]:
    return {"version": 3, "etag": "BwYc0ffee00=", "bindings": list(bindings)}


def agent(home: str, number: str = "100000000001") -> str:
    return f"serviceAccount:service-{number}@{home}.iam.gserviceaccount.com"


def deny(
    *denied_permissions: str, to: tuple[str, ...] = ("principalSet://goog/public:all",), at: str = "organizations/2", **more: Any
) -> dict[str, Any]:
    """One deny policy of one rule."""
    name = f"policies/cloudresourcemanager.googleapis.com%2F{at.replace('/', '%2F')}/denypolicies/d"
    return {"name": name, "rules": [{"denyRule": {"deniedPrincipals": list(to), "deniedPermissions": list(denied_permissions), **more}}]}


def found(judged: Judged) -> dict[str, bool]:
    """Give the paths that are open, each with whether it is certain."""
    return {e.path.id: e.certain for e in (*judged.misuses, *judged.escalations)}
