"""AWS Health events: recognised, not judged yet (AWS Health User Guide, "EventBridge")."""

from ringfence.domain.event import Event, Outcome, Source, unjudged
from ringfence.sources._read import Envelope, text


def recognises(envelope: Envelope) -> bool:
    """The envelope's source, or the codes of a bare event."""
    return envelope.source == "aws.health" or bool(text(envelope.detail, "eventTypeCode") and text(envelope.detail, "eventTypeCategory"))


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Set the event aside: no guardrail of this version hears it."""
    name = text(envelope.detail, "eventTypeCode")
    return (
        unjudged(Source.HEALTH, Outcome.UNSUPPORTED, "AWS Health events are not judged by this version", name, envelope.id, envelope.time),
    )
