"""aws-console-login-without-mfa: a password alone reached the console."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.glob import any_match
from ringfence.domain.identity import Kind
from ringfence.domain.state import Facet


def check(case: Case) -> Verdict:
    """Fire on a successful sign-in of an IAM user without MFA. Federated and Identity Center sign-ins always say No: their MFA is elsewhere."""
    event = case.event
    if event is None or case.identity.kind is not Kind.USER:
        return None
    if event.source is Source.SIGNIN and (event.parameters.get("user_type") != "IAMUser" or event.parameters.get("mfa_used") != "No"):
        return None
    if any_match(case.settings.mfa_exempt, case.identity.arn, case.identity.name):
        return None
    if event.source is not Source.SIGNIN:
        if case.state is None or case.state.mfa is None:
            return Unknown("whether the user has an MFA device is not known")
        if case.state.mfa:
            return None
    return _finding(case)


def _finding(case: Case) -> Finding:
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"the user {case.identity.name} reached the console with a password alone",
        evidence={"mfa_used": "No"},
        actions=GUARDRAIL.actions,
    )


GUARDRAIL = Guardrail(
    id="aws-console-login-without-mfa",
    title="Console sign-in without MFA",
    severity=Severity.HIGH,
    why="A password alone is guessed, phished or bought; everything behind the console is then open.",
    triggers=(Trigger(Source.SIGNIN, "ConsoleLogin"), Trigger(Source.GUARDDUTY, "InitialAccess:IAM/ValidAccounts")),
    reads=frozenset({Facet.MFA}),
    actions=("aws.iam.require-mfa",),
    standards=Standards(
        attack=("T1078.004",), cis=("aws-v7:2.10", "aws-v7:5.2", "aws-v5:1.9", "aws-v5:4.2"), nist=("IA-2(1)", "IA-2(2)", "AC-2(12)")
    ),
    false_positives="Users under the deny-unless-MFA policy who sign in to enrol; users named under `mfa.exempt`; single sign-on, whose MFA is at the identity provider.",
    check=check,
)
