import http.client
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.google.client import official, refusal
from tests.support.google.server import Asked, Dropped, Google, Refused, served
from tests.support.google.talk import Ask, Told, talking

pytestmark = pytest.mark.enable_socket  # loopback only
P = "projects/fraud-ml-prod"
NIGHT = {"title": "night", "expression": "request.time.getHours('Europe/Berlin') < 6"}
TUNER = "serviceAccount:tuning@fraud-ml-prod.iam.gserviceaccount.com"
ANA, BO = "user:ana@example.com", "user:bo@example.com"
POINT = "policies/cloudresourcemanager.googleapis.com%2Fprojects%2Ffraud-ml-prod/denypolicies"
type Client = Callable[..., Any]


@pytest.fixture
def google() -> Google:
    made = Google()
    made.project("fraud-ml-prod", number="123456789012")
    made.account("fraud-ml-prod", "tuning")
    made.grant(P, "roles/owner", ANA)
    return made


@pytest.fixture
def base(google: Google, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with served(google) as url:
        yield url


@pytest.fixture
def ask(base: str) -> Iterator[Ask]:
    with talking(base) as send:
        yield send


@pytest.fixture
def client(base: str) -> Iterator[Client]:
    with ExitStack() as stack:
        yield lambda api, version, **other: stack.enter_context(official(base, api, version, **other))


def read(ask: Ask, version: int = 3) -> Any:
    return ask("POST", f"cloudresourcemanager.googleapis.com/v3/{P}:getIamPolicy", {"options": {"requestedPolicyVersion": version}})[1]


def write(ask: Ask, policy: object, **other: object) -> Told:
    return ask("POST", f"cloudresourcemanager.googleapis.com/v3/{P}:setIamPolicy", {"policy": policy, **other})


def iam(path: str) -> str:
    return f"iam.googleapis.com/v1/{P}/{path}"


def test_google_s_own_client_reads_and_writes_a_conditional_policy(google: Google, client: Client) -> None:
    google.grant(P, "roles/aiplatform.user", TUNER, NIGHT)
    google.grant(P, "roles/aiplatform.user", BO)
    projects = client("cloudresourcemanager", "v3").projects()
    policy = projects.getIamPolicy(resource=P, body={"options": {"requestedPolicyVersion": 3}}).execute()
    assert policy["version"] == 3
    assert {"role": "roles/aiplatform.user", "members": [TUNER], "condition": NIGHT} in policy["bindings"]
    policy["bindings"] = [one for one in policy["bindings"] if BO not in one["members"]]
    made = projects.setIamPolicy(resource=P, body={"policy": policy, "updateMask": "bindings,etag"}).execute()
    assert made == google.policy(P)
    assert made["etag"] != policy["etag"]
    assert [(one["role"], one["members"], one.get("condition")) for one in made["bindings"]] == [
        ("roles/owner", [ANA], None),
        ("roles/aiplatform.user", [TUNER], NIGHT),
    ]


def test_google_s_own_client_gets_its_409(client: Client) -> None:
    projects = client("cloudresourcemanager", "v3").projects()
    policy = projects.getIamPolicy(resource=P, body={}).execute()
    projects.setIamPolicy(resource=P, body={"policy": policy}).execute()
    code, told = refusal(projects.setIamPolicy(resource=P, body={"policy": policy}))
    assert code == 409
    assert "ABORTED" in told
    assert "There were concurrent policy changes." in told


def test_google_s_own_client_works_with_the_other_apis(google: Google, client: Client) -> None:
    google.bucket("fraud-train", "fraud-ml-prod")
    google.put(f"{P}/locations/europe-west4/endpoints/7", displayName="scores")
    google.put(f"{P}/sinks/audit", destination="pubsub.googleapis.com/projects/p/topics/t")
    google.put(f"{P}/datasets/claims")
    google.put("users/ana@example.com")
    assert client("storage", "v1", path="storage/v1/").buckets().get(bucket="fraud-train").execute()["projectNumber"] == "123456789012"
    vertex = client("aiplatform", "v1", host="europe-west4-aiplatform").projects().locations().endpoints()
    assert vertex.get(name=f"{P}/locations/europe-west4/endpoints/7").execute()["displayName"] == "scores"
    assert client("logging", "v2").projects().sinks().get(sinkName=f"{P}/sinks/audit").execute()["name"] == "audit"
    datasets = client("bigquery", "v2", path="bigquery/v2/").datasets()
    assert datasets.get(projectId="fraud-ml-prod", datasetId="claims").execute()["access"] == []
    people = client("admin", "directory_v1").users()
    assert people.get(userKey="ana@example.com").execute()["isEnrolledIn2Sv"] is False
    rule = {
        "denyRule": {
            "deniedPrincipals": ["principal://goog/subject/ana@example.com"],
            "deniedPermissions": ["iam.googleapis.com/roles.create"],
        }
    }
    denials = client("iam", "v2").policies()
    assert denials.createPolicy(parent=POINT, policyId="quarantine-1", body={"rules": [rule]}).execute()["done"] is True
    assert denials.get(name=f"{POINT}/quarantine-1").execute()["rules"] == [rule]
    assert client("iam", "v1").projects().serviceAccounts().list(name=P).execute()["accounts"][0]["email"].startswith("tuning@")


@pytest.mark.parametrize(
    ("path", "code", "told"),
    [
        ("iam.googleapis.com/v1/projects/p/serviceAccount/e@example.com", 404, "Method not found."),
        ("iam.googleapis.com/v3/projects/p", 404, "not found on this server"),
        ("nothing.googleapis.com/v1/projects/p", 404, "not found on this server"),
        ("../etc/v1/projects/p", 404, "not found on this server"),
        (iam("serviceAccounts?pagesize=1"), 400, 'Unknown name "pagesize": Cannot bind query parameter.'),
        (iam("serviceAccounts?pageSize=one"), 400, "Invalid value at 'pageSize' (TYPE_INT32)"),
        (iam("serviceAccounts?pageSize=1&pageSize=2"), 400, "Proto field is not repeating"),
        (iam("roles?view=LONG"), 400, "Invalid value at 'view'"),
        ("storage.googleapis.com/storage/v1/b", 400, "Required parameter: project"),
        ("pubsub.googleapis.com/v1/projects/p/schemas/s", 501, "does not serve pubsub.projects.schemas.get"),
    ],
)
def test_what_the_documents_do_not_have_is_refused(ask: Ask, path: str, code: int, told: str) -> None:
    status, body = ask("GET", path)
    assert (status, told in body["error"]["message"]) == (code, True), body


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"polciy": {}}, 'Unknown name "polciy": Cannot find field.'),
        ({"policy": {"bindings": [{"member": [ANA]}]}}, "Unknown name \"member\" at 'policy.bindings[0]': Cannot find field."),
        (
            {"policy": {"bindings": [{"role": "roles/viewer", "condition": {"expr": "true"}}]}},
            "Unknown name \"expr\" at 'policy.bindings[0].condition'",
        ),
        ({"policy": {"version": "3"}}, "Invalid value at 'policy.version' (TYPE_INT32)"),
        ({"policy": {"bindings": {}}}, "Invalid value at 'policy.bindings'"),
        ({"policy": {"etag": "%%%"}}, "Invalid value at 'policy.etag' (TYPE_BYTES)"),
        ({}, "The policy is required."),
        ([], "Root element must be a message."),
    ],
)
def test_a_body_that_the_schema_does_not_describe_is_refused(google: Google, ask: Ask, body: object, told: str) -> None:
    before = google.policy(P)
    status, reply = ask("POST", f"cloudresourcemanager.googleapis.com/v3/{P}:setIamPolicy", body)
    assert (status, reply["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert told in reply["error"]["message"]
    assert google.policy(P) == before


def test_a_body_that_is_no_json_or_is_not_called_so_is_refused(ask: Ask) -> None:
    path = f"cloudresourcemanager.googleapis.com/v3/{P}:setIamPolicy"
    assert ask("POST", path, {"policy": {}}, Content_Type="text/plain")[0] == 400
    assert ask("GET", iam("serviceAccounts"), {"a": 1})[0] == 400


def test_the_log_has_everything_as_it_came(google: Google, ask: Ask) -> None:
    ask("GET", f"iam.googleapis.com/v2/{POINT}/a%20b?etag=x", X_Word="yes")
    ask("POST", f"cloudresourcemanager.googleapis.com/v3/{P}:getIamPolicy", {"options": {}})
    first, second = google.log
    assert (first.method, first.path) == ("iam.policies.get", {"name": f"{POINT}/a b"})
    assert (first.query, first.headers["x-word"], first.url) == ({"etag": ["x"]}, "yes", f"/iam.googleapis.com/v2/{POINT}/a%20b?etag=x")
    assert (second.raw, second.body, second.host, second.verb) == (b'{"options": {}}', {"options": {}}, "cloudresourcemanager", "POST")


def test_a_hook_refuses_changes_and_drops(google: Google, ask: Ask) -> None:
    def busy(asked: Asked) -> None:
        raise Refused(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", headers={"Retry-After": "3"})

    google.before = busy
    assert ask("GET", iam("serviceAccounts"))[1]["error"] == {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}
    google.before = lambda asked: google.grant(P, "roles/viewer", BO) if asked.method.endswith("setIamPolicy") else None
    assert write(ask, read(ask))[0] == 409
    google.before = lambda _: None


@pytest.mark.parametrize(("hook", "happened"), [("before", False), ("after", True)])
def test_a_connection_is_dropped_before_the_effect_or_after_it(google: Google, ask: Ask, hook: str, happened: bool) -> None:
    def drop(asked: Asked) -> None:
        raise Dropped

    setattr(google, hook, drop)
    with pytest.raises(http.client.RemoteDisconnected):
        ask("POST", iam("serviceAccounts/tuning@fraud-ml-prod.iam.gserviceaccount.com:disable"), {})
    setattr(google, hook, lambda _: None)
    seen = ask("GET", iam("serviceAccounts/tuning@fraud-ml-prod.iam.gserviceaccount.com"))[1]
    assert seen.get("disabled", False) is happened


def test_what_may_not_be_called_is_forbidden(google: Google, ask: Ask) -> None:
    google.forbidden = {"iam.projects.serviceAccounts.list", "storage.buckets.get"}
    google.bucket("fraud-train", "fraud-ml-prod")
    status, body = ask("GET", iam("serviceAccounts"))
    assert (status, body["error"]["status"]) == (403, "PERMISSION_DENIED")
    status, body = ask("GET", "storage.googleapis.com/storage/v1/b/fraud-train")
    assert (status, body["error"]["errors"][0]["reason"], "status" in body["error"]) == (403, "forbidden", False)


def test_a_double_that_breaks_or_answers_what_google_cannot_fails_the_test() -> None:
    google = Google()
    google.handlers["iam.projects.serviceAccounts.list"] = lambda _: {"account": []}
    with pytest.raises(AssertionError, match="answers what Google cannot"), served(google) as base, talking(base) as send:
        assert send("GET", "iam.googleapis.com/v1/projects/p/serviceAccounts")[0] == 500


def test_accounts_are_found_by_address_and_by_unique_id(google: Google, ask: Ask) -> None:
    made = google.account("fraud-ml-prod", "scorer")
    assert made["uniqueId"].isdigit()
    assert len(made["uniqueId"]) == 21
    for project in ("fraud-ml-prod", "123456789012", "-"):
        for who in (made["email"], made["uniqueId"]):
            assert ask("GET", f"iam.googleapis.com/v1/projects/{project}/serviceAccounts/{who}") == (200, made)
    assert ask("GET", iam("serviceAccounts/nobody@example.com"))[1]["error"]["status"] == "NOT_FOUND"
    assert ask("GET", "iam.googleapis.com/v1/projects/-/serviceAccounts/nobody@example.com")[1]["error"]["status"] == "PERMISSION_DENIED"
    assert ask("GET", f"iam.googleapis.com/v1/projects/other/serviceAccounts/{made['email']}")[0] == 404


def test_accounts_and_keys_are_switched_off_and_on_any_number_of_times(google: Google, ask: Ask) -> None:
    account = google.account("fraud-ml-prod", "scorer")
    key = google.key(account["email"], "a" * 40)["name"]
    for name in (account["name"], key):
        for verb, off in (("disable", True), ("disable", True), ("enable", False), ("enable", False)):
            assert ask("POST", f"iam.googleapis.com/v1/{name}:{verb}", {}) == (200, {})
            assert ask("GET", f"iam.googleapis.com/v1/{name}")[1].get("disabled", False) is off
    kinds = [one["keyType"] for one in ask("GET", f"iam.googleapis.com/v1/{account['name']}/keys")[1]["keys"]]
    assert sorted(kinds) == ["SYSTEM_MANAGED", "USER_MANAGED"]
    assert [one["name"] for one in ask("GET", f"iam.googleapis.com/v1/{account['name']}/keys?keyTypes=USER_MANAGED")[1]["keys"]] == [key]
    system = next(one for one in ask("GET", f"iam.googleapis.com/v1/{account['name']}/keys")[1]["keys"] if one["name"] != key)
    assert ask("POST", f"iam.googleapis.com/v1/{system['name']}:disable", {})[1]["error"]["status"] == "FAILED_PRECONDITION"
    assert ask("GET", f"iam.googleapis.com/v1/{account['name']}/keys/bbbb")[0] == 404


def test_an_account_made_anew_is_another_one_and_inherits_nothing(google: Google, ask: Ask) -> None:
    google.grant(P, "roles/aiplatform.user", TUNER)
    name, old = iam(f"serviceAccounts/{TUNER.partition(':')[2]}"), google.policy(P)
    unique = ask("GET", name)[1]["uniqueId"]
    assert ask("DELETE", name) == (200, {})
    gone = f"deleted:{TUNER}?uid={unique}"
    assert google.policy(P)["bindings"][1]["members"] == [gone]
    assert write(ask, old)[1]["error"]["message"] == f"Service account {TUNER.partition(':')[2]} does not exist."
    assert write(ask, google.policy(P))[0] == 200
    assert ask("POST", iam("serviceAccounts"), {"accountId": "tuning"})[1]["uniqueId"] != unique
    assert google.policy(P)["bindings"][1]["members"] == [gone]
    policy = google.policy(P)
    policy["bindings"].append({"role": "roles/viewer", "members": [TUNER]})
    assert "Inconsistent representation of deleted member" in write(ask, policy)[1]["error"]["message"]
    assert ask("POST", iam("serviceAccounts"), {"accountId": "tuning"})[1]["error"]["status"] == "ALREADY_EXISTS"


def test_custom_roles_change_under_their_etag(google: Google, ask: Ask) -> None:
    role = google.role(f"{P}/roles/trainer", ["aiplatform.jobs.create"])
    path = f"iam.googleapis.com/v1/{role['name']}?updateMask=includedPermissions"
    made = ask("PATCH", path, {"etag": role["etag"], "includedPermissions": ["aiplatform.jobs.get"]})[1]
    assert (made["includedPermissions"], made["title"]) == (["aiplatform.jobs.get"], "trainer")
    assert ask("PATCH", path, {"etag": role["etag"], "includedPermissions": []})[1]["error"]["status"] == "ABORTED"
    assert ask("GET", iam("roles"))[1]["roles"] == [{key: value for key, value in made.items() if key != "includedPermissions"}]


def test_a_provider_is_disabled_by_an_operation(google: Google, ask: Ask) -> None:
    name = google.pool(f"{P}/locations/global/workloadIdentityPools/ci/providers/forge", oidc={"issuerUri": "https://ci.example.com"})[
        "name"
    ]
    google.slow_operations = 2
    started = ask("PATCH", f"iam.googleapis.com/v1/{name}?updateMask=disabled", {"disabled": True})[1]
    polls = [ask("GET", f"iam.googleapis.com/v1/{started['name']}")[1].get("done", False) for _ in range(3)]
    assert ("done" in started, polls) == (False, [False, True, True])
    seen = ask("GET", f"iam.googleapis.com/v1/{name}")[1]
    assert (seen["disabled"], seen["oidc"]) == (True, {"issuerUri": "https://ci.example.com"})
