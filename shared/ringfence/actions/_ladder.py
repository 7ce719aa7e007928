"""The quarantine ladder: one explicit Deny over everything, on the first rung that fits (quotas: IAM User Guide, "IAM and STS quotas").

1. attach the pre-made deny policy; 2. swap in the pre-made deny boundary, where the attachment quota is full and the old boundary
can be put back by the deployment; 3. the same deny inline, only with full powers. No policy version is ever deleted to make room.
"""

import json

import msgspec

from ringfence.actions._action import iam_call
from ringfence.actions._own_policies import DENY_ALL
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Case
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Document, Fact, FactKind, State, read

INLINE_QUOTA = {Kind.ROLE: 10_240, Kind.USER: 2_048}  # characters of all inline policies, white space not counted
INLINE_NAME = "ringfence-quarantine"


def deny_step(case: Case, action: str) -> Step:
    """Give the step that denies everything: the first rung, with those above it for when a quota refuses it."""
    state, deployment = case.state, case.settings.deployment
    policy = deployment.quarantine_policy or own_policy(case, "quarantine")
    if state is None:
        return attach_step(case, action, policy)
    old = state.boundary
    rungs = [attach_step(case, action, policy)]  # whatever is attached already: the quota may have been raised
    if deployment.quarantine_boundary and (old is None or old in deployment.boundaries or old == deployment.quarantine_boundary):
        rungs.append(_boundary_step(case, action, deployment.quarantine_boundary, old))
    if deployment.full_powers and inline_fits(state, DENY_ALL):
        rungs.append(_inline_step(case, action))
    return msgspec.structs.replace(rungs[0], otherwise=tuple(rungs[1:]))


def attach_step(case: Case, action: str, policy: str) -> Step:
    """Attach one of the product's own deny policies."""
    kind, name = case.identity.kind, case.identity.name
    return Step(
        action=action,
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.ATTACHED, policy),
        before=None,
        after="attached",
        call=iam_call("Attach{}Policy", kind, name, PolicyArn=policy),
        inverse=iam_call("Detach{}Policy", kind, name, PolicyArn=policy),
    )


def own_policy(case: Case, name: str) -> str:
    """Give the ARN that a deployment's policy would have, where no deployment is known (offline)."""
    return f"arn:{case.identity.partition}:iam::{case.identity.account}:policy/ringfence/{name}"


def _boundary_step(case: Case, action: str, boundary: str, old: str | None) -> Step:
    kind, name = case.identity.kind, case.identity.name
    put = "Put{}PermissionsBoundary"
    back = iam_call("Delete{}PermissionsBoundary", kind, name) if old is None else iam_call(put, kind, name, PermissionsBoundary=old)
    return Step(
        action=action,
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.BOUNDARY, "boundary"),
        before=old,
        after=boundary,
        call=iam_call(put, kind, name, PermissionsBoundary=boundary),
        inverse=back,
    )


def _inline_step(case: Case, action: str) -> Step:
    kind, name = case.identity.kind, case.identity.name
    return Step(
        action=action,
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.INLINE, INLINE_NAME),
        before=None,
        after=digest(DENY_ALL),
        call=iam_call("Put{}Policy", kind, name, PolicyName=INLINE_NAME, PolicyDocument=json.dumps(DENY_ALL)),
        inverse=iam_call("Delete{}Policy", kind, name, PolicyName=INLINE_NAME),
    )


def inline_fits(state: State, document: Document) -> bool:
    """Whether one more inline policy fits into what IAM allows an identity of all of them."""
    used = sum(len(json.dumps(document, separators=(",", ":"))) for document in read(state.inline, "inline policies").values())
    return used + len(json.dumps(document, separators=(",", ":"))) <= INLINE_QUOTA[state.identity.kind]
