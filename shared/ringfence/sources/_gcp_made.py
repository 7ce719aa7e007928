"""What a call made, where its log names what it was made in; and what it added to a custom role.

Facts: API Keys API and IAM API references (the answer to a creation is what was made; a provider's id stands in the request), IAM audit log reference
(`permissionDelta` of `google.iam.admin.v1.AuditData`), read in 2026-11.
"""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.google_settings import Thing, thing_of
from ringfence.domain.raw import items, table, text

MADE = (Thing.API_KEY, Thing.WORKLOADS, Thing.WORKFORCE, Thing.EXCLUSION)
IDS = ("workloadIdentityPoolProviderId", "workforcePoolProviderId")
DELTAS = ("serviceData", "service_data", "metadata")


def made(payload: Mapping[str, Any], place: str) -> str:
    """Name the API key, the provider or the exclusion that a call made or changed; the place that the log names for everything else."""
    providers = [f"{place}/providers/{text(payload, 'request', key)}" for key in IDS]
    told = (text(payload, "response", "name"), *providers, f"{place}/exclusions/{text(payload, 'request', 'exclusion', 'name')}")
    return next((name for name in told if thing_of(name) in MADE), place)


def added(payload: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Give the permissions that a call added to a custom role; None where the log does not tell what changed in one."""
    told = [delta for key in DELTAS if (delta := table(payload, key, "permissionDelta"))]
    names = (name for delta in told for name in items(delta, "addedPermissions") if isinstance(name, str))
    return tuple(dict.fromkeys(names)) if told else None
