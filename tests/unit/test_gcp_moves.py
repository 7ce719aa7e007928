"""What calls of Cloud Storage and BigQuery read and wrote, in each way that their logs tell it, and what entries of Google Workspace say."""

import copy
from typing import Any

import pytest

from ringfence.domain.event import Event
from ringfence.domain.identity import Identity
from ringfence.guardrails._gcp_data import asked, masked
from ringfence.sources import normalise
from ringfence.sources._gcp_moves import LONGEST, said
from ringfence.sources.gcp_audit_log import heard_as
from tests.support.cases import event_file, set_at

JOB = "gcp/audit_log/InsertJob-copy.json"
TABLES = "projects/p/datasets/d/tables/"


def one(name: str, **changes: Any) -> Event:
    raw = copy.deepcopy(event_file(name))
    for path, new in changes.items():
        set_at(raw, path.replace("__", "."), new)
    (event,) = normalise(raw)
    return event


def of_job(config: Any, **job: Any) -> tuple[Any, Any]:
    event = one(JOB, protoPayload__metadata={"jobChange": {"job": {"jobConfig": config, **job}}})
    return event.parameters["reads"], event.parameters["writes"]


@pytest.mark.parametrize(
    ("method", "heard"),
    [
        ("storage.objects.create", "objects.create"),
        ("google.storage.objects.get", "objects.get"),
        ("storage.buckets.update", "buckets.update"),
        ("v1.compute.instances.insert", "insert"),
        ("storage.objects", "objects"),
        ("google.cloud.aiplatform.v1beta1.ModelService.ExportModel", "ExportModel"),
        ("google.login.LoginService.2svDisable", "2svDisable"),
    ],
)
def test_objects_and_buckets_are_heard_with_what_is_done_to_them(method: str, heard: str) -> None:
    assert heard_as(method) == heard


def test_a_query_reads_what_it_refers_to_and_writes_its_destination() -> None:
    stats = {"queryStats": {"referencedTables": [TABLES + "a", TABLES + "b", 7]}}
    config = {"queryConfig": {"destinationTable": TABLES + "c", "query": "x", "statementType": "SELECT"}}
    assert of_job(config, jobStats=stats) == (("bq://p.d.a", "bq://p.d.b"), ("bq://p.d.c",))


def test_a_load_reads_files_and_an_extract_writes_some() -> None:
    load = {"loadConfig": {"sourceUris": ["gs://b/x"], "destinationTable": TABLES + "c"}}
    assert of_job(load) == (("gs://b/x",), ("bq://p.d.c",))
    extract = {"extractConfig": {"sourceModel": "projects/p/datasets/d/models/m", "destinationUris": ["gs://b/x", 7, ""]}}
    assert of_job(extract) == (("bq://p.d.m",), ("gs://b/x",))


@pytest.mark.parametrize(
    ("query", "writes"),
    [
        ("EXPORT DATA OPTIONS(uri='gs://b/x-*.csv', format='CSV') AS SELECT 1", ("gs://b/x-*.csv",)),
        ('export data options ( format = "CSV", URI = r"s3://b/x" ) as select 1', ("s3://b/x",)),
        ("EXPORT DATA OPTIONS(uri=@where) AS SELECT 1", ()),
        (" " * LONGEST + "uri='gs://b/x'", ()),
    ],
)
def test_where_a_query_exports_to(query: str, writes: tuple[str, ...]) -> None:
    assert of_job({"queryConfig": {"statementType": "EXPORT_DATA", "query": query}})[1] == writes


def test_a_query_that_only_mentions_a_place_exports_nothing() -> None:
    assert of_job({"queryConfig": {"statementType": "SELECT", "query": "SELECT 'uri=\"gs://b/x\"'"}}) == ((), ())


@pytest.mark.parametrize(
    ("metadata", "reads", "writes"),
    [
        ({"tableDataRead": {}}, ("bq://p.d.t",), ()),
        ({"tableDataChange": {}}, (), ("bq://p.d.t",)),
        ({"tableCreation": {}}, (), ("bq://p.d.t",)),
        ({}, (), ()),
        (7, (), ()),
    ],
)
def test_what_a_table_tells(metadata: Any, reads: tuple[str, ...], writes: tuple[str, ...]) -> None:
    event = one(JOB, protoPayload__resourceName=TABLES + "t", protoPayload__metadata=metadata)
    assert (event.parameters["reads"], event.parameters["writes"]) == (reads, writes)


