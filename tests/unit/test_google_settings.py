"""Settings on Google Cloud: what has which, what an event made, audit configuration as a mapping, and what memory refuses like Google does."""

import copy
import random
from typing import Any

import msgspec
import pytest

from ringfence.actions import ACTIONS, Impossible, gcp_workspace_suspend_user
from ringfence.clouds.memory import MemoryIam
from ringfence.domain.audit_config import applied, audited, changed, configs
from ringfence.domain.event import Event
from ringfence.domain.google_settings import DIRECTORY, Thing, thing_of
from ringfence.domain.identity import Identity
from ringfence.domain.plan import Call
from ringfence.domain.state import State
from ringfence.engine.ports import Done, Failed
from ringfence.sources import normalise
from tests.support.actions import case_of
from tests.support.cases import event_file, set_at, state_of

POOL = "projects/fraud-ml-prod/locations/global/workloadIdentityPools/ci"
KEY = "projects/123456/locations/global/keys/00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("projects/_/buckets/b", Thing.BUCKET),
        ("projects/p/sinks/s", Thing.SINK),
        ("billingAccounts/1/sinks/s", Thing.SINK),
        ("folders/7/exclusions/e", Thing.EXCLUSION),
        ("organizations/1/locations/global/buckets/_Default", Thing.LOG_BUCKET),
        ("projects/p/locations/eu/buckets/b/views/v", None),
        ("projects/p", Thing.SCOPE),
        ("folders/7", Thing.SCOPE),
        ("billingAccounts/1", None),
        ("projects/p/roles/r", Thing.ROLE),
        ("roles/owner", None),
        (f"{POOL}/providers/code", Thing.WORKLOADS),
        (POOL, None),
        ("locations/global/workforcePools/staff/providers/sso", Thing.WORKFORCE),
        (KEY, Thing.API_KEY),
        ("projects/p/locations/l/endpoints/1", Thing.ENDPOINT),
        ("projects/p/locations/l/models/1", None),
        ("projects/p/sinks/s\n", None),
        ("", None),
    ],
)
def test_what_a_resource_is_follows_from_its_name(name: str, thing: Thing | None) -> None:
    assert thing_of(name) is thing


def told(name: str, **changes: Any) -> Event:
    raw = copy.deepcopy(event_file(f"gcp/audit_log/{name}.json"))
    for path, new in changes.items():
        set_at(raw, f"protoPayload.{path.replace('__', '.')}", new)
    (event,) = normalise(raw)
    return event


