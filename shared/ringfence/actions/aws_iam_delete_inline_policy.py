"""aws.iam.delete-inline-policy: remove an inline policy, keeping its document."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ringfence.actions._action import Action, Impossible, Permission, evidence_text, iam_call
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Case, Finding
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet, Fact, FactKind


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step: delete the policy that the finding names; its inverse puts the very document back."""
    name = evidence_text(finding.evidence, "policy_name")
    document = _document(finding.evidence.get("document"))
    if not name or document is None:
        return Impossible("the finding does not carry the inline policy and its document")
    identity = case.identity
    return (
        Step(
            action=ACTION.id,
            action_class=ACTION.action_class,
            fact=Fact(FactKind.INLINE, name),
            before=digest(document),
            after=None,
            call=iam_call("Delete{}Policy", identity.kind, identity.name, PolicyName=name),
            inverse=iam_call("Put{}Policy", identity.kind, identity.name, PolicyName=name, PolicyDocument=json.dumps(document)),
        ),
    )


def _document(value: object) -> Mapping[str, Any] | None:
    if isinstance(value, str):
        try:
            value = json.loads(unquote(value) if value.startswith("%7B") else value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


ACTION = Action(
    id="aws.iam.delete-inline-policy",
    title="Remove an inline policy",
    before="the inline policy is there",
    after="it is not",
    action_class=ActionClass.REVERSAL,
    reads=frozenset({Facet.INLINE}),
    writes=(Permission("iam:DeleteRolePolicy"), Permission("iam:DeleteUserPolicy"), Permission("iam:DeleteGroupPolicy")),
    undo="Puts the same document back under the same name, under the operator's own credentials.",
    impact="Running sessions lose these permissions at once. An older policy of the same name that was overwritten does not come back.",
    plan=plan,
)
