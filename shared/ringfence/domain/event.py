"""Event: one thing that happened, normalised from any feed. It is only a *reason to look*."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from ringfence.domain.identity import Identity


class Source(StrEnum):
    """The feeds, by the names of the contract."""

    CLOUDTRAIL = "aws.cloudtrail"
    SIGNIN = "aws.signin"
    GUARDDUTY = "aws.guardduty"
    SECURITY_HUB = "aws.securityhub"
    ACCESS_ANALYZER = "aws.accessanalyzer"
    HEALTH = "aws.health"
    BEDROCK = "aws.bedrock"
    GCP_AUDIT = "gcp.audit"
    GCP_SCC = "gcp.scc"
    OTHER = "other"


class Outcome(StrEnum):
    """What became of one event."""

    FINDING = "finding"
    QUIET = "quiet"  # judged, fine
    IGNORED = "ignored"  # understood, and rightly not acted on
    NEEDS_STATE = "needs-state"  # the event alone cannot tell
    UNSUPPORTED = "unsupported"  # valid, but not a feed or kind that is judged
    MALFORMED = "malformed"  # not an event


class Actor(Struct, frozen=True, kw_only=True):
    """Who did it: the identity behind the call, and the words of the log."""

    display: str | None  # an ARN or an e-mail
    type: str  # IAMUser, AssumedRole, Root ...
    identity: Identity | None = None  # a session resolved to its role
    human: str = ""  # the person behind a session, as far as the log tells
    runs_on: str = ""  # the instance, pod, function or job whose session it is
    via: str = ""  # the service that made the call on somebody's behalf
    key: str = ""  # the access key id


class SetAside(Struct, frozen=True):
    """Why an event is not judged, in plain words."""

    outcome: Outcome
    reason: str


class Event(Struct, frozen=True, kw_only=True):
    """One normalised event. `id` is what deduplication goes by: a repeated GuardDuty finding keeps its id."""

    source: Source
    name: str  # the API call, or the finding's type
    heard_as: str = ""  # what guardrails hear, where feeds write one name in several ways
    id: str
    time: datetime | None
    since: datetime | None = None  # when it began, where the feed tells
    account: str = ""
    region: str = ""
    partition: str = "aws"
    actor: Actor | None = None
    subject: Identity | None = None  # the identity that the event is about, as far as the event tells
    also: tuple[Identity, ...] = ()  # further ones: an attack sequence has several actors
    target: Identity | None = None  # what the event changed, where that is another: a policy, a group, a trail
    session: str = ""  # the name of the role session that the event is about
    parameters: Mapping[str, Any] = {}  # of the call, or what a guardrail needs of a finding
    request_id: str = ""  # of the call, as AWS numbers it
    mark: str = ""  # the job of ours that the call's user agent names, if any; anybody can write one
    conflict: str = ""  # where the envelope says another account or region than the record
    set_aside: SetAside | None = None


def unjudged(source: Source, outcome: Outcome, reason: str, name: str = "", id_: str = "", time: datetime | None = None) -> Event:
    """Make the event of something that ends here, with its reason."""
    return Event(source=source, name=name, id=id_, time=time, set_aside=SetAside(outcome, reason))
