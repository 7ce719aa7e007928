"""pb-odd-login-without-mfa: a sign-in that AWS calls anomalous, and a password alone was enough."""

from datetime import timedelta

from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Verdict
from ringfence.domain.signal import Signal
from ringfence.guardrails._correlation import contributions, in_words, pairs

WINDOW = timedelta(minutes=60)
POINTS = {"aws-signin-anomaly": 4.0, "aws-console-login-without-mfa": 4.0}


def check(case: Case) -> Verdict:
    """Fire when both are of one user within the hour, in either order."""
    found = (*pairs(case, anomalous, bare, WINDOW), *pairs(case, bare, anomalous, WINDOW))
    if not found:
        return None
    parts = contributions(found, points)
    score = sum(part["points"] for part in parts)
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} signed in with a password alone, and oddly: {in_words(parts)} (score {score:g})",
        evidence={"score": score, "contributions": parts, "pairs": sorted({tuple(sorted((p.first.event, p.then.event))) for p in found})},
        actions=GUARDRAIL.actions,
        cause=min(event for pair in found for event in (pair.first.event, pair.then.event)),
    )


def anomalous(signal: Signal) -> bool:
    """Whether AWS flagged a sign-in."""
    return "aws-signin-anomaly" in signal.guardrails


def bare(signal: Signal) -> bool:
    """Whether a password alone reached the console."""
    return "aws-console-login-without-mfa" in signal.guardrails


def points(signal: Signal) -> float:
    """Say what a signal adds to the score."""
    return max(POINTS.get(name, 0.0) for name in signal.guardrails)


GUARDRAIL = Guardrail(
    id="pb-odd-login-without-mfa",
    title="Anomalous console sign-in with a password alone",
    severity=Severity.CRITICAL,
    why="A stolen password that works from somewhere new: nothing stands between its holder and the console.",
    triggers=(),
    follows=tuple(POINTS),
    window=WINDOW,
    actions=("aws.iam.quarantine-user",),
    standards=Standards(attack=("T1078.004", "T1110"), nist=("IA-2(1)", "IR-4(4)", "SI-4")),
    false_positives="Somebody without MFA who travels: enrol them.",
    check=check,
)
