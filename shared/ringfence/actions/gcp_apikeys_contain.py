"""gcp.apikeys.contain: no AI service takes an API key any more.

API Keys API v2 reference: a key without `apiTargets` is for every service, so the last of them is never taken away: then the key is deleted, and can be put
back for 30 days.
"""

from collections.abc import Mapping

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.actions._google import call_on
from ringfence.actions._google_settings import parts, setting, target_of
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google_settings import AI_SERVICES, API_KEYS, Thing
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.raw import items, text
from ringfence.domain.state import Document, Facet

RESTRICTIONS, KEY, TARGETS = "restrictions", "key", "apiTargets"
DELETED: Document = {"deleted": True}
THERE: Document = {"deleted": False}


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step: the key without the AI services among its targets; where nothing would be left, or it has no targets, the key is deleted."""
    key = target_of(case, Thing.API_KEY)
    if key is None:
        return Impossible("the event does not name the API key: look at the keys of the project")
    now = _restrictions(case, finding)
    targets = items(now, TARGETS)
    left = [target for target in targets if text(target, "service") not in AI_SERVICES]
    if left:
        restricted = {**now, TARGETS: left}
        put, back = (call_on(case, API_KEYS, "UpdateKey", **document) for document in (restricted, now))
        return (setting(ACTION, RESTRICTIONS, (now, restricted), put, back),)
    there = parts(case.target_state).get(KEY, THERE)
    return (setting(ACTION, KEY, (there, DELETED), call_on(case, API_KEYS, "DeleteKey"), call_on(case, API_KEYS, "UndeleteKey")),)


def _restrictions(case: Case, finding: Finding) -> Document:
    """Give what restricts the key: as it was read, else as the finding tells it."""
    told = parts(case.target_state).get(RESTRICTIONS) if case.target_state else finding.evidence.get(RESTRICTIONS)
    return told if isinstance(told, Mapping) else {}


ACTION = Action(
    id="gcp.apikeys.contain",
    title="Keep an API key from AI services",
    before="AI services take the key",
    after="it is restricted to other services, or deleted",
    action_class=ActionClass.CONTAINMENT,
    on=On.TARGET,
    reads=frozenset({Facet.SETTINGS}),
    writes=(
        Permission(f"{API_KEYS}:UpdateKey", grants=("apikeys.keys.get", "apikeys.keys.update")),
        Permission(f"{API_KEYS}:DeleteKey", grants=("apikeys.keys.delete", "apikeys.keys.get")),
        Permission(f"{API_KEYS}:UndeleteKey", grants=("apikeys.keys.undelete",)),
    ),
    undo="Puts the restrictions back as they were; a deleted key comes back within 30 days, later not.",
    impact="Applications that call AI services with the key fail. A key that is restricted to nothing else is deleted: then all applications that use it fail.",
    plan=plan,
)
