"""aws.iam.deny-bearer-tokens: deny the calls that an identity makes with API keys instead of signatures."""

from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._ladder import attach_step, own_policy
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step: attach our pre-made policy. It stops long-term and short-term keys of Bedrock, Mantle and SageMaker."""
    if case.identity.kind not in (Kind.USER, Kind.ROLE):
        return Impossible(f"{case.identity.name} is a {case.identity.kind}: bearer tokens belong to users and roles")
    return (attach_step(case, ACTION.id, case.settings.deployment.no_bearer_policy or own_policy(case, "no-bearer")),)


ACTION = Action(
    id="aws.iam.deny-bearer-tokens",
    title="Deny bearer-token calls of one identity",
    before="API keys of the identity work",
    after="calls with API keys are denied",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.ATTACHED}),
    writes=(
        Permission("iam:AttachRolePolicy", "own-policies"),
        Permission("iam:AttachUserPolicy", "own-policies"),
        Permission("iam:DetachRolePolicy"),
        Permission("iam:DetachUserPolicy"),
    ),
    undo="Takes our policy off again.",
    impact="API keys of that identity stop working, long-term and short-term; what it signs goes on.",
    plan=plan,
)
