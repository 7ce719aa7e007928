"""aws.iam.deactivate-access-key: switch access keys of a user off, and nothing else of the user."""

from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._credentials import class_of, off
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet, FactKind


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step for each key that the finding names (`access_key_ids`); what is off or gone by then needs none, the engine sees to that.

    Of a key that was just made and never used (`created` in the evidence) it undoes the creation: a reversal.
    """
    if case.identity.kind is not Kind.USER:
        return Impossible(f"{case.identity.name} is a {case.identity.kind}: only users have access keys")
    named = finding.evidence.get("access_key_ids")
    keys = [key for key in named if isinstance(key, str) and key] if isinstance(named, (list, tuple)) else []
    if not keys:
        return Impossible("the finding names no access key")
    held = {c.id: c for c in (case.state.credentials if case.state else None) or () if c.kind is FactKind.ACCESS_KEY}
    return tuple(
        off(ACTION.id, case.identity.name, FactKind.ACCESS_KEY, key, class_of(held.get(key), finding)) for key in dict.fromkeys(keys)
    )


ACTION = Action(
    id="aws.iam.deactivate-access-key",
    title="Switch a user's access keys off",
    before="the access key is Active",
    after="it is Inactive",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.KEYS, Facet.KEY_USE}),
    writes=(Permission("iam:UpdateAccessKey"),),
    undo="Sets the keys active again, once the sessions that they started have ended.",
    impact="Whoever uses these keys is locked out. Sessions that they started live on for up to 36 hours.",
    plan=plan,
)
