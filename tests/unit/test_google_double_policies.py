import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from tests.support.google.server import Google, served
from tests.support.google.talk import Ask, Told, talking

pytestmark = pytest.mark.enable_socket  # loopback only
P, NUMBER = "projects/fraud-ml-prod", "123456789012"
NIGHT = {"title": "night", "expression": "request.time.getHours('Europe/Berlin') < 6"}
TUNER = "serviceAccount:tuning@fraud-ml-prod.iam.gserviceaccount.com"
ANA, BO = "user:ana@example.com", "user:bo@example.com"
USER = "roles/aiplatform.user"
BUCKET = "storage.googleapis.com/storage/v1/b/fraud-train"
DENY = "iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%2Fprojects%2F{}/denypolicies"
RULE = {
    "denyRule": {
        "deniedPrincipals": ["principal://iam.googleapis.com/projects/-/serviceAccounts/tuning@fraud-ml-prod.iam.gserviceaccount.com"],
        "deniedPermissions": ["aiplatform.googleapis.com/customJobs.create"],
    }
}


@pytest.fixture
def google() -> Google:
    made = Google()
    made.project("fraud-ml-prod", number=NUMBER)
    made.account("fraud-ml-prod", "tuning")
    made.grant(P, "roles/owner", ANA)
    return made


@pytest.fixture
def base(google: Google) -> Iterator[str]:
    with served(google) as url:
        yield url


@pytest.fixture
def ask(base: str) -> Iterator[Ask]:
    with talking(base) as send:
        yield send


def read(ask: Ask, version: int = 3, name: str = P) -> Any:
    return ask("POST", f"cloudresourcemanager.googleapis.com/v3/{name}:getIamPolicy", {"options": {"requestedPolicyVersion": version}})[1]


def write(ask: Ask, policy: object, name: str = P, **other: object) -> Told:
    return ask("POST", f"cloudresourcemanager.googleapis.com/v3/{name}:setIamPolicy", {"policy": policy, **other})


def message(told: Told) -> str:
    assert told[0] >= 400, told
    return str(told[1]["error"]["message"])


def test_eight_callers_that_redo_their_conflicts_lose_nothing(google: Google, base: str) -> None:
    google.grant(P, USER, TUNER, NIGHT)

    def caller(number: int) -> int:
        conflicts = 0
        with talking(base) as ask:
            for turn in range(10):
                while True:
                    policy = read(ask)
                    policy["bindings"].append({"role": "roles/viewer", "members": [f"user:u{number}-{turn}@example.com"]})
                    code, _ = write(ask, policy)
                    if code == 200:
                        break
                    assert code == 409
                    conflicts += 1
        return conflicts

    with ThreadPoolExecutor(8) as pool:
        conflicts = sum(pool.map(caller, range(8)))
    bindings = {one["role"]: one for one in google.policy(P)["bindings"]}
    assert len(bindings["roles/viewer"]["members"]) == 80
    assert bindings[USER] == {"role": USER, "members": [TUNER], "condition": NIGHT}
    assert conflicts > 0


def test_of_two_writes_at_once_one_is_refused(google: Google, base: str) -> None:
    meeting, policy = threading.Barrier(2), google.policy(P)

    def missing(_: str) -> bool:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(0.1)  # where both are inside, they meet
        return False

    def writer(number: int) -> int:
        with talking(base) as ask:
            return write(ask, {**policy, "bindings": [*policy["bindings"], {"role": USER, "members": [f"user:u{number}@example.com"]}]})[0]

    google.policies.missing = missing
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(writer, range(2))) == [200, 409]


def test_a_policy_that_nobody_set_has_only_an_etag(google: Google, ask: Ask) -> None:
    google.node("folders/7", "organizations/1")
    assert read(ask, name="folders/7") == {"etag": "ACAB"}
    made = write(ask, {"etag": "ACAB", "bindings": [{"role": "roles/viewer", "members": [BO]}]}, "folders/7")[1]
    assert (made["version"], made["bindings"]) == (1, [{"role": "roles/viewer", "members": [BO]}])
    assert read(ask, name="organizations/9")["error"]["status"] == "PERMISSION_DENIED"


