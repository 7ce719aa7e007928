"""Who is out of reach on Google Cloud, and who has no say there: by whatever name a log or a policy knows them."""

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringfence import wiring_gcp as wiring
from ringfence.domain.event import Actor
from ringfence.domain.identity import Identity
from ringfence.domain.job import JobState
from ringfence.domain.member import parse_member
from ringfence.engine.authority import involved
from ringfence.engine.protect import protected
from ringfence.iam.google.agents import GOOGLES
from ringfence.settings import Deployment, Person, Project, Settings
from tests.support.cases import event_file
from tests.support.google.deployed import deployed

OWN = "serviceAccount:respond@ringfence-prod.iam.gserviceaccount.com"
FRAUD = Project(name="fraud", gcp_projects=("fraud-ml-prod",), gcp_whole=True)
SETTINGS = Settings(
    deployment=Deployment(own_roles=(OWN,)),
    people=(Person(name="cat", cloud=("user:cat@example.com",)),),
    approvers=("cat", "user:dan@example.com"),
    never_touch=("serviceAccount:payments@*",),
    projects=(FRAUD,),
)


def member(text: str) -> Identity:
    return Identity.member(text, "fraud-ml-prod", None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (OWN, "own accounts"),
        (OWN.replace("respond", "Respond"), "own accounts"),
        ("user:cat@example.com", "approver"),
        ("user:Cat@Example.com", "approver"),
        ("user:dan@example.com", "approver"),
        ("serviceAccount:payments@fraud-ml-prod.iam.gserviceaccount.com", "configuration protects"),
        ("user:break-glass@example.com", "break-glass"),
        ("serviceAccount:break-glass@fraud-ml-prod.iam.gserviceaccount.com", "break-glass"),
        ("serviceAccount:service-123456789012@gcp-sa-aiplatform.iam.gserviceaccount.com", "Google manages"),
        ("serviceAccount:123456789012@cloudservices.gserviceaccount.com", "Google manages"),
        ("serviceAccount:service-1@compute-system.iam.gserviceaccount.com", "Google manages"),
    ],
)
def test_who_is_meant_is_out_of_reach(text: str, why: str) -> None:
    assert why in (protected(member(text), SETTINGS, None) or "")


@pytest.mark.parametrize(
    "text",
    [
        "user:eve@example.net",
        "serviceAccount:cat@example.com",
        "user:break-glass@gmail.com",
        "deleted:user:eve@example.net?uid=1",
        "serviceAccount:break-glass@evil-proj.iam.gserviceaccount.com",
        "serviceAccount:service-123@evil-proj.iam.gserviceaccount.com",
        "serviceAccount:respond@evil-proj.iam.gserviceaccount.com",
        "serviceAccount:123456789012-compute@developer.gserviceaccount.com",
    ],
)
def test_a_name_prints_no_badge_of_protection(text: str) -> None:
    assert protected(member(text), SETTINGS, None) is None


def test_only_the_organisations_own_domains_hold_a_break_glass_person() -> None:
    trusted = msgspec.structs.replace(SETTINGS, trusted_domains=("example.com",))
    assert protected(member("user:break-glass@example.com"), trusted, None)
    assert protected(member("user:break-glass@example.net"), trusted, None) is None


def test_the_projects_of_googles_agents_are_known_in_both_places() -> None:
    assert all(parse_member(f"serviceAccount:service-1@{home}.iam.gserviceaccount.com").service_agent for home in GOOGLES)


@pytest.mark.parametrize(
    ("display", "arn", "human"),
    [
        ("cat@example.com", "user:cat@example.com", ""),
        ("Cat@Example.com", "user:Cat@Example.com", ""),
        ("ci@fraud-ml-prod.iam.gserviceaccount.com", "serviceAccount:ci@fraud-ml-prod.iam.gserviceaccount.com", "cat@example.com"),
        (
            "ci@fraud-ml-prod.iam.gserviceaccount.com",
            "serviceAccount:ci@fraud-ml-prod.iam.gserviceaccount.com",
            "x@example.net, cat@example.com",
        ),
    ],
)
def test_whoever_acted_has_no_say_by_whatever_name_and_through_whatever_chain(display: str, arn: str, human: str) -> None:
    actor = Actor(display=display, type="principal", identity=member(arn), human=human)
    assert "person cat" in involved(actor, [member("user:eve@example.net")], "fraud", SETTINGS)


def test_whoever_did_not_act_has_a_say() -> None:
    actor = Actor(display="bo@example.com", type="principal", identity=member("user:bo@example.com"), human="")
    assert "person cat" not in involved(actor, [member("user:eve@example.net")], "fraud", SETTINGS)


@pytest.mark.enable_socket  # loopback only
@pytest.mark.parametrize("deny_at", ["", "organizations/1"])
def test_strict_containment_begins_by_itself_with_and_without_deny_policies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deny_at: str
) -> None:
    settings = Settings(projects=(FRAUD,), config_hash="test")
    with deployed(monkeypatch, tmp_path, settings, MODE="strict", DENY_AT=deny_at) as cloud:
        cloud.google.grant("projects/fraud-ml-prod", "roles/owner", "user:ana@example.com")
        found: dict[str, Any] = copy.deepcopy(event_file("gcp/scc/agent-signjwt.json"))
        assert cloud.push("evaluate", found) == 204
        cloud.carry()
        (job,) = wiring.store().jobs()
        assert job.state in (JobState.DONE, JobState.PARTIAL)
        assert cloud.google.accounts.shelf.values["train@fraud-ml-prod.iam.gserviceaccount.com"].get("disabled") is True
