"""gcp-agent-exfiltration: an AI identity moves data out, or anybody moves declared data."""

from collections.abc import Sequence

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.guardrails._gcp_data import outside, telling
from ringfence.guardrails._google import containing

# Categories of Event Threat Detection, in words (SCC documentation, read in 2026-11). Those that mention an agent were renamed in 2026.
LEFT = (
    "exfiltration ai agent initiated bigquery data exfiltration to external table",
    "exfiltration ai agent initiated bigquery data extraction",
    "exfiltration ai agent initiated cloudsql exfiltration to external bucket",
    "exfiltration ai agent initiated cloudsql exfiltration to public bucket",
    "exfiltration bigquery data exfiltration",
    "exfiltration bigquery data extraction",
    "exfiltration bigquery data to google drive",
)
TRIED = (
    "exfiltration ai agent initiated bigquery vpc perimeter violation",
    "discovery evidence of port scanning from ai agent",
)
NOW, BEFORE = "ai agent", "agent engine"  # one category under two names


def check(case: Case) -> Verdict:
    """Fire on what a detector found, but where all of it went to places of ours; and on a job of BigQuery whose result went elsewhere."""
    event = case.event
    if event is None:
        return None
    goes = event.parameters["writes"]
    away = outside(case, goes)
    if event.source is Source.GCP_SCC:
        grave = event.heard_as.replace(BEFORE, NOW) in LEFT
        told = f"{event.name}: {case.identity.name}"
        return None if goes and not away else _finding(case, event, Severity.CRITICAL if grave else Severity.MEDIUM, told, away)
    away = telling(case, away)
    told = f"{case.identity.name} moved data by a job of BigQuery"
    return _finding(case, event, Severity.HIGH, told, away, certain=False) if away else None


def _finding(case: Case, event: Event, severity: Severity, told: str, away: Sequence[str], *, certain: bool = True) -> Finding:
    where = f", to {', '.join(away[:3])}" if away else ""
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=severity,
        identity=case.identity,
        reason=f"{told}{where}",
        evidence={
            "event": event.name,
            "from": list(event.parameters["reads"]),
            "to": list(away),
            "address": event.parameters.get("address", ""),
        },
        actions=containing(case.identity, GUARDRAIL.actions) if event.source is Source.GCP_SCC and severity is Severity.CRITICAL else (),
        certain=certain,
    )


GUARDRAIL = Guardrail(
    id="gcp-agent-exfiltration",
    title="AI agent or service account moves data out",
    severity=Severity.CRITICAL,
    why="What an agent may read it may also copy: one prompt, and a table lies in somebody else's bucket.",
    triggers=(
        *(Trigger(Source.GCP_SCC, name) for known in (*LEFT, *TRIED) for name in dict.fromkeys((known, known.replace(NOW, BEFORE)))),
        Trigger(Source.GCP_AUDIT, "InsertJob", service="bigquery"),
    ),
    actions=("gcp.iam.deny-principal", "gcp.iam.disable-service-account"),
    standards=Standards(attack=("T1537", "T1530"), atlas=("AML.T0025",), nist=("IR-4(1)", "SC-7")),
    false_positives="Scheduled exports: declare the buckets and datasets that they go to under `data`.",
    check=check,
)
