"""Security Hub's finding format (ASFF): one finding for each job, which each later state of the job updates.

AWS Security Hub User Guide, "AWS Security Finding Format": an id is the product's own, and a finding with the same id replaces the one
before. A partner of its own account sends as `product/ACCOUNT/default`. Its workflow is the customer's: a provider cannot update it, and archives what
is settled (Security Hub API Reference, BatchImportFindings).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ringfence.domain.arn import parse_arn
from ringfence.domain.job import JobState
from ringfence.engine.ports import Notice
from ringfence.engine.trail.story import Story

SCHEMA = "2018-10-08"
TYPE = "Software and Configuration Checks/AWS Security Best Practices"
KINDS: Mapping[str, str] = {
    "role": "AwsIamRole",
    "user": "AwsIamUser",
    "group": "AwsIamGroup",
    "policy": "AwsIamPolicy",
    "trail": "AwsCloudTrailTrail",
}
RESOLVED = (JobState.DONE, JobState.NOTHING_TO_DO, JobState.CANCELLED)
LONGEST_TITLE, LONGEST_TEXT = 256, 1024


def of_notice(notice: Notice, account: str, region: str, partition: str = "aws") -> dict[str, Any]:
    """Give the finding that a notice is about, as the job stands."""
    return _finding(
        job=notice.job,
        guardrail=notice.title,
        identity=notice.identity,
        severity=notice.severity,
        state=notice.state,
        text=notice.text,
        times=(notice.opened or notice.time, notice.time),
        place=(account, region, partition),
    )


def of_story(story: Story, region: str) -> dict[str, Any]:
    """Give the finding that a story is, as it ended."""
    arn = parse_arn(story.identity)
    place = (arn.account if arn and arn.account else "000000000000", region, arn.partition if arn else "aws")
    return _finding(
        job=story.job,
        guardrail=story.guardrail,
        identity=story.identity,
        severity=story.severity,
        state=story.outcome,
        text=story.reason,
        times=(story.begun, story.last),
        place=place,
    )


def _finding(
    *,
    job: str,
    guardrail: str,
    identity: str,
    severity: str,
    state: str,
    text: str,
    times: tuple[datetime, datetime],
    place: tuple[str, str, str],
) -> dict[str, Any]:
    account, region, partition = place
    arn = parse_arn(identity)
    return {
        "SchemaVersion": SCHEMA,
        "Id": f"ringfence/{account}/{job}",
        "ProductArn": f"arn:{partition}:securityhub:{region}:{account}:product/{account}/default",
        "ProductName": "Ringfence",
        "CompanyName": "Ringfence",
        "GeneratorId": f"ringfence/{guardrail}",
        "AwsAccountId": account,
        "Types": [TYPE],
        "CreatedAt": _moment(times[0]),
        "UpdatedAt": _moment(times[1]),
        "Severity": {"Label": severity.upper() or "INFORMATIONAL"},
        "Title": f"{guardrail}: {identity.rpartition('/')[2] or 'the account'}"[:LONGEST_TITLE],
        "Description": text[:LONGEST_TEXT] or guardrail,
        "Resources": [
            {
                "Type": KINDS.get(arn.type, "Other") if arn else "Other",
                "Id": identity or f"ringfence/{job}",
                "Partition": partition,
                "Region": region,
            }
        ],
        "FindingProviderFields": {"Severity": {"Label": severity.upper() or "INFORMATIONAL"}, "Types": [TYPE]},
        "RecordState": "ARCHIVED" if state in RESOLVED else "ACTIVE",
        "ProductFields": {"ringfence/job": job, "ringfence/state": state},
        "Remediation": {"Recommendation": {"Text": f"ringfence trail show {job}"}},
    }


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
