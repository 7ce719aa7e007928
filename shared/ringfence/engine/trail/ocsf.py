"""The trail in the Open Cybersecurity Schema Framework, 1.8.0: findings, and what was done about them, as a SIEM reads them.

A decision is a finding: 2004 where a detector of the cloud raised it, 2008 where a policy was analysed, otherwise 2003. Intents and outcomes are
7001, Remediation Activity. Times are milliseconds since 1970. Approvals, sweeps and heartbeats have no class of their own and stay in the
trail. `metadata.sequence` is the number under which the record is sealed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ringfence.domain.arn import parse_arn
from ringfence.domain.finding import Standards
from ringfence.domain.job import JobState
from ringfence.domain.plan import ActionClass
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.trail.story import Story
from ringfence.guardrails import GUARDRAILS

VERSION = "1.8.0"
PRODUCT = {"name": "Ringfence", "vendor_name": "Ringfence", "uid": "ringfence"}
STANDARDS: Mapping[str, Standards] = {guardrail.id: guardrail.standards for guardrail in GUARDRAILS}
TITLES = {guardrail.id: guardrail.title for guardrail in GUARDRAILS}
SEVERITIES = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
DETECTORS = ("aws.guardduty:", "aws.securityhub:", "aws.health:", "aws.signin:")
DETECTION, COMPLIANCE, ANALYSIS, REMEDIATION = (2004, "Detection Finding"), (2003, "Compliance Finding"), (2008, "IAM Analysis Finding"), (7001, "Remediation Activity")  # fmt: skip
ISOLATE, EVICT, RESTORE, HARDEN = (1, "Isolate"), (2, "Evict"), (3, "Restore"), (4, "Harden")
ACTIVITIES = {
    "aws.iam.deactivate-access-key": EVICT,
    "aws.iam.deactivate-service-credential": EVICT,
    "aws.iam.revoke-sessions": EVICT,
    "aws.iam.require-mfa": HARDEN,
    "aws.iam.detach-managed-policy": HARDEN,
    "aws.iam.delete-inline-policy": HARDEN,
}


def events(stories: Iterable[Story]) -> Iterator[dict[str, Any]]:
    """Give the events of stories, in the order of the records' numbers."""
    found = [(number, story, record) for story in stories for number, record in zip(story.numbers, story.records, strict=True)]
    for number, story, record in sorted(found, key=lambda one: one[0]):
        if record.kind is RecordKind.DECISION and not story.undo_of:
            yield _finding(number, story, record)
        elif record.kind in (RecordKind.INTENT, RecordKind.OUTCOME):
            yield _remediation(number, story, record)


def _finding(number: int, story: Story, record: Record) -> dict[str, Any]:
    grants = [str(g.get("action")) for g in _list(story.evidence.get("grants")) if isinstance(g, Mapping)]
    kind = DETECTION if record.event_key.startswith(DETECTORS) else ANALYSIS if grants else COMPLIANCE
    known = STANDARDS.get(record.guardrail)
    attacks = [{"technique": {"uid": technique}} for technique in known.attack] if known else []
    info = {
        "uid": story.job,
        "title": TITLES.get(record.guardrail, record.guardrail),
        "desc": record.reason,
        "types": [record.guardrail],
        "created_time": _millis(record.time),
        **({"attacks": attacks} if attacks else {}),
    }
    event = {
        **_base(number, story, record, kind, (1, "Create")),
        "finding_info": info,
        "status_id": 1,
        "status": "New",
        "resources": [_resource(story)],
    }
    if story.actor and kind is not ANALYSIS:
        event["evidences"] = [{"actor": {"user": {"uid": story.actor, "name": story.actor}}}]
    if kind is COMPLIANCE:
        event["compliance"] = {
            "control": record.guardrail,
            "status_id": 3,
            "status": "Fail",
            "standards": list(controls(record.guardrail)) or ["Ringfence"],
        }
    if kind is ANALYSIS:
        event["permission_analysis_results"] = [{"granted_privileges": grants}]
    return event


def _remediation(number: int, story: Story, record: Record) -> dict[str, Any]:
    call = record.data.get("call")
    named = call if isinstance(call, Mapping) else {}
    status = _status(story, record)
    event = {
        **_base(number, story, record, REMEDIATION, RESTORE if story.undo_of else _activity(story, record)),
        "command_uid": f"{record.job}/{(record.step or 0) + 1}",
        "status_id": status[0],
        "status": status[1],
        "remediation": {"desc": f"{named.get('service', '')}:{named.get('operation', '')} on {record.identity}"},
    }
    if request := record.data.get("request_id"):
        event["api"] = {"operation": str(named.get("operation", "")), "request": {"uid": str(request)}}
    return event


def _activity(story: Story, record: Record) -> tuple[int, str]:
    """Say what D3FEND calls the step: containment isolates, unless it is a credential; what is put back is restored."""
    number = record.step or 0
    change = story.changes[number] if 0 <= number < len(story.changes) else None
    if change is None:
        return RESTORE
    return ACTIVITIES.get(change.action, ISOLATE if change.action_class == ActionClass.CONTAINMENT else RESTORE)


def _status(story: Story, record: Record) -> tuple[int, str]:
    """An intent is only that. What changed nothing was so already, or the target is gone, where the job ended well; otherwise it failed."""
    if record.kind is RecordKind.INTENT:
        return (99, "Intended")
    well = story.outcome in (JobState.DONE, JobState.NOTHING_TO_DO)
    return {"true": (1, "Success"), "false": (3, "Does Not Exist") if well else (2, "Failure")}.get(
        str(record.data.get("changed")), (0, "Unknown")
    )


def _base(number: int, story: Story, record: Record, kind: tuple[int, str], activity: tuple[int, str]) -> dict[str, Any]:
    uid, name = kind
    severity, words = SEVERITIES.get(story.severity, (0, "Unknown"))
    arn = parse_arn(record.identity)
    return {
        "category_uid": uid // 1000,
        "category_name": "Remediation" if kind is REMEDIATION else "Findings",
        "class_uid": uid,
        "class_name": name,
        "activity_id": activity[0],
        "activity_name": activity[1],
        "type_uid": uid * 100 + activity[0],
        "type_name": f"{name}: {activity[1]}",
        "time": _millis(record.time),
        "severity_id": severity,
        "severity": words,
        "message": record.reason,
        "metadata": {
            "version": VERSION,
            "product": PRODUCT,
            "profiles": ["cloud"],
            "uid": record.id,
            "correlation_uid": record.job,
            "event_code": record.kind,
            "original_event_uid": record.event_key,
            "sequence": number,
        },
        "cloud": {"provider": "AWS", "account": {"uid": arn.account if arn and arn.account else "unknown"}},
    }


def _resource(story: Story) -> dict[str, Any]:
    arn = parse_arn(story.identity)
    found = {"uid": story.identity or "unknown", "type": arn.type if arn else "unknown", "provider": "AWS"}
    return {**found, **({"uid_alt": story.unique_id} if story.unique_id else {})}


def controls(guardrail: str) -> Iterator[str]:
    """Name the controls that a guardrail speaks to."""
    known = STANDARDS.get(guardrail)
    if known is not None:
        yield from (f"NIST SP 800-53 r5 {control}" for control in known.nist)
        yield from (f"CIS {control}" for control in known.cis)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()


def _millis(time: datetime) -> int:
    return round(time.timestamp() * 1000)
