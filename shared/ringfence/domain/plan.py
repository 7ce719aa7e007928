"""Steps and plans: data, immutable, with a digest over their RFC 8785 bytes."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct, field

from ringfence.domain.canonical import digest
from ringfence.domain.identity import Identity
from ringfence.domain.state import CREDENTIALS, Fact, State


class ActionClass(StrEnum):
    """Reversal undoes a fresh change; containment cuts access and can be taken off; loss cannot be undone, never by us."""

    REVERSAL = "reversal"
    CONTAINMENT = "containment"
    LOSS = "loss"


class When(StrEnum):
    """What the mode makes of a step."""

    ACT = "act"
    ASK = "ask"
    NEVER = "never"


class Call(Struct, frozen=True):
    """One typed API call, in the names of the service's API model."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    region: str = ""  # of services that have one; IAM has none


class Step(Struct, frozen=True, kw_only=True):
    """One call that changes one fact from `before` to `after`, and the call that changes it back."""

    action: str
    action_class: ActionClass = field(name="class")
    fact: Fact
    before: str | None
    after: str | None
    call: Call
    inverse: Call
    otherwise: tuple["Step", ...] = ()  # the next rungs of a ladder: tried in order where the cloud refuses this one
    leaves: tuple[str, ...] = ()  # what somebody can still do afterwards that this should have cut: the job is then `partial`

    def holds(self, state: State) -> bool:
        """Whether the effect is there: the fact has its value, or the credential that it is about is gone."""
        value = state.value(self.fact)
        return value == self.after or (value is None and self.fact.kind in CREDENTIALS)


class Plan(Struct, frozen=True, kw_only=True, dict=True):
    """The ordered steps for one target. What was approved is what runs: the digest covers every byte of it."""

    target: Identity
    affects: tuple[str, ...]  # who loses something, by unique id, else ARN: the members of a group for one
    steps: tuple[Step, ...]
    config_hash: str

    def rung(self, step: int, rung: int) -> Step:
        """Give a step as it stands on a rung of its ladder."""
        return self.steps[step].otherwise[rung - 1] if rung else self.steps[step]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the RFC 8785 bytes of the plan."""
        return digest(msgspec.to_builtins(self))
