"""The judge for Google IAM: conditions and deny policies."""

from typing import Any

import pytest

from ringfence.domain.member import parse_member
from ringfence.iam import Verdict
from ringfence.iam.conditions import Truth
from ringfence.iam.google import (
    Around,
    deniable,
    deny_name,
    deny_principal,
    facts,
    judge,
    undeniable,
)
from ringfence.iam.google.conditions import LONGEST
from ringfence.iam.google.conditions import judge as judge_condition
from ringfence.iam.google.denial import denied, parse_denials, support
from ringfence.iam.google.roles import permissions
from tests.support.google_policies import (
    ADA,
    CUSTOM,
    FUTURE,
    NOW,
    PAST,
    PROJECT,
    TRAINER,
    deny,
    found,
    grant,
    policy,
)

CONDITIONS: list[tuple[str, Truth]] = [
    ("true", Truth.ALWAYS),
    ("false", Truth.NEVER),
    ("( true )", Truth.ALWAYS),
    (f'request.time < timestamp("{PAST}")', Truth.NEVER),
    (f"request.time <= timestamp( '{PAST}' )", Truth.NEVER),
    (f'timestamp("{PAST}") > request.time', Truth.NEVER),
    (f'(request.time < timestamp("{PAST}"))', Truth.NEVER),
    (f'(timestamp("{PAST}") >= request.time)', Truth.NEVER),
    (f'request.time < timestamp("{FUTURE}")', Truth.UNKNOWN),
    ('request.time < timestamp("2026-03-02T09:00:00Z")', Truth.NEVER),
    ('request.time <= timestamp("2026-03-02T09:00:00Z")', Truth.UNKNOWN),
    ('request.time < timestamp("2026-03-02T10:30:00+02:00")', Truth.NEVER),
    (f'request.time > timestamp("{PAST}")', Truth.ALWAYS),
    (f'timestamp("{PAST}") <= request.time', Truth.ALWAYS),
    (f'request.time > timestamp("{FUTURE}")', Truth.UNKNOWN),
    ('request.time >= timestamp("2026-03-02T09:00:00Z")', Truth.ALWAYS),
    ('request.time > timestamp("2026-03-02T09:00:00Z")', Truth.UNKNOWN),
    (f'request.time > timestamp("{PAST}") && request.time < timestamp("{FUTURE}")', Truth.UNKNOWN),
    (f'request.time > timestamp("2026-01-01T00:00:00Z") && request.time < timestamp("{PAST}")', Truth.NEVER),
    (f"resource.name.startsWith('projects/_') && request.time < timestamp('{PAST}')", Truth.NEVER),
    # whatever could be otherwise stays in doubt
    ("", Truth.UNKNOWN),
    ("resource.matchTag('2/env', 'prod')", Truth.UNKNOWN),
    ("resource.name == 'x && false'", Truth.UNKNOWN),
    (f'request.time < timestamp("{PAST}") || true', Truth.UNKNOWN),
    (f'!(true && request.time < timestamp("{PAST}") && true)', Truth.UNKNOWN),
    (f'[request.time < timestamp("{PAST}")].exists(x, x) && true', Truth.UNKNOWN),
    (f'true && request.time < timestamp("{PAST}") ? true : true', Truth.UNKNOWN),
    (f'request.time < timestamp("{PAST}") == false', Truth.UNKNOWN),
    ('request.time < timestamp("2026-03-02")', Truth.UNKNOWN),
    ('request.time < timestamp("yesterday")', Truth.UNKNOWN),
    (f'request.time < timestamp("{PAST}") + duration("3600s")', Truth.UNKNOWN),
    ("request.time.getFullYear() < 2026", Truth.UNKNOWN),
    ("true) && (false", Truth.UNKNOWN),
    ("(true", Truth.UNKNOWN),
    ("false // not yet\n", Truth.UNKNOWN),
    ('"\\" && false && \\""', Truth.UNKNOWN),
    ("true && " * LONGEST + "false", Truth.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "truth"), CONDITIONS)
