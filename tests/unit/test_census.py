"""The census: who is administrator and usable by people, who is protected since when, what each guardrail would find about what stands."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.authorization_details import Reader
from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.clouds.snapshot import SnapshotReader
from ringfence.domain.census import Census
from ringfence.domain.finding import Severity
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.domain.state import State
from ringfence.engine.census import A_HANDFUL, badges, due, standing, take, unheard, without
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.discovery import used_by_people
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.judgement import Judgement
from ringfence.engine.protect import protected
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


def count(
    users: list[Any],
    roles: list[Any],
    settings: Settings = SETTINGS,
    previous: Census | None = None,
    usable: Callable[[Identity], bool] = lambda _: True,
) -> Census:
    raw = {"UserDetailList": users, "RoleDetailList": roles, "GroupDetailList": [], "Policies": []}
    reader = SnapshotReader(raw)
    judge = Evaluator(settings, reader).judge
    states = list(reader.states())
    found = standing(states, lambda event: judge(event, NOW))
    return take(Reader(raw).account(), states, settings, previous, found, usable, NOW)


BOSS = Identity.of(Kind.USER, "boss-2", "123456789012", unique_id="AIDAEXAMPLEBOSS-2")
DESK = Desk(MemoryStore(), MemoryQueue(), lambda: NOW)


def found_in(users: list[Any]) -> Mapping[str, Judgement]:
    reader = SnapshotReader({"UserDetailList": users, "RoleDetailList": [], "GroupDetailList": [], "Policies": []})
    return standing(reader.states(), lambda event: Evaluator(SETTINGS, reader).judge(event, NOW))


def badges_of(census: Census, previous: Census) -> int:
    return len(list(badges(census, previous, [BOSS])))


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
    assert first.newly == ()
    second = count([user("boss-1"), user("boss-2")], [], previous=first)
    assert second.protected == first.protected, "who is gone for a while stays on the register"
    assert second.newly == ("AIDAEXAMPLEBOSS-2",)


def test_no_name_and_no_later_pattern_protects_a_suspect_but_the_owner_may_name_its_unique_id() -> None:
    second = count([user("boss-2")], [], previous=count([], []))
    assert (second.protected, second.newly) == ({}, ("AIDAEXAMPLEBOSS-2",))
    suspect = Identity.of(Kind.USER, "boss-2", "123456789012", unique_id="AIDAEXAMPLEBOSS-2")
    for more in ("arn:aws:iam::123456789012:user/boss-2", "arn:aws:iam::*:user/b*"):
        renewed = msgspec.structs.replace(SETTINGS, config_hash=more, never_touch=(*SETTINGS.never_touch, more))
        assert protected(suspect, renewed, second) is None
        third = count([user("boss-2")], [], renewed, second)
        assert (third.protected, third.newly) == ({}, ("AIDAEXAMPLEBOSS-2",))
    named = msgspec.structs.replace(SETTINGS, config_hash="named", never_touch=("AIDAEXAMPLEBOSS-2",))
    assert protected(suspect, named, second)


def test_what_could_not_be_told_is_told_by_the_next_census() -> None:
    first = count([user("ana")], [])
    second = count([user("ana", ADMIN), user("boss-2")], [], previous=first)
    (missed,), (badge,) = run_at_desk(unheard(found_in([user("ana", ADMIN)]), first), DESK), badges(second, first, [BOSS])
    assert missed.judgement.event.id.endswith(f":{first.taken.isoformat()}"), "taken off and given again, it is asked about again"
    assert badges_of(second, first) == 1
    kept = without(second, (*missed.names, *badge.names))
    assert (set(second.standing) - set(kept.standing), kept.newly) == (set(missed.names), ())
    third = count([user("ana", ADMIN), user("boss-2")], [], previous=kept)
    assert badges_of(third, kept) == 1
    assert [n.names for n in run_at_desk(unheard(found_in([user("ana", ADMIN)]), kept), DESK)] == [missed.names]


def test_somebody_made_anew_under_an_exact_name_is_a_suspect() -> None:
    exact = msgspec.structs.replace(SETTINGS, never_touch=("arn:aws:iam::123456789012:user/ceo",))
    first = count([user("ceo")], [], exact)
    assert list(first.protected) == ["AIDAEXAMPLECEO"]
    again = count([{**user("ceo"), "UserId": "AIDAEXAMPLEMALLORY"}], [], msgspec.structs.replace(exact, config_hash="later"), first)
    assert again.newly == ("AIDAEXAMPLEMALLORY",)


def test_a_new_pattern_protects_by_name_until_its_census_and_then_who_matched_it() -> None:
    first = count([user("ceo"), user("bo")], [])
    ceo, cfo = (Identity.of(Kind.USER, name, "123456789012", unique_id=f"AIDAEXAMPLE{name.upper()}") for name in ("ceo", "cfo"))
    renewed = msgspec.structs.replace(SETTINGS, config_hash="another", never_touch=(*SETTINGS.never_touch, "arn:aws:iam::*:user/c*"))
    assert protected(ceo, renewed, first), "no census has recorded the pattern yet"
    second = count([user("ceo"), user("bo")], [], renewed, first)
    assert (second.protected, second.newly) == ({"AIDAEXAMPLECEO": ("arn:aws:iam::*:user/c*",)}, ())
    assert protected(ceo, renewed, second)
    assert protected(cfo, renewed, second) is None


def test_who_was_recorded_stays_so_under_the_next_configuration() -> None:
    first = count([user("boss-1")], [])
    renewed = msgspec.structs.replace(SETTINGS, config_hash="another")
    second = count([user("boss-1"), user("boss-2")], [], renewed, first)
    assert (list(second.protected), second.newly) == (["AIDAEXAMPLEBOSS-1"], ("AIDAEXAMPLEBOSS-2",))


def test_a_pattern_that_is_taken_out_protects_nobody_any_more() -> None:
    first = count([user("boss-1")], [])
    open_ = msgspec.structs.replace(SETTINGS, config_hash="another", never_touch=())
    assert count([user("boss-1")], [], open_, first).protected == {}


def test_badges_are_told_once_are_critical_and_cannot_bury_anybody() -> None:
    first = count([], [])
    users = [user(f"boss-{n}") for n in range(A_HANDFUL + 5)]
    taken = count(users, [], previous=first)
    everybody = [Identity.of(Kind.USER, u["UserName"], "123456789012", unique_id=u["UserId"]) for u in users]
    store, queue = MemoryStore(), MemoryQueue()
    for _ in range(3):
        for badge in (news.judgement for news in badges(taken, first, everybody)):
            decide(badge, SETTINGS, store, queue, NOW)
    assert {(job.state, job.severity, job.guardrail) for job in store.jobs()} == {
        (JobState.FOR_A_PERSON, Severity.CRITICAL, "protected-pattern")
    }
    assert len(queue.notices) == A_HANDFUL + 1
    assert "put its unique id under `never_touch`" in queue.notices[0].text
    assert "5 more identities match" in queue.notices[-1].text
    assert list(badges(count(users, [], previous=taken), taken, everybody)) == []


def test_who_is_younger_than_a_day_makes_no_guardrail_unbelievable() -> None:
    fresh = {"CreateDate": (NOW - timedelta(hours=23)).isoformat()}
    old = {"CreateDate": NOW - timedelta(hours=24)}
    taken = count([], [{**role(f"bait-{n}", BY_SERVICE, ADMIN), **fresh} for n in range(9)] + [{**role("a", BY_SERVICE, ADMIN), **old}])
    assert (taken.identities, taken.matching["aws-admin-policy-on-ai-identity"]) == (1, 1)


def test_an_administrator_without_a_way_in_is_none_that_people_can_use() -> None:
    taken = count([user("ana", ADMIN), user("ghost", ADMIN)], [role("ops", BY_PEOPLE, ADMIN)], usable=lambda who: who.name != "ghost")
    assert taken.admins == ("AIDAEXAMPLEANA", "AROAEXAMPLEOPS")


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
        assert counted(raw, states).identities


def counted(raw: dict[str, Any], states: list[State]) -> Census:
    judge = Evaluator(SETTINGS, SnapshotReader(raw)).judge
    found = standing(states, lambda event: judge(event, NOW))
    return take(Reader(raw).account(), states, SETTINGS, None, found, lambda _: True, NOW)
