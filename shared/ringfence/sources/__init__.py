"""Raw JSON -> Event, one file per feed. The tuple below is the order in which feeds are asked whether a record is theirs."""

from collections.abc import Mapping
from typing import Any, Protocol

from ringfence.domain.event import Event, Outcome, Source, unjudged
from ringfence.sources import (
    aws_access_analyzer,
    aws_bedrock_invocation,
    aws_cloudtrail,
    aws_guardduty,
    aws_health,
    aws_security_hub,
    aws_signin,
    gcp_audit_log,
    gcp_recommender,
    gcp_scc,
)
from ringfence.sources._read import Envelope, open_envelope


class Feed(Protocol):
    """What a feed's module is: it knows its records, and makes events of them."""

    def recognises(self, envelope: Envelope) -> bool:
        """Whether a record is of this feed."""
        ...

    def events(self, envelope: Envelope) -> tuple[Event, ...]:
        """Make the record's events."""
        ...


FEEDS: tuple[Feed, ...] = (
    aws_signin,
    aws_cloudtrail,
    aws_security_hub,
    aws_guardduty,
    aws_access_analyzer,
    aws_health,
    aws_bedrock_invocation,
    gcp_audit_log,
    gcp_recommender,
    gcp_scc,
)


def normalise(raw: object) -> tuple[Event, ...]:
    """Turn one raw record of any feed into events: one, or one per finding where an envelope carries several.

    Never raises on input: what is no event comes back as `malformed`, what no feed knows as `unsupported`.
    """
    if not isinstance(raw, dict) or not raw:
        what = (
            "nothing"
            if raw is None
            else f"an empty {type(raw).__name__}"
            if isinstance(raw, (Mapping, list, str)) and not raw
            else f"a {type(raw).__name__}"
        )
        return (unjudged(Source.OTHER, Outcome.MALFORMED, f"not an event: {what}, expected a JSON object"),)
    envelope = open_envelope(raw)
    try:
        for feed in FEEDS:
            if feed.recognises(envelope):
                return feed.events(envelope)
    except RecursionError:
        return (unjudged(Source.OTHER, Outcome.MALFORMED, "not an event: it is nested too deep to be read"),)
    return (_unknown(envelope, raw),)


def _unknown(envelope: Envelope, raw: Mapping[str, Any]) -> Event:
    named = envelope.detail_type or envelope.source or ", ".join(str(key)[:30] for key in list(raw)[:5])
    return unjudged(
        Source.OTHER, Outcome.UNSUPPORTED, f"no feed of this version knows this record ({named})", id_=envelope.id, time=envelope.time
    )
