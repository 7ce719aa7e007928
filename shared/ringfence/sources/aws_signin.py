"""Console sign-ins: CloudTrail records named ConsoleLogin, bare or in "AWS Console Sign In via CloudTrail"; and Sign-In's own alerts.

Fields: CloudTrail User Guide, "AWS Management Console sign-in events". The detail type occurs in two spellings
("... Sign In ..." and "... Signin ..."), so the record decides, not the envelope. The schema of "Sign-in Anomaly Alert" is not published
(EventBridge reference, read 2026-11): whatever ARN of a principal of the account stands in it is whom it is about.
"""

from collections.abc import Iterator, Mapping

from ringfence.domain.event import Actor, Event, Outcome, SetAside, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.raw import moment, table, text
from ringfence.sources import aws_cloudtrail
from ringfence.sources._read import Envelope
from ringfence.sources._who import session_of

DEPTH = 6  # levels of an alert that are looked through


def recognises(envelope: Envelope) -> bool:
    """A record of ConsoleLogin, or an alert that AWS Sign-In itself sends."""
    alert = envelope.source == "aws.signin" and not text(envelope.detail, "eventName")
    return alert or (text(envelope.detail, "eventName") == "ConsoleLogin" and bool(text(envelope.detail, "eventSource")))


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Give the one sign-in of the record; one that failed is set aside."""
    record = envelope.detail
    if not text(record, "eventName"):
        return (_alert(envelope),)
    caller = aws_cloudtrail.actor(record)
    account = aws_cloudtrail.account_of(record, caller) or envelope.account
    result = text(record, "responseElements", "ConsoleLogin")
    mfa = text(record, "additionalEventData", "MFAUsed")
    set_aside = aws_cloudtrail.failed(record)
    if set_aside is None and result != "Success":
        set_aside = SetAside(Outcome.IGNORED, f"the sign-in did not succeed ({result or 'no result'}): it counts as a denied attempt")
    identity = caller.identity if caller else None
    if identity is None and caller is not None and caller.type == "IAMUser" and text(record, "userIdentity", "userName"):
        identity = Identity.of(Kind.USER, text(record, "userIdentity", "userName"), account)
    return (
        Event(
            source=Source.SIGNIN,
            name="ConsoleLogin",
            id=text(record, "eventID") or envelope.id,
            time=moment(record.get("eventTime")) or envelope.time,
            account=account,
            region=text(record, "awsRegion") or envelope.region,
            partition=identity.partition if identity else "aws",
            actor=caller,
            subject=identity,
            session=session_of(table(record, "userIdentity")),
            parameters={
                "result": result,
                "mfa_used": mfa,
                "user_type": caller.type if caller else "",
                "address": text(record, "sourceIPAddress"),
            },
            set_aside=set_aside,
        ),
    )


def _alert(envelope: Envelope) -> Event:
    """Make the event of an alert; whom it is about is left open where it names more than one."""
    named = dict.fromkeys(i for value in _texts(envelope.detail) if (i := Identity.from_arn(value)) and i.account == envelope.account)
    users = [identity for identity in named if identity.kind in (Kind.USER, Kind.ROLE, Kind.ROOT)]
    who = users[0] if len(users) == 1 else None
    return Event(
        source=Source.SIGNIN,
        name=envelope.detail_type,
        id=envelope.id,
        time=envelope.time,
        account=envelope.account,
        region=envelope.region,
        partition=who.partition if who else "aws",
        actor=Actor(display=who.arn, type="", identity=who) if who else None,
        subject=who,
    )


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and depth < DEPTH:
        for item in value.values():
            yield from _texts(item, depth + 1)
    elif isinstance(value, (list, tuple)) and depth < DEPTH:
        for item in value:
            yield from _texts(item, depth + 1)
