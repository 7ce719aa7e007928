"""gcp-admin-role-on-ai-principal: an administrator's role granted to a principal of an AI project, or a custom role made as good as one."""

from typing import Any

import msgspec

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.raw import items, table
from ringfence.domain.state import Facet
from ringfence.guardrails._google import admin_like, gone, granted, grants, in_doubt

CHANGED = "UpdateRole"
ROLES = {
    CHANGED: "added {} to the custom role {}",
    "CreateRole": "made a custom role with {}: {}",
    "UndeleteRole": "brought a custom role with {} back: {}",
}
REMOVE, RESTORE = "gcp.iam.remove-binding", "gcp.iam.restore-role"
# Whoever holds one of these can become somebody else, or grant themselves more (IAM documentation, "Service account impersonation").
ENDS = (".setIamPolicy", ".actAs", ".getAccessToken", ".getOpenIdToken", ".implicitDelegation", ".signBlob", ".signJwt")
WIDENS = ("iam.serviceAccountKeys.create", "iam.roles.update")


def check(case: Case) -> Verdict:
    """Fire on each grant of such a role, and on each such permission that a custom role gets; what is in doubt asks."""
    event = case.event
    if event is None:
        return None
    if event.heard_as in ROLES:
        return _widened(case, event)
    found = grants(case, admin_like)
    if gone(case, found) or not found:
        doubt = in_doubt(case)
        if doubt is not None or not found:
            return doubt
    return msgspec.structs.replace(granted(case, event, GUARDRAIL, "was granted", found), actions=(REMOVE,))


def _widened(case: Case, event: Event) -> Verdict:
    """Fire in a declared project. Who holds the role was not looked up: it asks. A role that was made or brought back is a person's to judge."""
    if not case.project.declared:
        return None
    added, role, changes = event.parameters["added"], event.parameters["resource"], event.heard_as == CHANGED
    names = _told(event) if added is None else added
    if names is None:
        return Unknown(f"what the custom role {role} holds since {case.identity.name} wrote it is not told")
    strong = sorted(name for name in names if str(name).endswith(ENDS) or name in WIDENS)
    if not strong:
        return None
    if added is None and changes:
        return Unknown(f"whether {', '.join(strong)} came to the custom role {role} only now is not told")
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {ROLES[event.heard_as].format(', '.join(strong), role)}",
        evidence={"resource": role, "dangerous": strong, "added": list(names)},
        actions=(RESTORE,) if changes else (),
        certain=False,
    )


def _told(event: Event) -> tuple[Any, ...] | None:
    """Give the permissions of a role that the request names, of one that was made or brought back else those in the answer; None where neither is told."""
    parts = [table(event.parameters, "request", "role"), {} if event.heard_as == CHANGED else table(event.parameters, "response")]
    part = next(filter(None, parts), None)
    return None if part is None else (*items(part, "included_permissions"), *items(part, "includedPermissions"))


GUARDRAIL = Guardrail(
    id="gcp-admin-role-on-ai-principal",
    title="Basic or administrator's role granted to an AI principal, or a custom role widened",
    severity=Severity.CRITICAL,
    why="Owner or Editor on a Vertex AI service account, or on an agent's own identity, is the whole project from a notebook.",
    triggers=(
        Trigger(Source.GCP_AUDIT, "SetIamPolicy", service="cloudresourcemanager"),
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR) for name in ROLES),
    ),
    reads_target=frozenset({Facet.BINDINGS, Facet.SETTINGS}),
    compares=True,
    vouches=frozenset({"bindings"}),
    actions=(REMOVE, RESTORE),
    standards=Standards(attack=("T1098.003",), cis=("gcp-v5:1.6", "gcp-v5:1.7", "gcp-v5:1.9"), nist=("AC-6", "AC-6(5)")),
    false_positives="The service account that Terraform runs as; a grant that Privileged Access Manager ends within hours (it asks).",
    check=check,
)
