"""gcp.iam.restore-role: give a custom role the permissions back that it had, and no others.

IAM API v1 reference, `projects.roles.patch`. Permissions are compared sorted: a role has no order of them.
"""

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.actions._google import call_on
from ringfence.actions._google_settings import parts, setting, target_of
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import IAM
from ringfence.domain.google_settings import Thing
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.raw import items
from ringfence.domain.state import Document, Facet

PERMISSIONS, HOLDS = "permissions", "includedPermissions"


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step: back to what it held before; where nobody knows that, what it holds now without what the event added (`added`)."""
    role = target_of(case, Thing.ROLE)
    if role is None:
        return Impossible("the finding is about no custom role: what predefined roles hold is Google's to say")
    now, old = _now(case), parts(case.before).get(PERMISSIONS)
    added = _texts(finding.evidence, "added")
    if now is None or (old is None and not added):
        return Impossible(
            f"what {role.arn} held before is not known: look at its history in the audit log, and set its permissions by hand"
        )
    if old is None:
        old = {**now, HOLDS: sorted({*now[HOLDS]} - {*added})}
    put, back = (call_on(case, IAM, "UpdateRole", **document) for document in (old, now))
    return (setting(ACTION, PERMISSIONS, (now, old), put, back),)


def _now(case: Case) -> Document | None:
    """Give what the role holds: as it was read, else as the event's answer tells it."""
    if case.target_state is not None:
        return parts(case.target_state).get(PERMISSIONS)
    answer = case.event.parameters.get("response") if case.event else None
    held = _texts(answer, HOLDS) or _texts(answer, "included_permissions")
    return {HOLDS: sorted(held)} if held else None


def _texts(record: object, key: str) -> tuple[str, ...]:
    return tuple(text for text in items(record, key) if isinstance(text, str))


ACTION = Action(
    id="gcp.iam.restore-role",
    title="Put back what a custom role held",
    before="the role holds more than it did",
    after="it holds what it held before",
    action_class=ActionClass.REVERSAL,
    on=On.TARGET,
    reads=frozenset({Facet.SETTINGS}),
    writes=(Permission(f"{IAM}:UpdateRole", grants=("iam.roles.get", "iam.roles.update")),),
    undo="Gives the role the newer permissions again, with the operator's own credentials.",
    impact="Everybody who holds the role loses what was added to it, within minutes; who that is was not looked up.",
    plan=plan,
)
