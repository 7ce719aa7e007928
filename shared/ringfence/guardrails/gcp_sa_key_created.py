"""gcp-sa-key-created: a key of a service account of an AI project was made, brought in or woken."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.domain.raw import text

WHAT = {"CreateServiceAccountKey": "made", "UploadServiceAccountKey": "brought in", "EnableServiceAccountKey": "enabled again"}
SYSTEM = "SYSTEM_MANAGED"


def check(case: Case) -> Verdict:
    """Fire on each key that somebody made; those that Google makes for itself rotate by themselves."""
    event = case.event
    if event is None or text(event.parameters, "response", "key_type") == SYSTEM or text(event.parameters, "response", "keyType") == SYSTEM:
        return None
    key = (text(event.parameters, "response", "name") or text(event.parameters, "request", "name")).partition("/keys/")[2]
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"a key of {case.identity.name} was {WHAT[event.heard_as]} (key {key or 'not named'})",
        evidence={"key": key, "created": [key], "by": event.actor.display if event.actor else None},
        actions=GUARDRAIL.actions,
    )


GUARDRAIL = Guardrail(
    id="gcp-sa-key-created",
    title="Key of an AI service account made, brought in or enabled again",
    severity=Severity.HIGH,
    why="A key in a file is the classic leak: it works from anywhere, for years, for whoever has it.",
    triggers=tuple(Trigger(Source.GCP_AUDIT, name) for name in WHAT),
    actions=("gcp.iam.disable-sa-key",),
    standards=Standards(attack=("T1098.001",), cis=("gcp-v5:1.5", "gcp-v5:1.8"), nist=("IA-5",)),
    false_positives="A vendor that can do nothing else: an exception with its end.",
    check=check,
)