def test_conditions_are_judged_and_never_skipped(expression: str, truth: Truth) -> None:
    assert judge_condition(expression, NOW).truth is truth


def test_without_a_time_nothing_is_over() -> None:
    assert judge_condition(f'request.time < timestamp("{PAST}")', None).truth is Truth.UNKNOWN
    assert judge(policy(grant("owner", on=f'request.time < timestamp("{PAST}")'))).verdict is Verdict.ESCALATION


def test_a_grant_that_is_over_grants_nothing_and_one_that_is_on_is_in_doubt() -> None:
    over = policy(grant("owner", on=f'request.time < timestamp("{PAST}")'), grant("nobodys.role", on="false"))
    assert judge(over, Around(at=NOW)).verdict is Verdict.OK
    on = judge(policy(grant("owner", on=f'request.time < timestamp("{FUTURE}")')), Around(at=NOW))
    assert on.verdict is Verdict.ESCALATION
    assert {g.conditions for e in on.escalations for g in e.proof} == {f'request.time < timestamp("{FUTURE}")'}
    always = judge(policy(grant("owner", on="true")), Around(at=NOW))
    assert always.verdict is Verdict.ADMIN
    assert {g.conditions for e in always.escalations for g in e.proof} == {"always true"}
    for empty in ({}, {"expression": ""}, {"expression": 7}):
        judged = judge({"bindings": [{**grant("owner"), "condition": empty}]})
        assert {g.conditions for e in judged.escalations for g in e.proof} == {"a condition without an expression"}
    assert judge({"bindings": [{**grant("owner"), "condition": None}]}).verdict is Verdict.ADMIN


def test_of_two_grants_the_surer_is_the_proof() -> None:
    two = policy(grant("iam.serviceAccountTokenCreator", on="x"), grant("iam.serviceAccountTokenCreator"))
    assert {g.binding for e in judge(two).escalations for g in e.proof} == {1}


SUBJECT = "principal://goog/subject/ada@example.com"
AS_ACCOUNT = "principal://iam.googleapis.com/projects/-/serviceAccounts/trainer@fraud-ml-prod.iam.gserviceaccount.com"
PERSON = "principal://iam.googleapis.com/locations/global/workforcePools/people/subject/ada"
PEOPLE = "principalSet://iam.googleapis.com/locations/global/workforcePools/people/*"
EVERYBODY = "principalSet://goog/public:all"
SURE, PERHAPS, NOT = "surely", "perhaps", "not"
DENIED: list[tuple[str, tuple[str, ...], tuple[str, ...], str]] = [
    # the member, whom a rule denies, whom it spares, what that means for the member
    (ADA, (SUBJECT,), (), SURE),
    ("user:ADA@example.com", (SUBJECT,), (), SURE),
    (ADA, ("principal://goog/subject/Ada@Example.com",), (), SURE),
    (ADA, ("principal://goog/subject/grace@example.com",), (), NOT),
    (ADA, (EVERYBODY,), (), SURE),
    (ADA, (EVERYBODY,), (SUBJECT,), NOT),
    (ADA, (EVERYBODY,), ("principal://goog/subject/grace@example.com",), SURE),
    (ADA, (EVERYBODY,), ("principalSet://goog/group/admins@example.com",), PERHAPS),
    (ADA, ("principalSet://goog/group/all@example.com",), (), PERHAPS),
    (ADA, ("principalSet://goog/cloudIdentityCustomerId/C01",), (), PERHAPS),
    (ADA, (AS_ACCOUNT,), (), NOT),
    (ADA, (), (), NOT),
    (ADA, ("",), (), PERHAPS),
    (TRAINER, (AS_ACCOUNT,), (), SURE),
    (TRAINER, ("principal://iam.googleapis.com/projects/-/serviceAccounts/other@p.iam.gserviceaccount.com",), (), NOT),
    (TRAINER, ("principal://iam.googleapis.com/projects/-/serviceAccounts/111111111111111111111",), (), PERHAPS),
    (TRAINER, ("principalSet://cloudresourcemanager.googleapis.com/projects/1/type/ServiceAccount",), (), PERHAPS),
    ("deleted:user:ada@example.com?uid=1", (SUBJECT,), (), NOT),
    ("deleted:user:ada@example.com?uid=1", (EVERYBODY,), (), SURE),
    ("group:all@example.com", ("principalSet://goog/group/all@example.com",), (), SURE),
    ("group:all@example.com", (EVERYBODY,), (SUBJECT,), PERHAPS),
    ("group:all@example.com", (SUBJECT,), (), PERHAPS),
    ("domain:example.com", (EVERYBODY,), (), SURE),
    ("domain:example.com", ("principalSet://goog/cloudIdentityCustomerId/C01",), (), PERHAPS),
    ("allUsers", (EVERYBODY,), (), SURE),
    ("allUsers", (SUBJECT,), (), PERHAPS),
    (PERSON, (PERSON,), (), SURE),
    (PERSON, (PEOPLE,), (), SURE),
    (PERSON, ("principalSet://iam.googleapis.com/locations/global/workforcePools/others/*",), (), PERHAPS),
    (PERSON, (PERSON.replace("ada", "grace"),), (), NOT),
    (PEOPLE.replace("/*", "/group/g"), (PEOPLE,), (), SURE),
]  # fmt: skip


