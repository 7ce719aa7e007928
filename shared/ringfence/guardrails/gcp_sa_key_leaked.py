"""gcp-sa-key-leaked: a service account's key was found in public, or used after that."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.guardrails._google import containing


def check(case: Case) -> Verdict:
    """Fire on each such finding about a service account of an AI project."""
    event = case.event
    if event is None:
        return None
    key = event.parameters.get("key", "")
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"a key of {case.identity.name} is leaked (key {key or 'not named'})",
        evidence={"category": event.name, "key": key, "address": event.parameters.get("address", "")},
        actions=containing(case.identity, GUARDRAIL.actions),
    )


GUARDRAIL = Guardrail(
    id="gcp-sa-key-leaked",
    title="Leaked key of a service account reported or used",
    severity=Severity.CRITICAL,
    why="Google disables keys that it finds in public code by default; tokens that were made with one live on until they expire.",
    triggers=(
        Trigger(Source.GCP_SCC, "account has leaked credentials"),
        Trigger(Source.GCP_SCC, "initial access leaked service account key used"),
    ),
    actions=("gcp.iam.disable-sa-key", "gcp.iam.disable-service-account"),
    standards=Standards(attack=("T1552.001", "T1078.004"), atlas=("AML.T0055",), cis=("gcp-v5:1.8",), nist=("IA-5", "IR-4")),
    false_positives="None that is known.",
    check=check,
)
