"""aws-identity-anomaly: an AI identity does what it never did, or is used from a hostile place."""

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.domain.identity import Kind
from ringfence.domain.state import Facet
from ringfence.guardrails._policies import ADMINISTRATORS

ANOMALOUS = ("PrivilegeEscalation", "Persistence", "CredentialAccess", "DefenseEvasion", "Exfiltration", "Impact", "Discovery")
HOSTILE = (
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
    "UnauthorizedAccess:IAMUser/TorIPCaller",
    "Recon:IAMUser/MaliciousIPCaller",
    "Recon:IAMUser/MaliciousIPCaller.Custom",
    "Recon:IAMUser/TorIPCaller",
    "PenTest:IAMUser/KaliLinux",
    "PenTest:IAMUser/ParrotLinux",
    "PenTest:IAMUser/PentooLinux",
)
DATA = (
    "Exfiltration:S3/AnomalousBehavior",
    "Exfiltration:S3/MaliciousIPCaller",
    "Impact:S3/AnomalousBehavior.Delete",
    "Impact:S3/AnomalousBehavior.Write",
    "Impact:S3/AnomalousBehavior.Permission",
    "Impact:S3/MaliciousIPCaller",
    "Discovery:S3/AnomalousBehavior",
    "UnauthorizedAccess:S3/TorIPCaller",
    "UnauthorizedAccess:S3/MaliciousIPCaller.Custom",
)
MODELS = ("Impact:IAMUser/AnomalousModelInvocation", "Impact:IAMUser/CostHarvesting")  # GuardDuty calls them Low, whoever it is
HARMFUL = ("Exfiltration", "Impact", "PrivilegeEscalation", "Persistence")
PRIVILEGED, DECLARED_DATA, HARM = 2.0, 2.0, 1.0  # what context adds to GuardDuty's severity
CONTAIN, TELL = 8.0, 4.0
ANSWERS = {Kind.USER: ("aws.iam.revoke-sessions",), Kind.ROLE: ("aws.iam.quarantine-role",)}


def check(case: Case) -> Verdict:
    """Fire with a score: GuardDuty's severity and what the identity's context adds. From 8 on it asks to contain, else it is told."""
    event = case.event
    if event is None:
        return None
    parts = _parts(case, event)
    score = sum(parts.values())
    said = ", ".join(f"{name} {points:g}" for name, points in parts.items())
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity if score >= CONTAIN else Severity.MEDIUM if score >= TELL else Severity.LOW,
        identity=case.identity,
        reason=f"{case.identity.name}: {event.name} (score {score:g}: {said})",
        evidence={"type": event.name, "score": score, "contributions": parts, "address": event.parameters.get("address", "")},
        actions=ANSWERS.get(case.identity.kind, ()) if score >= CONTAIN else (),
        certain=False,
    )


def _parts(case: Case, event: Event) -> dict[str, float]:
    """Give what the score is made of, by name."""
    parts = {"severity": float(event.parameters.get("severity", 0.0))}
    held = case.state.attached if case.state is not None and case.state.attached is not None else ()
    if any(arn.partition(":policy/")[2] in ADMINISTRATORS for arn in held):
        parts["privileged"] = PRIVILEGED
    if any(bucket in case.project.buckets for bucket in event.parameters.get("buckets", ())):
        parts["declared data"] = DECLARED_DATA
    if event.name.partition(":")[0] in HARMFUL:
        parts["harm"] = HARM
    return parts


GUARDRAIL = Guardrail(
    id="aws-identity-anomaly",
    title="Anomalous or hostile-source API activity by an AI identity",
    severity=Severity.HIGH,
    why="One anomaly is a reason to look; with privileges or with data of the project behind it, it is a reason to contain.",
    triggers=tuple(
        Trigger(Source.GUARDDUTY, name) for name in (*(f"{what}:IAMUser/AnomalousBehavior" for what in ANOMALOUS), *HOSTILE, *DATA, *MODELS)
    ),
    reads=frozenset({Facet.ATTACHED}),
    actions=("aws.iam.revoke-sessions", "aws.iam.quarantine-role"),
    standards=Standards(attack=("T1078.004", "T1530"), nist=("SI-4", "AU-6", "IR-4")),
    false_positives="A new region or library in use; GuardDuty needs days to know a new identity.",
    check=check,
)
