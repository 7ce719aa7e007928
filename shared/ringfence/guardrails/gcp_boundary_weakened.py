"""gcp-boundary-weakened: a deny policy, a principal access boundary or an organisation policy was taken away or changed."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Guardrail, Judged, Severity, Standards, Trigger, Verdict
from ringfence.domain.glob import any_match
from ringfence.guardrails._google import changed

OF_IAM = {
    "DeletePolicy": "deleted the deny policy",
    "UpdatePolicy": "changed the deny policy",
    "DeletePolicyBinding": "unbound the access boundary",
    "UpdatePolicyBinding": "changed the binding of the access boundary",
    "UpdatePrincipalAccessBoundaryPolicy": "changed the access boundary",
    "DeletePrincipalAccessBoundaryPolicy": "deleted the access boundary",
}
OF_ORGANISATION = {
    "DeletePolicy": "deleted the organisation policy",
    "UpdatePolicy": "changed the organisation policy",
    "CreatePolicy": "made an organisation policy of its own, which counts instead of what lies above, for",  # nobody can tell whether it is stricter
}
OF_ORGANISATION_V1 = {"SetOrgPolicy": "changed an organisation policy of", "ClearOrgPolicy": "took an organisation policy off"}


def check(case: Case) -> Verdict:
    """Fire on each such change, but by those who look after them."""
    event = case.event
    if event is None or any_match(case.settings.security_admins, case.identity.arn, case.identity.name):
        return None
    words = OF_ORGANISATION if event.parameters.get("service") == "orgpolicy.googleapis.com" else OF_IAM | OF_ORGANISATION_V1
    return changed(case, event, GUARDRAIL, words[event.heard_as])


GUARDRAIL = Guardrail(
    id="gcp-boundary-weakened",
    title="Deny policy, access boundary or organisation policy weakened",
    severity=Severity.HIGH,
    why="What bounds everybody is taken off first.",
    triggers=(
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR) for name in OF_IAM),
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="orgpolicy") for name in OF_ORGANISATION),
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="cloudresourcemanager") for name in OF_ORGANISATION_V1),
    ),
    standards=Standards(attack=("T1562.001", "T1548"), cis=("gcp-v5:1.1.4",), nist=("CM-5", "AC-6")),
    false_positives="The team that looks after policies: name it under `security_admins`.",
    check=check,
)
