"""What the actions for settings on Google Cloud share: what they are about, how it is set and was set, and the step that changes a part."""

from collections.abc import Mapping

from ringfence.actions._action import Action
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Case
from ringfence.domain.google_settings import Thing, thing_of
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.plan import Call, Step
from ringfence.domain.state import Document, Fact, FactKind, State


def target_of(case: Case, *things: Thing) -> Identity | None:
    """Give what the event changed, where it is one of some things; None for anything else."""
    place = case.target
    return place if place is not None and place.kind is Kind.RESOURCE and thing_of(place.arn) in things else None


def parts(state: State | None) -> Mapping[str, Document]:
    """Give the settings of a state; nothing where they are not known."""
    return (state.settings if state is not None else None) or {}


def setting(action: Action, part: str, values: tuple[Document | None, Document | None], call: Call, inverse: Call) -> Step:
    """Give the step that changes a part from the first of two documents to the second; None: there is no such part."""
    before, after = values
    return Step(
        action=action.id,
        action_class=action.action_class,
        fact=Fact(FactKind.SETTINGS, part),
        before=None if before is None else digest(before),
        after=None if after is None else digest(after),
        call=call,
        inverse=inverse,
    )