def test_a_project_is_meant_by_its_number_too(ask: Ask) -> None:
    assert read(ask, name=f"projects/{NUMBER}") == read(ask)


def test_bindings_are_merged_by_role_and_condition_and_empty_ones_go(google: Google, ask: Ask) -> None:
    told = [
        {"role": "roles/owner", "members": [ANA]},
        {"role": USER, "members": [TUNER, BO, TUNER]},
        {"role": USER, "members": [TUNER], "condition": NIGHT},
        {"role": USER, "members": [ANA, BO]},
        {"role": USER, "members": [BO, TUNER], "condition": dict(reversed(NIGHT.items()))},
        {"role": "roles/viewer", "members": []},
        {"role": "roles/browser"},
    ]
    made = write(ask, {"version": 3, "bindings": told})[1]["bindings"]
    assert made == [
        {"role": "roles/owner", "members": [ANA]},
        {"role": USER, "members": [TUNER, BO, ANA]},
        {"role": USER, "members": [TUNER, BO], "condition": NIGHT},
    ]


def test_who_does_not_ask_for_version_3_sees_no_condition(google: Google, ask: Ask) -> None:
    google.grant(P, USER, TUNER, NIGHT)
    for version in (0, 1):
        seen = read(ask, version)
        assert (seen["version"], seen["etag"]) == (1, google.policy(P)["etag"])
        assert seen["bindings"][0] == {"role": "roles/owner", "members": [ANA]}
        assert seen["bindings"][1].keys() == {"role", "members"}
        role, _, rest = seen["bindings"][1]["role"].partition("_withcond_")
        assert (role, len(rest)) == (USER, 20)
    assert message((400, read(ask, 2))) == "Invalid policy version (2)."


def test_who_writes_a_lower_version_is_refused_with_an_etag_and_loses_conditions_without(google: Google, ask: Ask) -> None:
    google.grant(P, USER, TUNER, NIGHT)
    seen, before = read(ask, 1), google.policy(P)
    assert "Specified policy version (1) cannot be less than the existing policy version (3)" in message(write(ask, seen))
    assert "cannot be less" in message(write(ask, {**read(ask), "version": 1}))
    assert "is not supported for this resource" in message(write(ask, {**seen, "version": 3}))
    assert google.policy(P) == before
    del seen["etag"]
    assert write(ask, seen)[0] == 200
    assert google.policy(P)["bindings"][1] == {"role": USER, "members": [TUNER]}


def test_without_an_etag_the_last_writer_wins(google: Google, ask: Ask) -> None:
    mine = {"version": 3, "bindings": [{"role": "roles/owner", "members": [ANA]}]}
    google.grant(P, USER, BO)
    assert write(ask, mine)[1]["bindings"] == mine["bindings"]


