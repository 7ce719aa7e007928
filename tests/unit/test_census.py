"""The census: who is administrator and usable by people, who is protected since when, what each guardrail would find about what stands."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.authorization_details import Reader
from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.clouds.snapshot import SnapshotReader
from ringfence.domain.census import Census
from ringfence.domain.identity import Kind
from ringfence.domain.job import JobState
from ringfence.domain.state import State
from ringfence.engine.census import badges, due, take
from ringfence.engine.discovery import used_by_people
from ringfence.engine.evaluate import Evaluator
from ringfence.settings import Settings
from tests.support.cases import ROOT, settings_of, state_of
from tests.support.desk import decide
from tests.support.jobs import NOW

SETTINGS = settings_of({"never_touch": ["arn:aws:iam::*:user/boss-*"], "projects": [{"name": "p", "aws": {"accounts": ["*"]}}]})
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
BY_SERVICE = {"Service": "sagemaker.amazonaws.com"}
BY_PEOPLE = {"AWS": "arn:aws:iam::123456789012:root"}


def user(name: str, *policies: str) -> dict[str, Any]:
    return {
        "UserName": name,
        "UserId": f"AIDAEXAMPLE{name.upper()}",
        "Arn": f"arn:aws:iam::123456789012:user/{name}",
        "AttachedManagedPolicies": [{"PolicyArn": arn, "PolicyName": arn.rsplit("/", 1)[-1]} for arn in policies],
    }


def role(name: str, trusted: dict[str, str], *policies: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    return {
        "RoleName": name,
        "RoleId": f"AROAEXAMPLE{name.upper()}",
        "Arn": f"arn:aws:iam::123456789012:role/{name}",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "AttachedManagedPolicies": [{"PolicyArn": arn, "PolicyName": arn.rsplit("/", 1)[-1]} for arn in policies],
    }


def count(users: list[Any], roles: list[Any], settings: Settings = SETTINGS, previous: Census | None = None) -> Census:
    raw = {"UserDetailList": users, "RoleDetailList": roles, "GroupDetailList": [], "Policies": []}
    reader = SnapshotReader(raw)
    judge = Evaluator(settings, reader).judge
    return take(Reader(raw).account(), reader.states(), settings, previous, lambda event: judge(event, NOW), NOW)


def test_administrators_are_those_that_people_can_use() -> None:
    taken = count([user("ana", ADMIN), user("bo")], [role("ops", BY_PEOPLE, ADMIN), role("train", BY_SERVICE, ADMIN)])
    assert taken.admins == ("AIDAEXAMPLEANA", "AROAEXAMPLEOPS")
    assert taken.identities == 4


def test_what_each_guardrail_would_find_is_counted_once_per_identity() -> None:
    twice = "arn:aws:iam::aws:policy/IAMFullAccess"
    taken = count([user("ana")], [role("a", BY_SERVICE, ADMIN, twice), role("b", BY_SERVICE, ADMIN), role("c", BY_SERVICE)])
    assert taken.matching["aws-admin-policy-on-ai-identity"] == 2


def test_who_matches_at_first_is_protected_and_who_comes_to_match_is_a_finding() -> None:
    first = count([user("boss-1")], [role("break-glass", BY_PEOPLE)])
    assert first.protected.keys() == {"AIDAEXAMPLEBOSS-1", "AROAEXAMPLEBREAK-GLASS"}
    assert first.newly == {}
    second = count([user("boss-1"), user("boss-2")], [], previous=first)
    assert second.protected == first.protected, "who is gone for a while stays on the register"
    assert second.newly == {"AIDAEXAMPLEBOSS-2": "arn:aws:iam::123456789012:user/boss-2"}


def test_a_badge_is_not_recognised_by_the_next_deployment_unless_it_is_named_exactly() -> None:
    first = count([], [])
    second = count([user("boss-2")], [], previous=first)
    renewed = msgspec.structs.replace(SETTINGS, config_hash="another")
    third = count([user("boss-2")], [], renewed, second)
    assert (third.protected, list(third.newly)) == ({}, ["AIDAEXAMPLEBOSS-2"])
    named = msgspec.structs.replace(renewed, config_hash="third", never_touch=("arn:aws:iam::123456789012:user/boss-2",))
    fourth = count([user("boss-2")], [], named, third)
    assert (list(fourth.protected), fourth.newly) == (["AIDAEXAMPLEBOSS-2"], {})


def test_a_pattern_that_is_taken_out_protects_nobody_any_more() -> None:
    first = count([user("boss-1")], [])
    open_ = msgspec.structs.replace(SETTINGS, config_hash="another", never_touch=())
    assert count([user("boss-1")], [], open_, first).protected == {}


def test_a_badge_is_told_once_and_critical() -> None:
    taken = count([user("boss-2")], [], previous=count([], []))
    store, queue = MemoryStore(), MemoryQueue()
    for _ in range(3):
        for badge in badges(taken):
            decide(badge, SETTINGS, store, queue, NOW)
    (job,) = store.jobs()
    assert (job.state, job.severity, job.guardrail) == (JobState.FOR_A_PERSON, "critical", "protected-pattern")
    assert "name its exact ARN" in queue.notices[0].text
    assert len(queue.notices) == 1
    assert list(badges(msgspec.structs.replace(taken, newly={"X": "no arn"}))) == []


def test_a_census_is_due_when_there_is_none_or_the_configuration_changed_or_time_passed() -> None:
    taken = count([], [])
    age = timedelta(hours=6)
    assert due(None, SETTINGS, NOW, age)
    assert not due(taken, SETTINGS, NOW + timedelta(hours=5), age)
    assert due(taken, SETTINGS, NOW + age, age)
    assert due(taken, msgspec.structs.replace(SETTINGS, config_hash="another"), NOW, age)


@pytest.mark.parametrize(
    ("principal", "people"),
    [
        (BY_SERVICE, False),
        ({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}, False),
        (BY_PEOPLE, True),
        ({"Federated": "arn:aws:iam::123456789012:saml-provider/x"}, True),
        ("*", True),
        ({**BY_SERVICE, **BY_PEOPLE}, True),
    ],
)
def test_who_can_use_a_role(principal: Any, people: bool) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    wanted = state_of({"role": "r"})
    assert wanted is not None
    assert used_by_people(wanted), "not known counts as yes"
    assert used_by_people(msgspec.structs.replace(wanted, trust={"Version": "2012-10-17", "Statement": [statement]})) is people
    assert used_by_people(None)
    assert used_by_people(msgspec.structs.replace(wanted, trust={"Statement": 7}))


def test_the_samples_can_be_counted() -> None:
    for path in sorted((ROOT / "samples/accounts").glob("*.json")):
        raw = json.loads(path.read_text())
        states = list(SnapshotReader(raw).states())
        assert all(isinstance(s, State) and s.identity.kind in Kind for s in states)
        judge = Evaluator(SETTINGS, SnapshotReader(raw)).judge
        assert take(Reader(raw).account(), states, SETTINGS, None, lambda event, judge=judge: judge(event, NOW), NOW).identities  # type: ignore[misc]  # a default binds the loop's value
