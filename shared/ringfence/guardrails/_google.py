"""What the guardrails for Google Cloud share: grants as a log tells them, and which roles are as good as more than they say.

Roles: IAM documentation, "Basic and predefined roles reference", read in 2026-11; what each may become is in the catalogue of escalation paths.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ringfence.domain.event import Event
from ringfence.domain.finding import Case, Finding, Guardrail
from ringfence.domain.identity import Identity
from ringfence.domain.member import MemberKind, parse_member

CONSUMER = ("gmail.com", "googlemail.com")  # addresses of no organisation
PRIVILEGED = frozenset(
    f"roles/{name}"
    for name in (
        "owner",
        "editor",
        "resourcemanager.projectIamAdmin",
        "resourcemanager.folderIamAdmin",
        "resourcemanager.folderAdmin",
        "resourcemanager.organizationAdmin",
        "iam.securityAdmin",
        "iam.roleAdmin",
        "iam.organizationRoleAdmin",
        "iam.denyAdmin",
        "iam.dataScientist",
        "iam.serviceAccountAdmin",
        "iam.workloadIdentityPoolAdmin",
        "aiplatform.admin",
        "storage.admin",
        "bigquery.admin",
        "secretmanager.admin",
        "cloudfunctions.admin",
        "run.admin",
        "compute.admin",
        "deploymentmanager.editor",
    )
)
# Whoever holds one of these on a service account is, or can become, that account (IAM documentation, "Service account impersonation").
IMPERSONATES = frozenset(
    f"roles/iam.{name}"
    for name in (
        "serviceAccountTokenCreator",
        "serviceAccountUser",
        "serviceAccountOpenIdTokenCreator",
        "workloadIdentityUser",
        "serviceAccountKeyAdmin",
        "serviceAccountAdmin",
    )
)


def grants(case: Case, roles: Iterable[str]) -> list[Mapping[str, Any]]:
    """Give what an event grants to the member that is judged, of some roles."""
    wanted = set(roles)
    return [delta for delta in added(case.event) if delta["member"] == case.identity.arn and delta["role"] in wanted]


def added(event: Event | None) -> Iterator[Mapping[str, Any]]:
    """Give the grants of an event; what was taken away is none."""
    return (delta for delta in (event.parameters.get("deltas") or () if event else ()) if delta["action"] == "ADD")


def granted(case: Case, event: Event, guardrail: Guardrail, what: str, found: list[Mapping[str, Any]]) -> Finding:
    """Say which roles somebody was granted, and what that means; a grant that ends or holds only under a condition is in doubt."""
    roles = [short(delta["role"]) for delta in found]
    where = event.parameters["resource"]
    return Finding(
        guardrail=guardrail.id,
        severity=guardrail.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {what} {', '.join(roles)} on {where}",
        evidence={"roles": roles, "resource": where, "deltas": found},
        actions=guardrail.actions,
        standing=event.parameters.get("standing") is True,
        certain=all("condition" not in delta for delta in found),
    )


def changed(case: Case, event: Event, guardrail: Guardrail, what: str) -> Finding:
    """Say what somebody changed, and where."""
    where = str(event.parameters.get("resource", ""))
    return Finding(
        guardrail=guardrail.id,
        severity=guardrail.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {what} {where}",
        evidence={"method": event.name, "resource": where},
        actions=guardrail.actions,
    )


def containing(identity: Identity, actions: tuple[str, ...]) -> tuple[str, ...]:
    """Give the actions that fit somebody: only a service account of one's own can be disabled."""
    member = parse_member(identity.arn)
    own = member.kind is MemberKind.SERVICE_ACCOUNT and not member.service_agent
    return actions if own else tuple(action for action in actions if action != "gcp.iam.disable-service-account")


def short(role: str) -> str:
    """Name a role without what all names of roles begin with."""
    return role.removeprefix("roles/")
