"""What a change of an allow policy on Google Cloud gave, where its log does not tell: seen by reading the policy afresh.

Logs of Vertex AI, Cloud Run, Cloud KMS and others tell no delta (read in samples, 2026-11). Against what the policy was when it was last fine, what is new is
a fresh grant; where nobody knows what it was, every grant in it may have stood for long, and reversing one asks (`standing`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ringfence.domain.binding import bound_to
from ringfence.domain.event import Event, Source
from ringfence.domain.google_settings import Thing, thing_of
from ringfence.domain.identity import Identity
from ringfence.domain.state import Document, State

CHANGES = "SetIamPolicy"
MOST = 50  # members of one policy that are judged: a minute is enough for them
NOTHING = ({"action": "NONE"},)  # it is known that nobody was granted anything


def with_deltas(event: Event, now: State | None, before: State | None) -> Event:
    """Give the event of a change with what it granted; as it is where the log told that, or nobody can tell."""
    if event.source is not Source.GCP_AUDIT or event.heard_as != CHANGES or event.parameters.get("deltas"):
        return event
    if now is None or now.bindings is None:
        return event
    known = None if before is None or before.bindings is None else {b.key for b in before.bindings}
    given = [b for b in now.bindings if known is None or b.key not in known]
    members = tuple(dict.fromkeys(Identity.member(b.member, event.account) for b in given))
    deltas = tuple({"action": "ADD", **b.delta} for b in given) or NOTHING
    told = {**event.parameters, "deltas": deltas, "standing": known is None, "many": len(members) > MOST}
    return msgspec.structs.replace(event, parameters=told, subject=members[0] if members else None, also=members[1 : MOST + 1])


def heard_names(event: Event) -> tuple[str, ...]:
    """Give the names by which guardrails hear an event. One that gives somebody something is a change of a policy, whatever its method is called."""
    name = event.heard_as or event.name
    changes = event.source is Source.GCP_AUDIT and name != CHANGES and any(True for _ in _given(event))
    return (name, CHANGES) if changes else (name,)


def still_granted(event: Event, subject: Identity, policy: State | None) -> bool:
    """Whether an event gave somebody something that may stand, though they were not found: an account can be brought back, or be of another project.

    Deleting an account takes none of its grants away, and bringing it back gives it all of them (IAM documentation, "Delete and undelete service
    accounts"). Where the policy was not read nobody knows, and that is no all-clear.
    """
    given = [delta["role"] for delta in _given(event) if delta["member"] == subject.arn]
    if not given or policy is None or policy.bindings is None:
        return bool(given)
    return any(b.role in given and bound_to(b.member, subject.arn) for b in policy.bindings)


def _given(event: Event) -> Iterator[Mapping[str, Any]]:
    told = event.parameters.get("deltas")
    return (delta for delta in (told if isinstance(told, (list, tuple)) else ()) if delta.get("action") == "ADD")


def judged(event: Event, target: Identity) -> frozenset[str]:
    """Give the parts of a resource that an event can have changed: where it is harmless, nothing is said of any other.

    A policy's change changes no settings, but of a project, folder or organisation: its audit configuration lies in that policy.
    """
    if event.heard_as != CHANGES:
        return frozenset({"settings"})
    return frozenset({"bindings", "settings"}) if thing_of(target.arn) is Thing.SCOPE else frozenset({"bindings"})


def still_known(now: Mapping[str, Document] | None, before: Mapping[str, Document] | None) -> Mapping[str, Document] | None:
    """Give the settings to remember: nothing harmless takes a part away, so what is missing by now is somebody else's doing, and is not forgotten."""
    return before if now is None else {**(before or {}), **now}
