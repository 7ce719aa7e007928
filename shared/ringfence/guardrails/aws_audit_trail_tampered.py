"""aws-audit-trail-tampered: a trail of CloudTrail was stopped, deleted or narrowed."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.identity import Kind
from ringfence.domain.state import Facet, State

GONE = {
    "StopLogging": "stopped the trail",
    "DeleteTrail": "deleted the trail",
    "DeleteEventDataStore": "deleted the event data store",
    "StopEventDataStoreIngestion": "stopped the event data store",
}
FINDINGS = ("Stealth:IAMUser/CloudTrailLoggingDisabled", "Stealth:S3/ServerAccessLoggingDisabled")
OFF = {
    "isMultiRegionTrail": "to one region",
    "includeGlobalServiceEvents": "without IAM's own events",
    "enableLogFileValidation": "without validation of its files",
    "multiRegionEnabled": "to one region",
}
ELSEWHERE = {"s3BucketName": "S3BucketName", "kmsKeyId": "KmsKeyId"}  # in the event -> in the snapshot
ANSWERS = {Kind.USER: "aws.iam.quarantine-user", Kind.ROLE: "aws.iam.quarantine-role"}


def check(case: Case) -> Verdict:
    """Fire when less is logged than before, or somewhere else; more, or the same, is fine."""
    event = case.event
    if event is None:
        return None
    if event.name in FINDINGS:
        return _finding(case, event, f"logging was switched off ({event.name})")
    if what := GONE.get(event.name):
        logs = event.name != "DeleteTrail" and _part(case.target_state, "logging")  # one that was made anew may be another
        return None if logs else _finding(case, event, what)
    if event.name == "PutEventSelectors":
        what = _narrowed(event.parameters)
        return _finding(case, event, what) if what else _fewer(case, event)
    return _updated(case, event)


def _updated(case: Case, event: Event) -> Verdict:
    given = event.parameters
    if off := [words for name, words in OFF.items() if given.get(name) is False]:
        return _finding(case, event, f"narrowed the trail {', '.join(off)}")
    before = _part(case.before, "trail")
    for name, key in ELSEWHERE.items():
        if name not in given or given[name] == before.get(key):
            continue
        if not before:
            return Unknown(f"where the trail delivered before is not known: there is no snapshot of it ({name} {given[name]} now)")
        return _finding(case, event, f"changed {name} of the trail to {given[name]}")
    return None


def _narrowed(given: Mapping[str, Any]) -> str:
    """Say what selectors leave out, by the event alone: management events, or writes."""
    for selector in given.get("eventSelectors") or ():
        if isinstance(selector, dict) and selector.get("includeManagementEvents") is False:
            return "took management events out of the trail"
        if isinstance(selector, dict) and selector.get("readWriteType") == "ReadOnly":
            return "left only reads in the trail"
    return ""


def _fewer(case: Case, event: Event) -> Verdict:
    """Compare what the selectors name with what they named: advanced ones are compared by how many fields they select."""
    before, now = _part(case.before, "selectors"), _part(case.target_state, "selectors")
    if not before or not now:
        return (
            None if event.parameters.get("eventSelectors") else Unknown("what the trail selected before is not known: there is no snapshot")
        )
    lost = _selected(before) - _selected(now)
    return _finding(case, event, f"took out of the trail: {', '.join(sorted(lost)[:3])}") if lost else None


def _part(state: State | None, name: str) -> Mapping[str, Any]:
    """Give a part of a trail's settings; nothing where it is off, gone or not known."""
    settings = state.settings if state is not None else None
    return settings.get(name, {}) if settings is not None else {}


def _selected(selectors: Mapping[str, Any]) -> set[str]:
    plain = {
        f"{r['Type']} {value}" for s in selectors.get("EventSelectors", ()) for r in s.get("DataResources", ()) for value in r["Values"]
    }
    return plain | {str(s.get("FieldSelectors")) for s in selectors.get("AdvancedEventSelectors", ())}


def _finding(case: Case, event: Event, what: str) -> Finding:
    named = case.target.name if case.target else event.parameters.get("eventDataStore", "")
    contain = ANSWERS.get(case.identity.kind)
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {what} {named}".rstrip(),
        evidence={"stopped": event.name == "StopLogging", "trail": named},
        actions=(*(("aws.cloudtrail.restore-logging",) if case.target else ()), *((contain,) if contain else ())),
    )


GUARDRAIL = Guardrail(
    id="aws-audit-trail-tampered",
    title="Audit trail stopped, deleted or narrowed",
    severity=Severity.CRITICAL,
    why="Without a trail nobody sees what happens next - this product, which hears through it, included.",
    triggers=(
        *(
            Trigger(Source.CLOUDTRAIL, name, Judged.ACTOR, "cloudtrail")
            for name in (*GONE, "UpdateTrail", "PutEventSelectors", "UpdateEventDataStore")
        ),
        *(Trigger(Source.GUARDDUTY, name, Judged.ACTOR) for name in FINDINGS),
    ),
    reads_target=frozenset({Facet.SETTINGS}),
    compares=True,
    actions=("aws.cloudtrail.restore-logging", "aws.iam.quarantine-user", "aws.iam.quarantine-role"),
    standards=Standards(
        attack=("T1562.008",),
        cis=("aws-v7:4.1", "aws-v7:4.2", "aws-v7:5.5", "aws-v5:3.1", "aws-v5:3.2", "aws-v5:4.5"),
        nist=("AU-9", "AU-12", "AU-6"),
    ),
    false_positives="A migration of logging: name the pipeline under `deployers`, then its changes are asked about unless critical.",
    check=check,
)