@pytest.mark.parametrize(
    "config", [7, {"queryConfig": 7, "extractConfig": {"destinationUris": "x"}}, {"tableCopyConfig": {"sourceTables": 7}}]
)
def test_a_job_that_is_none_moves_nothing(config: Any) -> None:
    assert of_job(config) == ((), ())


def test_who_moves_data_is_whom_a_job_is_about() -> None:
    who = Identity.member("serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com", "fraud-ml-prod")
    assert one(JOB).subject == who
    assert one(JOB, protoPayload__authenticationInfo={}).subject is None


def test_reading_an_object_writes_nothing() -> None:
    assert one("gcp/audit_log/objects.create.json", protoPayload__methodName="storage.objects.get").parameters["writes"] == ()
    assert one("gcp/audit_log/objects.create.json").parameters["writes"] == ("gs://fraud-train/curated/part-1.parquet",)


@pytest.mark.parametrize("name", ["user_email", "USER_EMAIL", "affected_email_address"])
def test_the_user_whom_an_entry_of_workspace_is_about(name: str) -> None:
    event = one(
        "gcp/audit_log/unenrollUserFromStrongAuth.json",
        protoPayload__metadata={"event": [{"parameter": [{"name": name, "value": "x@y.example"}]}]},
    )
    assert event.subject == Identity.member("user:x@y.example", "organizations/123")


def test_a_change_for_everybody_is_about_nobody() -> None:
    event = one("gcp/audit_log/enforceStrongAuthentication.json")
    assert (event.subject, event.account) == (None, "organizations/123")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ([{"name": "NEW_VALUE", "value": "false"}, {"name": "is_x", "boolValue": True}], {"new_value": "false", "is_x": "true"}),
        ([{"name": "n", "multiStrValue": ["a"]}, {"value": "x"}, {"name": 7}, 7], {"n": ""}),
        (7, {}),
    ],
)
def test_what_an_entry_of_workspace_says(parameters: Any, told: dict[str, str]) -> None:
    assert said({"metadata": {"event": [{"parameter": parameters}, 7]}}) == told


@pytest.mark.parametrize(
    ("exfiltration", "reads", "writes"),
    [
        (
            {
                "sources": [{"name": "//bigquery.googleapis.com/projects/p/datasets/d/tables/t"}],
                "targets": [{"name": "//drive.google.com/x"}, 7, {"name": ""}],
            },
            ("bq://p.d.t",),
            ("//drive.google.com/x",),
        ),
        (7, (), ()),
    ],
)
def test_what_a_finding_says_left_and_where_it_went(exfiltration: Any, reads: tuple[str, ...], writes: tuple[str, ...]) -> None:
    event = one("gcp/scc/agent-extraction.json", finding__exfiltration=exfiltration)
    assert (event.parameters["reads"], event.parameters["writes"]) == (reads, writes)


@pytest.mark.parametrize(
    ("mask", "fields"),
    [
        ("trafficSplit,display_name", ("trafficSplit", "displayName")),
        ({"paths": ["spec.service_account", 7, ""]}, ("spec.serviceAccount",)),
        ({"paths": 7}, ()),
        ("", ()),
        (7, ()),
        (None, ()),
    ],
)
def test_the_fields_that_an_update_names(mask: Any, fields: tuple[str, ...]) -> None:
    assert masked({"updateMask": mask}) == masked({"update_mask": mask}) == fields


@pytest.mark.parametrize("request_", [{"customJob": {"jobSpec": 1}}, {"custom_job": {"job_spec": 1}}, {"customJob": {"job_spec": 1}}])
def test_a_request_is_read_in_either_spelling(request_: dict[str, Any]) -> None:
    assert asked(request_, "customJob.jobSpec") == 1
    assert asked(request_, "customJob.jobSpec.serviceAccount") is None
    assert asked(request_, "pipelineJob") is None
