"""Reads identities from IAM, facet by facet. The permissions of each facet stand beside it; the template's test compares."""

import re
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
    None: ("iam:GetRole", "iam:GetUser", "iam:GetGroup", "iam:GetPolicy", "iam:GetAccessKeyLastUsed"),
    Facet.ATTACHED: ("iam:ListAttachedRolePolicies", "iam:ListAttachedUserPolicies", "iam:ListAttachedGroupPolicies"),
    Facet.DOCUMENTS: ("iam:GetPolicy", "iam:GetPolicyVersion"),
    Facet.EVERY_DOCUMENT: ("iam:GetPolicy", "iam:GetPolicyVersion"),
    Facet.GROUPS: ("iam:ListGroupsForUser",),
    Facet.VERSIONS: ("iam:ListPolicyVersions", "iam:GetPolicyVersion"),
    Facet.SETTINGS: (),  # of no identity: ringfence.clouds.aws.reader
    Facet.KEY_USE: ("iam:GetAccessKeyLastUsed",),
    Facet.BINDINGS: (),  # Google Cloud's
    Facet.INLINE: (
        "iam:ListRolePolicies",
        "iam:ListUserPolicies",
        "iam:ListGroupPolicies",
        "iam:GetRolePolicy",
        "iam:GetUserPolicy",
        "iam:GetGroupPolicy",
    ),
    Facet.MEMBERS: ("iam:ListEntitiesForPolicy",),  # of a group they come with it
    Facet.MFA: ("iam:ListMFADevices",),
    Facet.LOGIN: ("iam:GetLoginProfile",),
    Facet.KEYS: ("iam:ListAccessKeys", "iam:ListServiceSpecificCredentials", "iam:ListSSHPublicKeys", "iam:ListSigningCertificates"),
}
KEY_ID = re.compile(r"\w{16,128}", re.ASCII)  # IAM API Reference, GetAccessKeyLastUsed


