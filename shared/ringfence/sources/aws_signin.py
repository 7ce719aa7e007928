"""Console sign-ins: CloudTrail records named ConsoleLogin, bare or in "AWS Console Sign In via CloudTrail".

Fields: CloudTrail User Guide, "AWS Management Console sign-in events". The detail type occurs in two spellings
("... Sign In ..." and "... Signin ..."), so the record decides, not the envelope.
"""

from ringfence.domain.event import Event, Outcome, SetAside, Source, unjudged
from ringfence.domain.identity import Identity, Kind
from ringfence.sources import aws_cloudtrail
from ringfence.sources._read import Envelope, moment, text


def recognises(envelope: Envelope) -> bool:
    """A record of ConsoleLogin, or an alert that AWS Sign-In itself sends."""
    alert = envelope.source == "aws.signin" and not text(envelope.detail, "eventName")
    return alert or (text(envelope.detail, "eventName") == "ConsoleLogin" and bool(text(envelope.detail, "eventSource")))


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Give the one sign-in of the record; one that failed is set aside."""
    record = envelope.detail
    if not text(record, "eventName"):
        reason = "sign-in anomaly alerts are not judged by this version"
        return (unjudged(Source.SIGNIN, Outcome.UNSUPPORTED, reason, envelope.detail_type, envelope.id, envelope.time),)
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
            parameters={"result": result, "mfa_used": mfa, "user_type": caller.type if caller else ""},
            set_aside=set_aside,
        ),
    )
