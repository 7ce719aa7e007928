"""What reaches the functions on Google Cloud: the committed filters are what the guardrails need, no more than a sink takes, and no guardrail is deaf."""

from dataclasses import dataclass
from typing import Any

import pytest

from ringfence.domain.event import Source
from ringfence.domain.finding import Guardrail, Judged, Trigger, service_of
from ringfence.guardrails import GUARDRAILS
from ringfence.sources import normalise
from ringfence.sources.gcp_audit_log import heard_as
from tests.support.cases import EVENTS, event_file
from tests.support.log_filter import passes
from tools import write_google_filter
from tools.write_google_filter import FOLDER, files, finding_filter, log_filter

LOGS = ("activity", "data_access")
AUDIT = sorted(path.name for path in (EVENTS / "gcp" / "audit_log").glob("*.json"))
FINDINGS = sorted(path.name for path in (EVENTS / "gcp" / "scc").glob("*.json"))
HEARING = [g for g in GUARDRAILS if any(t.source is Source.GCP_AUDIT for t in g.triggers)]
SPELLINGS = ("{}", "google.any.v1.Service.{}", "google.any.v1beta1.Service.{}", "google.any.v2alpha.AnyService.{}")
OF_STORAGE = ("storage.{}", "google.storage.{}")
OF_POLICIES = (
    "SetIamPolicy",
    "google.iam.admin.v1.SetIAMPolicy",
    "storage.setIamPermissions",
    "v1.compute.disks.setIamPolicy",
    "beta.compute.instances.setIamPolicy",
    "google.cloud.run.v2.Services.SetIamPolicy",
    "google.cloud.resourcemanager.v3.Projects.SetIamPolicy",
    "google.cloud.secrets.v1beta1.SecretManagerService.SetIamPolicy",
)


def entry(method: str, service: str, log: str = "activity") -> dict[str, Any]:
    return {
        "logName": f"projects/fraud-ml-prod/logs/cloudaudit.googleapis.com%2F{log}",
        "protoPayload": {"methodName": method, "serviceName": service},
    }


@dataclass
class Hearing:
    """A stand-in for a guardrail: only what it hears counts here."""

    triggers: tuple[Trigger, ...]


def test_the_committed_filters_are_what_the_guardrails_hear() -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.txt")}
    assert committed == files(), "run tools/write_google_filter.py"
    assert len(log_filter()) <= write_google_filter.LONGEST


def is_heard(name: str) -> bool:
    (event,) = normalise(event_file(f"gcp/audit_log/{name}"))
    service = service_of(event)
    triggers = (trigger for guardrail in HEARING for trigger in guardrail.triggers if trigger.source is Source.GCP_AUDIT)
    return any(trigger.name == event.heard_as and trigger.hears(service) for trigger in triggers)


@pytest.mark.parametrize("name", AUDIT)
def test_a_sample_of_an_audit_log_passes_where_a_guardrail_hears_it(name: str) -> None:
    raw = event_file(f"gcp/audit_log/{name}")
    assert passes(log_filter(), raw) is is_heard(name)
    elsewhere = {**raw, "logName": raw["logName"].partition("%2F")[0] + "%2Fsystem_event"}
    assert not passes(log_filter(), elsewhere), "only of the two logs that tell who did something"


def test_most_samples_are_heard() -> None:
    assert sum(is_heard(name) for name in AUDIT) >= 15


@pytest.mark.parametrize("guardrail", HEARING, ids=lambda g: g.id)
def test_no_guardrail_is_deaf(guardrail: Guardrail) -> None:
    for trigger in (t for t in guardrail.triggers if t.source is Source.GCP_AUDIT):
        services = ("run.googleapis.com", "bigquery.googleapis.com") if trigger.service == "*" else (f"{trigger.service}.googleapis.com",)
        forms = OF_STORAGE if "." in trigger.name else SPELLINGS
        for method in (*(form.format(trigger.name) for form in forms), *(OF_POLICIES if trigger.name == "SetIamPolicy" else ())):
            assert heard_as(method) == trigger.name
            for service in services:
                for log in LOGS:
                    assert passes(log_filter(), entry(method, service, log)), f"{guardrail.id} is deaf for {method} of {service}"


@pytest.mark.parametrize(
    ("method", "service"),
    [
        ("GetIamPolicy", "cloudresourcemanager.googleapis.com"),
        ("google.iam.v1.SetIamPolicyRequest", "cloudresourcemanager.googleapis.com"),
        ("google.iam.admin.v1.ListServiceAccountKeys", "iam.googleapis.com"),
        ("google.iam.admin.v1.CreateServiceAccountKeyX", "iam.googleapis.com"),
        ("google.iam.admin.v1.NotCreateServiceAccountKey", "iam.googleapis.com"),
        ("google.cloud.kms.v1.KeyManagementService.CreateKey", "cloudkms.googleapis.com"),
        ("google.logging.v2.ConfigServiceV2.DeleteSink", "pubsub.googleapis.com"),
        ("google.logging.v2.ConfigServiceV2.GetSink", "logging.googleapis.com"),
        ("storage.objects.get", "storage.googleapis.com"),
        ("google.cloud.aiplatform.v1.PredictionService.Predict", "aiplatform.googleapis.com"),
        ("", ""),
    ],
)
def test_what_nobody_hears_stays_where_it_is(method: str, service: str) -> None:
    assert not any(passes(log_filter(), entry(method, service, log)) for log in LOGS)


@pytest.mark.parametrize("name", FINDINGS)
def test_every_sample_of_a_finding_passes_while_it_is_active_and_not_muted(name: str) -> None:
    finding = event_file(f"gcp/scc/{name}")["finding"]
    assert passes(finding_filter(), finding)
    assert passes(finding_filter(), {**finding, "category": "a category that was renamed yesterday"})
    assert not passes(finding_filter(), {**finding, "state": "INACTIVE"})
    assert not passes(finding_filter(), {**finding, "mute": "MUTED"})


def test_a_filter_that_would_be_deaf_or_wrong_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def hears(*triggers: Trigger) -> None:
        monkeypatch.setattr(write_google_filter, "GUARDRAILS", (Hearing(triggers),))

    hears()
    for write in (log_filter, finding_filter):
        with pytest.raises(SystemExit, match="no guardrail hears"):
            write()
    hears(Trigger(Source.GCP_AUDIT, "Delete(Sink"))
    with pytest.raises(SystemExit, match=r"Delete\(Sink is no name of a method"):
        log_filter()
    hears(*(Trigger(Source.GCP_AUDIT, f"Method{number}", judges=Judged.ACTOR, service="x") for number in range(3000)))
    with pytest.raises(SystemExit, match="a sink takes 20000"):
        log_filter()
    hears(
        Trigger(Source.GCP_AUDIT, "A", service="*"),
        Trigger(Source.GCP_AUDIT, "A", service="x"),
        Trigger(Source.GCP_AUDIT, "B", service="x"),
    )
    assert [passes(log_filter(), entry(method, service)) for method, service in (("A", "y"), ("B", "x.googleapis.com"), ("B", "y"))] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("text", ['a="x" AND b="y" OR c="z"', 'a="x" b="y"', 'a:"x"', '(a="x"'])
def test_the_tests_own_reader_refuses_what_it_does_not_know(text: str) -> None:
    with pytest.raises((AssertionError, IndexError)):
        passes(text, {"a": "x", "b": "y", "c": "z"})
