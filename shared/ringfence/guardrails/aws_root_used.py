"""aws-root-used: the root user, or a session of root, was used."""

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Verdict
from ringfence.domain.glob import any_match
from ringfence.domain.identity import Kind

FINDINGS = ("Policy:IAMUser/RootCredentialUsage", "Policy:IAMUser/ShortTermRootCredentialUsage")


def check(case: Case) -> Verdict:
    """Fire when root signs in, makes credentials, or somebody who is no security admin takes a session of root. Not when a service acts for it."""
    event = case.event
    if event is None:
        return None
    if event.name == "AssumeRoot":
        if any_match(case.settings.security_admins, case.identity.arn):
            return None
        return _finding(
            case, event, f"{case.identity.name} took a session of the root user of {event.parameters.get('targetPrincipal', 'an account')}"
        )
    if event.actor is not None and event.actor.via:
        return None
    if case.identity.kind is not Kind.ROOT:
        return None
    without = " without MFA" if event.parameters.get("mfa_used") == "No" else ""
    return _finding(case, event, f"the root user was used: {event.name}{without}")


def _finding(case: Case, event: Event, reason: str) -> Finding:
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=reason,
        evidence={"address": event.parameters.get("address", "")},
    )


GUARDRAIL = Guardrail(
    id="aws-root-used",
    title="Root user or root session used",
    severity=Severity.HIGH,
    why="No policy binds the root user; what it does can only be watched. Member accounts need no root credentials at all.",
    triggers=(
        Trigger(Source.SIGNIN, "ConsoleLogin", Judged.ACTOR),
        Trigger(Source.CLOUDTRAIL, "AssumeRoot", Judged.ACTOR, "sts"),
        *(Trigger(Source.CLOUDTRAIL, name, Judged.ACTOR) for name in ("CreateAccessKey", "CreateLoginProfile")),
        *(Trigger(Source.GUARDDUTY, name, Judged.ACTOR) for name in FINDINGS),
    ),
    standards=Standards(
        attack=("T1078.004",),
        cis=("aws-v7:2.7", "aws-v7:2.4", "aws-v7:2.5", "aws-v7:5.3", "aws-v5:1.6", "aws-v5:1.3", "aws-v5:1.4", "aws-v5:4.3"),
        nist=("AC-6(5)", "IA-2(1)"),
    ),
    false_positives="Tasks that only root can do; who may take sessions of root is named under `security_admins`.",
    check=check,
)
