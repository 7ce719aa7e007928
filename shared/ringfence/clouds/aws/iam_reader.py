"""Reads identities from IAM, facet by facet. The permissions of each facet stand beside it; the template's test compares."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.state import Credential, Document, Facet, FactKind, State
from ringfence.engine.ports import Absence, Wanted

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# IAM actions by what they read (Service Authorization Reference, "AWS Identity and Access Management").
READS: dict[Facet | None, tuple[str, ...]] = {
    None: ("iam:GetRole", "iam:GetUser", "iam:GetGroup", "iam:ListEntitiesForPolicy"),
    Facet.ATTACHED: ("iam:ListAttachedRolePolicies", "iam:ListAttachedUserPolicies", "iam:ListAttachedGroupPolicies"),
    Facet.DOCUMENTS: ("iam:GetPolicy", "iam:GetPolicyVersion"),
    Facet.INLINE: (
        "iam:ListRolePolicies",
        "iam:ListUserPolicies",
        "iam:ListGroupPolicies",
        "iam:GetRolePolicy",
        "iam:GetUserPolicy",
        "iam:GetGroupPolicy",
    ),
    Facet.MEMBERS: (),
    Facet.MFA: ("iam:ListMFADevices",),
    Facet.LOGIN: ("iam:GetLoginProfile",),
    Facet.KEYS: ("iam:ListAccessKeys", "iam:ListServiceSpecificCredentials", "iam:ListSSHPublicKeys", "iam:ListSigningCertificates"),
}


class IamReader:
    """The reader port over IAM. Raises UpstreamError where IAM does not answer or does not allow."""

    def __init__(self, client: "Callable[[], IAMClient]" = clients.iam) -> None:
        """Take the getter of the client: none is made before something is read."""
        self._client = client

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give the state of an identity; an ARN of another account, or a name that is gone, is absent."""
        if identity.kind not in (Kind.ROLE, Kind.USER, Kind.GROUP):
            return State(identity=identity)
        with upstream(f"reading {identity.kind} {identity.name}"):
            found = self._entity(identity)
            if found is None:
                return Absence.GONE
            live = Identity.from_arn(found["Arn"], found[f"{identity.kind.value.title()}Id"])
            if live is None or live.account != identity.account:
                return Absence.GONE  # a namesake in this account is not the identity of another one
            return self._state(live, found, wanted)

    def holders(self, policy_arn: str) -> tuple[Identity, ...] | Absence:
        """Give the identities to which a policy is attached."""
        account, partition = policy_arn.split(":")[4], policy_arn.split(":")[1]
        found: list[Identity] = []
        with upstream(f"listing the holders of {policy_arn}"):
            try:
                for page in self._client().get_paginator("list_entities_for_policy").paginate(PolicyArn=policy_arn):
                    found += [Identity.of(Kind.ROLE, r["RoleName"], account, partition, r["RoleId"]) for r in page["PolicyRoles"]]
                    found += [Identity.of(Kind.USER, u["UserName"], account, partition, u["UserId"]) for u in page["PolicyUsers"]]
                    found += [Identity.of(Kind.GROUP, g["GroupName"], account, partition, g["GroupId"]) for g in page["PolicyGroups"]]
            except self._client().exceptions.NoSuchEntityException:
                return Absence.GONE
        return tuple(found)

    def _entity(self, identity: Identity) -> dict[str, Any] | None:
        iam = self._client()
        try:
            if identity.kind is Kind.ROLE:
                return dict(iam.get_role(RoleName=identity.name)["Role"])
            if identity.kind is Kind.USER:
                return dict(iam.get_user(UserName=identity.name)["User"])
            group: dict[str, Any] = {}
            for page in iam.get_paginator("get_group").paginate(GroupName=identity.name):
                group = {
                    **page["Group"],
                    "Members": [*group.get("Members", []), *(Identity.from_arn(user["Arn"], user["UserId"]) for user in page["Users"])],
                }
        except iam.exceptions.NoSuchEntityException:
            return None
        return group

    def _state(self, identity: Identity, found: dict[str, Any], wanted: Wanted) -> State:
        facets, user = wanted.facets, identity.kind is Kind.USER
        attached = tuple(self._attached(identity)) if Facet.ATTACHED in facets else None
        return State(
            identity=identity,
            created=found.get("CreateDate"),
            trust=found.get("AssumeRolePolicyDocument"),
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", ())},
            boundary=found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            attached=attached,
            documents=self._documents(wanted.documents) if Facet.DOCUMENTS in facets else None,
            inline=self._inline(identity) if Facet.INLINE in facets else None,
            members=tuple(found.get("Members", ())) if identity.kind is Kind.GROUP else None,
            mfa=(self._mfa(identity.name) if user else ()) if Facet.MFA in facets else None,
            login=(self._login(identity.name) if user else False) if Facet.LOGIN in facets else None,
            credentials=(tuple(self._credentials(identity.name)) if user else ()) if Facet.KEYS in facets else None,
        )

    def _attached(self, identity: Identity) -> Iterator[str]:
        iam, name = self._client(), identity.name
        if identity.kind is Kind.ROLE:
            pages: Any = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
        elif identity.kind is Kind.USER:
            pages = iam.get_paginator("list_attached_user_policies").paginate(UserName=name)
        else:
            pages = iam.get_paginator("list_attached_group_policies").paginate(GroupName=name)
        for page in pages:
            yield from (policy["PolicyArn"] for policy in page["AttachedPolicies"])

    def _inline(self, identity: Identity) -> dict[str, Document]:
        iam, name = self._client(), identity.name
        found: dict[str, Any] = {}
        if identity.kind is Kind.ROLE:
            for roles in iam.get_paginator("list_role_policies").paginate(RoleName=name):
                found |= {p: iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"] for p in roles["PolicyNames"]}
        elif identity.kind is Kind.USER:
            for users in iam.get_paginator("list_user_policies").paginate(UserName=name):
                found |= {p: iam.get_user_policy(UserName=name, PolicyName=p)["PolicyDocument"] for p in users["PolicyNames"]}
        else:
            for groups in iam.get_paginator("list_group_policies").paginate(GroupName=name):
                found |= {p: iam.get_group_policy(GroupName=name, PolicyName=p)["PolicyDocument"] for p in groups["PolicyNames"]}
        return found

    def _documents(self, arns: tuple[str, ...]) -> dict[str, Document]:
        iam = self._client()
        found: dict[str, Any] = {}
        for arn in arns:
            try:
                version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                found[arn] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
            except iam.exceptions.NoSuchEntityException:
                continue  # deleted since: nobody holds it any more, and a guardrail that needs it says so
        return found

    def _mfa(self, user: str) -> tuple[str, ...]:
        pages = self._client().get_paginator("list_mfa_devices").paginate(UserName=user)
        return tuple(device["SerialNumber"] for page in pages for device in page["MFADevices"])

    def _login(self, user: str) -> bool:
        try:
            self._client().get_login_profile(UserName=user)
        except self._client().exceptions.NoSuchEntityException:
            return False
        return True

    def _credentials(self, user: str) -> Iterator[Credential]:
        iam = self._client()
        for keys in iam.get_paginator("list_access_keys").paginate(UserName=user):
            yield from (Credential(FactKind.ACCESS_KEY, k["AccessKeyId"], k["Status"]) for k in keys["AccessKeyMetadata"])
        for service in iam.list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"]:
            yield Credential(FactKind.SERVICE_CREDENTIAL, service["ServiceSpecificCredentialId"], service["Status"])
        for ssh in iam.get_paginator("list_ssh_public_keys").paginate(UserName=user):
            yield from (Credential(FactKind.SSH_KEY, k["SSHPublicKeyId"], k["Status"]) for k in ssh["SSHPublicKeys"])
        for signing in iam.get_paginator("list_signing_certificates").paginate(UserName=user):
            yield from (Credential(FactKind.CERTIFICATE, c["CertificateId"], c["Status"]) for c in signing["Certificates"])
