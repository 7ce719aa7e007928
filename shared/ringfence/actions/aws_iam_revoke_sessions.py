"""aws.iam.revoke-sessions: end every session that was issued before now.

IAM User Guide, "Revoking IAM role temporary security credentials": a Deny under `aws:TokenIssueTime`. The document carries a time, so it
can only be inline, which needs full powers. Without them the deny over everything takes its place, and has to be taken off again.
"""

import json
from datetime import datetime

from ringfence.actions._action import Action, Impossible, Permission, iam_call
from ringfence.actions._ladder import deny_step, inline_fits
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Document, Facet, Fact, FactKind

NAME = "ringfence-revoke-older-sessions"  # not the console's own AWSRevokeOlderSessions, which its button overwrites


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step. By time where that may be put and fits, else the deny over everything."""
    if case.identity.kind not in (Kind.ROLE, Kind.USER):
        return Impossible(f"{case.identity.name} is a {case.identity.kind}: only roles and users have sessions")
    document = revoking(case.now)
    if not case.settings.deployment.full_powers or (case.state is not None and not inline_fits(case.state, document)):
        return (deny_step(case, ACTION.id),)
    kind, name = case.identity.kind, case.identity.name
    stood = (case.state.inline or {}).get(NAME) if case.state else None
    back = (
        iam_call("Delete{}Policy", kind, name, PolicyName=NAME)
        if stood is None
        else iam_call("Put{}Policy", kind, name, PolicyName=NAME, PolicyDocument=json.dumps(stood))
    )
    return (
        Step(
            action=ACTION.id,
            action_class=ACTION.action_class,
            fact=Fact(FactKind.INLINE, NAME),
            before=None if stood is None else digest(stood),
            after=digest(document),
            call=iam_call("Put{}Policy", kind, name, PolicyName=NAME, PolicyDocument=json.dumps(document)),
            inverse=back,
        ),
    )


def revoking(now: datetime) -> Document:
    """Give the policy that denies everything to sessions issued before a time."""
    before = {"DateLessThan": {"aws:TokenIssueTime": now.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    statement = {"Sid": "RevokeOlderSessions", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": before}
    return {"Version": "2012-10-17", "Statement": [statement]}


ACTION = Action(
    id="aws.iam.revoke-sessions",
    title="Invalidate every session issued before now",
    before="sessions work until they expire",
    after="those issued before are denied everything",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.ATTACHED, Facet.INLINE}),
    writes=(
        Permission("iam:AttachRolePolicy", "own-policies"),
        Permission("iam:AttachUserPolicy", "own-policies"),
        Permission("iam:DetachRolePolicy"),
        Permission("iam:DetachUserPolicy"),
        Permission("iam:PutRolePolicy", powers="full"),
        Permission("iam:PutUserPolicy", powers="full"),
        Permission("iam:DeleteRolePolicy"),
        Permission("iam:DeleteUserPolicy"),
    ),
    undo="Takes our policy off again. Sessions older than it that have not expired come back to life.",
    impact="Work in flight stops until its service fetches new credentials. Without full powers everything stops until our deny is taken off.",
    plan=plan,
)
