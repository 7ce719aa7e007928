"""CloudTrail records of API calls: bare, or in EventBridge's "AWS API Call via CloudTrail".

Fields: CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity element". Real records miss any of them.
A record with `errorCode` is a call that failed: it changed nothing, it is a denied attempt.
"""

import re
from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Actor, Event, Outcome, SetAside, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.sources._read import Envelope, moment, table, text

# Which request parameter names the identity that an IAM call changes (botocore's IAM service model).
MARK = re.compile(r"ringfence-job/([0-9a-f]{1,64})(?![0-9a-f])", re.ASCII)
LONGEST = 2000  # characters of a user agent that are looked at
SUBJECTS = (("roleName", Kind.ROLE), ("userName", Kind.USER), ("groupName", Kind.GROUP))


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
    parameters = table(record, "requestParameters")
    return (
        Event(
            source=Source.SIGNIN if service.startswith("signin.") else Source.CLOUDTRAIL,
            name=text(record, "eventName"),
            id=text(record, "eventID") or envelope.id,
            time=moment(record.get("eventTime")) or envelope.time,
            account=account,
            region=text(record, "awsRegion") or envelope.region,
            partition=partition,
            actor=caller,
            subject=subject(parameters, account, partition) if service == "iam.amazonaws.com" else None,
            parameters={**parameters, "eventSource": service},
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
    return Actor(display=display or None, type=kind, identity=identity)


def subject(parameters: Mapping[str, Any], account: str, partition: str) -> Identity | None:
    """Name the identity that an IAM call is about."""
    for key, kind in SUBJECTS:
        if name := text(parameters, key):
            return Identity.of(kind, name, account, partition)
    return None
