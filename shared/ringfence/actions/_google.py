"""What the actions for Google Cloud share: a grant more or less, and service accounts by their names."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.binding import Binding, binding_of
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import ADDRESS, account_name, keeper
from ringfence.domain.identity import Identity
from ringfence.domain.member import Member, MemberKind, parse_member
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.state import Fact, FactKind

OWNER = "roles/owner"
# What writing an allow policy takes, by the API that keeps it (IAM documentation, "IAM permissions reference"). Taking a grant away needs the very
# permission that giving one needs: Google Cloud does not tell them apart.
POLICY_GRANTS: Mapping[str, tuple[str, ...]] = {
    "cloudresourcemanager.googleapis.com": (
        "resourcemanager.folders.getIamPolicy",
        "resourcemanager.folders.setIamPolicy",
        "resourcemanager.organizations.getIamPolicy",
        "resourcemanager.organizations.setIamPolicy",
        "resourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.setIamPolicy",
    ),
    "iam.googleapis.com": ("iam.serviceAccounts.getIamPolicy", "iam.serviceAccounts.setIamPolicy"),
    "storage.googleapis.com": ("storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy"),
    "bigquery.googleapis.com": ("bigquery.datasets.get", "bigquery.datasets.update"),
    "cloudkms.googleapis.com": (
        "cloudkms.cryptoKeys.getIamPolicy",
        "cloudkms.cryptoKeys.setIamPolicy",
        "cloudkms.keyRings.getIamPolicy",
        "cloudkms.keyRings.setIamPolicy",
    ),
    "secretmanager.googleapis.com": ("secretmanager.secrets.getIamPolicy", "secretmanager.secrets.setIamPolicy"),
    "aiplatform.googleapis.com": (
        "aiplatform.endpoints.getIamPolicy",
        "aiplatform.endpoints.setIamPolicy",
        "aiplatform.reasoningEngines.getIamPolicy",
        "aiplatform.reasoningEngines.setIamPolicy",
    ),
}


def unbind(action: str, action_class: ActionClass, resource: str, binding: Binding, *, unless_last: bool = False) -> Step:
    """Give the step that takes one grant off a resource: a delta, and so is its inverse. A policy is never written back as it was.

    `unless_last`: it is not taken off whoever is the last to hold that role when the call is made.
    """
    host = keeper(resource)
    bounds = {"unless_last": True} if unless_last else {}
    return Step(
        action=action,
        action_class=action_class,
        fact=Fact(FactKind.BINDING, binding.key),
        before="bound",
        after=None,
        call=Call(host, "SetIamPolicy", {"resource": resource, "remove": binding.delta, **bounds}),
        inverse=Call(host, "SetIamPolicy", {"resource": resource, "add": binding.delta}),
    )


def grants_of(finding: Finding) -> tuple[Binding, ...]:
    """Give the grants that a finding is about (`deltas` in the evidence), each once."""
    told = finding.evidence.get("deltas")
    listed = [delta for delta in told if isinstance(delta, Mapping)] if isinstance(told, (list, tuple)) else []
    found = [binding_of(delta) for delta in listed if isinstance(delta.get("role"), str) and isinstance(delta.get("member"), str)]
    return tuple({binding.key: binding for binding in found}.values())


def service_account(identity: Identity) -> Member | None:
    """Give the service account that a principal is, where somebody here may switch it off; None for anybody else."""
    member = parse_member(identity.arn)
    own = member.kind is MemberKind.SERVICE_ACCOUNT and not member.service_agent and not member.deleted
    return member if own and ADDRESS.fullmatch(member.id) else None


def named(identity: Identity, member: Member) -> str:
    """Name a service account as the API does: by its own project where its address tells it, else by the one in which it was seen."""
    return account_name(member.home or identity.account, member.id)


def call_on(case: Case, host: str, operation: str, **parameters: Any) -> Call:
    """Make a call on what the event changed."""
    return Call(host, operation, {"name": case.target.arn if case.target else "", **parameters})
