from collections.abc import Iterator

import pytest

from tests.support.google.server import Google, served
from tests.support.google.talk import Ask, talking

pytestmark = pytest.mark.enable_socket  # loopback only
P = "projects/fraud-ml-prod"
ENDPOINT = f"{P}/locations/europe-west4/endpoints/7"
VERTEX = f"europe-west4-aiplatform.googleapis.com/v1/{ENDPOINT}"
KEY = f"{P}/locations/global/keys/k1"
DATASET = "bigquery.googleapis.com/bigquery/v2/projects/fraud-ml-prod/datasets/claims"
PERSON = "admin.googleapis.com/admin/directory/v1/users/Ana@example.com"
FINDING = "organizations/1/sources/2/findings/3"


@pytest.fixture
def google() -> Google:
    made = Google()
    made.project("fraud-ml-prod", number="123456789012")
    return made


@pytest.fixture
def ask(google: Google) -> Iterator[Ask]:
    with served(google) as base, talking(base) as send:
        yield send


def test_a_sink_is_read_patched_and_deleted(google: Google, ask: Ask) -> None:
    google.put(f"{P}/sinks/audit", destination="pubsub.googleapis.com/projects/p/topics/t", filter="a", disabled=True)
    path = f"logging.googleapis.com/v2/{P}/sinks"
    assert ask("PATCH", f"{path}/audit?updateMask=disabled,filter", {"filter": "b"})[1]["error"]["status"] == "INVALID_ARGUMENT"
    own = "uniqueWriterIdentity=true"
    made = ask("PATCH", f"{path}/audit?updateMask=disabled,filter&{own}", {"filter": "b"})[1]
    assert (made["filter"], "disabled" in made, made["writerIdentity"]) == ("b", False, google.item(f"{P}/sinks/audit")["writerIdentity"])
    assert ask("PATCH", f"{path}/audit?{own}", {"destination": "storage.googleapis.com/x", "disabled": True})[1].keys() == made.keys() - {
        "filter"
    }
    second = ask("POST", path, {"name": "second", "destination": "storage.googleapis.com/x"})[1]
    assert (second["resourceName"], "cloud-logs@" in second["writerIdentity"]) == (f"{P}/sinks/second", True)
    assert "@gcp-sa-logging." in ask("POST", f"{path}?{own}", {"name": "third"})[1]["writerIdentity"]
    assert ask("POST", path, {"name": "second"})[1]["error"]["status"] == "ALREADY_EXISTS"
    assert [one["name"] for one in ask("GET", path)[1]["sinks"]] == ["audit", "second", "third"]
    assert ask("DELETE", f"{path}/audit") == (200, {})
    assert ask("GET", f"{path}/audit")[0] == 404


def test_an_exclusion_needs_a_mask_and_a_locked_bucket_keeps_its_days(google: Google, ask: Ask) -> None:
    google.put(f"{P}/exclusions/noise", filter="severity<ERROR")
    google.put(f"{P}/locations/global/buckets/_Required", retentionDays=400, locked=True)
    path = f"logging.googleapis.com/v2/{P}"
    assert ask("PATCH", f"{path}/exclusions/noise", {"disabled": True})[0] == 400
    assert ask("PATCH", f"{path}/exclusions/noise?updateMask=disabled", {"disabled": True})[1]["disabled"] is True
    bucket = f"{path}/locations/global/buckets/_Required?updateMask=retentionDays"
    assert ask("PATCH", bucket, {"retentionDays": 1})[1]["error"]["status"] == "FAILED_PRECONDITION"
    assert ask("PATCH", bucket, {"retentionDays": 500})[1]["retentionDays"] == 500
    place = f"{path}/locations/global/buckets/_Required"
    assert ask("DELETE", place) == (200, {})
    assert ask("GET", place)[1]["lifecycleState"] == "DELETE_REQUESTED"
    assert ask("POST", f"{place}:undelete", {}) == (200, {})
    assert ask("GET", place)[1]["lifecycleState"] == "ACTIVE"


