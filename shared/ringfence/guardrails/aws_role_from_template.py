"""aws-role-from-template: a role was obtained through IAM role manager, which writes one event for all that it grants."""

from datetime import UTC, datetime, timedelta

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.state import Facet
from ringfence.guardrails._policies import ADMINISTRATORS

FEATURE = "role-manager"
JUST = timedelta(minutes=5)  # AcquireRole on a role that there is already only returns it
WRITTEN = "%b %d, %Y, %I:%M:%S %p"  # how CloudTrail writes the times of IAM's replies


def check(case: Case) -> Verdict:
    """Fire when AcquireRole made a role and the feature is none that the owner uses; switching the feature on is told, no more."""
    event = case.event
    if event is None or FEATURE in case.settings.trusted_features:
        return None
    if event.name == "PutAccountProperties":
        return _switched_on(case, event)
    made = case.state.created if case.state is not None else _written(event.parameters)
    if made is None or event.time is None:
        return Unknown(f"whether AcquireRole made the role {case.identity.name} or only returned it is not known")
    if not abs(event.time - made) < JUST:
        return None
    held = [arn for arn in (case.state.attached if case.state else None) or () if arn.partition(":policy/")[2] in ADMINISTRATORS]
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=Severity.CRITICAL if held else GUARDRAIL.severity,
        identity=case.identity,
        reason=f"the role {case.identity.name} was made from a template of role manager" + (f", with {held[0]}" if held else ""),
        evidence={"policy_arn": held[0] if held else "", "template": event.parameters.get("templateArn", "")},
        actions=(*(("aws.iam.detach-managed-policy",) if held else ()), "aws.iam.quarantine-role"),
        certain=False,
    )


def _switched_on(case: Case, event: Event) -> Finding:
    given = event.parameters.get("properties")
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=Severity.LOW,
        identity=case.identity,
        reason=f"{case.identity.name} changed the account's properties: role manager may be switched on",
        evidence={"properties": sorted(map(str, given)) if isinstance(given, dict) else []},
    )


def _written(parameters: object) -> datetime | None:
    role = parameters.get("response", {}).get("role", {}) if isinstance(parameters, dict) else {}
    text = role.get("createDate") if isinstance(role, dict) else None
    try:
        return datetime.strptime(str(text).replace("\u202f", " "), WRITTEN).replace(tzinfo=UTC)
    except ValueError:
        return None


GUARDRAIL = Guardrail(
    id="aws-role-from-template",
    title="Role obtained through IAM role manager (AcquireRole)",
    severity=Severity.HIGH,
    why="One AcquireRole makes a role with trust and policies: no CreateRole, PutRolePolicy or AttachRolePolicy follows, so who watches those is blind.",
    triggers=(Trigger(Source.CLOUDTRAIL, "AcquireRole"), Trigger(Source.CLOUDTRAIL, "PutAccountProperties", Judged.ACTOR)),
    reads=frozenset({Facet.ATTACHED}),
    actions=("aws.iam.detach-managed-policy", "aws.iam.quarantine-role"),
    standards=Standards(attack=("T1136.003", "T1098.003"), nist=("AC-2", "AC-6")),
    false_positives="Accounts that use role manager: name it under `trusted.features`.",
    check=check,
)
