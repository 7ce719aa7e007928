"""Records for the page of the trail: jobs that were heard, asked about, approved or denied, carried out and verified."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from ringfence.domain.record import Record, RecordKind

FLAGS = (
    "headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update",
    "disable-sync",
)  # fmt: skip
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
WILDCARD, PASSROLE = "aws-wildcard-grant-on-ai-identity", "aws-passrole-unbounded"
NAUGHTY = "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>\u202egnp.exe {{7*7}}"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::fraud-train/*"},
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
    ],
}


def chromium() -> Chrome:
    """Start Debian's Chromium, headless, without a word to the network."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Chrome(options=options, service=Service(shutil.which("chromedriver")))


def page_records(jobs: int) -> list[Record]:
    """Give five or six records of each job, an hour apart."""
    return [record for number in range(jobs) for record in _job(number)]


def _job(number: int) -> Iterator[Record]:
    denied = number % 5 == 4
    guardrail, severity = (WILDCARD, "critical") if number % 2 else (PASSROLE, "high")
    arn, begun = f"arn:aws:iam::123456789012:role/fraud-{number}", BEGIN + timedelta(hours=number)

    def one(kind: RecordKind, seconds: int, reason: str, state: str | None = None, **data: object) -> Record:
        return Record(
            id=f"{number:016x}.{kind}.0",
            kind=kind,
            time=begun + timedelta(seconds=seconds),
            job=f"{number:016x}",
            event_key=f"aws.cloudtrail:{number}",
            guardrail=guardrail,
            identity=arn,
            unique_id=f"AROAEXAMPLE{number}",
            config_hash="c",
            state=state,
            reason=reason,
            data=data,
        )

    inverse = {
        "service": "iam",
        "operation": "PutRolePolicy",
        "parameters": {"RoleName": f"fraud-{number}", "PolicyName": "debug", "PolicyDocument": json.dumps(DOCUMENT)},
    }
    call = {"service": "iam", "operation": "DeleteRolePolicy", "parameters": {"RoleName": f"fraud-{number}", "PolicyName": "debug"}}
    step = {"fact": {"kind": "inline-policy", "key": "debug"}, "before": "1f" * 32, "after": None, "call": call, "inverse": inverse}
    grants = [{"statement": 1, "action": "s3:*", "resource": "*", "conditions": "none"}]
    yield one(
        RecordKind.DECISION,
        0,
        f"the inline policy debug gives the AI role fraud-{number} s3:* on *",
        plan={"steps": [step]},
        evidence={"grants": grants, "policy_name": "debug"},
        severity=severity,
        actor="arn:aws:iam::123456789012:user/ana",
        project="fraud",
    )
    yield one(RecordKind.APPROVAL_REQUESTED, 1, "waiting for an approver")
    yield one(RecordKind.APPROVAL_DECIDED, 60, "bo denied it" if denied else "bo approved it", voter="bo", approve=not denied)
    if denied:
        yield one(RecordKind.CLOSED, 61, "one denial", "denied")
        return
    yield one(RecordKind.OUTCOME, 62, "step 1 is done", changed="true")
    yield one(RecordKind.VERIFY, 67, "it holds")
    yield one(RecordKind.CLOSED, 68, "read again, it holds", "done")
