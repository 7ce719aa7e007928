"""gcp-ai-protection-weakened: what screens prompts and answers was taken away or changed."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Guardrail, Judged, Severity, Standards, Trigger, Verdict
from ringfence.domain.glob import any_match
from ringfence.guardrails._google import changed

WHAT = {
    "DeleteTemplate": "deleted the template of Model Armor",
    "UpdateTemplate": "changed the template of Model Armor",
    "UpdateFloorSetting": "changed the floor setting of Model Armor",
}


def check(case: Case) -> Verdict:
    """Fire on each such change, but by those who look after it."""
    event = case.event
    if event is None or any_match(case.settings.security_admins, case.identity.arn, case.identity.name):
        return None
    return changed(case, event, GUARDRAIL, WHAT[event.heard_as])


GUARDRAIL = Guardrail(
    id="gcp-ai-protection-weakened",
    title="Model Armor weakened",
    severity=Severity.HIGH,
    why="Without it prompt injection and data in answers are screened by nobody.",
    triggers=tuple(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="modelarmor") for name in WHAT),
    standards=Standards(attack=("T1562.001",), atlas=("AML.T0051",), nist=("CM-5", "SI-7")),
    false_positives="The team that looks after it: name it under `security_admins`.",
    check=check,
)
