"""Security Hub findings in ASFF, bare or several in one EventBridge event. GuardDuty's are opened, all others are unsupported.

Fields: Security Hub User Guide, "AWS Security Finding Format (ASFF)". A GuardDuty type arrives as a path whose last part has
its slash turned into a dash: "TTPs/Initial Access/UnauthorizedAccess:IAMUser-TorIPCaller".
"""

import re
from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Event, Outcome, Source, unjudged
from ringfence.domain.raw import dig, flag, items, moment, number, table, text
from ringfence.sources import aws_guardduty
from ringfence.sources._read import Envelope

KIND = re.compile(r"[A-Za-z]+:[A-Za-z0-9]+[-/].*$")  # the GuardDuty type at the end of an ASFF type
NORMALIZED = 10.0  # ASFF's Severity.Normalized is 0-100, GuardDuty's severity 0-10


def recognises(envelope: Envelope) -> bool:
    """ASFF has AwsAccountId and ProductArn or FindingProviderFields; its envelope carries a list of findings."""
    return (
        envelope.source == "aws.securityhub"
        or _asff(envelope.detail)
        or any(_asff(finding) for finding in items(envelope.detail, "findings"))
    )


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Give one event per finding, in order."""
    findings = items(envelope.detail, "findings") or (envelope.detail,)
    return tuple(_event(finding, envelope) for finding in findings)


def _asff(finding: object) -> bool:
    return (
        isinstance(finding, Mapping)
        and "AwsAccountId" in finding
        and bool(finding.keys() & {"ProductArn", "FindingProviderFields", "ProductFields"})
    )


def _event(finding: object, envelope: Envelope) -> Event:
    if not isinstance(finding, Mapping):
        return unjudged(Source.SECURITY_HUB, Outcome.MALFORMED, f"not a finding: a {type(finding).__name__}, expected an object")
    time = moment(finding.get("UpdatedAt")) or moment(finding.get("CreatedAt")) or envelope.time
    kind = _type(finding)
    if why := _handled(finding):
        return unjudged(Source.SECURITY_HUB, Outcome.IGNORED, why, kind, text(finding, "Id"), time)
    product = text(finding, "ProductArn") + text(finding, "ProductName")
    if "guardduty" not in product.lower():
        named = text(finding, "ProductName") or text(finding, "Title") or "unnamed product"
        return unjudged(
            Source.SECURITY_HUB,
            Outcome.UNSUPPORTED,
            f"a finding of {named[:60]}: of Security Hub only GuardDuty's are judged",
            kind,
            text(finding, "Id"),
            time,
        )
    return aws_guardduty.event_of(_as_guardduty(finding, kind), Source.SECURITY_HUB, envelope)


def _handled(finding: Mapping[str, Any]) -> str:
    sampled = flag(finding.get("Sample")) or flag(dig(finding, "ProductFields", "aws/guardduty/service/additionalInfo/sample"))
    if sampled or text(finding, "Title").startswith("[SAMPLE]"):
        return "a sample finding"
    if text(finding, "RecordState") == "ARCHIVED":
        return "an archived finding"
    status = text(finding, "Workflow", "Status")
    return f"already handled (workflow status {status})" if status in ("RESOLVED", "SUPPRESSED") else ""


def _type(finding: Mapping[str, Any]) -> str:
    types = [t for t in items(finding, "Types") or items(finding, "FindingProviderFields", "Types") if isinstance(t, str)]
    kinds = [match.group() for t in types if (match := KIND.search(t))]
    purpose, colon, rest = (kinds or types or [""])[0].partition(":")
    return purpose + colon + (rest if "/" in rest else rest.replace("-", "/", 1))


def _as_guardduty(finding: Mapping[str, Any], kind: str) -> dict[str, Any]:
    details = next(
        (table(r, "Details", "AwsIamAccessKey") for r in items(finding, "Resources") if text(r, "Type") == "AwsIamAccessKey"), {}
    )
    severity = dig(finding, "Severity", "Product") or dig(finding, "Severity", "Normalized")
    scale = 1.0 if dig(finding, "Severity", "Product") else NORMALIZED
    return {
        "type": kind,
        "id": text(finding, "Id").rsplit("/", 1)[-1],
        "accountId": text(finding, "AwsAccountId"),
        "region": text(finding, "Region"),
        "partition": [*text(finding, "ProductArn").split(":"), "", ""][1] or "aws",
        "title": text(finding, "Title"),
        "severity": number(severity) / scale,
        "updatedAt": finding.get("UpdatedAt"),
        "createdAt": finding.get("CreatedAt"),
        "service": {"archived": flag(dig(finding, "ProductFields", "aws/guardduty/service/archived")), "detection": {}},
        "resource": {
            "accessKeyDetails": {
                "principalId": text(details, "PrincipalId"),
                "userName": text(details, "PrincipalName") or text(details, "UserName"),
                "userType": text(details, "PrincipalType"),
            }
        },
    }
