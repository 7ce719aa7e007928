"""gcp.iam.remove-binding: take one grant of one member off a resource's allow policy, and nothing else."""

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.actions._google import OWNER, POLICY_GRANTS, grants_of, unbind
from ringfence.domain.binding import comparable
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import keeper
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step for each grant that the finding names.

    The last owner that stands stays: nobody could mend it afterwards. One who was made owner just now is none whom the project lived by.
    """
    place = case.target
    if place is None or place.kind is not Kind.RESOURCE:
        return Impossible("the finding does not say on which resource the grant is")
    found = grants_of(finding)
    if not found:
        return Impossible("the finding names no grant")
    if not keeper(place.arn):
        return Impossible(f"the allow policy of {place.arn} is none that is written here: take the grant away at its service")
    known = case.target_state.bindings if case.target_state else None
    owners = {comparable(b.member) for b in known or () if b.role == OWNER and b.condition is None}
    going = {comparable(b.member) for b in found if b.role == OWNER}
    if owners and owners <= going and (case.event is None or finding.standing or _handed_over(case)):
        return Impossible(f"it is the last owner of {place.arn}: make somebody else owner first")
    there = {b.key: b for b in known or ()}  # as it stands in the policy: an undo writes that, byte for byte
    return tuple(
        unbind(ACTION.id, ACTION.action_class, place.arn, there.get(b.key, b), unless_last=b.role == OWNER and not owners <= going)
        for b in found
    )


def _handed_over(case: Case) -> bool:
    """Whether the very change that made an owner took another one away."""
    deltas = case.event.parameters.get("deltas") or () if case.event else ()
    return any(delta["action"] == "REMOVE" and delta["role"] == OWNER for delta in deltas)


ACTION = Action(
    id="gcp.iam.remove-binding",
    title="Remove one member and role from an allow policy",
    before="the member is bound to the role",
    after="it is not, and every other binding is as it was",
    action_class=ActionClass.REVERSAL,
    on=On.GRANT,
    reads=frozenset({Facet.BINDINGS}),
    writes=tuple(Permission(f"{host}:SetIamPolicy", grants=grants) for host, grants in POLICY_GRANTS.items()),
    undo="Adds the same member to the same role, under the same condition, with the operator's own credentials.",
    impact="The member loses the role within about two minutes, at times seven and more. What it holds on a folder, the organisation or by a group it keeps.",
    plan=plan,
)
