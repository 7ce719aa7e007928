"""aws-signin-anomaly: AWS itself flagged a sign-in as anomalous. Alone it is told; together with data that leaves it contains (playbooks)."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict

ALERT = "Sign-in Anomaly Alert"
FINDINGS = ("UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B", "InitialAccess:IAMUser/AnomalousBehavior")


def check(case: Case) -> Verdict:
    """Fire on each such alert about somebody of an AI project."""
    event = case.event
    if event is None:
        return None
    where = event.parameters.get("address", "")
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"a sign-in of {case.identity.name} is anomalous: {event.name}" + (f" from {where}" if where else ""),
        evidence={"type": event.name, "address": where, "severity": event.parameters.get("severity", 0.0)},
    )


GUARDRAIL = Guardrail(
    id="aws-signin-anomaly",
    title="AWS flagged a sign-in as anomalous",
    severity=Severity.MEDIUM,
    why="A weak signal alone and a strong one together with others: it is often the first sign of stolen credentials.",
    triggers=(Trigger(Source.SIGNIN, ALERT), *(Trigger(Source.GUARDDUTY, name) for name in FINDINGS)),
    standards=Standards(attack=("T1078.004",), nist=("AC-2(12)", "SI-4")),
    false_positives="A VPN that leaves elsewhere today, people who travel.",
    check=check,
)
