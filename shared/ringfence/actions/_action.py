"""What an action is: a pure function from a finding and the state to steps, with its permissions declared beside it."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from msgspec import Struct

from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.state import Facet


class Impossible(Struct, frozen=True):
    """Why the action cannot be planned, and what a person can do."""

    reason: str


class On(Enum):
    """What an action changes: the identity of the finding, or what the event changed (a policy, a trail)."""

    IDENTITY = "identity"
    TARGET = "target"
    GRANT = "grant"  # what the event changed, as far as it concerns the identity: only that one loses something


class Permission(Struct, frozen=True):
    """One permission that `respond` needs for the steps of an action.

    `action` is the call as `Call` names it. On AWS that is the name of the permission, too; on Google Cloud `grants` names those that the call needs.
    `limited_to` names what the grant is limited to by a condition or by resource; `powers` the deployment level that has it.
    """

    action: str
    limited_to: str = ""  # "", "own-policies", "own-boundary", "boundaries", or the template's parameter that names the ARNs
    powers: str = "contain"  # "contain" or "full"
    grants: tuple[str, ...] = ()


class Action(Struct, frozen=True, kw_only=True):
    """One remediation with its metadata."""

    id: str
    title: str
    before: str  # in plain words: how it is, and how it is afterwards
    after: str
    action_class: ActionClass
    on: On = On.IDENTITY
    reads: frozenset[Facet]
    writes: tuple[Permission, ...]
    undo: str  # plain words
    impact: str
    plan: Callable[[Case, Finding], tuple[Step, ...] | Impossible]

    @property
    def cloud(self) -> str:
        """The cloud on which it acts: `aws` or `gcp`."""
        return self.id.partition(".")[0]


VERBS = {Kind.USER: "User", Kind.ROLE: "Role", Kind.GROUP: "Group"}


def iam_call(operation: str, kind: Kind, name: str, **parameters: str) -> Call:
    """Make an IAM call on an identity: `Attach{}Policy` becomes AttachRolePolicy with RoleName."""
    verb = VERBS[kind]
    return Call("iam", operation.format(verb), {f"{verb}Name": name, **parameters})


def evidence_text(evidence: Mapping[str, Any], key: str) -> str:
    """Give a text of the evidence that the guardrail must have put there."""
    value = evidence.get(key)
    return value if isinstance(value, str) else ""
