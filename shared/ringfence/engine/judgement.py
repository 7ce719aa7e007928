"""What became of one event, and what would follow."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from ringfence.domain.event import Event, Outcome
from ringfence.domain.finding import Finding
from ringfence.domain.identity import Identity
from ringfence.domain.plan import Step, When
from ringfence.domain.state import State


class PlannedStep(Struct, frozen=True):
    """A step, what the mode makes of it, what it changes, and who loses something by it (a group's members, a policy's holders)."""

    step: Step
    when: When
    target: Identity
    affects: tuple[Identity, ...]


class Planned(Struct, frozen=True, kw_only=True):
    """A finding with its steps, or with the reason why there are none."""

    finding: Finding
    steps: tuple[PlannedStep, ...]
    people: bool = True  # people can use one of those that it affects, as far as is known
    remark: str = ""
    stakes: tuple[str, ...] = ()  # what may break, in words
    out_of_reach: bool = False  # the target is protected
    exempt: str = ""  # the exception that covers the finding
    held: bool = False  # every step is a containment that stands already
    about: tuple[str, ...] = ()  # the events that it is about, beside the one that was judged


class Judgement(Struct, frozen=True, kw_only=True):
    """What became of one event, in plain words."""

    event: Event
    outcome: Outcome
    reason: str
    identities: tuple[Identity, ...] = ()
    planned: tuple[Planned, ...] = ()
    held: tuple[Planned, ...] = ()  # containments that stand already: is it ours that stands?
    exempted: tuple[Planned, ...] = ()  # findings that an exception covers
    own: bool = False  # a call by our own role: to be reconciled with the job that made it
    good: tuple[State, ...] = ()  # what was changed and is fine: it is what a later change is compared with
    seen: datetime | None = None  # when that began to be read
    cause: str = ""  # of what could not be judged, where it is the same for more events than this one


def joined(causes: Iterable[str]) -> str:
    """Name several causes as one; where one of them is the event's own, all are."""
    told = sorted(set(causes))
    return " ".join(told) if all(told) else ""


def merged(event: Event, parts: list[Judgement]) -> Judgement:
    """One event may touch several identities (the holders of a policy): the gravest outcome speaks for the event."""
    if not parts:
        return Judgement(event=event, outcome=Outcome.QUIET, reason="it gives nobody anything")
    if len(parts) == 1:
        return parts[0]
    order = (Outcome.FINDING, Outcome.NEEDS_STATE, Outcome.IGNORED, Outcome.QUIET)
    gravest = min((part.outcome for part in parts), key=order.index)
    return Judgement(
        event=event,
        outcome=gravest,
        reason="; ".join(dict.fromkeys(part.reason for part in parts if part.outcome is gravest)),
        identities=tuple(dict.fromkeys(identity for part in parts for identity in part.identities)),
        planned=tuple(planned for part in parts for planned in part.planned),
        held=tuple(held for part in parts for held in part.held),
        exempted=tuple(used for part in parts for used in part.exempted),
        good=tuple(state for part in parts for state in part.good) if gravest is Outcome.QUIET else (),
        seen=next((part.seen for part in parts if part.seen is not None), None),
        cause=joined(part.cause for part in parts if part.outcome is Outcome.NEEDS_STATE),
    )
