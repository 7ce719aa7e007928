"""aws-mfa-deactivated: the last MFA device of a person was taken off."""

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.identity import Kind
from ringfence.domain.state import Facet


def check(case: Case) -> Verdict:
    """Fire when no device is left. Worse when somebody else did it, or when it was the root user's."""
    event = case.event
    if event is None:
        return None
    if case.identity.kind is Kind.ROOT:
        return _finding(case, event, Severity.CRITICAL, "an MFA device of the root user was deactivated")
    if case.state is None or case.state.mfa is None:
        return Unknown(f"whether {case.identity.name} has another MFA device is not known")
    if case.state.mfa or case.state.login is False:
        return None
    actor = event.actor.identity if event.actor else None
    if actor is not None and actor.same_as(case.identity):
        return _finding(case, event, GUARDRAIL.severity, f"{case.identity.name} deactivated their last MFA device")
    by = event.actor.display if event.actor else None
    return _finding(case, event, Severity.CRITICAL, f"{by or 'somebody'} deactivated the last MFA device of {case.identity.name}")


def _finding(case: Case, event: Event, severity: Severity, reason: str) -> Finding:
    serial = event.parameters.get("serialNumber", "")
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=severity,
        identity=case.identity,
        reason=reason,
        evidence={"device": serial},
        actions=GUARDRAIL.actions,
    )


GUARDRAIL = Guardrail(
    id="aws-mfa-deactivated",
    title="MFA device deactivated",
    severity=Severity.HIGH,
    why="To take MFA off is the first move of somebody who settles in: afterwards a password is enough.",
    triggers=(Trigger(Source.CLOUDTRAIL, "DeactivateMFADevice"),),
    reads=frozenset({Facet.MFA, Facet.LOGIN}),
    actions=("aws.iam.require-mfa", "aws.iam.revoke-sessions"),
    standards=Standards(attack=("T1556.006", "T1098"), cis=("aws-v7:2.10", "aws-v5:1.9"), nist=("IA-2(1)", "IA-5")),
    false_positives="A new phone: enrol the new device first (a user may have eight), then take the old one off.",
    check=check,
)
