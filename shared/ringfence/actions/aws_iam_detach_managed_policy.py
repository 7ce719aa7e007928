"""aws.iam.detach-managed-policy: take a managed policy off a user, role or group."""

from ringfence.actions._action import Action, Impossible, Permission, evidence_text, iam_call
from ringfence.domain.finding import Case, Finding
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet, Fact, FactKind


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step: detach the policy that the finding names; its inverse attaches the same ARN."""
    arn = evidence_text(finding.evidence, "policy_arn")
    if not arn:
        return Impossible("the finding does not name the policy")
    identity = case.identity
    return (
        Step(
            action=ACTION.id,
            action_class=ACTION.action_class,
            fact=Fact(FactKind.ATTACHED, arn),
            before="attached",
            after=None,
            call=iam_call("Detach{}Policy", identity.kind, identity.name, PolicyArn=arn),
            inverse=iam_call("Attach{}Policy", identity.kind, identity.name, PolicyArn=arn),
        ),
    )


ACTION = Action(
    id="aws.iam.detach-managed-policy",
    title="Detach a managed policy from a user, role or group",
    before="the policy is attached",
    after="it is not",
    action_class=ActionClass.REVERSAL,
    reads=frozenset({Facet.ATTACHED}),
    writes=(Permission("iam:DetachRolePolicy"), Permission("iam:DetachUserPolicy"), Permission("iam:DetachGroupPolicy")),
    undo="Attaches the same policy again, under the operator's own credentials.",
    impact="Running sessions lose these permissions at once: policies are evaluated on every request.",
    plan=plan,
)