def test_an_api_key_is_restricted_deleted_and_brought_back(google: Google, ask: Ask) -> None:
    made, path = google.put(KEY, displayName="chat"), f"apikeys.googleapis.com/v2/{KEY}"
    targets = {"apiTargets": [{"service": "generativelanguage.googleapis.com"}]}
    assert ask("PATCH", f"{path}?updateMask=restrictions", {"etag": made["etag"], "restrictions": targets})[1]["done"] is True
    assert ask("PATCH", f"{path}?updateMask=restrictions", {"etag": made["etag"]})[1]["error"]["status"] == "ABORTED"
    assert ask("GET", path)[1]["restrictions"] == targets
    google.slow_operations = 1
    started = ask("DELETE", path)[1]
    assert "deleteTime" not in ask("GET", path)[1]
    assert ask("GET", f"apikeys.googleapis.com/v2/{started['name']}")[1]["response"]["deleteTime"]
    assert ask("GET", path.removesuffix("/k1")) == (200, {})
    google.slow_operations = 0
    assert ask("POST", f"{path}:undelete", {})[1]["done"] is True
    assert ask("GET", path.removesuffix("/k1"))[1]["keys"][0]["restrictions"] == targets


def test_a_provider_of_people_s_identities_is_switched_off(google: Google, ask: Ask) -> None:
    name = "locations/global/workforcePools/staff/providers/sso"
    google.pool(name, disabled=False)
    assert ask("PATCH", f"iam.googleapis.com/v1/{name}?updateMask=disabled", {"disabled": True})[1]["done"] is True
    assert ask("GET", f"iam.googleapis.com/v1/{name}")[1]["disabled"] is True


def test_a_dataset_s_access_changes_under_its_etag(google: Google, ask: Ask) -> None:
    google.put(f"{P}/datasets/claims", access=[{"role": "READER", "userByEmail": "ana@example.com"}])
    seen = ask("GET", DATASET)[1]
    wanted = [*seen["access"], {"role": "roles/bigquery.dataOwner", "iamMember": "allUsers"}]
    code, made = ask("PATCH", DATASET, {"access": wanted}, If_Match=seen["etag"])
    assert (code, made["access"][1]["role"]) == (200, "OWNER")
    code, body = ask("PATCH", DATASET, {"access": []}, If_Match=seen["etag"])
    assert (code, body["error"]["errors"][0]["reason"]) == (412, "conditionNotMet")
    assert ask("PATCH", DATASET, {"access": [{"role": "READER"}]})[0] == 400


def test_a_dataset_s_conditions_need_version_3(google: Google, ask: Ask) -> None:
    entry = {"role": "READER", "userByEmail": "ana@example.com", "condition": {"title": "t", "expression": "true"}}
    google.put(f"{P}/datasets/claims", access=[entry])
    assert ask("GET", f"{DATASET}?accessPolicyVersion=3")[1]["access"] == [entry]
    hidden = ask("GET", DATASET)[1]["access"]
    assert hidden[0]["role"].startswith("READER_withcond_")
    assert ask("PATCH", DATASET, {"access": hidden})[0] == 400
    assert ask("PATCH", DATASET, {"access": []})[0] == 400
    assert ask("PATCH", f"{DATASET}?accessPolicyVersion=3", {"access": []})[1]["access"] == []


def test_an_endpoint_s_traffic_adds_up(google: Google, ask: Ask) -> None:
    models = [{"id": "1", "model": "m"}, {"id": "2", "model": "n"}]
    old = google.put(ENDPOINT, deployedModels=models, trafficSplit={"1": 50, "2": 50})
    assert ask("PATCH", f"{VERTEX}?updateMask=trafficSplit", {"trafficSplit": {"1": 90}})[0] == 400
    assert ask("PATCH", f"{VERTEX}?updateMask=trafficSplit", {"trafficSplit": {"3": 100}})[0] == 400
    made = ask("PATCH", f"{VERTEX}?updateMask=trafficSplit", {"etag": old["etag"], "trafficSplit": {"1": 100}})[1]
    assert made["trafficSplit"] == {"1": 100}
    assert ask("PATCH", f"{VERTEX}?updateMask=trafficSplit", {"etag": old["etag"], "trafficSplit": {}})[1]["error"]["status"] == "ABORTED"
    assert ask("POST", f"{VERTEX}:undeployModel", {"deployedModelId": "1"})[0] == 400
    assert ask("POST", f"{VERTEX}:undeployModel", {"deployedModelId": "2"})[1]["done"] is True
    assert ask("GET", VERTEX)[1]["deployedModels"] == models[:1]


