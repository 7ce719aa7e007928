"""Access Analyzer findings: recognised, not judged yet (EventBridge reference, "IAM Access Analyzer events")."""

from ringfence.domain.event import Event, Outcome, Source, unjudged
from ringfence.sources._read import Envelope, moment, text


def recognises(envelope: Envelope) -> bool:
    """The envelope's source, or a finding's own fields."""
    detail = envelope.detail
    marks = {"accessPreviewId", "findingType", "analyzedAt"} & detail.keys()
    own = text(detail, "source") == "aws.access-analyzer" or bool(marks and "resourceType" in detail)
    kinds = ("Access Analyzer", "Unused Access", "Internal Access")
    return envelope.source == "aws.access-analyzer" or own or envelope.detail_type.startswith(kinds)


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Set the finding aside: no guardrail of this version hears it."""
    detail = envelope.detail
    if text(detail, "status") in ("RESOLVED", "ARCHIVED"):
        why, outcome = f"the finding is {text(detail, 'status').lower()}", Outcome.IGNORED
    else:
        why, outcome = "Access Analyzer findings are not judged by this version", Outcome.UNSUPPORTED
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
