"""What the guardrails for Google Cloud share: grants as a log tells them, and which roles are as good as more than they say.

Roles: IAM documentation, "Basic and predefined roles reference", read in 2026-11; what each may become is in the catalogue of escalation paths.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ringfence.domain.binding import Binding, binding_of, bound_to
from ringfence.domain.event import Event
from ringfence.domain.finding import Case, Finding, Guardrail, Unknown
from ringfence.domain.identity import Identity
from ringfence.domain.member import MemberKind, parse_member

# The facts about roles are read where a role is judged: a quiet event needs none of them.
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


# Whoever holds one of these on a project can give themselves everything in it; one of those on service accounts makes them one of them (IAM
# documentation, "Permissions that allow changing permissions" and "Roles for service account authentication").
WRITES = frozenset(f"resourcemanager.{place}.setIamPolicy" for place in ("projects", "folders", "organizations"))
BECOMES = frozenset(
    (
        "iam.serviceAccountKeys.create",
        *(
            f"iam.serviceAccounts.{name}"
            for name in ("actAs", "getAccessToken", "getOpenIdToken", "implicitDelegation", "signBlob", "signJwt", "setIamPolicy")
        ),
    )
)


def admin_like(role: str) -> bool:
    """Whether a role on a project is as good as all of it. Those that only make somebody its service accounts are told by `impersonates`."""
    return role in PRIVILEGED or (role not in IMPERSONATES and _holds(role, WRITES | BECOMES))


def impersonates(role: str) -> bool:
    """Whether a role is for becoming service accounts."""
    return role in IMPERSONATES


def becomes(role: str) -> bool:
    """Whether a role on one service account makes somebody that account, whatever else it is for."""
    return role in IMPERSONATES or _holds(role, BECOMES)


def _holds(role: str, permissions: frozenset[str]) -> bool:
    from ringfence.iam.google import dangerous

    return not permissions.isdisjoint(dangerous((role,)))


def _of_google(case: Case, role: str) -> bool:
    """Whether it is the role that Google itself gives its own agent of this project: whoever switches a service on grants it."""
    from ringfence.iam.google.agents import Setter, numbers_of, setter
    from ringfence.iam.google.allow import Level

    stands = case.target_state.bindings if case.target_state is not None else None
    told = [(b.member, b.role) for b in stands] if stands is not None else [(d["member"], d["role"]) for d in added(case.event)]
    numbers = numbers_of((parse_member(member), role) for member, role in told)
    return setter(parse_member(case.identity.arn), role, Level.PROJECT, numbers) is Setter.GOOGLE


def grants(case: Case, judge: Callable[[str], bool]) -> list[Mapping[str, Any]]:
    """Give what an event grants to the member that is judged, of the roles that a judge names."""
    return [delta for delta in mine(case) if judge(delta["role"]) and not _of_google(case, delta["role"])]


def in_doubt(case: Case) -> Unknown | None:
    """Say which roles of those that the member got nobody knows here: custom ones, and what is newer than the table."""
    from ringfence.iam.google import unknown_roles

    strange = unknown_roles(delta["role"] for delta in mine(case) if not _of_google(case, delta["role"]))
    if not strange:
        return None
    names = ", ".join(short(role) for role in strange)
    where = case.event.parameters["resource"] if case.event is not None else ""
    return Unknown(f"what {case.identity.name} may do by {names} on {where} is not known: look at what the role holds")


def gone(case: Case, found: list[Mapping[str, Any]]) -> bool:
    """Whether nothing of some grants is in the policy that was read afresh."""
    stands = case.target_state.bindings if case.target_state is not None else None
    told = [binding_of(delta) for delta in found]
    return stands is not None and not any(b.role == t.role and bound_to(b.member, t.member) for b in stands for t in told)


def mine(case: Case) -> list[Mapping[str, Any]]:
    """Give what an event grants to the member that is judged."""
    return [delta for delta in added(case.event) if delta["member"] == case.identity.arn]


def standing(case: Case, found: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Give grants as they stand in the policy that was read afresh: logs leave conditions out or space them otherwise, and an account may be deleted since.

    What is not there in any form is given as it was told: it is gone. What stood already when the policy was last fine is another grant.
    """
    stands = (case.target_state.bindings if case.target_state is not None else None) or ()
    keys = {binding.key for binding in stands}
    known = {b.key for b in (case.before.bindings if case.before is not None else None) or ()}
    given: list[Mapping[str, Any]] = []
    for delta in found:
        told = binding_of(delta)
        same = (
            []
            if told.key in keys
            else [b for b in stands if b.role == told.role and bound_to(b.member, told.member) and (_alike(b, told) or b.key not in known)]
        )
        given += [{"action": "ADD", **b.delta} for b in same] or [delta]
    return given


def _alike(one: Binding, other: Binding) -> bool:
    """Whether two grants hold under the same condition, however it is spaced and called."""
    said = ["".join(str((b.condition or {}).get("expression", "")).split()) for b in (one, other)]
    return said[0] == said[1]


def added(event: Event | None) -> Iterator[Mapping[str, Any]]:
    """Give the grants of an event; what was taken away is none."""
    return (delta for delta in (event.parameters.get("deltas") or () if event else ()) if delta["action"] == "ADD")


def granted(case: Case, event: Event, guardrail: Guardrail, what: str, found: list[Mapping[str, Any]]) -> Finding:
    """Say which roles somebody was granted, and what that means; a grant that ends or holds only under a condition is in doubt."""
    roles = [short(delta["role"]) for delta in found]
    stands, doubt = standing(case, found), in_doubt(case)
    where = event.parameters["resource"]
    return Finding(
        guardrail=guardrail.id,
        severity=guardrail.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {what} {', '.join(roles)} on {where}" + (f"; {doubt.reason}" if doubt else ""),
        evidence={"roles": roles, "resource": where, "deltas": stands},
        actions=guardrail.actions,
        standing=event.parameters.get("standing") is True,
        certain=all("condition" not in delta for delta in (*found, *stands)),
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
