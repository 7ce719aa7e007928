"""aws.iam.rollback-policy-version: make the version of a managed policy the default again that was it before."""

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.state import Facet, Fact, FactKind, State


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step on the policy: it changes all of its holders at once. The wide version stays, as evidence; none is ever made or deleted."""
    policy, now, before = case.target, case.target_state, case.before
    if policy is None or policy.kind is not Kind.POLICY:
        return Impossible("the finding is about no managed policy")
    if now is None or now.versions is None or now.default_version is None:
        return Impossible(f"which versions {policy.name} has is not known")
    if before is None or before.default_version is None:
        return Impossible(f"which version of {policy.name} was the default before is not known: there is no snapshot of it")
    version = _same(before, now)
    if version is None:
        return Impossible(
            f"the version {before.default_version} of {policy.name} was deleted since: "
            "its document is in the record of this finding, `aws iam create-policy-version --set-as-default` puts it back"
        )
    return (
        Step(
            action=ACTION.id,
            action_class=ACTION.action_class,
            fact=Fact(FactKind.DEFAULT_VERSION, "default"),
            before=now.default_version,
            after=version,
            call=_set_default(policy.arn, version),
            inverse=_set_default(policy.arn, now.default_version),
        ),
    )


def _same(before: State, now: State) -> str | None:
    """Find the version that says what the default said before; its number may have been given to nothing else, but it may be gone."""
    version, versions = before.default_version or "", now.versions or {}
    meant = (before.versions or {}).get(version)
    if meant is None or version not in versions:
        return None
    return version if digest(versions[version]) == digest(meant) else None


def _set_default(arn: str, version: str) -> Call:
    return Call("iam", "SetDefaultPolicyVersion", {"PolicyArn": arn, "VersionId": version})


ACTION = Action(
    id="aws.iam.rollback-policy-version",
    title="Point a customer managed policy back to its previous default version",
    before="the wide version is the default",
    after="the one of before is",
    action_class=ActionClass.REVERSAL,
    on=On.TARGET,
    reads=frozenset({Facet.VERSIONS, Facet.MEMBERS}),
    writes=(Permission("iam:SetDefaultPolicyVersion", "RestorePolicies"),),
    undo="Makes the other version the default again, under the operator's own credentials.",
    impact="Everybody who holds the policy loses what the newer version added, at once.",
    plan=plan,
)
