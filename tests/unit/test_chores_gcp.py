"""Access that nobody uses is looked for once a day: every page of every project is judged, and what cannot be had is named and stops nothing else."""

import copy
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringfence import wiring_gcp as wiring
from ringfence.clouds.gcp import recommender
from ringfence.domain.binding import bindings_of
from ringfence.domain.job import Job, JobState
from ringfence.errors import UpstreamError
from ringfence.settings import Mode, Project, Settings
from ringfence.sources.gcp_recommender import KEY_USE, MOVEMENT, ROLES, USE
from tests.support.cases import ROOT, event_file, set_at, settings_of
from tests.support.desk import vote
from tests.support.google.deployed import Deployed, deployed
from tests.support.google.server import Asked, Refused

pytestmark = pytest.mark.enable_socket  # loopback only
P, TRAIN = "fraud-ml-prod", "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"
GUARDRAIL = "gcp-excess-permissions"
LISTS = (
    "recommender.projects.locations.recommenders.recommendations.list",
    "recommender.projects.locations.insightTypes.insights.list",
    "policyanalyzer.projects.locations.activityTypes.activities.query",
)
OFF = "API has not been used in project 456 before or it is disabled."


def settings(*projects: str) -> Settings:
    plain = msgspec.structs.replace(settings_of(None), mode=Mode.GRADUATED, config_hash="test", deployment=Settings().deployment)
    return msgspec.structs.replace(plain, projects=(Project(name="fraud", gcp_projects=projects or (P,), gcp_whole=True),))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Deployed]:
    with deployed(monkeypatch, tmp_path, settings(P, "research", "fraud-*")) as made:
        made.google.project("research", number="789")
        made.google.grant(f"projects/{P}", "roles/owner", "user:ana@example.com")
        made.google.grant(f"projects/{P}", "roles/compute.admin", TRAIN)
        yield made


