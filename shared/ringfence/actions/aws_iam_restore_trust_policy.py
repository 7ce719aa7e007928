"""aws.iam.restore-trust-policy: put back who could assume a role before."""

import json

from ringfence.actions._action import Action, Impossible, Permission, iam_call
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Document, Fact, FactKind


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step: CloudTrail tells only the new document, the old one comes from our own snapshot of the role."""
    role = case.identity
    if role.kind is not Kind.ROLE:
        return Impossible(f"{role.name} is a {role.kind}: only roles have a trust policy")
    now = case.state.trust if case.state is not None else finding.evidence.get("document")
    old = case.before.trust if case.before is not None else None
    if old is None:
        return Impossible(f"who could assume {role.name} before is not known: there is no snapshot of it")
    if now is None:
        return Impossible(f"who may assume {role.name} now is not known")
    return (
        Step(
            action=ACTION.id,
            action_class=ACTION.action_class,
            fact=Fact(FactKind.TRUST, "trust"),
            before=digest(now),
            after=digest(old),
            call=iam_call("UpdateAssumeRolePolicy", Kind.ROLE, role.name, PolicyDocument=_text(old)),
            inverse=iam_call("UpdateAssumeRolePolicy", Kind.ROLE, role.name, PolicyDocument=_text(now)),
        ),
    )


def _text(document: Document) -> str:
    return json.dumps(document)


ACTION = Action(
    id="aws.iam.restore-trust-policy",
    title="Put back a role's previous trust policy",
    before="the newer trust policy counts",
    after="the one of before counts",
    action_class=ActionClass.REVERSAL,
    reads=frozenset(),
    writes=(Permission("iam:UpdateAssumeRolePolicy", "RestoreRoles"),),
    undo="Puts the newer document back, under the operator's own credentials.",
    impact="Whoever was let in can not assume the role any more; sessions that were started go on: revoke those as well.",
    plan=plan,
)
