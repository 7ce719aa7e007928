"""Recommendations, insights and activities: whom each is about, where, once a week; replies with lists of them; nothing else is taken for one."""

import copy
from typing import Any

import pytest

from ringfence.domain.event import Event, Outcome, Source
from ringfence.domain.identity import Identity
from ringfence.sources import normalise
from ringfence.sources.gcp_recommender import KEY_USE, MOVEMENT, ROLES, USE
from tests.support.cases import event_file, set_at

TRAIN = "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"
CI = "serviceAccount:ci@shop.iam.gserviceaccount.com"


def told(name: str, /, **changes: Any) -> Event:
    raw = copy.deepcopy(event_file(f"gcp/recommender/{name}.json"))
    for path, new in changes.items():
        set_at(raw, path.replace("__", "."), new)
    (event,) = normalise(raw)
    return event


@pytest.mark.parametrize(
    ("name", "kind", "whom"),
    [("remove-role", ROLES, TRAIN), ("lateral-movement", MOVEMENT, CI), ("account-use", USE, TRAIN), ("key-use", KEY_USE, TRAIN)],
)
def test_whom_each_kind_is_about(name: str, kind: str, whom: str) -> None:
    event = told(name)
    assert (event.source, event.name, event.set_aside) == (Source.OTHER, kind, None)
    assert event.subject == Identity.member(whom, "fraud-ml-prod")
    assert event.id.endswith(":2026-W09")


def test_what_a_recommendation_says() -> None:
    assert told("remove-role").parameters == {
        "resource": "//cloudresourcemanager.googleapis.com/projects/fraud-ml-prod",
        "since": "",
        "subtype": "REMOVE_ROLE",
        "role": "roles/compute.admin",
        "instead": (),
        "condition": "",
    }


def test_without_an_overview_its_operations_tell_the_same() -> None:
    event = told("remove-role", content__overview={})
    assert (event.parameters, event.subject) == (told("remove-role").parameters, told("remove-role").subject)


@pytest.mark.parametrize("groups", [7, [7], [{"operations": 7}], [{"operations": [7, {"action": "add"}]}]])
def test_without_both_nobody_is_named(groups: Any) -> None:
    event = told("remove-role", content={"operationGroups": groups})
    assert event.set_aside is not None
    assert event.set_aside.outcome is Outcome.UNSUPPORTED


def test_the_same_record_is_the_same_event_for_a_week() -> None:
    first, later, next_week = (told("remove-role", lastRefreshTime=f"2026-03-0{day}T07:00:00Z").id for day in (2, 8, 9))
    assert first == later != next_week
    assert not told("remove-role", lastRefreshTime=7).id.endswith("W10")


@pytest.mark.parametrize("state", ["DISMISSED", "CLAIMED", "SUCCEEDED", "FAILED", "ACCEPTED"])
def test_what_somebody_has_dealt_with_is_ignored(state: str) -> None:
    event = told("remove-role", stateInfo__state=state)
    assert event.set_aside is not None
    assert event.set_aside.outcome is Outcome.IGNORED


@pytest.mark.parametrize(
    ("name", "changes", "account"),
    [
        ("remove-role", {"content__overview__resource": "//cloudresourcemanager.googleapis.com/folders/7"}, "folders/7"),
        ("remove-role", {"content__overview__resource": "//storage.googleapis.com/b"}, "456"),
        (
            "remove-role",
            {
                "content__overview__resource": "//x",
                "name": "organizations/9/locations/global/recommenders/google.iam.policy.Recommender/recommendations/1",
            },
            "organizations/9",
        ),
        ("lateral-movement", {"content__targetServiceAccounts": []}, "456"),
        ("lateral-movement", {"content__targetServiceAccounts": [7, "x"]}, "456"),
    ],
)
def test_where_it_is(name: str, changes: dict[str, Any], account: str) -> None:
    assert told(name, **changes).account == account


def test_an_activity_that_names_no_account_is_no_event() -> None:
    event = told("account-use", fullResourceName="//iam.googleapis.com/x")
    assert (event.account, event.subject) == ("", None)
    assert event.set_aside is not None


def test_a_reply_holds_several_and_what_else_is_in_it_is_named() -> None:
    found = normalise({"recommendations": [event_file("gcp/recommender/remove-role.json"), {"name": "x"}, 7], "nextPageToken": "t"})
    assert [event.name for event in found] == [ROLES, "", ""]
    assert [event.set_aside.outcome if event.set_aside else None for event in found] == [None, Outcome.UNSUPPORTED, Outcome.UNSUPPORTED]


@pytest.mark.parametrize(
    "raw",
    [
        {"name": "projects/1/locations/l/recommenders/google.compute.instance.MachineTypeRecommender/recommendations/1"},
        {"name": ROLES},
        {"activityType": "somethingElse", "fullResourceName": "x"},
        {"insights": [{"name": "x"}]},
        {"recommendations": []},
        {"recommendations": "x"},
    ],
)
def test_what_is_of_no_kind_that_is_judged_is_no_feed(raw: dict[str, Any]) -> None:
    (event,) = normalise(raw)
    assert event.set_aside is not None
    assert event.set_aside.outcome is Outcome.UNSUPPORTED