@pytest.mark.parametrize("host", ["aiplatform", "us-central1-aiplatform"])
@pytest.mark.parametrize(("verb", "rest"), [("GET", ""), ("POST", ":getIamPolicy")])
def test_another_region_s_host_does_not_serve_it(google: Google, ask: Ask, host: str, verb: str, rest: str) -> None:
    google.put(ENDPOINT)
    assert ask(verb, f"{host}.googleapis.com/v1beta1/{ENDPOINT}{rest}")[0] == 404


def test_a_person_is_read_suspended_and_signed_out(google: Google, ask: Ask) -> None:
    google.put("users/ana@example.com", isEnrolledIn2Sv=True, _tokens=[{"clientId": "app"}], _asps=[{"codeId": 4}])
    assert ask("GET", PERSON)[1]["isEnrolledIn2Sv"] is True
    made = ask("PUT", PERSON, {"suspended": True, "isEnrolledIn2Sv": False})[1]
    assert (made["suspended"], made["isEnrolledIn2Sv"], "_tokens" in made) == (True, True, False)
    assert ask("POST", f"{PERSON}/signOut") == (204, None)
    assert ask("GET", f"{PERSON}/tokens")[1]["items"] == [{"clientId": "app"}]
    assert ask("DELETE", f"{PERSON}/tokens/app") == (204, None)
    assert ask("DELETE", f"{PERSON}/tokens/app")[0] == 404
    assert ask("DELETE", f"{PERSON}/asps/4") == (204, None)
    kept = google.item("users/ana@example.com")
    assert (kept["_signedOut"], kept["_tokens"], kept["_asps"]) == (1, [], [])
    assert ask("GET", PERSON.replace("Ana", "bo"))[0] == 404


@pytest.mark.parametrize(("version", "place"), [("v1", ""), ("v2", ""), ("v2", "/locations/global")])
def test_a_finding_is_marked_in_both_versions(google: Google, ask: Ask, version: str, place: str) -> None:
    google.put(FINDING, category="Leaked", state="ACTIVE", securityMarks={"marks": {"theirs": "kept"}})
    name = FINDING.replace("/findings", f"{place}/findings")
    path = f"securitycenter.googleapis.com/{version}/{name}"
    made = ask("PATCH", f"{path}/securityMarks?updateMask=marks.ringfence", {"marks": {"ringfence": "done"}})[1]
    assert (made["marks"], made["name"]) == ({"theirs": "kept", "ringfence": "done"}, f"{name}/securityMarks")
    assert ask("PATCH", f"{path}/securityMarks?updateMask=state", {"marks": {}})[0] == 400
    assert ask("POST", f"{path}:setState", {"state": "INACTIVE"})[1]["state"] == "INACTIVE"
    assert ask("POST", f"{path}:setState", {"state": "GONE"})[0] == 400
    listed = ask("GET", f"{path.removesuffix('/3')}?filter=category%3D%22Leaked%22")[1]["listFindingsResults"]
    assert [one["finding"]["name"] for one in listed] == [name]
    assert ask("GET", f"{path.removesuffix('/3')}?filter=category%3D%22Other%22")[1] == {"totalSize": 0}


def test_lists_come_by_page(google: Google, ask: Ask) -> None:
    for number in range(5):
        google.account("fraud-ml-prod", f"scorer-{number}")
    path, seen, token = f"iam.googleapis.com/v1/{P}/serviceAccounts?pageSize=2", [], ""
    for _ in range(3):
        told = ask("GET", f"{path}&pageToken={token}")[1]
        seen += [one["email"].partition("@")[0] for one in told["accounts"]]
        token = told.get("nextPageToken", "")
    assert (seen, token) == ([f"scorer-{number}" for number in range(5)], "")


def test_the_default_acl_of_new_objects_is_changed(google: Google, ask: Ask) -> None:
    google.bucket("fraud-train", "fraud-ml-prod", iamConfiguration={"uniformBucketLevelAccess": {"enabled": False}})
    path = "storage.googleapis.com/storage/v1/b/fraud-train"
    assert ask("POST", f"{path}/defaultObjectAcl", {"entity": "allUsers", "role": "READER"})[0] == 200
    shown = ask("GET", f"{path}?projection=full")[1]
    assert [one["entity"] for one in shown["defaultObjectAcl"]] == ["allUsers"]
    assert [one["entity"] for one in shown["acl"]] == [f"project-{team}-123456789012" for team in ("editors", "owners", "viewers")]
    assert ask("DELETE", f"{path}/defaultObjectAcl/allUsers") == (204, None)
    assert ask("GET", f"{path}/defaultObjectAcl")[1]["items"] == []
    assert (
        ask("PATCH", f"{path}?projection=full", {"acl": [{"entity": "user-ana@example.com", "role": "READER"}]})[1]["acl"][0]["role"]
        == "READER"
    )
    assert [one["role"] for one in google.policy("projects/_/buckets/fraud-train")["bindings"]] == ["roles/storage.legacyBucketReader"]


