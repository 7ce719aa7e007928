"""aws.iam.remove-from-group: take a user out of a group again."""

from ringfence.actions._action import Action, Impossible, Permission, evidence_text, iam_call
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet, Fact, FactKind


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step: the user leaves the group that the finding names; its inverse adds them again."""
    group = evidence_text(finding.evidence, "group")
    if case.identity.kind is not Kind.USER:
        return Impossible(f"{case.identity.name} is a {case.identity.kind}: only users are in groups")
    if not group:
        return Impossible("the finding does not name the group")
    return (
        Step(
            action=ACTION.id,
            action_class=ACTION.action_class,
            fact=Fact(FactKind.GROUP, group),
            before="member",
            after=None,
            call=iam_call("RemoveUserFromGroup", Kind.USER, case.identity.name, GroupName=group),
            inverse=iam_call("AddUserToGroup", Kind.USER, case.identity.name, GroupName=group),
        ),
    )


ACTION = Action(
    id="aws.iam.remove-from-group",
    title="Undo an AddUserToGroup",
    before="the user is in the group",
    after="they are not",
    action_class=ActionClass.REVERSAL,
    reads=frozenset({Facet.GROUPS}),
    writes=(Permission("iam:RemoveUserFromGroup"),),
    undo="Adds the user to the group again, under the operator's own credentials.",
    impact="The user loses what the group grants.",
    plan=plan,
)
