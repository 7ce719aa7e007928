"""aws-trust-policy-opened: the trust policy of an AI role lets somebody in from outside."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.identity import Kind
from ringfence.guardrails._trust import openings
from ringfence.iam import parse

MADE = ("CreateRole", "AcquireRole")


def check(case: Case) -> Verdict:
    """Fire when the role can be assumed by everybody, by an account that is not trusted, or by whoever a shared identity provider vouches for."""
    event = case.event
    if event is None or case.identity.kind is not Kind.ROLE:
        return None
    told = event.parameters.get("policyDocument") or event.parameters.get("assumeRolePolicyDocument")
    document = case.state.trust if case.state is not None else told
    if document is None:
        return Unknown(f"who may assume the role {case.identity.name} is not known")
    trust = parse(document)
    if trust.problems:
        return Unknown(f"who may assume {case.identity.name} cannot be judged: {trust.problems[0].where} {trust.problems[0].what}")
    found = openings(trust, case)
    if not found:
        return None
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"the AI role {case.identity.name} can be assumed by {', and by '.join(found[:3])}",
        evidence={"document": document, "openings": found},
        actions=("aws.iam.quarantine-role",) if event.name in MADE else ("aws.iam.restore-trust-policy", "aws.iam.revoke-sessions"),
        standing=event.source is not Source.CLOUDTRAIL,
    )


GUARDRAIL = Guardrail(
    id="aws-trust-policy-opened",
    title="Role trust opened to the world, another account or an unpinned identity provider",
    severity=Severity.CRITICAL,
    why="One line in a trust policy is a permanent back door: it outlives every key that is rotated and every password that is changed.",
    triggers=(
        *(Trigger(Source.CLOUDTRAIL, name) for name in ("UpdateAssumeRolePolicy", *MADE)),
        Trigger(Source.ACCESS_ANALYZER, "Access Analyzer Finding"),
    ),
    compares=True,
    vouches=frozenset({"trust"}),
    actions=("aws.iam.restore-trust-policy", "aws.iam.revoke-sessions", "aws.iam.quarantine-role"),
    standards=Standards(
        attack=("T1098.003", "T1484.002", "T1199"),
        cis=("aws-v7:2.21", "aws-v7:2.18", "aws-v5:1.19"),
        nist=("AC-3", "AC-6", "AC-17"),
    ),
    false_positives="Accounts and organisations under `trusted.aws_accounts` and `trusted.aws_organizations`, issuers under `trusted.oidc_issuers`, vendors that use an external id.",
    check=check,
)
