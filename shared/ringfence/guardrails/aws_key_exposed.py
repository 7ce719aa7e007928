"""aws-key-exposed: AWS says that an access key is public."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.domain.glob import matches
from ringfence.domain.identity import Kind

QUARANTINE = "arn:aws*:iam::aws:policy/AWSCompromisedKeyQuarantine*"  # what AWS attaches to the user (IAM User Guide, managed policies)


def check(case: Case) -> Verdict:
    """Fire on AWS Health's notice, on AWS's quarantine policy being attached, and on GuardDuty's finding. The key is public: wait for nothing."""
    event = case.event
    if event is None or case.identity.kind is not Kind.USER:
        return None
    policy = event.parameters.get("policyArn")
    if event.source is Source.CLOUDTRAIL and not (isinstance(policy, str) and matches(QUARANTINE, policy)):
        return None
    key = event.parameters.get("key_of") or event.parameters.get("access_key_id") or ""
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"AWS says that an access key of {case.identity.name} is exposed ({event.name})",
        evidence={"access_key_ids": [key] if key else [], "access_key_id": key},
        actions=GUARDRAIL.actions if key else ("aws.iam.quarantine-user",),
    )


GUARDRAIL = Guardrail(
    id="aws-key-exposed",
    title="AWS or GitHub reports the key exposed",
    severity=Severity.CRITICAL,
    why="A key that was found in public is tried within minutes; AWS's own quarantine leaves it alive and forbids only some calls.",
    triggers=(
        Trigger(Source.HEALTH, "AWS_RISK_CREDENTIALS_EXPOSED"),
        Trigger(Source.CLOUDTRAIL, "AttachUserPolicy"),
        Trigger(Source.GUARDDUTY, "CredentialAccess:IAMUser/CompromisedCredentials"),
    ),
    actions=("aws.iam.deactivate-access-key", "aws.iam.quarantine-user"),
    standards=Standards(attack=("T1552.001", "T1078.004"), atlas=("AML.T0055",), cis=("aws-v7:2.12", "aws-v5:1.13"), nist=("IA-5", "IR-4")),
    false_positives="None worth waiting for: the first guardrail to set to strict. Never switch the key on again, make a new one.",
    check=check,
)
