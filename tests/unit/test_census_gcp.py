"""The census of Google Cloud: patterns stand for what a search finds, each project has owners of its own, and what was not counted is not known."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ringfence import wiring_gcp as wiring
from ringfence.clouds.gcp.reader import GoogleReader
from ringfence.domain.binding import bindings_of
from ringfence.domain.census import Census
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.settings import Mode, Project, Settings
from tests.support.cases import event_file, settings_of
from tests.support.google.deployed import Deployed, deployed
from tests.support.google.server import Asked, Refused

pytestmark = pytest.mark.enable_socket  # loopback only
P, TRAIN = "fraud-ml-prod", "train@fraud-ml-prod.iam.gserviceaccount.com"
type Cloud = Callable[..., AbstractContextManager[Deployed]]
ANA, BOB, ZOE = "user:ana@example.com", "user:bob@example.com", "user:zoe@example.com"


def settings(*projects: str) -> Settings:
    plain = msgspec.structs.replace(settings_of(None), mode=Mode.GRADUATED, config_hash="test", deployment=Settings().deployment)
    fraud = (Project(name="fraud", gcp_projects=projects, gcp_whole=True, gcp_people=("zoe@*", "ana@*")),) if projects else ()
    return msgspec.structs.replace(plain, projects=fraud, trusted_domains=("example.com",))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cloud:
    @contextmanager
    def made(*projects: str) -> Iterator[Deployed]:
        with deployed(monkeypatch, tmp_path, settings(*projects)) as found:
            found.google.project("research", number="789")
            found.google.grant(f"projects/{P}", "roles/owner", ANA)
            found.google.grant("projects/research", "roles/owner", BOB)
            yield found

    return made


def counted() -> Census:
    found = wiring.store().census()
    assert found is not None
    return found


def hear(cloud: Deployed, member: str) -> Job:
    """Hear of an owner grant in the project, and give the job that follows, when everything is done."""
    cloud.google.grant(f"projects/{P}", "roles/owner", member)
    told = json.dumps(copy.deepcopy(event_file("gcp/audit_log/SetIamPolicy.json")))
    told = told.replace(f"serviceAccount:{TRAIN}", member).replace(TRAIN, member.partition(":")[2])
    assert cloud.push("evaluate", {**json.loads(told), "timestamp": cloud.clock.time.isoformat()}) == 204
    cloud.carry(10)
    (job,) = [job for job in wiring.store().jobs() if job.guardrail != "canary"]
    return job


def owners(cloud: Deployed) -> list[str]:
    return [b.member for b in bindings_of(cloud.google.policy(f"projects/{P}")) if b.role == "roles/owner"]


@pytest.mark.parametrize("declared", [(P,), ("fraud-*",), ("*-ml-prod", "research"), (P, "fraud-*")])
def test_the_last_owner_of_a_project_stays_however_the_project_is_declared(cloud: Cloud, declared: tuple[str, ...]) -> None:
    with cloud(*declared) as here:
        assert here.post("review", {}) == 204
        assert counted().admins_of[P] == (ANA,)
        assert hear(here, ANA).state is JobState.PENDING
        assert owners(here) == [ANA]


def test_owners_of_another_project_are_none_of_this_one(cloud: Cloud) -> None:
    with cloud(P, "research") as here:
        assert here.post("review", {}) == 204
        census = counted()
        assert (census.admins, census.admins_of) == ((ANA, BOB), {P: (ANA,), "research": (BOB,)})
        job = hear(here, ANA)
        assert job.state is JobState.PENDING
        (why,) = [r.reason for r in wiring.store().records(job.id) if r.kind is RecordKind.BREAKER]
        assert f"the project {P} would be left without an administrator" in why


def test_who_owns_nothing_is_taken_off_where_the_project_was_counted(cloud: Cloud) -> None:
    with cloud("fraud-*") as here:
        assert here.post("review", {}) == 204
        assert hear(here, ZOE).state is JobState.DONE
        assert owners(here) == [ANA]


def test_a_project_that_was_not_counted_asks_about_people_whatever_was_counted_elsewhere(cloud: Cloud) -> None:
    with cloud("research") as here:
        assert here.post("review", {}) == 204
        assert list(counted().admins_of) == ["research"]
        job = hear(here, ZOE)
        assert job.state is JobState.PENDING
        (why,) = [r.reason for r in wiring.store().records(job.id) if r.kind is RecordKind.BREAKER]
        assert f"no census of {P} within 24 hours" in why


def test_a_project_that_is_declared_and_was_not_counted_asks(cloud: Cloud) -> None:
    with cloud("fraud-*") as here:
        here.google.projects[P].state = "DELETE_REQUESTED"
        assert here.post("review", {}) == 500, "a census that counts nothing is none"
        assert wiring.store().census() is None
        here.google.projects[P].state = "ACTIVE"
        assert hear(here, ZOE).state is JobState.PENDING


def test_nothing_declared_is_no_census_and_no_failure(cloud: Cloud) -> None:
    with cloud() as here:
        assert here.post("review", {}) == 204
        assert wiring.store().census() is None
        assert not [asked for asked in here.google.log if asked.host in ("cloudresourcemanager", "recommender")]


@pytest.mark.parametrize("declared", ["nothing-*", "x?"])
def test_a_pattern_that_no_project_matches_is_a_failure_and_no_census(cloud: Cloud, declared: str) -> None:
    with cloud(declared) as here:
        assert here.post("review", {}) == 500
        assert wiring.store().census() is None


@pytest.mark.parametrize(("declared", "status"), [(("*",), 204), (("*", "research"), 500)])
def test_what_may_not_be_read_is_not_counted_where_only_a_pattern_names_it(cloud: Cloud, declared: tuple[str, ...], status: int) -> None:
    def denied(asked: Asked) -> None:
        if asked.method == "cloudresourcemanager.projects.getIamPolicy" and "research" in asked.url:
            raise Refused(403, "PERMISSION_DENIED", "The caller does not have permission")

    with cloud(*declared) as here:
        here.google.before = denied
        assert here.post("review", {}) == status
        if status == 500:
            assert wiring.store().census() is None
        else:
            assert list(counted().admins_of) == [P]


def test_an_outage_is_never_taken_for_a_project_that_is_none_of_ours(cloud: Cloud) -> None:
    def down(asked: Asked) -> None:
        if asked.method == "cloudresourcemanager.projects.getIamPolicy" and "research" in asked.url:
            raise Refused(503, "UNAVAILABLE", "later")

    with cloud("*") as here:
        here.google.before = down
        assert here.post("review", {}) == 500
        assert wiring.store().census() is None


def test_an_old_census_says_nothing_of_who_owns_a_project(cloud: Cloud) -> None:
    with cloud(P) as here:
        assert here.post("review", {}) == 204
        here.clock.time += timedelta(hours=24)
        assert hear(here, ZOE).state is JobState.PENDING


def test_a_search_gives_every_page(cloud: Cloud) -> None:
    with cloud(P) as here:
        for number in range(1_203):
            here.google.project(f"many-{number:04}", number=str(10_000 + number))
        found = list(GoogleReader().projects())
        assert (len(found), len(set(found))) == (1_205, 1_205)
        assert [asked.method for asked in here.google.log].count("cloudresourcemanager.projects.search") == 3
