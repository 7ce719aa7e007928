"""aws-compromised-credentials: GuardDuty is sure that credentials are in somebody else's hands, or saw a whole attack."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.domain.identity import Kind

SEQUENCES = ("AttackSequence:IAM/CompromisedCredentials", "AttackSequence:S3/CompromisedData")
ANSWERS = {Kind.USER: ("aws.iam.quarantine-user",), Kind.ROLE: ("aws.iam.quarantine-role",)}


def check(case: Case) -> Verdict:
    """Fire for each identity of an AI project that the finding names as an actor. People are contained at once in strict, workloads ask."""
    event = case.event
    if event is None:
        return None
    buckets = [bucket for bucket in event.parameters.get("buckets", ()) if bucket in case.project.buckets]
    where = f", in {', '.join(buckets)}" if buckets else ""
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"GuardDuty says that credentials of {case.identity.name} are compromised ({event.name}){where}",
        evidence={"type": event.name, "buckets": buckets, "access_key_id": event.parameters.get("access_key_id", "")},
        actions=ANSWERS.get(case.identity.kind, ()),
        certain=case.identity.kind is Kind.USER,
    )


GUARDRAIL = Guardrail(
    id="aws-compromised-credentials",
    title="GuardDuty says credentials are compromised or sees an attack sequence",
    severity=Severity.CRITICAL,
    why="It is GuardDuty's surest word: several signals that together are an attack.",
    triggers=tuple(Trigger(Source.GUARDDUTY, name) for name in ("CredentialAccess:IAMUser/CompromisedCredentials", *SEQUENCES)),
    actions=("aws.iam.quarantine-user", "aws.iam.quarantine-role"),
    standards=Standards(attack=("T1078.004", "T1530"), atlas=("AML.T0012", "AML.T0025"), nist=("IR-4(1)", "SI-4")),
    false_positives="Red teams: an exception for the identity, with its end.",
    check=check,
)