@pytest.mark.parametrize(("member", "to", "but", "wanted"), DENIED)
def test_whom_a_deny_rule_takes_from(member: str, to: tuple[str, ...], but: tuple[str, ...], wanted: str) -> None:
    rules, problems = parse_denials([deny("iam.googleapis.com/serviceAccounts.getAccessToken", to=to, exceptionPrincipals=list(but))])
    assert problems == ()
    surely, perhaps = denied(parse_member(member), rules)
    token = permissions(["iam.serviceAccounts.getAccessToken"])
    assert (surely, perhaps) == {SURE: (token, token), PERHAPS: (0, token), NOT: (0, 0)}[wanted]


SPELLED = {
    "user:Ada@Example.com": SUBJECT,
    TRAINER: AS_ACCOUNT,
    "group:all@example.com": "principalSet://goog/group/all@example.com",
    PERSON: PERSON,
    PEOPLE: PEOPLE,
    "domain:example.com": "",
    "allUsers": "",
    "deleted:user:ada@example.com?uid=1": "",
}


@pytest.mark.parametrize("member", SPELLED)
def test_members_are_spelled_as_deny_policies_spell_them(member: str) -> None:
    assert deny_principal(parse_member(member)) == SPELLED[member]


WHAT: list[tuple[dict[str, Any], bool | None]] = [
    # a deny policy; whether a member's tokens stay certain, in doubt (False), or go (None)
    (deny("iam.googleapis.com/serviceAccounts.getAccessToken"), None),
    (deny("iam.googleapis.com/serviceAccounts.*"), None),
    (deny("iam.googleapis.com/*.*"), None),
    (deny("iam.googleapis.com/*.getAccessToken"), None),
    (deny("iam.googleapis.com/*.getIdToken"), True),
    (deny("iam.serviceAccounts.getAccessToken"), True),
    (deny("iam.googleapis.com/serviceAccounts.*", exceptionPermissions=["iam.googleapis.com/serviceAccounts.getAccessToken"]), True),
    (deny("iam.googleapis.com/serviceAccounts.*", exceptionPermissions=["iam.googleapis.com/*.*"]), True),
    (deny("iam.googleapis.com/serviceAccounts.getAccessToken", denialCondition={"expression": "resource.matchTag('2/env', 'dev')"}), False),
]


@pytest.mark.parametrize(("denial", "left"), WHAT)
def test_what_a_deny_rule_takes(denial: dict[str, Any], left: bool | None) -> None:
    document = policy(grant("projects/p/roles/tokens"))
    judged = judge(document, Around(custom={"projects/p/roles/tokens": ["iam.serviceAccounts.getAccessToken"]}, denials=[denial]))
    assert found(judged) == ({} if left is None else {"gcp-010": left})
    assert all(("a denial may take it away" in g.conditions) is (left is False) for e in judged.escalations for g in e.proof)


