"""Google Cloud audit logs: recognised, not judged yet (Cloud Logging, "Understanding audit logs")."""

from ringfence.domain.event import Actor, Event, Outcome, SetAside, Source
from ringfence.sources._read import Envelope, dig, moment, text


def recognises(envelope: Envelope) -> bool:
    """A LogEntry whose protoPayload names a service or a method."""
    return bool(text(envelope.detail, "protoPayload", "serviceName") or text(envelope.detail, "protoPayload", "methodName"))


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Set the entry aside: a failed call for that, any other because no guardrail of this version hears it."""
    entry = envelope.detail
    code = dig(entry, "protoPayload", "status", "code")
    if isinstance(code, int) and code != 0:
        why = SetAside(Outcome.IGNORED, f"the call failed (status {code}): nothing changed, it counts as a denied attempt")
    else:
        why = SetAside(Outcome.UNSUPPORTED, "Google Cloud audit logs are not judged by this version")
    email = text(entry, "protoPayload", "authenticationInfo", "principalEmail")
    return (
        Event(
            source=Source.GCP_AUDIT,
            name=text(entry, "protoPayload", "methodName"),
            id=text(entry, "insertId"),
            time=moment(entry.get("timestamp")),
            account=text(entry, "resource", "labels", "project_id"),
            actor=Actor(display=email or None, type="principal") if email else None,
            set_aside=why,
        ),
    )
