"""gcp-audit-log-weakened: what is logged, kept or told became less."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.raw import items, table, text
from ringfence.domain.state import Facet
from ringfence.guardrails._google import changed

GONE = {
    "DeleteSink": "deleted the log sink",
    "DeleteBucket": "deleted the log bucket",
    "CreateExclusion": "excluded entries from the logs with",
    "DeleteNotificationConfig": "deleted the notifications of Security Command Center",
    "CreateMuteConfig": "muted findings of Security Command Center with",
    "UpdateNotificationConfig": "changed the notifications of Security Command Center",
    "UpdateMuteConfig": "changed which findings of Security Command Center are muted by",
    "BulkMuteFindings": "muted findings of Security Command Center in",
}
OF_FINDINGS = ("DeleteNotificationConfig", "UpdateNotificationConfig", "CreateMuteConfig", "UpdateMuteConfig", "BulkMuteFindings")
UPDATES = ("UpdateSink", "UpdateExclusion", "UpdateBucket", "UpdateBucketAsync")
NARROWS = (
    "filter",
    "destination",
    "disabled",
    "exclusions",
    "retentionDays",
    "retention_days",
    "locked",
    "restrictedFields",
    "restricted_fields",
    "includeChildren",
    "include_children",
)
UNTOLD = ["destination", "filter"]  # what a changed sink may get where no mask says (Cloud Logging API reference, `projects.sinks.update`)
RESTORED = ("logging.googleapis.com", "cloudresourcemanager.googleapis.com")


def check(case: Case) -> Verdict:
    """Fire on what deletes, excludes or mutes; on a changed sink or bucket where the change may make less of it; and on audit configuration taken away."""
    event = case.event
    if event is None:
        return None
    what = _weakened(event)
    if not what:
        return Unknown(f"what {case.identity.name} changed of {event.parameters['resource']} is not told") if _untold(event) else None
    found = changed(case, event, GUARDRAIL, what)
    actions = GUARDRAIL.actions if event.parameters["service"] in RESTORED else ()
    return msgspec.structs.replace(found, evidence={**found.evidence, **_told(event)}, actions=actions)


def _weakened(event: Event) -> str:
    if what := GONE.get(event.heard_as):
        return what
    if event.heard_as == "SetIamPolicy":
        less = [f"{text(delta, 'logType') or 'all'}{_for(delta)}" for delta in _less(event)]
        return f"switched audit logs off ({', '.join(less)}) on" if less else ""
    names = _narrowed(event)
    return f"changed {', '.join(names)} of" if names else ""


def _less(event: Event) -> list[Mapping[str, Any]]:
    """Give what was taken off the audit configuration: kinds of log, and people whose calls are not logged any more."""
    told: tuple[Mapping[str, Any], ...] = event.parameters["audit"]
    return [delta for delta in told if (text(delta, "action").upper() == "REMOVE") != ("exemptedMember" in delta)]


def _for(delta: Mapping[str, Any]) -> str:
    return f" for {text(delta, 'exemptedMember')}" if "exemptedMember" in delta else ""


def _narrowed(event: Event) -> list[str]:
    if not any(_mask(event)) and table(event.parameters, "request", "sink"):
        return UNTOLD
    return [name for name in _mask(event) if name in NARROWS]


def _untold(event: Event) -> bool:
    """Whether a change does not tell what it changed: the last entry of a long operation may hold no request."""
    return event.heard_as in UPDATES and not any(_mask(event))


def _mask(event: Event) -> tuple[str, ...]:
    """Give the fields that an update names: as one text, or as the client library writes it."""
    request = table(event.parameters, "request")
    return (*text(request, "updateMask").split(","), *items(request, "updateMask", "paths"))


def _told(event: Event) -> dict[str, Any]:
    """Give what the event alone tells of how it was before."""
    says = {key: value for key, value in table(event.parameters, "request", "exclusion").items() if key != "name"}
    return {
        "audit": _less(event),
        "deleted": event.heard_as == "DeleteBucket",
        "disabled": _narrowed(event) == ["disabled"],
        "exclusion": {"CreateExclusion": says}.get(event.heard_as),
    }


GUARDRAIL = Guardrail(
    id="gcp-audit-log-weakened",
    title="Audit logs, sinks or findings weakened",
    severity=Severity.CRITICAL,
    why="Who blinds the project wants to do something in it that nobody sees.",
    triggers=(
        *(
            Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="logging")
            for name in ("DeleteSink", "CreateExclusion", "DeleteBucket", *UPDATES)
        ),
        Trigger(Source.GCP_AUDIT, "SetIamPolicy", judges=Judged.ACTOR, service="cloudresourcemanager"),
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="securitycenter") for name in OF_FINDINGS),
    ),
    reads_target=frozenset({Facet.SETTINGS}),
    compares=True,
    vouches=frozenset({"settings"}),
    actions=("gcp.logging.restore",),
    standards=Standards(attack=("T1562.008",), cis=("gcp-v5:2.1", "gcp-v5:2.3", "gcp-v5:2.6"), nist=("AU-9", "AU-12")),
    false_positives="The pipeline that looks after logging: an exception for it.",
    check=check,
)
