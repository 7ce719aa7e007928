"""aws.iam.deactivate-access-key: switch access keys of a user off, and nothing else of the user."""

from ringfence.actions._action import Action, Impossible, Permission, iam_call
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet, Fact, FactKind


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step for each key that the finding names (`access_key_ids`); what is off or gone by then needs none, the engine sees to that."""
    if case.identity.kind is not Kind.USER:
        return Impossible(f"{case.identity.name} is a {case.identity.kind}: only users have access keys")
    named = finding.evidence.get("access_key_ids")
    keys = [key for key in named if isinstance(key, str) and key] if isinstance(named, (list, tuple)) else []
    if not keys:
        return Impossible("the finding names no access key")
    return tuple(_off(case.identity.name, key) for key in dict.fromkeys(keys))


def _off(user: str, key: str) -> Step:
    return Step(
        action=ACTION.id,
        action_class=ACTION.action_class,
        fact=Fact(FactKind.ACCESS_KEY, key),
        before="Active",
        after="Inactive",
        call=iam_call("UpdateAccessKey", Kind.USER, user, AccessKeyId=key, Status="Inactive"),
        inverse=iam_call("UpdateAccessKey", Kind.USER, user, AccessKeyId=key, Status="Active"),
    )


ACTION = Action(
    id="aws.iam.deactivate-access-key",
    title="Switch a user's access keys off",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.KEYS}),
    writes=(Permission("iam:UpdateAccessKey"),),
    undo="Sets the keys active again, once the sessions that they started have ended.",
    impact="Whoever uses these keys is locked out. Sessions that they started live on for up to 36 hours.",
    plan=plan,
)