class IamReader:
    """The reader port over IAM. Raises UpstreamError where IAM does not answer or does not allow."""

    def __init__(self, client: "Callable[[], IAMClient]" = clients.iam) -> None:
        """Take the getter of the client: none is made before something is read."""
        self._client = client

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give the state of an identity; an ARN of another account, or a name that is gone, is absent."""
        if identity.kind is Kind.POLICY:
            return self._policy(identity, wanted)
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

    def owner(self, access_key_id: str) -> Identity | Absence:
        """Give the user whose access key it is; the root user's own has no user name, and what is no id of a key has no owner."""
        if not KEY_ID.fullmatch(access_key_id):
            return Absence.NOT_KNOWN
        with upstream(f"asking whose access key {access_key_id} is"):
            try:
                told = self._client().get_access_key_last_used(AccessKeyId=access_key_id)
            except self._client().exceptions.NoSuchEntityException:
                return Absence.GONE
            except self._client().exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("AccessDenied", "ValidationError"):
                    return Absence.NOT_KNOWN  # so IAM answers about the key of another account, and about what is none
                raise
            if not (name := told.get("UserName")):
                return Absence.NOT_KNOWN  # the root user's, of whichever account
            user = self._client().get_user(UserName=name)["User"]
        return Identity.from_arn(user["Arn"], user["UserId"]) or Absence.NOT_KNOWN

    def _policy(self, policy: Identity, wanted: Wanted) -> State | Absence:
        """Read a managed policy: which versions it has, and who holds it."""
        iam = self._client()
        with upstream(f"reading the policy {policy.arn}"):
            try:
                told = iam.get_policy(PolicyArn=policy.arn)["Policy"]
                pages = iam.get_paginator("list_policy_versions").paginate(PolicyArn=policy.arn) if Facet.VERSIONS in wanted.facets else ()
                ids = [version["VersionId"] for page in pages for version in page["Versions"]]
                versions: dict[str, Any] = {
                    v: iam.get_policy_version(PolicyArn=policy.arn, VersionId=v)["PolicyVersion"]["Document"] for v in ids
                }
                holders = tuple(self._holders(policy)) if Facet.MEMBERS in wanted.facets else None
            except iam.exceptions.NoSuchEntityException:
                return Absence.GONE
        live = Identity(Kind.POLICY, policy.arn, policy.name, policy.account, policy.partition, told["PolicyId"])
        default = told["DefaultVersionId"]
        return State(identity=live, default_version=default, versions=versions if ids else None, members=holders)

    def _holders(self, policy: Identity) -> Iterator[Identity]:
        account, partition = policy.account, policy.partition
        for page in self._client().get_paginator("list_entities_for_policy").paginate(PolicyArn=policy.arn):
            yield from (Identity.of(Kind.ROLE, r["RoleName"], account, partition, r["RoleId"]) for r in page["PolicyRoles"])
            yield from (Identity.of(Kind.USER, u["UserName"], account, partition, u["UserId"]) for u in page["PolicyUsers"])
            yield from (Identity.of(Kind.GROUP, g["GroupName"], account, partition, g["GroupId"]) for g in page["PolicyGroups"])

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
        every = Facet.EVERY_DOCUMENT in facets
        attached = tuple(self._attached(identity)) if every or Facet.ATTACHED in facets else None
        named = dict.fromkeys((*wanted.documents, *((attached or ()) if every else ())))
        return State(
            identity=identity,
            created=found.get("CreateDate"),
            last_used=found.get("RoleLastUsed", {}).get("LastUsedDate") or found.get("PasswordLastUsed"),
            trust=found.get("AssumeRolePolicyDocument"),
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", ())},
            boundary=found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            attached=attached,
            documents=self._documents(tuple(named)) if every or Facet.DOCUMENTS in facets else None,
            inline=self._inline(identity) if Facet.INLINE in facets else None,
            groups=(tuple(self._groups(identity.name)) if user else ()) if Facet.GROUPS in facets else None,
            members=tuple(found.get("Members", ())) if identity.kind is Kind.GROUP else None,
            mfa=(self._mfa(identity.name) if user else ()) if Facet.MFA in facets else None,
            login=(self._login(identity.name) if user else False) if Facet.LOGIN in facets else None,
            credentials=(tuple(self._credentials(identity.name, facets)) if user else ()) if Facet.KEYS in facets else None,
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

    def _groups(self, user: str) -> Iterator[str]:
        for page in self._client().get_paginator("list_groups_for_user").paginate(UserName=user):
            yield from (group["GroupName"] for group in page["Groups"])

    def _mfa(self, user: str) -> tuple[str, ...]:
        pages = self._client().get_paginator("list_mfa_devices").paginate(UserName=user)
        return tuple(device["SerialNumber"] for page in pages for device in page["MFADevices"])

    def _login(self, user: str) -> bool:
        try:
            self._client().get_login_profile(UserName=user)
        except self._client().exceptions.NoSuchEntityException:
            return False
        return True

    def _used(self, key: str) -> bool:
        """Whether an access key was ever used (IAM API Reference: without a date it was not)."""
        return "LastUsedDate" in self._client().get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]

    def _credentials(self, user: str, facets: frozenset[Facet]) -> Iterator[Credential]:
        iam = self._client()
        for keys in iam.get_paginator("list_access_keys").paginate(UserName=user):
            for key in keys["AccessKeyMetadata"]:
                used = self._used(key["AccessKeyId"]) if Facet.KEY_USE in facets else None
                yield Credential(FactKind.ACCESS_KEY, key["AccessKeyId"], key["Status"], used=used)
        for service in iam.list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"]:
            named = service["ServiceName"]
            yield Credential(FactKind.SERVICE_CREDENTIAL, service["ServiceSpecificCredentialId"], service["Status"], service=named)
        for ssh in iam.get_paginator("list_ssh_public_keys").paginate(UserName=user):
            yield from (Credential(FactKind.SSH_KEY, k["SSHPublicKeyId"], k["Status"]) for k in ssh["SSHPublicKeys"])
        for signing in iam.get_paginator("list_signing_certificates").paginate(UserName=user):
            yield from (Credential(FactKind.CERTIFICATE, c["CertificateId"], c["Status"]) for c in signing["Certificates"])