def test_a_project_and_a_folder_tell_their_parents(google: Google, ask: Ask) -> None:
    google.node("folders/7", "organizations/1")
    google.project("spare", parent="folders/7")
    ask_of = "cloudresourcemanager.googleapis.com/v3/"
    assert [ask("GET", f"{ask_of}{name}")[1].get("parent") for name in ("projects/spare", "folders/7", "organizations/1")] == [
        "folders/7",
        "organizations/1",
        None,
    ]
    assert ask("GET", f"{ask_of}projects/nothing")[0] == 403


def test_a_deleted_account_comes_back_with_its_grants(google: Google, ask: Ask) -> None:
    account = google.account("fraud-ml-prod", "scorer")
    google.grant(P, "roles/viewer", f"serviceAccount:{account['email']}")
    path = "iam.googleapis.com/v1/projects/-/serviceAccounts"
    ask("DELETE", f"iam.googleapis.com/v1/{account['name']}")
    assert ask("POST", f"{path}/{account['uniqueId']}:undelete", {}) == (200, {"restoredAccount": account})
    assert google.policy(P)["bindings"][0]["members"] == [f"serviceAccount:{account['email']}"]
    assert ask("POST", f"{path}/{account['uniqueId']}:undelete", {})[0] == 404
    ask("DELETE", f"iam.googleapis.com/v1/{account['name']}")
    google.account("fraud-ml-prod", "scorer")
    assert ask("POST", f"{path}/{account['uniqueId']}:undelete", {})[1]["error"]["status"] == "FAILED_PRECONDITION"


def test_keys_are_made_and_deleted(google: Google, ask: Ask) -> None:
    path = f"iam.googleapis.com/v1/{google.account('fraud-ml-prod', 'scorer')['name']}/keys"
    made = ask("POST", path, {})[1]
    assert made["privateKeyData"]
    assert "privateKeyData" not in ask("GET", f"iam.googleapis.com/v1/{made['name']}")[1]
    assert ask("DELETE", f"iam.googleapis.com/v1/{made['name']}") == (200, {})
    assert ask("GET", f"{path}?keyTypes=USER_MANAGED") == (200, {})


def test_custom_roles_are_made_deleted_and_brought_back(ask: Ask) -> None:
    path = "iam.googleapis.com/v1/organizations/1/roles"
    made = ask("POST", path, {"roleId": "trainer", "role": {"includedPermissions": ["aiplatform.jobs.get"], "stage": "GA"}})[1]
    assert made["name"] == "organizations/1/roles/trainer"
    assert ask("POST", path, {"roleId": "trainer"})[1]["error"]["status"] == "ALREADY_EXISTS"
    assert ask("DELETE", f"{path}/trainer")[1]["deleted"] is True
    assert ask("GET", path) == (200, {})
    assert ask("GET", f"{path}?showDeleted=true&view=FULL")[1]["roles"][0]["includedPermissions"] == ["aiplatform.jobs.get"]
    assert "deleted" not in ask("POST", f"{path}/trainer:undelete", {})[1]


def test_a_deny_policy_is_replaced_under_its_etag(ask: Ask) -> None:
    path = "iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%2Forganizations%2F1/denypolicies"
    rule = {"deniedPrincipals": ["principalSet://goog/group/ml@example.com"], "deniedPermissions": ["iam.googleapis.com/roles.create"]}
    old = ask("POST", f"{path}?policyId=freeze", {"rules": [{"denyRule": rule}]})[1]["response"]
    wider = {"rules": [{"denyRule": {**rule, "deniedPermissions": ["iam.googleapis.com/roles.*"]}}], "etag": old["etag"]}
    assert ask("PUT", f"{path}/freeze", wider)[1]["response"]["rules"] == wider["rules"]
    assert ask("PUT", f"{path}/freeze", wider)[1]["error"]["status"] == "ABORTED"
    seen = ask("GET", f"{path}/freeze")[1]
    assert (seen["uid"], seen["rules"]) == (old["uid"], wider["rules"])
