"""aws-bedrock-api-key-created: a long-term API key (a service-specific credential) was made, reset or woken for an AI identity."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.domain.identity import Kind

BEDROCK = "bedrock.amazonaws.com"
WOKEN = "UpdateServiceSpecificCredential"
LONG = 30  # days


def check(case: Case) -> Verdict:
    """Fire on each; critical where it is Bedrock's and lives for more than 30 days, or for ever."""
    event = case.event
    if event is None or case.settings.allow_bedrock_api_keys or case.identity.kind is not Kind.USER:
        return None
    if event.name == WOKEN and event.parameters.get("status") != "Active":
        return None
    made = {**event.parameters, **_credential(event)}
    service, named, days = (
        str(made.get("serviceName", "")),
        made.get("serviceSpecificCredentialId"),
        event.parameters.get("credentialAgeDays"),
    )
    lasting = service == BEDROCK and (not isinstance(days, int) or days > LONG)
    how_long = "that never expires" if days is None else f"for {days} days"
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=Severity.CRITICAL if lasting else GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} has a long-term API key for {service.partition('.')[0]} {how_long} ({event.name})",
        evidence={"credential_ids": [named] if isinstance(named, str) else [], "service": service, "days": days},
        actions=GUARDRAIL.actions,
    )


def _credential(event: Event) -> Mapping[str, Any]:
    reply = event.parameters.get("response")
    made = reply.get("serviceSpecificCredential") if isinstance(reply, dict) else None
    return made if isinstance(made, dict) else {}


GUARDRAIL = Guardrail(
    id="aws-bedrock-api-key-created",
    title="Bedrock (or other service-specific) API key created or reset",
    severity=Severity.HIGH,
    why="A long-term API key is a bearer secret: whoever reads it in a log or a repository invokes models on your bill, from anywhere.",
    triggers=tuple(
        Trigger(Source.CLOUDTRAIL, name) for name in ("CreateServiceSpecificCredential", "ResetServiceSpecificCredential", WOKEN)
    ),
    actions=("aws.iam.deactivate-service-credential", "aws.iam.deny-bearer-tokens"),
    standards=Standards(attack=("T1098.001", "T1528"), atlas=("AML.T0055",), nist=("IA-5", "AC-2")),
    false_positives="Packaged software that takes nothing else: an exception with its end, or `keys.allow_bedrock_api_keys`.",
    check=check,
)
