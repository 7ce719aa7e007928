"""aws-audit-trail-tampered: a trail of CloudTrail was stopped, deleted or narrowed."""

from collections.abc import Iterator, Mapping
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
# CloudTrail API Reference, EventSelector: what a trail selects that nobody told anything else, and which sources may be left out.
DEFAULT: Mapping[str, Any] = {"EventSelectors": [{}]}
KINDS = {"All": ("read", "write"), "ReadOnly": ("read",), "WriteOnly": ("write",)}
EXCLUDABLE = ("kms.amazonaws.com", "rdsdata.amazonaws.com")
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
    """Compare what is selected with what was: advanced selectors by their fields, plain ones by kinds of event, exclusions and data."""
    before, now = _chosen(case.before), _chosen(case.target_state)
    if before is None or now is None:
        whole = _selected({"EventSelectors": event.parameters.get("eventSelectors")}) >= _selected(DEFAULT)
        return None if whole else Unknown("what the trail selected before, or selects now, is not known: there is no snapshot of it")
    lost = _selected(before) - _selected(now)
    return _finding(case, event, f"took out of the trail: {', '.join(sorted(lost)[:3])}") if lost else None


def _chosen(state: State | None) -> Mapping[str, Any] | None:
    """Give the selectors of a trail; nothing where the trail is gone or not known."""
    settings = state.settings if state is not None else None
    return settings.get("selectors", DEFAULT) if settings else None


def _part(state: State | None, name: str) -> Mapping[str, Any]:
    """Give a part of a trail's settings; nothing where it is off, gone or not known."""
    settings = state.settings if state is not None else None
    return settings.get(name, {}) if settings is not None else {}


def _selected(selectors: Mapping[str, Any]) -> set[str]:
    """Say what selectors let through, one by one; in CloudTrail's spelling, or in that of its events. What cannot be read lets nothing through."""
    found = {str(s.get("FieldSelectors")) for s in _dicts(selectors.get("AdvancedEventSelectors"))}
    for given in _dicts(selectors.get("EventSelectors")):
        selector = {f"{name[:1].upper()}{name[1:]}": value for name, value in given.items()}
        kinds = KINDS.get(selector.get("ReadWriteType", "All"), ())
        if selector.get("IncludeManagementEvents", True) is True:
            found |= {f"management events that {kind}" for kind in kinds}
            out = selector.get("ExcludeManagementEventSources")
            found |= {
                f"management events of {source}" for source in EXCLUDABLE if source not in (out if isinstance(out, (list, tuple)) else ())
            }
        for resource in _dicts(selector.get("DataResources")):
            values = resource.get("Values", resource.get("values"))
            named = resource.get("Type", resource.get("type"))
            found |= {f"{kind}s of {named} {value}" for value in (values if isinstance(values, (list, tuple)) else ()) for kind in kinds}
    return found


def _dicts(value: object) -> Iterator[Mapping[str, Any]]:
    return (item for item in (value if isinstance(value, (list, tuple)) else ()) if isinstance(item, Mapping))


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
