"""aws-detector-tampered: GuardDuty, Security Hub, Config or Access Analyzer was switched off or made to look away."""

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Verdict
from ringfence.domain.glob import any_match

OFF: Mapping[str, tuple[str, ...]] = {
    "guardduty": (
        "DeleteDetector",
        "DeleteMembers",
        "DeletePublishingDestination",
        "DisassociateFromAdministratorAccount",
        "DisassociateMembers",
        "StopMonitoringMembers",
    ),
    "securityhub": ("BatchDisableStandards", "DisableSecurityHub", "DisableSecurityHubV2"),
    "config": ("DeleteConfigRule", "DeleteConfigurationRecorder", "DeleteDeliveryChannel", "StopConfigurationRecorder"),
    "access-analyzer": ("DeleteAnalyzer",),
    "organizations": ("LeaveOrganization",),
}
BLIND = {
    "CreateFilter": "action",
    "UpdateFilter": "action",
    "CreateArchiveRule": "",
    "CreateAutomationRule": "",
    "CreateAutomationRuleV2": "",
}
OF = {
    "CreateArchiveRule": "access-analyzer",
    "CreateAutomationRule": "securityhub",
    "CreateAutomationRuleV2": "securityhub",
}  # else GuardDuty's
CHANGED = ("UpdateDetector", "UpdateMemberDetectors")
FOUND = ("DefenseImpairment:Organizations/ModifyCloudResourceHierarchy", "DefenseImpairment:Organizations/DisableOrModifyTools")


def check(case: Case) -> Verdict:
    """Fire when a detector is gone, off or loses a feature, or when its findings are filed away unseen, by anybody but a security admin."""
    event = case.event
    if event is None or any_match(case.settings.security_admins, case.identity.arn):
        return None
    what = _what(event)
    if not what:
        return None
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {what}",
        evidence={"call": event.name},
    )


def _what(event: Event) -> str:
    service = str(event.parameters.get("eventSource", "")).partition(".")[0]
    if event.source is not Source.CLOUDTRAIL:
        return f"made the organisation's defences weaker ({event.name})"
    if event.name in OFF.get(service, ()):
        return f"switched a detector off: {service} {event.name}"
    if event.name in CHANGED:
        off = [name for name, value in _switches(event.parameters) if value is False or str(value).upper() == "DISABLED"]
        return f"switched off in GuardDuty: {', '.join(dict.fromkeys(off))}" if off else ""
    if event.name in BLIND:
        action = event.parameters.get(BLIND[event.name])
        return "" if BLIND[event.name] and action not in (None, "ARCHIVE") else f"files findings away unseen: {service} {event.name}"
    return ""


def _switches(value: object, name: str = "") -> Iterator[tuple[str, Any]]:
    """Give the switches in a request, by name: `enable`, and the features' `status`."""
    if isinstance(value, Mapping):
        named = value.get("name") if isinstance(value.get("name"), str) else name
        for key, inner in value.items():
            if key in ("enable", "status", "autoEnable"):
                yield f"{named} {key}".strip(), inner
            else:
                yield from _switches(inner, str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _switches(inner, name)


GUARDRAIL = Guardrail(
    id="aws-detector-tampered",
    title="GuardDuty, Security Hub, Config or Access Analyzer weakened",
    severity=Severity.CRITICAL,
    why="To turn the detectors down comes before the attack.",
    triggers=(
        *(Trigger(Source.CLOUDTRAIL, name, Judged.ACTOR, service) for service, names in OFF.items() for name in names),
        *(Trigger(Source.CLOUDTRAIL, name, Judged.ACTOR, OF.get(name, "guardduty")) for name in (*CHANGED, *BLIND)),
        *(Trigger(Source.GUARDDUTY, name, Judged.ACTOR) for name in FOUND),
    ),
    standards=Standards(
        attack=("T1562.001",),
        cis=("aws-v7:5.9", "aws-v7:5.16", "aws-v7:2.18", "aws-v5:4.9", "aws-v5:4.16", "aws-v5:1.19"),
        nist=("AU-9", "SI-4"),
    ),
    false_positives="The delegated administrator's automation: name it under `security_admins`.",
    check=check,
)
