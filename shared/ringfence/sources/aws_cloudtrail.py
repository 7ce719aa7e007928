"""CloudTrail records of API calls: bare, or in EventBridge's "AWS API Call via CloudTrail".

Fields: CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity element". Real records miss any of them.
A record with `errorCode` is a call that failed: it changed nothing, it is a denied attempt.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ringfence.domain.event import Actor, Event, Outcome, SetAside, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.raw import moment, table, text
from ringfence.sources._read import Envelope
from ringfence.sources._who import human, runs_on

# Which request parameter names the identity that an IAM call changes (botocore's IAM service model).
MARK = re.compile(r"ringfence-job/([0-9a-f]{1,64})(?![0-9a-f])", re.ASCII)
LONGEST = 2000  # characters of a user agent that are looked at
SUBJECTS = (("roleName", Kind.ROLE), ("userName", Kind.USER), ("groupName", Kind.GROUP))
REPLIED = ("accessKey", "loginProfile", "serviceSpecificCredential", "sSHPublicKey", "certificate")  # where IAM's reply names the user
# Calls that are about the caller where they name nobody (IAM API Reference: "If you do not specify a user name ...").
OWN = frozenset(
    {
        "CreateAccessKey",
        "CreateServiceSpecificCredential",
        "UploadSSHPublicKey",
        "UploadSigningCertificate",
        "UpdateAccessKey",
        "DeactivateMFADevice",
    }
)
OF_POLICIES = frozenset({"CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"})
OF_TRAILS = frozenset({"StopLogging", "StartLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"})
MODEL_LOGGING = "ModelInvocationLoggingConfiguration"


def recognises(envelope: Envelope) -> bool:
    """A record with eventSource and eventName, both text."""
    return bool(text(envelope.detail, "eventSource") and text(envelope.detail, "eventName"))


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Give the one event of the record."""
    record = envelope.detail
    service = text(record, "eventSource").lower()
    caller = actor(record)
    account = account_of(record, caller) or envelope.account
    partition = caller.identity.partition if caller and caller.identity else "aws"
    region = text(record, "awsRegion") or envelope.region
    parameters, reply = table(record, "requestParameters"), table(record, "responseElements")
    about = subject(record, caller, account, partition) if service == "iam.amazonaws.com" else None
    return (
        Event(
            source=Source.SIGNIN if service.startswith("signin.") else Source.CLOUDTRAIL,
            name=text(record, "eventName"),
            id=text(record, "eventID") or envelope.id,
            time=moment(record.get("eventTime")) or envelope.time,
            account=account,
            region=region,
            partition=partition,
            actor=caller,
            subject=about,
            target=target(record, service, Place(account, partition, region)),
            parameters={**parameters, "eventSource": service, **({"response": reply} if reply else {})},
            request_id=text(record, "requestID"),
            mark=found.group(1) if (found := MARK.search(text(record, "userAgent")[:LONGEST])) else "",
            conflict=conflict(envelope),
            set_aside=failed(record),
        ),
    )


def conflict(envelope: Envelope) -> str:
    """Say where EventBridge's envelope and the record in it disagree: EventBridge writes both from one record, a forger may not."""
    for name, outside, inside in (
        ("account", envelope.account, text(envelope.detail, "recipientAccountId")),
        ("region", envelope.region, text(envelope.detail, "awsRegion")),
    ):
        if outside and inside and outside != inside:
            return f"the envelope says {name} {outside[:40]}, the record {inside[:40]}"
    return ""


def failed(record: Mapping[str, Any]) -> SetAside | None:
    """Say that a call failed, if it did."""
    code = record.get("errorCode")
    if not code:
        return None
    return SetAside(Outcome.IGNORED, f"the call failed ({str(code)[:60]}): nothing changed, it counts as a denied attempt")


def account_of(record: Mapping[str, Any], caller: Actor | None) -> str:
    """Give the account in which it happened."""
    known = text(record, "recipientAccountId") or text(record, "userIdentity", "accountId")
    return known or (caller.identity.account if caller and caller.identity else "")


def actor(record: Mapping[str, Any]) -> Actor | None:
    """Resolve who called: a session to its role by `sessionIssuer` (the session's own ARN lacks the role's path)."""
    who = table(record, "userIdentity")
    if not who:
        return None
    kind = text(who, "type")
    arn = text(who, "arn")
    principal = text(who, "principalId")
    issuer = text(who, "sessionContext", "sessionIssuer", "arn")
    if kind == "AssumedRole" and issuer:
        identity = Identity.from_arn(issuer, text(who, "sessionContext", "sessionIssuer", "principalId") or None)
    elif kind == "IAMUser" and not arn and text(who, "userName") and text(who, "accountId"):
        identity = Identity.of(Kind.USER, text(who, "userName"), text(who, "accountId"), unique_id=principal or None)
    else:
        identity = Identity.from_arn(arn, principal.split(":")[0] or None)
    display = arn or (identity.arn if identity else "") or text(who, "invokedBy") or text(who, "userName") or principal
    return Actor(
        display=display or None,
        type=kind,
        identity=identity,
        human=human(who),
        runs_on=runs_on(who),
        via=text(who, "invokedBy"),
        key=text(who, "accessKeyId"),
    )


def subject(record: Mapping[str, Any], caller: Actor | None, account: str, partition: str) -> Identity | None:
    """Name the identity that an IAM call is about: by the request, the reply, or the caller where it names nobody."""
    for key, kind in SUBJECTS:
        if name := text(record, "requestParameters", key):
            return Identity.of(kind, name, account, partition)
    reply = table(record, "responseElements")
    if (role := Identity.from_arn(text(reply, "role", "arn"), text(reply, "role", "roleId") or None)) is not None:
        return role
    if name := next((name for key in REPLIED if (name := text(reply, key, "userName"))), ""):
        return Identity.of(Kind.USER, name, account, partition)
    mine = caller.identity if caller and text(record, "eventName") in OWN else None
    return mine if mine is not None and mine.kind in (Kind.USER, Kind.ROOT) else None


class Place(NamedTuple):
    """Where a call was made."""

    account: str
    partition: str
    region: str


def target(record: Mapping[str, Any], service: str, place: Place) -> Identity | None:
    """Name what a call changed beside an identity: a policy, the group that somebody joined, a trail, the logging of model invocations."""
    name, given = text(record, "eventName"), table(record, "requestParameters")
    match service:
        case "iam.amazonaws.com" if name in OF_POLICIES:
            return Identity.thing(Kind.POLICY, text(given, "policyArn"))
        case "iam.amazonaws.com" if name == "AddUserToGroup" and text(given, "groupName"):
            return Identity.of(Kind.GROUP, text(given, "groupName"), place.account, place.partition)
        case "cloudtrail.amazonaws.com" if name in OF_TRAILS:
            named = text(record, "responseElements", "trailARN") or text(given, "name") or text(given, "trailName")
            full = named if named.startswith("arn:") or not named else _arn("cloudtrail", place, f"trail/{named}")
            return Identity.thing(Kind.TRAIL, full)
        case "bedrock.amazonaws.com" if name.endswith(MODEL_LOGGING):
            return Identity.thing(Kind.MODEL_LOGGING, _arn("bedrock", place, "model-invocation-logging"))
    return None


def _arn(service: str, place: Place, resource: str) -> str:
    return f"arn:{place.partition}:{service}:{place.region}:{place.account}:{resource}"
