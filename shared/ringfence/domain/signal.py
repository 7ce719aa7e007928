"""Signal: one thing that was heard about one identity, kept for as long as the longest playbook looks back."""

from datetime import UTC, datetime

from msgspec import Struct

from ringfence.domain.identity import Identity


class Signal(Struct, frozen=True, kw_only=True):
    """What an event told of an identity, and what the guardrails said. `whom` is whose timeline it stands in.

    The same event about the same identity makes the same signal, however often and in whatever order it is delivered; what a detector tells
    again at a later time is one more.
    """

    whom: str
    identity: Identity
    event: str  # source and id: a repeated GuardDuty finding keeps them
    name: str  # the event's name
    time: datetime
    guardrails: tuple[str, ...] = ()  # that found something
    severity: float = 0.0  # the detector's own, 0 to 10
    where: str = ""  # the address or region that the event tells, in words

    @property
    def key(self) -> str:
        """What makes two signals of a timeline the same, in the order of time."""
        return f"{moment(self.time)}#{self.event}#{self.name}"

    def same_identity(self, other: "Signal") -> bool:
        """Whether both are of one identity: one timeline, and no unique ids that contradict each other (a name that was made anew)."""
        mine, its = self.identity.unique_id, other.identity.unique_id
        return self.whom == other.whom and (mine is None or its is None or mine == its)


def moment(time: datetime) -> str:
    """Write a time so that the keys of signals sort as their times do; `#` follows it in a key, and `$` follows that."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"
