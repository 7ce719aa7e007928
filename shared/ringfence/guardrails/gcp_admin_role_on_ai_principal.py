"""gcp-admin-role-on-ai-principal: an administrator's role granted to a principal of an AI project, or a custom role made as good as one."""

import msgspec

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.raw import items, text
from ringfence.domain.state import Facet
from ringfence.guardrails._google import admin_like, granted, grants, in_doubt

MADE, BACK = "CreateRole", "UndeleteRole"
ROLES = ("UpdateRole", MADE, BACK)
REMOVE, RESTORE = "gcp.iam.remove-binding", "gcp.iam.restore-role"
# Whoever holds one of these can become somebody else, or grant themselves more (IAM documentation, "Service account impersonation").
ENDS = (".setIamPolicy", ".actAs", ".getAccessToken", ".implicitDelegation", ".signBlob", ".signJwt")
WIDENS = ("iam.serviceAccountKeys.create", "iam.roles.update")


def check(case: Case) -> Verdict:
    """Fire on each grant of such a role, and on each such permission that a custom role gets; what is in doubt asks."""
    event = case.event
    if event is None:
        return None
    if event.heard_as in ROLES:
        return _widened(case, event)
    found = grants(case, admin_like)
    if not found:
        return in_doubt(case)
    return msgspec.structs.replace(granted(case, event, GUARDRAIL, "was granted", found), actions=(REMOVE,))


def _widened(case: Case, event: Event) -> Verdict:
    """Fire in a declared project. Who holds the role was not looked up: it asks. What a role holds that is brought back nobody tells."""
    added, role = event.parameters["added"], event.parameters["resource"]
    if event.heard_as == BACK:
        return Unknown(f"what the custom role {role} holds, which {case.identity.name} brought back, is not told") if case.project.declared else None
    made = event.heard_as == MADE
    asked = (
        *items(event.parameters, "request", "role", "included_permissions"),
        *items(event.parameters, "request", "role", "includedPermissions"),
    )
    strong = sorted(name for name in (asked if added is None else added) if str(name).endswith(ENDS) or name in WIDENS)
    if not strong or not case.project.declared:
        return None
    if made:
        role = f"{role}/roles/{text(event.parameters, 'request', 'role_id') or text(event.parameters, 'request', 'roleId')}"
    elif added is None:
        return Unknown(f"whether {', '.join(strong)} came to the custom role {role} only now is not told")
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} added {', '.join(strong)} to the custom role {role}",
        evidence={"resource": role, "dangerous": strong, "added": list(added or strong)},
        actions=() if made else (RESTORE,),
        certain=False,
    )


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
