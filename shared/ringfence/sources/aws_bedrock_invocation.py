"""Bedrock model-invocation logs: recognised, not judged yet (Bedrock User Guide, "Monitor model invocation")."""

from ringfence.domain.event import Event, Outcome, Source, unjudged
from ringfence.domain.raw import moment, text
from ringfence.sources._read import Envelope


def recognises(envelope: Envelope) -> bool:
    """`schemaType: ModelInvocationLog`, or a model and an operation without it."""
    detail = envelope.detail
    return text(detail, "schemaType") == "ModelInvocationLog" or bool(text(detail, "modelId") and text(detail, "operation"))


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Set the invocation aside: no guardrail of this version hears it."""
    detail = envelope.detail
    reason = "model-invocation logs are not judged by this version"
    return (
        unjudged(
            Source.BEDROCK,
            Outcome.UNSUPPORTED,
            reason,
            text(detail, "operation"),
            text(detail, "requestId"),
            moment(detail.get("timestamp")),
        ),
    )
