"""seal and notify over moto: what was written is signed, and what is told reaches who listens."""

import json
from datetime import timedelta
from typing import Any

import boto3
import msgspec
import pytest

from ringfence import wiring
from ringfence.chores import announce
from ringfence.clouds.aws import clients
from ringfence.clouds.local_key import signed
from ringfence.domain.finding import Severity
from ringfence.domain.record import RecordKind
from ringfence.engine.ports import Notice
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.verify import verify
from ringfence.errors import UpstreamError
from tests.properties.test_secrets import SECRET, planted
from tests.support.cases import event_file
from tests.support.stack import Stack
from tests.unit.test_functions import ADMIN, attach_event
from tools.wrap_events import batch


def test_what_waits_too_long_for_its_number_is_somebodys_to_look_at(stack: Stack) -> None:
    stack.sealing = False
    stack.call("review", {})
    stack.waited[0] += timedelta(minutes=11)
    with pytest.raises(UpstreamError, match="Sealing failed"):
        stack.call("review", {})
    stack.call("seal", {})
    assert stack.call("review", {})["Sealing"] == 1


def test_another_configuration_is_put_on_record_each_time_it_comes(stack: Stack) -> None:
    ours, other = wiring.settings(), msgspec.structs.replace(wiring.settings(), config_hash="other")
    for settings, said in ((ours, 1), (ours, 0), (other, 1), (ours, 1), (ours, 0)):
        stack.waited[0] += timedelta(seconds=61)
        assert announce(wiring.store(), settings, wiring.now()) == said
    told = [r.config_hash for r in wiring.store().records("-") if r.kind is RecordKind.CONFIG_LOADED]
    assert told == [ours.config_hash, "other", ours.config_hash]


def test_seal_signs_what_the_others_wrote_and_tells_the_checkpoint_once_a_day(stack: Stack) -> None:
    stack.sealing = False
    stack.iam.attach_role_policy(RoleName="fraud-train", PolicyArn=ADMIN)
    stack.call("evaluate", batch(json.dumps(attach_event("e1")), 1))
    stack.call("review", {})
    count = len(wiring.store().records())
    stack.messages("NOTICES_QUEUE")
    assert stack.call("seal", {}) == {"size": count, "told": True}
    (told,) = stack.messages("NOTICES_QUEUE")
    trail = archived(wiring.archive())
    assert trail.checkpoint in json.loads(told)["text"]
    stack.waited[0] += timedelta(minutes=5)
    assert stack.call("seal", {}) == {"size": count, "told": False}
    verdict = verify(trail, signed, wiring.now(), held=[trail.checkpoint])
    assert (verdict.verified, verdict.anchored, verdict.records) == (True, True, count)
    assert wiring.archive().touched() == ()
    kinds = [record.kind for record in wiring.store().records()]
    assert RecordKind.CONFIG_LOADED in kinds


def test_a_job_is_one_finding_of_security_hub_that_its_end_resolves(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    hub: Any = boto3.client("securityhub")
    hub.enable_security_hub()
    monkeypatch.setenv("SECURITY_HUB", "aws/123456789012/us-east-1")
    stack.iam.attach_role_policy(RoleName="fraud-train", PolicyArn=ADMIN)
    stack.call("evaluate", batch(json.dumps(attach_event("e1")), 1))
    (job,) = wiring.store().jobs()
    stack.carry_out(job.id)
    for body in stack.messages("NOTICES_QUEUE"):
        assert stack.call("notify", batch(body, 1)) == {"batchItemFailures": []}
    told = Notice("n", "-", "sealed", Severity.LOW, "Checkpoint of the trail", "keep this", wiring.now())
    assert stack.call("notify", batch(msgspec.json.encode(told).decode(), 1)) == {"batchItemFailures": []}, "no job, no finding"
    (finding,) = hub.get_findings()["Findings"]
    assert (finding["Id"], finding["Resources"][0]["Id"]) == (f"ringfence/123456789012/{job.id}", job.plan.target.arn)
    assert finding["Severity"]["Label"] == "CRITICAL"


def test_what_security_hub_does_not_take_goes_back_to_the_queue(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def batch_import_findings(self, Findings: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
            return {"FailedCount": 1, "FailedFindings": [{"Id": Findings[0]["Id"], "ErrorMessage": "no"}]}

    monkeypatch.setattr(clients, "securityhub", Refusing)
    monkeypatch.setenv("SECURITY_HUB", "aws/123456789012/us-east-1")
    told = Notice("n", "0" * 16, "done", Severity.HIGH, "g", "text", wiring.now(), identity=ADMIN)
    assert stack.call("notify", batch(msgspec.json.encode(told).decode(), 1))["batchItemFailures"] != []


@pytest.mark.parametrize(
    "name", ["AttachRolePolicy", "CreateAccessKey", "PutAccountProperties", "CreateServiceSpecificCredential", "StopLogging"]
)
def test_107_no_secret_reaches_a_log_a_metric_or_an_error(
    stack: Stack, name: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    event = planted(event_file(f"aws/cloudtrail/{name}.json"))
    stack.call("evaluate", batch(json.dumps(event), 1))
    stack.call("evaluate", batch(json.dumps(event)[:-40], 2))
    for job in wiring.store().jobs():
        stack.call("respond", batch(json.dumps({"job": job.id, "do": "apply"}), 1))
    for body in stack.messages("NOTICES_QUEUE"):
        stack.call("notify", batch(body, 1))
    stack.call("review", {})
    stack.call("seal", {})
    said, logged = capsys.readouterr(), [vars(record) for record in caplog.records]
    assert "sealed" in {record["message"] for record in logged}
    assert SECRET not in said.out + said.err + str(logged)
