"""gcp.iam.deny-principal: deny a principal what is dangerous, by one deny policy of its own; where that may not be, take its grants on the project.

IAM documentation, "Deny policies": a deny comes before every grant, on whatever level that is. Making one needs rights on the organisation
that a deployment for one project has not (`DENY_AT`).
"""

import msgspec

from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._google import OWNER, POLICY_GRANTS, named, service_account, unbind
from ringfence.actions.gcp_iam_disable_service_account import off
from ringfence.domain.binding import comparable
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import IAM, RESOURCE_MANAGER
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.member import MemberKind, parse_member
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.state import Document, Facet, Fact, FactKind

# The judge for Google IAM is imported where it is asked: a quiet event needs none of it.
MANY = (MemberKind.GROUP, MemberKind.PRINCIPAL_SET, MemberKind.DOMAIN, MemberKind.EVERYBODY, MemberKind.CONVENIENCE, MemberKind.UNKNOWN)
PART = "deny"  # the part of a principal's settings


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One deny policy, and for a service account as the next rung its disabling. Without the right to it: disable, and take its grants on the project."""
    from ringfence.iam.google import deny_principal

    identity = case.identity
    if identity.kind is not Kind.MEMBER:
        return Impossible(f"{identity.name} is no principal of Google Cloud")
    member = parse_member(identity.arn)
    if member.kind in MANY:
        return Impossible(f"{identity.name} stands for many: who of them it was, a person has to find out")
    account, who = service_account(identity), deny_principal(member)
    switch = () if account is None else (off(ACTION.id, named(identity, account)),)
    deployment = case.settings.deployment
    where = deployment.deny_at if case.settings.deployed else f"projects/{identity.account}"  # offline nobody knows what a deployment may
    if where and who:
        return (msgspec.structs.replace(_deny(case, who, where), otherwise=switch),)
    taken = (*switch, *_grants(case))
    if not taken:
        return Impossible(
            f"this deployment may make no deny policy (DENY_AT), and what {identity.name} holds on {identity.account} is not known, or nothing dangerous: "
            "look at groups, folders and the organisation"
        )
    return taken


def _deny(case: Case, who: str, at: str) -> Step:
    from ringfence.iam.google import dangerous, undeniable, unknown_roles

    where = f"policies/cloudresourcemanager.googleapis.com%2F{at.replace('/', '%2F')}/denypolicies"
    document = denial(who)
    rule = {"deniedPrincipals": document["principals"], "deniedPermissions": document["permissions"]}
    policy = {"displayName": "Ringfence quarantine", "rules": [{"denyRule": rule}]}
    name = deny_id(case.identity)
    roles = [b.role for b in (case.state.bindings if case.state else None) or ()]
    return Step(
        action=ACTION.id,
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.SETTINGS, PART),
        before=None,
        after=digest(document),
        call=Call(IAM, "CreatePolicy", {"parent": where, "policyId": name, "policy": policy}),
        inverse=Call(IAM, "DeletePolicy", {"name": f"{where}/{name}"}),
        leaves=(*undeniable(dangerous(roles)), *(f"whatever {role} holds" for role in unknown_roles(roles))),
    )


def _grants(case: Case) -> tuple[Step, ...]:
    """Take what a principal holds on its project, where that is dangerous, or nobody knows what it is."""
    from ringfence.iam.google import dangerous, unknown_roles

    held = (case.state.bindings if case.state else None) or ()
    place = f"projects/{case.identity.account}"
    return tuple(
        unbind(ACTION.id, ActionClass.CONTAINMENT, place, b, unless_last=b.role == OWNER)
        for b in held
        if dangerous((b.role,)) or unknown_roles((b.role,))
    )


def denial(who: str) -> Document:
    """Write what a deny policy of ours says: whom it denies, and what."""
    from ringfence.iam.google import deniable, deny_name

    return {"principals": [who], "permissions": sorted(deny_name(permission) for permission in deniable())}


def deny_id(identity: Identity) -> str:
    """Name the one deny policy of a principal."""
    return f"ringfence-{digest(comparable(identity.arn))[:32]}"


ACTION = Action(
    id="gcp.iam.deny-principal",
    title="Deny a principal what is dangerous",
    before="the principal may do what its roles allow",
    after="a deny policy forbids it what is dangerous, whatever its roles say",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.SETTINGS, Facet.BINDINGS}),
    writes=(
        Permission(f"{IAM}:CreatePolicy", grants=("iam.denypolicies.create", "iam.denypolicies.get")),
        Permission(f"{IAM}:DeletePolicy", grants=("iam.denypolicies.delete",)),
        Permission(f"{IAM}:DisableServiceAccount", grants=("iam.serviceAccounts.disable", "iam.serviceAccounts.get")),
        Permission(f"{IAM}:EnableServiceAccount", grants=("iam.serviceAccounts.enable",)),
        Permission(f"{RESOURCE_MANAGER}:SetIamPolicy", grants=POLICY_GRANTS[RESOURCE_MANAGER]),
    ),
    undo="Deletes the deny policy; enables the account again and puts back the grants, where those were taken.",
    impact="The principal's work stops within about two minutes, at times seven and more. Not every permission can be denied: what it can still do is named.",
    plan=plan,
)
