"""gcp.iam.disable-sa-key: switch one key of a service account off."""

import re

from ringfence.actions._action import Action, Impossible, Permission, evidence_text
from ringfence.actions._credentials import class_of
from ringfence.actions._google import named, service_account
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import IAM
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.state import Facet, Fact, FactKind

KEY = re.compile(r"[0-9a-zA-Z]{1,64}", re.ASCII)


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step for the key that the finding names (`key`). Of one that was just made and never used (`created`) it undoes the creation."""
    account = service_account(case.identity)
    if account is None:
        return Impossible(f"{case.identity.name} is no service account of yours: it has no keys that could be switched off")
    key = evidence_text(finding.evidence, "key")
    if not KEY.fullmatch(key):
        return Impossible("the finding names no key: look which key it was, and at the account itself")
    held = next((c for c in (case.state.credentials if case.state else None) or () if c.id == key), None)
    name = f"{named(case.identity, account)}/keys/{key}"
    return (
        Step(
            action=ACTION.id,
            action_class=class_of(held, finding),
            fact=Fact(FactKind.SERVICE_ACCOUNT_KEY, key),
            before="Active",
            after="Inactive",
            call=Call(IAM, "DisableServiceAccountKey", {"name": name}),
            inverse=Call(IAM, "EnableServiceAccountKey", {"name": name}),
        ),
    )


ACTION = Action(
    id="gcp.iam.disable-sa-key",
    title="Disable one key of a service account",
    before="the key works",
    after="it is disabled",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.KEYS, Facet.KEY_USE}),
    writes=(
        Permission(f"{IAM}:DisableServiceAccountKey", grants=("iam.serviceAccountKeys.disable", "iam.serviceAccountKeys.list")),
        Permission(f"{IAM}:EnableServiceAccountKey", grants=("iam.serviceAccountKeys.enable",)),
    ),
    undo="Enables the key again.",
    impact="Whoever uses the key is locked out. Access tokens that were made with it live on until they expire, an hour by default: disabling a key contains nobody who is in already.",
    plan=plan,
)