def test_a_group_of_permissions_denies_surely_only_what_is_known_to_be_deniable() -> None:
    around = Around(
        denials=[deny("aiplatform.googleapis.com/*.*", "cloudscheduler.googleapis.com/*.*", "container.googleapis.com/pods.create")]
    )
    judged = judge(policy(grant("aiplatform.user")), around, resource=PROJECT)
    assert "gcp-039" not in found(judged)
    assert found(judged)["gcp-034"] is False
    pods = judge(
        policy(grant("projects/p/roles/pods")), Around(custom={"projects/p/roles/pods": ["container.pods.create"]}, denials=around.denials)
    )
    assert [e.path.id for e in pods.escalations] == ["gcp-032"]


def test_an_owner_who_may_not_write_the_policy_is_no_administrator() -> None:
    writing = deny("cloudresourcemanager.googleapis.com/*.setIamPolicy")
    judged = judge(policy(grant("owner")), Around(denials=[writing]), resource=PROJECT)
    assert judged.verdict is Verdict.ESCALATION
    assert "gcp-001" not in found(judged)


def test_a_denial_reaches_nothing_above_where_it_is_attached() -> None:
    everything = "cloudresourcemanager.googleapis.com/folders.setIamPolicy"
    folders = policy(grant("projects/p/roles/folders"))
    for at, verdict in (("organizations/2", "ok"), ("folders/3", "ok"), ("projects/p", "admin")):
        judged = judge(folders, Around(custom=CUSTOM, denials=[deny(everything, at=at)]), resource="folders/3")
        assert judged.verdict == verdict
    nameless = {"rules": deny(everything)["rules"]}
    assert judge(folders, Around(custom=CUSTOM, denials=[nameless]), resource="folders/3").verdict is Verdict.ADMIN


@pytest.mark.parametrize(
    "denial",
    [7, {}, {"rules": 7}, {"rules": [7]}, {"rules": [{}]}, {"rules": [{"denyRule": {"deniedPermissions": "x"}}]}, {"rules": [{"denyRule": {"deniedPrincipals": [7]}}]}],
)  # fmt: skip
def test_a_deny_policy_that_cannot_be_read_takes_nothing_and_is_said(denial: Any) -> None:
    judged = judge(policy(grant("browser")), Around(denials=[denial]))
    assert judged.verdict is Verdict.UNKNOWN
    assert judged.problems
    assert judge(policy(grant("owner")), Around(denials=[denial])).verdict is Verdict.ADMIN


NAMES = {
    "aiplatform.customJobs.create": "aiplatform.googleapis.com/customJobs.create",
    "iam.serviceAccounts.actAs": "iam.googleapis.com/serviceAccounts.actAs",
    "resourcemanager.projects.setIamPolicy": "cloudresourcemanager.googleapis.com/projects.setIamPolicy",
    "iam.googleapis.com/workloadIdentityPoolProviders.create": "iam.googleapis.com/workloadIdentityPoolProviders.create",
}


@pytest.mark.parametrize("permission", NAMES)
def test_permissions_are_named_as_deny_policies_name_them(permission: str) -> None:
    assert deny_name(permission) == NAMES[permission]


def test_what_is_not_known_to_be_deniable_is_undeniable() -> None:
    held = [
        "iam.serviceAccounts.actAs",
        "iam.denypolicies.delete",
        "cloudscheduler.jobs.create",
        "container.pods.create",
        "nobodys.things.do",
    ]
    assert undeniable(held) == ("cloudscheduler.jobs.create", "container.pods.create", "iam.denypolicies.delete", "nobodys.things.do")
    assert undeniable([]) == undeniable(deniable()) == ()
    assert list(deniable()) == sorted(deniable())
    assert support().deniable <= set(facts().permissions)
    assert support().date
    assert not any(name.startswith(support().never) for name in support().deniable)
