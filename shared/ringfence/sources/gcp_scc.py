"""Security Command Center findings: recognised, not judged yet (SCC documentation, "Notifications" and "Finding").

Shapes: a notification {finding, resource}, several {findings: ...}, and the older log entry with `jsonPayload`.
"""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Event, Outcome, Source, unjudged
from ringfence.sources._read import Envelope, moment, table, text

FOREIGN_MARK = "sra-remediated-event-time"  # security-response-automation marks what it has handled


def recognises(envelope: Envelope) -> bool:
    """A finding with a category, a notification, or the threat-detection log."""
    detail = envelope.detail
    log = text(detail, "logName")
    return bool(
        text(detail, "finding", "category")
        or detail.keys() & {"notificationConfigName", "notification_config_name", "sourceProperties"}
        or ("findings" in detail and detail.keys() & {"resource", "sourceProperties"})
        or (text(detail, "category") and "/findings/" in text(detail, "name"))
        or ("jsonPayload" in detail and ("threatdetection" in log or "securitycenter" in log or "findings" in log))
    )


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Set the finding aside: handled, muted or inactive ones for that, any other because no guardrail hears it."""
    finding = (
        table(envelope.detail, "finding") or table(envelope.detail, "findings") or table(envelope.detail, "jsonPayload") or envelope.detail
    )
    marks = {**table(finding, "securityMarks", "marks"), **table(finding, "security_marks", "marks")}
    outcome, why = Outcome.IGNORED, ""
    if FOREIGN_MARK in marks or FOREIGN_MARK in _shallow(envelope.detail):
        why = f"already handled: it carries the mark {FOREIGN_MARK}"
    elif text(finding, "state") == "INACTIVE":
        why = "an inactive finding"
    elif text(finding, "mute") == "MUTED":
        why = "a muted finding"
    else:
        outcome, why = Outcome.UNSUPPORTED, "Security Command Center findings are not judged by this version"
    time = moment(finding.get("eventTime")) or moment(finding.get("event_time"))
    return (unjudged(Source.GCP_SCC, outcome, why, text(finding, "category"), text(finding, "name"), time),)


def _shallow(detail: Mapping[str, Any]) -> str:
    """Give what a record says in its first levels, as text: marks are there, and nothing deeper is worth reading."""
    return " ".join(
        f"{key} {value!s:.2000}"
        for level in (detail, *(v for v in detail.values() if isinstance(v, Mapping)))
        for key, value in level.items()
    )
