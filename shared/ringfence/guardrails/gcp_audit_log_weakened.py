"""gcp-audit-log-weakened: what is logged, kept or told became less."""

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Guardrail, Judged, Severity, Standards, Trigger, Verdict
from ringfence.domain.raw import items, table, text
from ringfence.guardrails._google import changed

GONE = {
    "DeleteSink": "deleted the log sink",
    "DeleteBucket": "deleted the log bucket",
    "CreateExclusion": "excluded entries from the logs with",
    "DeleteNotificationConfig": "deleted the notifications of Security Command Center",
    "CreateMuteConfig": "muted findings of Security Command Center with",
}
NARROWS = ("filter", "destination", "disabled", "exclusions", "retentionDays", "retention_days", "locked", "restrictedFields")


def check(case: Case) -> Verdict:
    """Fire on what deletes, excludes or mutes; on a changed sink or bucket where the change may make less of it; and on audit configuration taken away."""
    event = case.event
    what = _weakened(event) if event else ""
    if event is None or not what:
        return None
    return changed(case, event, GUARDRAIL, what)


def _weakened(event: Event) -> str:
    if what := GONE.get(event.heard_as):
        return what
    if event.heard_as == "SetIamPolicy":
        less = [text(delta, "logType") or "all" for delta in event.parameters.get("audit", ()) if text(delta, "action").upper() == "REMOVE"]
        return f"switched audit logs off ({', '.join(less)}) on" if less else ""
    request = table(event.parameters, "request")
    mask = (
        *text(request, "updateMask").split(","),
        *items(request, "updateMask", "paths"),
    )  # as one text, or as the client library writes it
    changed = [name for name in mask if name in NARROWS]
    return f"changed {', '.join(changed)} of" if changed else ""


GUARDRAIL = Guardrail(
    id="gcp-audit-log-weakened",
    title="Audit logs, sinks or findings weakened",
    severity=Severity.CRITICAL,
    why="Who blinds the project wants to do something in it that nobody sees.",
    triggers=(
        *(
            Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="logging")
            for name in ("DeleteSink", "UpdateSink", "CreateExclusion", "UpdateExclusion", "DeleteBucket", "UpdateBucket")
        ),
        Trigger(Source.GCP_AUDIT, "SetIamPolicy", judges=Judged.ACTOR, service="cloudresourcemanager"),
        Trigger(Source.GCP_AUDIT, "DeleteNotificationConfig", judges=Judged.ACTOR, service="securitycenter"),
        Trigger(Source.GCP_AUDIT, "CreateMuteConfig", judges=Judged.ACTOR, service="securitycenter"),
    ),
    standards=Standards(attack=("T1562.008",), cis=("gcp-v5:2.1", "gcp-v5:2.3", "gcp-v5:2.6"), nist=("AU-9", "AU-12")),
    false_positives="The pipeline that looks after logging: an exception for it.",
    check=check,
)