def record(name: str, /, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = copy.deepcopy(event_file(f"gcp/recommender/{name}.json"))
    for path, new in changes.items():
        set_at(made, path.replace("__", "."), new)
    return made


def tick(cloud: Deployed) -> int:
    """Call review, whose answer is no when a chore failed."""
    return cloud.post("review", {})


def asked(cloud: Deployed) -> list[str]:
    return [f"{a.path['parent']}" for a in cloud.google.log if a.method in LISTS]


def jobs() -> list[Job]:
    return [job for job in wiring.store().jobs() if job.guardrail in (GUARDRAIL, "none")]


def test_each_kind_is_asked_for_each_declared_project_once_a_day(cloud: Deployed) -> None:
    assert tick(cloud) == 204
    assert asked(cloud) == [
        f"projects/{project}/locations/global/{kind}"
        for project in ("research", P)
        for kind in (f"recommenders/{ROLES}", f"insightTypes/{MOVEMENT}", f"activityTypes/{USE}", f"activityTypes/{KEY_USE}")
    ]
    first = len(asked(cloud))
    for hours, times in ((1, 1), (7, 1), (23.5, 1), (24.5, 2), (31, 2), (49, 3)):
        cloud.clock.time = cloud.clock.time.replace(day=2, hour=9) + timedelta(hours=hours)
        tick(cloud)
        assert len(asked(cloud)) == first * times, hours


def test_each_day_begins_with_another_project(cloud: Deployed) -> None:
    first = []
    for _ in range(4):
        before = len(asked(cloud))
        tick(cloud)
        first.append(asked(cloud)[before].split("/")[1])
        cloud.clock.time += timedelta(days=1)
    assert first in ([P, "research"] * 2, ["research", P] * 2)


def test_a_role_that_nobody_uses_is_asked_about_and_then_removed(cloud: Deployed) -> None:
    cloud.google.recommender.tell(P, record("remove-role"))
    assert tick(cloud) == 204
    (job,) = jobs()
    assert (job.guardrail, job.state) == (GUARDRAIL, JobState.PENDING)
    assert "does not need compute.admin" in job.reason
    vote(job.id, "user:eve@example.com", wiring.settings(), wiring.store(), wiring.queue(), cloud.clock.time, approve=True)
    cloud.carry()
    assert [b.role for b in bindings_of(cloud.google.policy(f"projects/{P}")) if b.member == TRAIN] == []


def test_accounts_keys_and_insights_are_for_a_person_and_what_is_used_is_quiet(cloud: Deployed) -> None:
    tell = cloud.google.recommender.tell
    tell(P, record("account-use"))
    tell(P, record("account-use", activity__lastAuthenticatedTime="2026-02-20T07:00:00Z"))
    tell(P, record("key-use"))
    cloud.google.project("shop")
    cloud.google.account("shop", "ci")
    tell(P, record("lateral-movement"))
    tell(P, record("remove-role", stateInfo__state="DISMISSED"))
    assert tick(cloud) == 204
    assert {(job.guardrail, job.state) for job in jobs()} == {(GUARDRAIL, JobState.FOR_A_PERSON)}
    assert sorted(job.reason.partition(" ")[2][:20] for job in jobs()) == [
        "has a key that was n",
        "may become train@fra",
        "was not used since 2",
    ]


def test_the_same_week_makes_no_second_job_and_the_next_one_does(cloud: Deployed) -> None:
    cloud.google.recommender.tell(P, record("account-use"))
    tick(cloud)
    cloud.clock.time += timedelta(days=2)
    tick(cloud)
    assert len(jobs()) == 1
    cloud.google.recommender.told.clear()
    cloud.google.recommender.tell(P, record("account-use", observationPeriod__endTime="2026-03-09T07:00:00Z"))
    cloud.clock.time += timedelta(days=7)
    tick(cloud)
    assert len(jobs()) == 2


def test_every_page_is_read(cloud: Deployed) -> None:
    for number in range(230):
        cloud.google.recommender.tell(P, record("remove-role", name=record("remove-role")["name"] + str(number)))
    replies = list(recommender.told(ROLES, P))
    assert [len(reply["recommendations"]) for reply in replies] == [100, 100, 30]
    assert len({one["name"] for reply in replies for one in reply["recommendations"]}) == 230


def test_a_list_without_records_gives_nothing_to_judge(cloud: Deployed) -> None:
    assert [list(recommender.told(kind, P)) for kind in recommender.LISTS] == [[], [], [], []]


def test_a_list_that_never_ends_is_an_error(cloud: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommender, "PAGES", 3)
    cloud.google.handlers[LISTS[0]] = lambda _: {"recommendations": [record("remove-role")], "nextPageToken": "again"}
    with pytest.raises(UpstreamError, match="does not end"):
        list(recommender.told(ROLES, P))


@pytest.mark.parametrize(("code", "status"), [(403, "PERMISSION_DENIED"), (404, "NOT_FOUND"), (503, "UNAVAILABLE")])
def test_an_api_that_is_not_enabled_is_named_and_everything_else_is_done(
    cloud: Deployed, capsys: pytest.CaptureFixture[str], code: int, status: str
) -> None:
    def off(asked: Asked) -> None:
        if asked.host == "recommender":
            raise Refused(code, status, f"Recommender {OFF}")

    cloud.google.before = off
    cloud.google.recommender.tell(P, record("account-use"))
    assert tick(cloud) == 500
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (failed,) = [line for line in told if line.get("message") == "chore failed"]
    assert failed["chore"] == "Excess"
    assert "Recommender API has not been used" in json.dumps(failed)
    assert {line["metric"] for line in told if line.get("message") == "counted"} >= {"Censuses", "Sealing", "Canaries", "ExcessFailed"}
    assert [job.guardrail for job in jobs()] == [GUARDRAIL], "what Policy Analyzer tells is judged all the same"
    cloud.clock.time += timedelta(minutes=1)
    assert tick(cloud) == 204, "it is looked for again tomorrow, not every minute"


def test_one_record_that_cannot_be_judged_keeps_no_other_from_it(cloud: Deployed) -> None:
    def broken(asked: Asked) -> None:
        if "gone@" in asked.url:
            raise Refused(503, "UNAVAILABLE", "later")

    cloud.google.before = broken
    place = record("account-use")["fullResourceName"]
    cloud.google.recommender.tell(P, record("account-use", fullResourceName=place.replace("train@", "gone@")))
    cloud.google.recommender.tell(P, record("account-use"))
    assert tick(cloud) == 500
    assert [job.plan.target.arn for job in jobs()] == [TRAIN]


def test_an_account_that_is_gone_is_nobodys_to_mend(cloud: Deployed) -> None:
    place = record("account-use")["fullResourceName"]
    cloud.google.recommender.tell(P, record("account-use", fullResourceName=place.replace("train@", "gone@")))
    assert tick(cloud) == 204
    assert jobs() == []


def test_a_role_on_what_has_no_policy_that_is_read_here_is_for_a_person(cloud: Deployed) -> None:
    cloud.google.recommender.tell(
        P, record("remove-role", content__overview__resource="//run.googleapis.com/projects/p/locations/l/services/s")
    )
    assert tick(cloud) == 204
    assert [job.state for job in jobs()] == [JobState.FOR_A_PERSON]


def test_without_a_census_nothing_is_looked_for(cloud: Deployed) -> None:
    cloud.google.forbidden.add("cloudresourcemanager.projects.getIamPolicy")
    assert tick(cloud) == 500
    assert asked(cloud) == []


def test_the_reading_role_has_what_asking_takes() -> None:
    permissions = json.loads((ROOT / "deploy" / "gcp" / "permissions.json").read_text())
    assert set(recommender.READS) <= set(permissions["read"])
