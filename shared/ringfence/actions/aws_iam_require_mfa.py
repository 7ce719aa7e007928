"""aws.iam.require-mfa: attach the deny-unless-MFA policy to a person's IAM user."""

from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._ladder import attach_step, own_policy
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step: attach our pre-made policy. Never on a machine user, who could never enrol; a person who is declared as one can, by keys too."""
    if case.identity.kind is not Kind.USER:
        return Impossible(f"MFA can only be required of an IAM user, {case.identity.name} is a {case.identity.kind}")
    if case.state is not None and case.state.login is False and finding.evidence.get("human") is not True:
        return Impossible(f"{case.identity.name} has no console password: it is a machine and could not enrol")
    return (attach_step(case, ACTION.id, case.settings.deployment.require_mfa_policy or own_policy(case, "require-mfa")),)


ACTION = Action(
    id="aws.iam.require-mfa",
    title="Attach the deny-unless-MFA policy to a human IAM user",
    before="a password or a key is enough",
    after="without MFA there is nothing but to enrol",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.ATTACHED, Facet.LOGIN}),
    writes=(Permission("iam:AttachUserPolicy", "own-policies"), Permission("iam:DetachUserPolicy")),
    undo="Takes our policy off again.",
    impact="The person can sign in and enrol a device, and nothing else until then; calls with long-term access keys are denied too.",
    plan=plan,
)
