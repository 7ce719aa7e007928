"""aws.iam.restore-boundary: put back a permissions boundary that was removed or replaced."""

from ringfence.actions._action import Action, Impossible, Permission, iam_call
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Fact, FactKind


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step: the boundary of our own snapshot, which only takes permissions away."""
    identity = case.identity
    if identity.kind not in (Kind.ROLE, Kind.USER):
        return Impossible(f"{identity.name} is a {identity.kind}: only roles and users have a boundary")
    old = case.before.boundary if case.before is not None else None
    if old is None:
        return Impossible(f"which boundary {identity.name} had is not known: there is no snapshot of it")
    if case.state is None:
        return Impossible(f"which boundary {identity.name} has now is not known")
    now = case.state.boundary
    put = "Put{}PermissionsBoundary"
    back = (
        iam_call("Delete{}PermissionsBoundary", identity.kind, identity.name)
        if now is None
        else iam_call(put, identity.kind, identity.name, PermissionsBoundary=now)
    )
    return (
        Step(
            action=ACTION.id,
            action_class=ACTION.action_class,
            fact=Fact(FactKind.BOUNDARY, "boundary"),
            before=now,
            after=old,
            call=iam_call(put, identity.kind, identity.name, PermissionsBoundary=old),
            inverse=back,
        ),
    )


ACTION = Action(
    id="aws.iam.restore-boundary",
    title="Put back a removed or replaced permissions boundary",
    before="the boundary is gone, or another",
    after="it is the one of before",
    action_class=ActionClass.REVERSAL,
    reads=frozenset(),
    writes=(Permission("iam:PutRolePermissionsBoundary", "boundaries"), Permission("iam:PutUserPermissionsBoundary", "boundaries")),
    undo="Takes the boundary off again, or puts the newer one back, under the operator's own credentials.",
    impact="Permissions shrink back to what they were before the change.",
    plan=plan,
)
