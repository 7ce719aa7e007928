"""gcp-impersonation-granted: somebody may act as a service account of an AI project."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.domain.glob import any_match
from ringfence.domain.google import IAM
from ringfence.domain.state import Facet
from ringfence.guardrails._google import becomes, gone, granted, grants, impersonates, in_doubt


def check(case: Case) -> Verdict:
    """Fire on each grant of such a role, on a service account or above, to somebody who is not declared as one of the project's people or agents.

    On a service account itself every role counts that lets somebody become it, and one that nobody knows here is in doubt.
    """
    declared = (*case.project.gcp_people, *case.project.gcp_agents)
    if case.event is None or any_match(declared, case.identity.name, case.identity.arn):
        return None
    itself = case.event.parameters["service"] == IAM
    found = grants(case, becomes if itself else impersonates)
    doubt = in_doubt(case) if itself and (gone(case, found) or not found) else None
    if doubt is not None or not found:
        return doubt
    return granted(case, case.event, GUARDRAIL, "may act as a service account:", found)


GUARDRAIL = Guardrail(
    id="gcp-impersonation-granted",
    title="Impersonation of an AI service account granted",
    severity=Severity.HIGH,
    why="Whoever may create tokens for a service account is that account.",
    triggers=(
        Trigger(Source.GCP_AUDIT, "SetIamPolicy", service="iam"),
        Trigger(Source.GCP_AUDIT, "SetIamPolicy", service="cloudresourcemanager"),
    ),
    reads_target=frozenset({Facet.BINDINGS}),
    compares=True,
    vouches=frozenset({"bindings"}),
    actions=("gcp.iam.remove-binding",),
    standards=Standards(attack=("T1098", "T1548.005", "T1550.001"), cis=("gcp-v5:1.7", "gcp-v5:1.9"), nist=("AC-6",)),
    false_positives="The pipeline that binds a Kubernetes service account to its Google one: declare it under `agents`.",
    check=check,
)
