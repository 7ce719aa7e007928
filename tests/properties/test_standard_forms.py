"""19: what is exported for others is what their published schemas ask for - OCSF 1.8.0, and Security Hub's API model."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import msgspec
from botocore.validate import ParamValidator
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema  # type: ignore[import-untyped]  # ships no types

from ringfence.domain.finding import Severity
from ringfence.domain.job import JobState
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.moves import notice
from ringfence.engine.trail.asff import of_notice, of_story
from ringfence.engine.trail.ocsf import events
from ringfence.engine.trail.story import stories
from ringfence.guardrails import GUARDRAILS
from tests.support.browser import page_records
from tests.support.jobs import NOW, REVERSAL, job
from tests.support.scale import cases

REMEDIATIONS, FINDINGS = {7001}, {2003, 2004, 2008}


@cache
def schema() -> OcsfJsonSchemaEmbedded:
    return OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0"))


@cache
def validator(uid: int) -> Draft202012Validator:
    name = schema().lookup_class_name_from_uid(uid)
    return Draft202012Validator(schema().get_class_schema(name, ["cloud"]))


def varied(rnd: random.Random, record: Record) -> Record:
    """Give a record as another guardrail, detector, action or reply would have left it."""
    data = dict(record.data)
    if record.kind is RecordKind.DECISION:
        step = {
            **data["plan"]["steps"][0],
            "action": rnd.choice(("aws.iam.quarantine-role", "aws.iam.deactivate-access-key", "x", None)),
            "class": rnd.choice(("containment", "reversal")),
        }
        data |= {
            "plan": rnd.choice(({"steps": [step]}, {"steps": []}, {}, 7)),
            "severity": rnd.choice((*Severity, "", "odd")),
            "evidence": rnd.choice((data["evidence"], {}, {"grants": [7]})),
        }
        data |= {"actor": rnd.choice(("arn:aws:iam::123456789012:user/ana", None))}
    if record.kind is RecordKind.OUTCOME:
        data |= {"changed": rnd.choice(("true", "false", "maybe", 7)), "request_id": rnd.choice(("r", ""))}
        data |= {"call": rnd.choice(({"service": "iam", "operation": "DetachRolePolicy"}, 7))}
    return msgspec.structs.replace(
        record,
        data=data,
        kind=rnd.choice((record.kind, RecordKind.INTENT)) if record.kind is RecordKind.OUTCOME else record.kind,
        guardrail=rnd.choice((*(g.id for g in GUARDRAILS), "none")),
        event_key=rnd.choice(("aws.guardduty:x", "aws.cloudtrail:x", "")),
        identity=rnd.choice((record.identity, "", "arn:aws:cloudtrail:us-east-1:123456789012:trail/main", "not an arn")),
    )


def test_19_every_event_is_valid_ocsf() -> None:
    rnd, seen, count = random.Random(19), set[int](), 0  # noqa: S311 - no secret
    while count < cases(5000):
        records = [varied(rnd, record) for record in page_records(20)]
        undone = [msgspec.structs.replace(records[1], kind=RecordKind.UNDO_REQUESTED, data={"of": "x"}), *records[2:6]]
        for told in (records, undone):
            for event in events(stories(told)):
                problems = [f"{list(e.absolute_path)}: {e.message}"[:200] for e in validator(event["class_uid"]).iter_errors(event)]
                assert problems == [], event
                seen.add(event["class_uid"])
                count += 1
    assert seen == REMEDIATIONS | FINDINGS


def test_what_is_no_ocsf_is_seen() -> None:
    (event, *_) = events(stories(page_records(1)))
    for change in ({"severity_id": 7}, {"time": "today"}, {"type_uid": 1}, {"class_uid": "x"}):
        assert list(validator(event["class_uid"]).iter_errors({**event, **change})), change


def test_a_story_is_one_finding_and_what_was_done_about_it() -> None:
    found = list(events(stories(page_records(1))))
    assert [(e["class_uid"], e["activity_name"], e["status"]) for e in found] == [(2008, "Create", "New"), (7001, "Restore", "Success")]
    assert [e["metadata"]["sequence"] for e in found] == [0, 3]
    assert found[0]["permission_analysis_results"] == [{"granted_privileges": ["s3:*"]}]


@cache
def import_shape() -> Any:
    client: Any = boto3.client("securityhub", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106 - none
    return client.meta.service_model.operation_model("BatchImportFindings").input_shape


def problems(finding: Mapping[str, Any]) -> str:
    report = ParamValidator().validate({"Findings": [finding]}, import_shape())
    return str(report.generate_report()) if report.has_errors() else ""


def test_every_job_is_a_finding_that_security_hub_takes() -> None:
    for story in stories(page_records(10)):
        finding = of_story(story, "us-east-1")
        assert problems(finding) == ""
        assert (finding["AwsAccountId"], finding["RecordState"]) == ("123456789012", "ACTIVE" if story.outcome == "denied" else "ARCHIVED")
    assert "Resources" in problems({k: v for k, v in finding.items() if k != "Resources"})
    for state in JobState:
        told = notice(msgspec.structs.replace(job(REVERSAL), state=state), NOW, "x" * 5000)
        finding = of_notice(told, "123456789012", "eu-west-1")
        assert problems(finding) == ""
        assert len(finding["Description"]) == 1024
        assert finding["Id"].endswith(told.job)
    assert datetime.fromisoformat(finding["UpdatedAt"]).astimezone(UTC) == NOW
