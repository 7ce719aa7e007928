"""What of Google Cloud has settings that a step may change: what it is, by the form of its name, and in which parts its settings are kept.

A part is what one step changes. Its document holds what can be set and nothing that Google adds (times, etags, writer identities, the name), so that it
says the same before and after; lists without an order are sorted. What is off or gone has no part.

| what | part | document |
|---|---|---|
| bucket | `publicAccessPrevention` | `{"value": "enforced"}` or `{"value": "inherited"}` |
| bucket | `acl` | entity -> role, of `allUsers` and `allAuthenticatedUsers` alone (legacy access control) |
| log sink | `sink` | LogSink without its name: `destination`, `filter`, `disabled`, `exclusions` ... |
| log exclusion | `exclusion` | LogExclusion without its name: `filter`, `description`, `disabled` |
| log bucket | `bucket` | `retentionDays`, `locked`, `restrictedFields` ... |
| log bucket | `deleted` | `{"deleted": true}` while it can be put back (7 days), else `{"deleted": false}` |
| project, folder, organisation | `audit` | see `ringfence.domain.audit_config` |
| custom role | `permissions` | `includedPermissions`, sorted, and `stage` |
| provider of identities | `disabled` | `{"disabled": true}` or `{"disabled": false}` |
| API key | `restrictions` | as the API tells them; no part where there are none |
| API key | `key` | `{"deleted": true}` while it can be put back (30 days), else `{"deleted": false}` |
| endpoint | `traffic` | `{"trafficSplit": {...}}`, empty where nothing is served |
| endpoint | `deployed` | id of a deployed model -> name of the model; read only |
| user of Google Workspace | `suspended` | `{"suspended": true}` or `{"suspended": false}` |

Discovery documents of Cloud Storage v1, Logging v2, IAM v1, API Keys v2, Vertex AI v1 and the Directory API v1, read in 2026-11.
"""

import re
from enum import StrEnum

from ringfence.domain.google import VERTEX

LOGGING, API_KEYS, DIRECTORY = "logging.googleapis.com", "apikeys.googleapis.com", "admin.googleapis.com"
AI_SERVICES = ("generativelanguage.googleapis.com", VERTEX)
ABOVE = r"(?:projects|folders|organizations|billingAccounts)/[^/\s]+"


class Thing(StrEnum):
    """What has settings."""

    BUCKET = "bucket"
    SINK = "log sink"
    EXCLUSION = "log exclusion"
    LOG_BUCKET = "log bucket"
    SCOPE = "project, folder or organisation"
    ROLE = "custom role"
    WORKLOADS = "provider of workload identities"
    WORKFORCE = "provider of people's identities"
    API_KEY = "API key"
    ENDPOINT = "endpoint"


FORMS = (
    (re.compile(r"projects/_/buckets/[^/\s]+", re.ASCII), Thing.BUCKET),
    (re.compile(rf"{ABOVE}/sinks/[^/\s]+", re.ASCII), Thing.SINK),
    (re.compile(rf"{ABOVE}/exclusions/[^/\s]+", re.ASCII), Thing.EXCLUSION),
    (re.compile(rf"{ABOVE}/locations/[^/\s]+/buckets/[^/\s]+", re.ASCII), Thing.LOG_BUCKET),
    (re.compile(r"(?:projects|folders|organizations)/[^/\s]+", re.ASCII), Thing.SCOPE),
    (re.compile(r"(?:projects|organizations)/[^/\s]+/roles/[^/\s]+", re.ASCII), Thing.ROLE),
    (re.compile(r"projects/[^/\s]+/locations/[^/\s]+/workloadIdentityPools/[^/\s]+/providers/[^/\s]+", re.ASCII), Thing.WORKLOADS),
    (re.compile(r"locations/[^/\s]+/workforcePools/[^/\s]+/providers/[^/\s]+", re.ASCII), Thing.WORKFORCE),
    (re.compile(r"projects/[^/\s]+/locations/[^/\s]+/keys/[^/\s]+", re.ASCII), Thing.API_KEY),
    (re.compile(r"projects/[^/\s]+/locations/[^/\s]+/endpoints/[^/\s]+", re.ASCII), Thing.ENDPOINT),
)


def thing_of(resource: str) -> Thing | None:
    """Say what a resource is, by its name; None where it has no settings that a step changes."""
    return next((thing for form, thing in FORMS if form.fullmatch(resource)), None)