def test_the_mask_says_what_is_written(google: Google, ask: Ask) -> None:
    audit = [{"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}]}]
    assert write(ask, {"auditConfigs": audit}, updateMask="auditConfigs")[1]["auditConfigs"] == audit
    assert google.policy(P)["bindings"] == [{"role": "roles/owner", "members": [ANA]}]
    kept = write(ask, {"bindings": [{"role": "roles/owner", "members": [BO]}], "auditConfigs": []})[1]
    assert (kept["auditConfigs"], kept["bindings"][0]["members"]) == (audit, [BO])
    assert "auditConfigs" not in write(ask, {**kept, "auditConfigs": []}, updateMask="bindings,etag,auditConfigs")[1]
    assert "Invalid update mask" in message(write(ask, kept, updateMask="roles"))


@pytest.mark.parametrize(
    ("binding", "told"),
    [
        ({"role": "roles/viewer", "members": ["ana@example.com"]}, "is of an unknown type"),
        ({"role": "roles/viewer", "members": ["robot:x@example.com"]}, "is of an unknown type"),
        ({"role": "roles/viewer", "members": ["projectOwner:fraud-ml-prod"]}, "is of an unknown type"),
        ({"role": "roles/viewer", "members": ["allUsers"]}, "do not support allUsers"),
        ({"role": "viewer", "members": [BO]}, "Role viewer is not supported"),
        ({"role": "roles/viewer", "members": [BO], "condition": NIGHT}, "not allowed on basic roles"),
        ({"role": USER, "members": [BO], "condition": {"title": "x"}}, "Expression in condition is required"),
        ({"role": USER, "members": ["serviceAccount:nobody@fraud-ml-prod.iam.gserviceaccount.com"]}, "does not exist"),
        (
            {"role": USER, "members": [f"user:u{n}@example.com" for n in range(1501)]},
            "(1,501) is larger than the maximum allowed size 1,500",
        ),
        ({"role": USER, "members": [f"group:g{n}@example.com" for n in range(251)]}, "groups and domains"),
    ],
)
def test_what_google_refuses_in_a_policy(google: Google, ask: Ask, binding: object, told: str) -> None:
    before = google.policy(P)
    assert told in message(write(ask, {"version": 3, "bindings": [binding]}))
    assert google.policy(P) == before


@pytest.mark.parametrize(
    "member",
    [
        "serviceAccount:x@other-project.iam.gserviceaccount.com",
        "serviceAccount:fraud-ml-prod.svc.id.goog[training/loader]",
        "serviceAccount:service-1@gcp-sa-aiplatform-re.iam.gserviceaccount.com",
        "group:g@example.com",
        "domain:example.com",
        "deleted:user:ana@example.com?uid=123456789012345678901",
        f"principal://iam.googleapis.com/projects/{NUMBER}/locations/global/workloadIdentityPools/ci/subject/repo",
        "principalSet://iam.googleapis.com/locations/global/workforcePools/staff/*",
        "principal://agents.global.org-1.system.id.goog/resources/aiplatform/projects/1/locations/eu/reasoningEngines/2",
    ],
)
def test_members_of_every_kind_are_kept_as_they_are_written(google: Google, ask: Ask, member: str) -> None:
    assert write(ask, {"bindings": [{"role": USER, "members": [member]}]})[1]["bindings"][0]["members"] == [member]


def test_the_last_owner_of_a_project_without_an_organisation_stays(google: Google, ask: Ask) -> None:
    google.project("lone", parent="")
    google.grant("projects/lone", "roles/owner", ANA)
    bot = {"role": "roles/owner", "members": ["serviceAccount:x@other.iam.gserviceaccount.com"]}
    assert "at least one owner" in message(write(ask, {"bindings": [bot]}, "projects/lone"))
    assert "invalid argument" in message(write(ask, {"bindings": [{"role": "roles/owner", "members": [ANA, BO]}]}, "projects/lone"))
    assert write(ask, {"bindings": [bot, {"role": "roles/owner", "members": [ANA]}]}, "projects/lone")[0] == 200
    assert write(ask, {"bindings": []})[0] == 200


def test_reads_lag_behind_a_write_and_their_etag_is_stale(google: Google, ask: Ask) -> None:
    before, google.lag = read(ask), 2
    assert write(ask, {**before, "bindings": [*before["bindings"], {"role": USER, "members": [BO]}]})[0] == 200
    assert read(ask) == before
    assert write(ask, before)[0] == 409
    assert read(ask) == before
    assert read(ask) == google.policy(P) != before
    google.lag = 1
    name = "iam.googleapis.com/v1/" + P + "/serviceAccounts/" + TUNER.partition(":")[2]
    ask("POST", f"{name}:disable", {})
    assert [ask("GET", name)[1].get("disabled", False) for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("path", "name", "get"),
    [
        ("iam.googleapis.com/v1/", f"{P}/serviceAccounts/{TUNER.partition(':')[2]}", "POST"),
        ("europe-west4-aiplatform.googleapis.com/v1beta1/", f"{P}/locations/europe-west4/endpoints/7", "POST"),
        ("cloudkms.googleapis.com/v1/", f"{P}/locations/eu/keyRings/r/cryptoKeys/k", "GET"),
        ("secretmanager.googleapis.com/v1/", f"{P}/secrets/token", "GET"),
    ],
)
def test_the_policies_of_other_resources_are_the_same(google: Google, ask: Ask, path: str, name: str, get: str) -> None:
    google.grant(name, "roles/iam.serviceAccountUser", BO, NIGHT)
    seen = ask(get, f"{path}{name}:getIamPolicy?options.requestedPolicyVersion=3")[1]
    assert seen == google.policy(name)
    assert ask("POST", f"{path}{name}:setIamPolicy", {"policy": {**seen, "bindings": []}})[1].keys() == {"etag"}
    assert ask("POST", f"{path}{name}:setIamPolicy", {"policy": seen})[1]["error"]["status"] == "ABORTED"
    assert ask(get, f"{path}{name}x:getIamPolicy")[0] in (403, 404)


def test_a_bucket_s_policy_conflicts_with_412_and_changes_with_the_bucket(google: Google, ask: Ask) -> None:
    google.bucket("fraud-train", "fraud-ml-prod")
    google.grant("projects/_/buckets/fraud-train", "roles/storage.objectViewer", BO, NIGHT)
    seen = ask("GET", f"{BUCKET}/iam?optionsRequestedPolicyVersion=3")[1]
    assert (seen["kind"], seen["version"], seen["resourceId"]) == ("storage#policy", 3, "projects/_/buckets/fraud-train")
    assert seen["bindings"][0]["members"] == ["projectEditor:fraud-ml-prod", "projectOwner:fraud-ml-prod"]
    number = ask("GET", BUCKET)[1]["metageneration"]
    assert ask("PATCH", f"{BUCKET}?ifMetagenerationMatch={number}", {"labels": {"a": "b"}})[1]["metageneration"] == str(int(number) + 1)
    code, body = ask("PUT", f"{BUCKET}/iam", seen)
    assert (code, body["error"]["errors"][0]["reason"]) == (412, "conditionNotMet")
    fresh = ask("GET", f"{BUCKET}/iam?optionsRequestedPolicyVersion=3")[1]
    assert ask("PUT", f"{BUCKET}/iam", {**fresh, "bindings": fresh["bindings"][:2]})[1]["version"] == 1


def test_public_access_prevention_keeps_the_public_out(google: Google, ask: Ask) -> None:
    google.bucket("fraud-train", "fraud-ml-prod", iamConfiguration={"uniformBucketLevelAccess": {"enabled": False}})
    number = ask("GET", BUCKET)[1]["metageneration"]
    assert ask("POST", f"{BUCKET}/acl", {"entity": "allUsers", "role": "READER"})[0] == 200
    assert "allUsers" in google.policy("projects/_/buckets/fraud-train")["bindings"][-1]["members"]
    closed = {"iamConfiguration": {"publicAccessPrevention": "enforced"}}
    assert ask("PATCH", f"{BUCKET}?ifMetagenerationMatch={number}", closed)[1]["error"]["errors"][0]["reason"] == "conditionNotMet"
    made = ask("PATCH", BUCKET, closed)[1]
    assert made["iamConfiguration"] == {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": {"enabled": False}}
    assert ask("DELETE", f"{BUCKET}/acl/allUsers") == (204, None)
    assert ask("DELETE", f"{BUCKET}/acl/allUsers")[0] == 404
    assert "public access prevention is enforced" in message(ask("POST", f"{BUCKET}/acl", {"entity": "allUsers", "role": "READER"}))
    policy = ask("GET", f"{BUCKET}/iam")[1]
    policy["bindings"].append({"role": "roles/storage.objectViewer", "members": ["allUsers"]})
    assert "public access prevention is enforced" in message(ask("PUT", f"{BUCKET}/iam", policy))
    ask("PATCH", BUCKET, {"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}})
    assert "uniform bucket-level access is enabled" in message(ask("GET", f"{BUCKET}/acl"))


def test_a_deny_policy_is_made_read_listed_and_undone(google: Google, ask: Ask) -> None:
    google.slow_operations = 1
    by_id, by_number = DENY.format("fraud-ml-prod"), DENY.format(NUMBER)
    started = ask("POST", f"{by_id}?policyId=quarantine-1", {"displayName": "x", "rules": [RULE]})[1]
    assert "done" not in started
    assert ask("POST", f"{by_id}?policyId=quarantine-1", {"rules": [RULE]})[1]["error"]["status"] == "ALREADY_EXISTS"
    assert ask("GET", f"{by_id}/quarantine-1")[0] == 404
    assert ask("GET", f"iam.googleapis.com/v2/{started['name']}")[1]["done"] is True
    made = ask("GET", f"{by_id}/quarantine-1")[1]
    assert made == ask("GET", f"{by_number}/quarantine-1")[1]
    assert (f"iam.googleapis.com/v2/{made['name']}", made["kind"], made["rules"]) == (f"{by_number}/quarantine-1", "DenyPolicy", [RULE])
    assert "rules" not in ask("GET", by_id)[1]["policies"][0]
    google.slow_operations = 0
    assert ask("DELETE", f"{by_id}/quarantine-1?etag=BwAAAAAAAAA%3D")[1]["error"]["status"] == "ABORTED"
    assert ask("DELETE", f"{by_id}/quarantine-1?etag={made['etag'].replace('=', '%3D')}")[1]["done"] is True
    assert ask("GET", f"{by_id}/quarantine-1")[0] == 404
    assert ask("GET", by_id) == (200, {})


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"deniedPrincipals": [TUNER]}, "is in an incorrect format"),
        ({"deniedPrincipals": ["principal://goog/subject/ana"]}, "is in an incorrect format"),
        ({"deniedPermissions": ["aiplatform.customJobs.create"]}, "is in an incorrect format"),
        ({"deniedPermissions": ["resourcemanager.googleapis.com/projects.setIamPolicy"]}, "is in an incorrect format"),
        ({"deniedPermissions": ["storage.googleapis.com/hmacKeys.create"]}, "is not supported in deny policies"),
        ({"deniedPermissions": []}, "has denied principals and denied permissions"),
        ({"denialCondition": {"expression": "resource.name == 'x'"}}, "resource tags only"),
    ],
)
def test_deny_rules_that_google_refuses(ask: Ask, rule: dict[str, object], told: str) -> None:
    body = {"rules": [{"denyRule": {**RULE["denyRule"], **rule}}]}
    assert told in message(ask("POST", f"{DENY.format('fraud-ml-prod')}?policyId=quarantine-1", body))


def test_an_operation_may_fail_and_then_nothing_happened(google: Google, ask: Ask) -> None:
    google.operation_error = {"code": 13, "message": "internal"}
    path = DENY.format("fraud-ml-prod")
    assert ask("POST", f"{path}?policyId=quarantine-1", {"rules": [RULE]})[1]["error"] == {"code": 13, "message": "internal"}
    assert ask("GET", f"{path}/quarantine-1")[0] == 404


def test_the_search_finds_grants_wherever_they_hang(google: Google, ask: Ask) -> None:
    google.node("folders/7", "organizations/1")
    google.project("spare", parent="folders/7")
    google.bucket("fraud-train", "spare")
    google.grant("projects/_/buckets/fraud-train", "roles/storage.admin", BO)
    google.grant("organizations/1", "roles/viewer", BO)
    google.grant("organizations/1", "roles/browser", ANA)

    def found(scope: str) -> list[str]:
        reply = ask("GET", f"cloudasset.googleapis.com/v1/{scope}:searchAllIamPolicies?query=policy:%22bo@example.com%22")[1]
        assert all(len(one["policy"]["bindings"]) == 1 for one in reply.get("results", []))
        return [one["resource"].removeprefix("//") for one in reply.get("results", [])]

    assert found("organizations/1") == ["cloudresourcemanager.googleapis.com/organizations/1", "storage.googleapis.com/fraud-train"]
    assert found("folders/7") == found("projects/spare") == ["storage.googleapis.com/fraud-train"]
    assert found(P) == []
