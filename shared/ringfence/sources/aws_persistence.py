"""What an identity left behind, told from CloudTrail's records: what it made, what it took over, and which sessions it started.

Facts: CloudTrail User Guide, "userIdentity element" and the events of IAM, STS, Lambda, SageMaker, EC2 and Roles Anywhere (names of their API
models; Lambda's carry a version date). A record is somebody else's words: what is not as expected is passed over, never trusted.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ringfence.domain.identity import Identity, Kind
from ringfence.domain.raw import table, text
from ringfence.sources import aws_cloudtrail

VERSION = re.compile(r"20[0-9]{6}(v[0-9])?$", re.ASCII)
LONGEST = 100  # characters of a name that somebody else chose
OF_USERS = {  # which calls open a way into a user
    "CreateLoginProfile": "a password",
    "UpdateLoginProfile": "another password",
    "CreateServiceSpecificCredential": "a service-specific credential",
    "ResetServiceSpecificCredential": "a service-specific credential",
    "UploadSSHPublicKey": "an SSH key",
    "UploadSigningCertificate": "a signing certificate",
}
THINGS = {  # what runs with somebody's permissions, or lets somebody in, and where its name stands
    "iam.amazonaws.com": {
        "CreateSAMLProvider": "name",
        "UpdateSAMLProvider": "sAMLProviderArn",
        "CreateOpenIDConnectProvider": "url",
        "AddClientIDToOpenIDConnectProvider": "openIDConnectProviderArn",
    },
    "rolesanywhere.amazonaws.com": {"CreateTrustAnchor": "name", "CreateProfile": "name"},
    "lambda.amazonaws.com": {
        "CreateFunction": "functionName",
        "UpdateFunctionCode": "functionName",
        "UpdateFunctionConfiguration": "functionName",
        "AddPermission": "functionName",
        "CreateFunctionUrlConfig": "functionName",
    },
    "sagemaker.amazonaws.com": {
        "CreateNotebookInstance": "notebookInstanceName",
        "UpdateNotebookInstance": "notebookInstanceName",
        "CreateNotebookInstanceLifecycleConfig": "notebookInstanceLifecycleConfigName",
        "UpdateNotebookInstanceLifecycleConfig": "notebookInstanceLifecycleConfigName",
        "CreateStudioLifecycleConfig": "studioLifecycleConfigName",
        "CreatePresignedNotebookInstanceUrl": "notebookInstanceName",
        "CreatePresignedDomainUrl": "userProfileName",
        "CreateTrainingJob": "trainingJobName",
        "CreateProcessingJob": "processingJobName",
    },
    "ec2.amazonaws.com": {"RunInstances": "instanceType"},
}
ASSUMING = ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
BY_USERS = ("GetSessionToken", "GetFederationToken")  # their sessions outlive the key that started them
SESSIONS = (*ASSUMING, *BY_USERS)


class Left(Struct, frozen=True, kw_only=True):
    """One thing that was left behind. `identity` is who has to be contained for it, by what the record tells; None: a person has to look."""

    event: str  # CloudTrail's id
    what: str  # in words
    identity: Identity | None = None
    access_key: str = ""  # it is enough to switch this key off
    assumed: bool = False  # a role that was used, not made


class Place(Struct, frozen=True):
    """Where to look: one attribute of CloudTrail, and whose records count there (a unique id; empty: everybody's)."""

    attribute: str
    value: str
    principal: str = ""
    role: Identity | None = None  # the role that the records are about, where they are not its own


def places_of(identity: Identity, keys: tuple[str, ...] = ()) -> tuple[Place, ...]:
    """Give where an identity's own calls are found: a user's by name, a role's by its sessions, which are found by who assumed it."""
    named = tuple(Place("AccessKeyId", key) for key in keys if key)
    if identity.kind is Kind.USER:
        return (*named, Place("Username", identity.name, identity.unique_id or ""))
    return (*named, Place("ResourceName", identity.arn, role=identity)) if identity.kind is Kind.ROLE else named


def counts(record: Mapping[str, Any], place: Place) -> bool:
    """Whether a record that was found at a place is a call that happened, by whom the place is about."""
    if record.get("errorCode"):
        return False
    principal = text(record, "userIdentity", "principalId").partition(":")[0]
    return not place.principal or not principal or principal == place.principal


def started(record: Mapping[str, Any]) -> Iterator[Place]:
    """Give where the calls of what a record started are found: of a session, of a new key, of a new user or role."""
    elements, name = table(record, "responseElements"), text(record, "eventName")
    session, key = text(elements, "credentials", "accessKeyId"), text(elements, "accessKey", "accessKeyId")
    if name in SESSIONS and session:
        yield Place("AccessKeyId", session)
    if key:
        yield Place("AccessKeyId", key)
    for kind in ("user", "role"):
        made = Identity.from_arn(text(elements, kind, "arn"), text(elements, kind, f"{kind}Id") or None)
        if made is not None and name in ("CreateUser", "CreateRole"):
            yield from places_of(made)


def sessions_of(record: Mapping[str, Any], role: Identity) -> Iterator[Place]:
    """Give where the calls of a session are found, if the record is how somebody assumed the role.

    AWS's services (EC2, Lambda) assume it without saying by which unique id; who says another one assumed a namesake.
    """
    assumed = _assumed(record)
    if assumed is not None and assumed.same_as(role) and role.unique_id in (None, assumed.unique_id or role.unique_id):
        yield from started(record)


def left_by(record: Mapping[str, Any]) -> Left | None:
    """Say what a call left behind; None where it is none that lasts."""
    event, service = text(record, "eventID"), text(record, "eventSource").lower()
    name = VERSION.sub("", text(record, "eventName"))
    given, home = table(record, "requestParameters"), text(record, "recipientAccountId")
    if service == "sts.amazonaws.com" and (role := _assumed(record)) is not None:
        if home not in ("", role.account):
            return Left(event=event, what=f"it assumed the role {_short(role.name)} of account {role.account}")
        return Left(event=event, what=f"it assumed the role {_short(role.name)}", identity=role, assumed=True)
    if service == "sts.amazonaws.com" and name in BY_USERS:
        caller = aws_cloudtrail.actor(record)
        if caller is not None and (user := caller.identity) is not None and user.kind is Kind.USER:
            return Left(event=event, what=f"it started a session as the user {_short(user.name)}, for up to 36 hours", identity=user)
    if service == "iam.amazonaws.com" and (found := _identity_left(record, name, given, home)) is not None:
        return found
    if (parameter := THINGS.get(service, {}).get(name)) is None:
        return None
    return Left(event=event, what=f"{service.partition('.')[0]}:{name} {_short(text(given, parameter))}".rstrip())


def _identity_left(record: Mapping[str, Any], name: str, given: Mapping[str, Any], account: str) -> Left | None:
    event, elements = text(record, "eventID"), table(record, "responseElements")
    user, role = text(given, "userName"), text(given, "roleName")
    match name:
        case "CreateUser" | "CreateRole":
            kind = "user" if name == "CreateUser" else "role"
            made = Identity.from_arn(text(elements, kind, "arn"), text(elements, kind, f"{kind}Id") or None)
            named = made or (Identity.of(Kind(kind), user or role, account) if user or role else None)
            return Left(event=event, what=f"it made the {kind} {_short(named.name)}", identity=named) if named else None
        case "CreateAccessKey":
            owner, key = text(elements, "accessKey", "userName") or user, text(elements, "accessKey", "accessKeyId")
            whose = Identity.of(Kind.USER, owner, account) if owner else None
            return Left(event=event, what=f"it made an access key of {_short(owner) or 'somebody'}", identity=whose, access_key=key)
        case "UpdateAccessKey" if user and text(given, "status") == "Active":
            whose, key = Identity.of(Kind.USER, user, account), text(given, "accessKeyId")
            return Left(event=event, what=f"it switched an access key of {_short(user)} on", identity=whose, access_key=key)
        case "UpdateAssumeRolePolicy" if role:
            whose = Identity.of(Kind.ROLE, role, account)
            return Left(event=event, what=f"it changed who may assume the role {_short(role)}", identity=whose)
        case _ if name in OF_USERS and user:
            whose = Identity.of(Kind.USER, user, account)
            return Left(event=event, what=f"it gave {_short(user)} {OF_USERS[name]}", identity=whose)
    return None


def _assumed(record: Mapping[str, Any]) -> Identity | None:
    """Give the role that a call of STS assumed, with its unique id where the reply names it."""
    if text(record, "eventName") not in ASSUMING:
        return None
    number = text(record, "responseElements", "assumedRoleUser", "assumedRoleId").partition(":")[0]
    role = Identity.from_arn(text(record, "requestParameters", "roleArn"), number or None)
    return role if role is not None and role.kind is Kind.ROLE else None


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[:LONGEST] + "…"
