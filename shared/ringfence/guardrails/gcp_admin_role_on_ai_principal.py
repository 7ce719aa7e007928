"""gcp-admin-role-on-ai-principal: an administrator's role granted to a principal of an AI project."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.guardrails._google import PRIVILEGED, granted, grants


def check(case: Case) -> Verdict:
    """Fire on each grant of such a role; one that ends or holds only under a condition is in doubt, and asks."""
    found = grants(case, PRIVILEGED)
    if not found or case.event is None:
        return None
    return granted(case, case.event, GUARDRAIL, "was granted", found)


GUARDRAIL = Guardrail(
    id="gcp-admin-role-on-ai-principal",
    title="Basic or administrator's role granted to an AI principal",
    severity=Severity.CRITICAL,
    why="Owner or Editor on a Vertex AI service account, or on an agent's own identity, is the whole project from a notebook.",
    triggers=(Trigger(Source.GCP_AUDIT, "SetIamPolicy", service="cloudresourcemanager"),),
    standards=Standards(attack=("T1098.003",), cis=("gcp-v5:1.6", "gcp-v5:1.7", "gcp-v5:1.9"), nist=("AC-6", "AC-6(5)")),
    false_positives="The service account that Terraform runs as; a grant that Privileged Access Manager ends within hours (it asks).",
    check=check,
)
