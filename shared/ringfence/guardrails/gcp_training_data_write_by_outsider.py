"""gcp-training-data-write-by-outsider: declared data was changed by somebody who is not one of its writers, or lost what would bring it back."""

from typing import Any

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.raw import table
from ringfence.guardrails._gcp_data import asked, declared, may
from ringfence.settings import DataPlace

OBJECTS = ("objects.create", "objects.delete", "objects.update")
BUCKETS = ("buckets.update", "buckets.patch")
ROWS = ("InsertJob", "InsertAll")
# What keeps overwritten and deleted objects (Cloud Storage JSON API, Bucket; the second spelling is that of its gRPC API).
KEPT_BY = ("versioning.enabled", "softDeletePolicy.retentionDurationSeconds", "softDeletePolicy.retentionDuration")
NONE_KEPT = ("false", "0", "0s")


def check(case: Case) -> Verdict:
    """Fire on each change of declared data by somebody else than its writers, and on its bucket's versions or soft delete being switched off by anybody."""
    event = case.event
    if event is None or (found := declared(case.project, event.parameters["writes"])) is None:
        return None
    data, place = found
    if event.heard_as in BUCKETS:
        return _prepared(case, event, data, place)
    if may(case, case.project, data.writers):
        return None
    writers = ", ".join(data.writers) or "nobody"
    return _finding(case, event, data, f"changed {place}, declared data that {writers} may write")


def _prepared(case: Case, event: Event, data: DataPlace, place: str) -> Verdict:
    request = event.parameters["request"]
    told = [_spelled(asked(part, path)) for part in (request, table(request, "bucket")) for path in KEPT_BY]
    if not request:
        return Unknown(f"what {case.identity.name} changed of {place} is not told")
    return (
        _finding(case, event, data, f"let nothing be kept of what is overwritten or deleted in {place}")
        if set(told) & set(NONE_KEPT)
        else None
    )


def _spelled(value: Any) -> str:
    return str(value).lower()


def _finding(case: Case, event: Event, data: DataPlace, what: str) -> Finding:
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {what}",
        evidence={"method": event.name, "data": data.at, "writes": list(event.parameters["writes"]), "writers": list(data.writers)},
        actions=GUARDRAIL.actions,
        cause=data.at,
    )


GUARDRAIL = Guardrail(
    id="gcp-training-data-write-by-outsider",
    title="Training data changed by an unapproved principal",
    severity=Severity.HIGH,
    why="A few poisoned examples are enough, and nobody sees them in the model.",
    triggers=(
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="storage") for name in (*OBJECTS, *BUCKETS)),
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="bigquery") for name in ROWS),
    ),
    actions=("gcp.iam.deny-principal",),
    standards=Standards(attack=("T1565.001",), atlas=("AML.T0020",), nist=("SI-7", "AC-3")),
    false_positives="A back-fill: an exception with its end. Needs Data Access audit logs (DATA_WRITE) of Cloud Storage and BigQuery.",
    check=check,
)
