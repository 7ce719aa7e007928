"""Access Analyzer findings about roles that somebody outside may take (EventBridge reference, "IAM Access Analyzer events")."""

from ringfence.domain.event import Event, Outcome, Source, unjudged
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.raw import moment, text
from ringfence.sources._read import Envelope

FINDING = "Access Analyzer Finding"


def recognises(envelope: Envelope) -> bool:
    """The envelope's source, or a finding's own fields."""
    detail = envelope.detail
    marks = {"accessPreviewId", "findingType", "analyzedAt"} & detail.keys()
    own = text(detail, "source") == "aws.access-analyzer" or bool(marks and "resourceType" in detail)
    kinds = ("Access Analyzer", "Unused Access", "Internal Access")
    return envelope.source == "aws.access-analyzer" or own or envelope.detail_type.startswith(kinds)


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Give the event of a finding about a role; every other one is set aside."""
    detail = envelope.detail
    role = Identity.from_arn(text(detail, "resource"))
    active = text(detail, "status") == "ACTIVE" and "accessPreviewId" not in detail
    if active and role is not None and role.kind is Kind.ROLE and text(detail, "resourceType") == "AWS::IAM::Role":
        return (_external(envelope, role),)
    if text(detail, "status") in ("RESOLVED", "ARCHIVED"):
        why, outcome = f"the finding is {text(detail, 'status').lower()}", Outcome.IGNORED
    else:
        why, outcome = "of Access Analyzer's findings only those about roles are judged", Outcome.UNSUPPORTED
    return (
        unjudged(
            Source.ACCESS_ANALYZER,
            outcome,
            why,
            envelope.detail_type or "Access Analyzer",
            text(detail, "id") or envelope.id,
            moment(detail.get("updatedAt")) or envelope.time,
        ),
    )


def _external(envelope: Envelope, role: Identity) -> Event:
    detail = envelope.detail
    return Event(
        source=Source.ACCESS_ANALYZER,
        name=FINDING,
        id=text(detail, "id") or envelope.id,
        time=moment(detail.get("updatedAt")) or envelope.time,
        account=text(detail, "accountId") or role.account,
        region=envelope.region or text(detail, "region"),
        partition=role.partition,
        subject=role,
    )