@pytest.mark.parametrize(
    ("event", "target"),
    [
        (told("CreateKey"), KEY),
        (told("CreateKey", response={}), "projects/123456"),
        (told("CreateKey", response={"name": "operations/akmf.1"}), "projects/123456"),
        (told("CreateWorkloadIdentityPoolProvider"), f"{POOL}/providers/code"),
        (told("CreateWorkloadIdentityPoolProvider", request={}), POOL),
        (told("CreateWorkloadIdentityPoolProvider", request={"workloadIdentityPoolProviderId": "a/b"}), POOL),
        (told("UpdateSink", resourceName="folders/7", request={"exclusion": {"name": "quiet"}}), "folders/7/exclusions/quiet"),
        (told("UpdateSink"), "projects/fraud-ml-prod/sinks/security"),
        (told("UpdateRole"), "projects/fraud-ml-prod/roles/trainer"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.heard_as,
)
def test_what_was_made_is_the_target_not_what_it_was_made_in(event: Event, target: str) -> None:
    assert event.target is not None
    assert event.target.arn == target


@pytest.mark.parametrize(
    ("changes", "added"),
    [
        ({}, ("iam.serviceAccounts.actAs",)),
        ({"serviceData": {}, "metadata": {"permissionDelta": {"addedPermissions": ["a.b.c", "a.b.c", 7]}}}, ("a.b.c",)),
        ({"serviceData": {"permissionDelta": {"removedPermissions": ["a.b.c"]}}}, ()),
        ({"serviceData": {}}, None),
        ({"serviceData": 7}, None),
    ],
)
def test_what_came_to_a_role_is_what_the_log_tells(changes: dict[str, Any], added: tuple[str, ...] | None) -> None:
    assert told("UpdateRole", **changes).parameters["added"] == added


CONFIGS = [
    {
        "service": "allServices",
        "auditLogConfigs": [{"logType": "DATA_READ", "exemptedMembers": ["user:a@example.com", "user:b@example.com"]}],
    },
    {"service": "x.googleapis.com", "auditLogConfigs": [{"logType": "DATA_READ"}, {"logType": "DATA_WRITE"}]},
]


def test_audit_configuration_is_read_and_written_without_a_loss() -> None:
    found = audited(CONFIGS)
    assert found == {
        "allServices DATA_READ": ["user:a@example.com", "user:b@example.com"],
        "x.googleapis.com DATA_READ": [],
        "x.googleapis.com DATA_WRITE": [],
    }
    assert configs(found) == CONFIGS
    assert audited(configs({})) == {}


def test_audit_configuration_says_the_same_in_any_order() -> None:
    turned = [{**one, "auditLogConfigs": list(reversed(one["auditLogConfigs"]))} for one in reversed(CONFIGS)]
    turned[1] = {
        "service": "allServices",
        "auditLogConfigs": [{"logType": "DATA_READ", "exemptedMembers": ["user:b@example.com", "user:a@example.com"]}],
    }
    assert audited(turned) == audited(CONFIGS)


@pytest.mark.parametrize(
    "broken", [[7], [{"service": "x"}], [{"service": "x", "auditLogConfigs": [{"logType": 7}]}], [{"auditLogConfigs": [{"logType": "A"}]}]]
)
def test_audit_configuration_of_no_form_logs_nothing(broken: list[Any]) -> None:
    assert audited(broken) == {}


def test_a_change_of_audit_configuration_leaves_all_others() -> None:
    found = audited(CONFIGS)
    made = changed(
        found, {"remove": ["x.googleapis.com DATA_READ"], "add": {"allServices DATA_READ": [], "y.googleapis.com DATA_READ": []}}
    )
    assert made == {"allServices DATA_READ": [], "x.googleapis.com DATA_WRITE": [], "y.googleapis.com DATA_READ": []}


def audit_change(rnd: random.Random) -> dict[str, Any]:
    people = ["user:a@example.com", "user:b@example.com", "user:c@example.com"]
    names = [
        f"{service} {kind}" for service in ("allServices", "x.googleapis.com", "y.googleapis.com") for kind in ("DATA_READ", "DATA_WRITE")
    ]
    return {
        "add": {name: sorted(rnd.sample(people, rnd.randint(0, 3))) for name in rnd.sample(names, rnd.randint(0, 3))},
        "remove": rnd.sample(names, rnd.randint(0, 3)),
    }


def test_a_change_of_audit_configuration_as_a_policy_has_it_says_the_same() -> None:
    rnd = random.Random(7)  # noqa: S311 - seeded
    listed: list[Any] = CONFIGS
    for _ in range(1000):
        change = audit_change(rnd)
        now = audited(listed)
        listed = applied(listed, change)
        assert audited(listed) == changed(now, change)
        assert all(config["auditLogConfigs"] for config in listed)
    assert len({config["service"] for config in listed}) == len(listed)


def test_what_is_not_understood_in_audit_configuration_stays_as_it_is() -> None:
    odd: list[Any] = [
        7,
        {"service": "x.googleapis.com"},
        {"service": "x.googleapis.com", "auditLogConfigs": [{"logType": "NEW", "later": 1}]},
    ]
    made = applied([*CONFIGS, *odd], {"remove": ["allServices DATA_READ"], "add": {"z.googleapis.com DATA_READ": []}})
    assert made == [CONFIGS[1], *odd, {"service": "z.googleapis.com", "auditLogConfigs": [{"logType": "DATA_READ"}]}]
    assert applied(CONFIGS, {"remove": ["z.googleapis.com DATA_READ"]}) == CONFIGS


def test_a_user_of_another_organisation_is_not_suspended() -> None:
    for domain, word in (("example.com", None), ("example.net", "of another organisation")):
        case, finding = case_of({}, state_of({"member": f"user:bo@{domain}"}), workspace=True)
        case = msgspec.structs.replace(case, settings=msgspec.structs.replace(case.settings, trusted_domains=("example.com",)))
        made = gcp_workspace_suspend_user.ACTION.plan(case, finding)
        assert (word or "") in made.reason if isinstance(made, Impossible) else word is None


def test_every_call_on_google_names_the_permissions_that_it_needs() -> None:
    for permission in (p for action in ACTIONS if action.cloud == "gcp" for p in action.writes):
        assert permission.grants or permission.action.startswith(DIRECTORY)


BUCKET = Identity.resource("projects/_/buckets/b", "p")
SINK = Identity.resource("projects/p/sinks/s", "p")


def test_what_is_closed_to_everybody_takes_no_grant_to_everybody() -> None:
    cloud = MemoryIam(State(identity=BUCKET, bindings=(), settings={"publicAccessPrevention": {"value": "enforced"}}))
    for member, code in (
        ("allUsers", "FAILED_PRECONDITION"),
        ("allAuthenticatedUsers", "FAILED_PRECONDITION"),
        ("user:bo@example.com", ""),
    ):
        reply = cloud.call(
            Call("storage.googleapis.com", "SetIamPolicy", {"resource": BUCKET.arn, "add": {"role": "r", "member": member}}), "j"
        )
        assert (reply.code if isinstance(reply, Failed) else "") == code
    reply = cloud.call(Call("storage.googleapis.com", "PatchBucketAcl", {"name": BUCKET.arn, "add": {"allUsers": "READER"}}), "j")
    assert isinstance(reply, Failed)


@pytest.mark.parametrize(
    ("there", "operation", "code"),
    [
        (True, "CreateSink", "ALREADY_EXISTS"),
        (False, "UpdateSink", "NOT_FOUND"),
        (False, "DeleteSink", "NOT_FOUND"),
        (False, "UndeleteKey", "NOT_FOUND"),
        (True, "RenameSink", "UNIMPLEMENTED"),
        (False, "CreateSink", ""),
        (True, "DeleteSink", ""),
    ],
)
def test_memory_refuses_what_is_there_or_is_not(there: bool, operation: str, code: str) -> None:
    cloud = MemoryIam(State(identity=SINK, settings={"sink": {"destination": "d"}} if there else {}))
    reply = cloud.call(Call("logging.googleapis.com", operation, {"name": SINK.arn, "destination": "e"}), "j")
    assert (reply.code if isinstance(reply, Failed) else "") == code
    assert isinstance(reply, Done if not code else Failed)
