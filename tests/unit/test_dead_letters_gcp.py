"""What becomes of dead letters on Google Cloud: an outage loses nothing, a message of yesterday kills no job of today, a lost notice is told aloud."""

import copy
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringfence import responding
from ringfence import wiring_gcp as wiring
from ringfence.domain.binding import bindings_of
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import NO_JOB, RecordKind
from ringfence.engine.ports import Notice
from ringfence.settings import Mode, Project, Settings
from tests.support.cases import event_file, settings_of
from tests.support.google.deployed import Deployed, deployed
from tests.support.google.ports import JOBS, NOTICES
from tests.support.google.server import Asked, Refused

pytestmark = pytest.mark.enable_socket  # loopback only
P, TRAIN = "projects/fraud-ml-prod", "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"
FRAUD = Project(name="fraud", gcp_projects=("fraud-ml-prod",), gcp_whole=True)
READS = "cloudresourcemanager.projects.getIamPolicy"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Deployed]:
    plain = msgspec.structs.replace(settings_of(None), mode=Mode.GRADUATED, config_hash="test", deployment=Settings().deployment)
    monkeypatch.setattr(responding, "PAUSES", ())
    with deployed(monkeypatch, tmp_path, msgspec.structs.replace(plain, projects=(FRAUD,))) as made:
        made.google.grant(P, "roles/owner", "user:ana@example.com")
        yield made


def granted(cloud: Deployed) -> dict[str, Any]:
    cloud.google.grant(P, "roles/owner", TRAIN)
    return copy.deepcopy(event_file("gcp/audit_log/SetIamPolicy.json"))


def owners(cloud: Deployed) -> list[str]:
    return [b.member for b in bindings_of(cloud.google.policy(P)) if b.role == "roles/owner"]


def only() -> Job:
    (found,) = wiring.store().jobs()
    return found


def told(capsys: pytest.CaptureFixture[str], message: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("message") == message]


def test_an_event_that_an_outage_killed_is_judged_once_more_and_acted_on(cloud: Deployed) -> None:
    asked = granted(cloud)
    cloud.google.forbidden.add(READS)
    assert cloud.push("evaluate", asked) == 500
    cloud.google.forbidden.clear()
    assert cloud.push("review", asked) == 204
    cloud.carry()
    assert (only().state, owners(cloud)) == (JobState.DONE, ["user:ana@example.com"])


def test_an_event_that_still_fails_is_put_on_record_as_dead(cloud: Deployed) -> None:
    asked = granted(cloud)
    cloud.google.forbidden.add(READS)
    assert cloud.push("review", asked) == 204
    assert only().state is JobState.FOR_A_PERSON
    assert "is dead" in only().reason


def test_where_nothing_can_be_kept_the_letter_comes_again(cloud: Deployed) -> None:
    def down(asked: Asked) -> None:
        if asked.host == "firestore":
            raise Refused(503, "UNAVAILABLE", "later")

    asked = granted(cloud)
    cloud.google.before = down
    assert cloud.push("review", asked) == 500


def test_the_dead_message_of_a_job_that_went_on_kills_nothing(cloud: Deployed) -> None:
    cloud.push("evaluate", granted(cloud))
    ((_, message),) = cloud.ports.pubsub.taken(JOBS)
    assert cloud.push("respond", message) == 204
    assert only().state is JobState.VERIFYING
    cloud.clock.time += timedelta(minutes=1)
    before = only()
    assert cloud.push("review", message) == 204
    assert only() == before
    cloud.carry(30)
    assert (only().state, owners(cloud)) == (JobState.DONE, ["user:ana@example.com"])


def test_the_dead_message_of_a_job_that_is_not_due_kills_nothing_and_of_one_that_is_ends_it(cloud: Deployed) -> None:
    cloud.push("evaluate", granted(cloud))
    ((_, message),) = cloud.ports.pubsub.taken(JOBS)
    assert cloud.push("review", message) == 204
    assert only().state is JobState.APPROVED
    cloud.clock.time += timedelta(minutes=2)
    assert cloud.push("review", message) == 204
    assert only().state is JobState.FAILED


def test_a_notice_that_reached_nobody_is_told_aloud_kept_under_its_job_and_no_event(
    cloud: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.push("evaluate", granted(cloud))
    ((_, notice),) = cloud.ports.pubsub.taken(NOTICES)
    other = msgspec.json.encode(msgspec.structs.replace(msgspec.json.decode(notice, type=Notice), id="n2", page=True, text="look now"))
    for body in (notice, notice, other):
        assert cloud.push("review", body) == 204
    assert len(wiring.store().jobs()) == 1
    kept = [r for r in wiring.store().records(only().id) if r.kind is RecordKind.NOTICE_LOST]
    assert sorted((r.data["text"] == "look now", r.identity) for r in kept) == [(False, P), (True, P)]
    aloud = told(capsys, "a notice for people was lost")
    assert [(line["severity"], line["notice"]["id"]) for line in aloud][-1] == ("WARNING", "n2")
    assert len(aloud) == 3
    assert cloud.ports.pubsub.taken(NOTICES) == [], "another notice would go the same way"
    assert cloud.post("seal", {}) == 204
    assert wiring.store().waiting() is None, "and it is sealed"


def test_a_lost_notice_about_the_product_itself_is_kept_too(cloud: Deployed) -> None:
    cloud.push("evaluate", granted(cloud))
    ((_, notice),) = cloud.ports.pubsub.taken(NOTICES)
    about = msgspec.structs.replace(msgspec.json.decode(notice, type=Notice), job=NO_JOB, id="checkpoint.1")
    assert cloud.push("review", msgspec.json.encode(about)) == 204
    assert [r.id for r in wiring.store().notes(RecordKind.NOTICE_LOST)] == ["notice_lost.checkpoint.1"]


def test_what_is_no_event_is_another_job_each_and_the_same_again_is_none(cloud: Deployed) -> None:
    bodies = (b"not json", b"other garbage", b"[]", b"{}", b'{"x":1}')
    for function in ("evaluate", "review"):
        before = len(wiring.store().jobs())
        for number, body in enumerate((*bodies, *bodies)):
            assert cloud.push(function, body, message_id=str(number)) == 204
        assert len(wiring.store().jobs()) - before == (len(bodies) if function == "evaluate" else 0)
    assert all(":body:" in job.event_key for job in wiring.store().jobs())


@pytest.mark.parametrize("body", [b"\xff\xfe", b"not json", b"{}", b'{"job":"nope"}', b'{"job":"nope","do":"apply"}'])
def test_a_dead_letter_that_is_nothing_is_taken(cloud: Deployed, body: bytes) -> None:
    assert cloud.push("review", body) == 204
    assert len(wiring.store().jobs()) == (0 if b"apply" in body else 1)
