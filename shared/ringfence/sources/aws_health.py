"""AWS Health events about risky credentials (AWS Health User Guide, "EventBridge"): `affectedEntities` names the access keys."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Event, Outcome, Source, unjudged
from ringfence.domain.raw import items, moment, text
from ringfence.sources._read import Envelope

EXPOSED = "AWS_RISK_CREDENTIALS_EXPOSED"


def recognises(envelope: Envelope) -> bool:
    """The envelope's source, or the codes of a bare event."""
    return envelope.source == "aws.health" or bool(text(envelope.detail, "eventTypeCode") and text(envelope.detail, "eventTypeCategory"))


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Give one event for each exposed key; every other event of Health is set aside."""
    detail = envelope.detail
    name = text(detail, "eventTypeCode")
    if name != EXPOSED:
        why = f"of AWS Health's events only {EXPOSED} is judged"
        return (unjudged(Source.HEALTH, Outcome.UNSUPPORTED, why, name, envelope.id, envelope.time),)
    keys = [key for entity in items(detail, "affectedEntities") if (key := text(entity, "entityValue"))]
    return tuple(_exposed(envelope, detail, key, n) for n, key in enumerate(keys or [""]))


def _exposed(envelope: Envelope, detail: Mapping[str, Any], key: str, number: int) -> Event:
    named = text(detail, "eventArn") or envelope.id
    return Event(
        source=Source.HEALTH,
        name=EXPOSED,
        id=f"{named}#{number}" if number else named,
        time=moment(detail.get("startTime")) or envelope.time,
        account=text(detail, "affectedAccount") or envelope.account,
        region=envelope.region,
        parameters={"key_of": key},
    )
