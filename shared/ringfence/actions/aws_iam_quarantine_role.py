"""aws.iam.quarantine-role: deny everything to a role, old sessions and new."""

from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._ladder import deny_step
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step: an explicit Deny over everything, which needs no session time: it covers every session."""
    if case.identity.kind is not Kind.ROLE:
        return Impossible(f"{case.identity.name} is a {case.identity.kind}, not a role")
    return (deny_step(case, ACTION.id),)


ACTION = Action(
    id="aws.iam.quarantine-role",
    title="Quarantine a role: deny everything, old sessions and new",
    before="the role may do what its policies allow",
    after="everything is denied",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.ATTACHED, Facet.INLINE}),
    writes=(
        Permission("iam:AttachRolePolicy", "own-policies"),
        Permission("iam:DetachRolePolicy"),
        Permission("iam:PutRolePermissionsBoundary", "boundaries"),
        Permission("iam:DeleteRolePermissionsBoundary", "own-boundary"),
        Permission("iam:PutRolePolicy", powers="full"),
        Permission("iam:DeleteRolePolicy"),
    ),
    undo="Takes our deny off again.",
    impact="All work under the role stops: training jobs fail at their next call, endpoints answer from memory but cannot scale, log or read new models.",
    plan=plan,
)
