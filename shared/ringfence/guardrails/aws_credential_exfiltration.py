"""aws-credential-exfiltration: GuardDuty saw a workload's credentials used from outside the workload."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.domain.identity import Kind

TYPES = tuple(
    f"UnauthorizedAccess:IAMUser/{whose}CredentialExfiltration.{where}"
    for whose in ("Instance", "Resource")
    for where in ("OutsideAWS", "InsideAWS")
)
SURE = 7.0  # GuardDuty's severity from which the finding is High


def check(case: Case) -> Verdict:
    """Fire when the credentials belong to a session of an AI role. A role finding never touches a user of the same name."""
    event = case.event
    if event is None or case.identity.kind is not Kind.ROLE:
        return None
    outside = event.name.endswith(".OutsideAWS")
    severity = event.parameters.get("severity", 0.0)
    where = "an address outside AWS" if outside else "another AWS account"
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"credentials of the AI role {case.identity.name} are used from {where}",
        evidence={"type": event.name, "severity": severity, "access_key_id": event.parameters.get("access_key_id", "")},
        actions=GUARDRAIL.actions,
        certain=outside and severity >= SURE,
    )


GUARDRAIL = Guardrail(
    id="aws-credential-exfiltration",
    title="Workload credentials used from outside the workload",
    severity=Severity.CRITICAL,
    why="Credentials of a notebook, instance, function or task that turn up elsewhere are stolen.",
    triggers=tuple(Trigger(Source.GUARDDUTY, name) for name in TYPES),
    reads=frozenset(),
    actions=("aws.iam.quarantine-role",),
    standards=Standards(attack=("T1552.005", "T1550.001"), atlas=("AML.T0012",), nist=("IR-4(1)", "SI-4")),
    false_positives="Traffic that leaves through a corporate proxy or VPN: tell GuardDuty by a trusted IP list. Use inside another account of yours only asks, in every mode.",
    check=check,
)
