"""pb-odd-login-then-egress: an odd sign-in or session of an identity, then data leaves by the same identity: lock it, and tell the team."""

from datetime import timedelta

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.domain.identity import Kind
from ringfence.domain.signal import Signal
from ringfence.guardrails._correlation import HIGH, contributions, in_words, pairs

WINDOW = timedelta(minutes=60)
ODD = {
    "aws-signin-anomaly": 3.0,
    "aws-console-login-without-mfa": 2.0,
    "aws-identity-anomaly": 2.0,
    "aws-credential-exfiltration": 4.0,
    "gcp-ai-identity-threat": 3.0,
}
EGRESS = (
    "Exfiltration:S3/AnomalousBehavior",
    "Exfiltration:S3/MaliciousIPCaller",
    "Exfiltration:S3/TransferDataToCloudAccount",
    "Exfiltration:IAMUser/AnomalousBehavior",
)
COMPROMISED, MOVED = "aws-compromised-credentials", "gcp-agent-exfiltration"
LEFT = 5.0  # points of data that left
# By what the identity is, and so by its cloud: what cannot be locked here is told alone.
ANSWERS = {Kind.USER: ("aws.iam.quarantine-user",), Kind.ROLE: ("aws.iam.quarantine-role",), Kind.MEMBER: ("gcp.iam.deny-principal",)}


def check(case: Case) -> Verdict:
    """Fire when the event completes such a pair, in whatever order the two arrived."""
    found = pairs(case, odd, egress, WINDOW)
    if not found:
        return None
    parts = contributions(found, points)
    score = sum(part["points"] for part in parts)
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name}: an odd sign-in, then data left: {in_words(parts)} (score {score:g})",
        evidence={"score": score, "contributions": parts, "pairs": [[p.first.event, p.then.event] for p in found]},
        actions=ANSWERS.get(case.identity.kind, ()),
        cause=found[0].first.event,
    )


def odd(signal: Signal) -> bool:
    """Whether a signal is of an odd sign-in or session."""
    return not egress(signal) and any(name in ODD for name in signal.guardrails)


def egress(signal: Signal) -> bool:
    """Whether a signal is of data that leaves. On Google Cloud what was only tried is medium, and none."""
    return signal.name in EGRESS or COMPROMISED in signal.guardrails or (MOVED in signal.guardrails and signal.severity >= HIGH)


def points(signal: Signal) -> float:
    """Say what a signal adds to the score."""
    return LEFT if egress(signal) else max(ODD.get(name, 0.0) for name in signal.guardrails)


GUARDRAIL = Guardrail(
    id="pb-odd-login-then-egress",
    title="Anomalous sign-in or session followed by unusual data egress",
    severity=Severity.CRITICAL,
    why="The classic chain: stolen credentials are used from somewhere new, and within the hour the data is gone.",
    triggers=tuple(Trigger(Source.GUARDDUTY, name) for name in EGRESS),
    follows=(*ODD, COMPROMISED, MOVED),
    window=WINDOW,
    actions=tuple(action for answer in ANSWERS.values() for action in answer),
    standards=Standards(attack=("T1078.004", "T1530", "T1567.002"), nist=("IR-4(4)", "SI-4(16)", "AU-6(3)")),
    false_positives="People who travel and copy data on the same day: the question names what came together; deny it.",
    check=check,
)
