"""gcp-ai-identity-threat: Security Command Center finds a service account or an agent of an AI project misused, or one that was deleted is back."""

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.guardrails._google import containing

# Categories of Event Threat Detection and of Agent Platform Threat Detection, in words (SCC documentation, read in 2026-11).
GRAVE = (
    "privilege escalation ai agent suspicious cross project access token generation",
    "privilege escalation ai agent suspicious cross project openid token generation",
    "privilege escalation ai agent suspicious token generation using implicit delegation",
    "privilege escalation ai agent suspicious token generation using signjwt",
    "privilege escalation anomalous impersonation of service account for ai admin activity",
    "privilege escalation anomalous multistep service account delegation for ai admin activity",
    "privilege escalation anomalous multistep service account delegation for ai data access",
    "privilege escalation anomalous service account impersonator for ai admin activity",
    "privilege escalation anomalous service account impersonator for ai data access",
    "credential access ai agent anomalous access to metadata service",
    "initial access dormant service account activity in ai service",
    "discovery ai agent unauthorized service account api call",
)
SIGNS = (
    "persistence new geography for ai service",
    "persistence new ai api method",
    "initial access ai agent identity excessive permission denied actions",
    "discovery ai agent service account self investigation",
    "initial access dormant service account action",
    "initial access excessive permission denied actions",
    "persistence new geography",
    "persistence new user agent",
)
BACK = "UndeleteServiceAccount"
RENAMED = ("ai agent", "agent engine")  # now and before: one category under two names


def check(case: Case) -> Verdict:
    """Fire on each such finding; what alone may be a new region or a load test is medium, and asks nobody to act."""
    event = case.event
    if event is None:
        return None
    if event.heard_as == BACK:
        return _back(case, event)
    grave = event.heard_as.replace(RENAMED[1], RENAMED[0]) in GRAVE
    address = event.parameters.get("address") or "an address that is not told"
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=Severity.CRITICAL if grave else Severity.MEDIUM,
        identity=case.identity,
        reason=f"{event.name}: {case.identity.name}, from {address}",
        evidence={"category": event.name, "address": address, "severity": event.parameters.get("severity", "")},
        actions=containing(case.identity, GUARDRAIL.actions) if grave else (),
    )


def _back(case: Case, event: Event) -> Finding:
    """Say that an account that was deleted is there again, with every grant that it had: whether it should be, a person has to say."""
    by = event.actor.display if event.actor is not None else None
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=Severity.MEDIUM,
        identity=case.identity,
        reason=f"{by or 'somebody'} brought {case.identity.name} back, which was deleted, with every grant that it had",
        evidence={"method": event.name, "by": by},
    )


GUARDRAIL = Guardrail(
    id="gcp-ai-identity-threat",
    title="Security Command Center finds an AI identity misused",
    severity=Severity.CRITICAL,
    why="Google's own detectors for AI services and agents; most of them are rated low, and mean much about an identity that trains models.",
    triggers=(
        *(Trigger(Source.GCP_SCC, name) for known in (*GRAVE, *SIGNS) for name in dict.fromkeys((known, known.replace(*RENAMED)))),
        Trigger(Source.GCP_AUDIT, BACK),
    ),
    actions=("gcp.iam.deny-principal", "gcp.iam.disable-service-account"),
    standards=Standards(attack=("T1078.004", "T1550.001"), atlas=("AML.T0012",), nist=("IR-4(1)", "SI-4")),
    false_positives="A new region that is rolled out, a load test.",
    check=check,
)
