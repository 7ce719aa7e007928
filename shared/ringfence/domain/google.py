"""Resources of Google Cloud by their names: which API keeps their allow policy (Cloud API Design Guide, "Resource names"; discovery documents, 2026-11)."""

import re

IAM, RESOURCE_MANAGER, STORAGE, BIGQUERY = (
    "iam.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "storage.googleapis.com",
    "bigquery.googleapis.com",
)
VERTEX = "aiplatform.googleapis.com"
KEEPERS = (
    (re.compile(r"(projects|folders|organizations)/[^/]+", re.ASCII), RESOURCE_MANAGER),
    (re.compile(r"projects/[^/]+/serviceAccounts/[^/]+", re.ASCII), IAM),
    (re.compile(r"projects/_/buckets/[^/]+", re.ASCII), STORAGE),
    (re.compile(r"projects/[^/]+/datasets/[^/]+", re.ASCII), BIGQUERY),
    (re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+(/cryptoKeys/[^/]+)?", re.ASCII), "cloudkms.googleapis.com"),
    (re.compile(r"projects/[^/]+/secrets/[^/]+", re.ASCII), "secretmanager.googleapis.com"),
    (re.compile(r"projects/[^/]+/locations/[^/]+/(endpoints|reasoningEngines)/[^/]+", re.ASCII), VERTEX),
)
# Addresses of service accounts (IAM documentation, "Service accounts overview"): what is none of these names nobody, whatever a log or a finding says.
ADDRESS = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*@[a-zA-Z0-9][a-zA-Z0-9.-]*\.gserviceaccount\.com", re.ASCII)
ACCOUNT = re.compile(r"projects/([^/]+)/serviceAccounts/([^/]+)", re.ASCII)


def keeper(resource: str) -> str:
    """Name the API that keeps the allow policy of a resource; empty where none of those is known here."""
    return next((host for form, host in KEEPERS if form.fullmatch(resource)), "")


def account_name(project: str, address: str) -> str:
    """Name a service account as its API does. `address` is its e-mail, or its unique id."""
    return f"projects/{project or '-'}/serviceAccounts/{address}"


def location(resource: str) -> str:
    """Give the location in a resource's name; empty where it has none."""
    found = re.search(r"/locations/([a-z0-9-]+)(/|$)", resource, re.ASCII)
    return found[1] if found else ""
