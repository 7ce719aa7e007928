"""Audit logs and findings of Google Cloud: every spelling of a method and of a change, who it was, where, and what is set aside."""

import base64
import copy
import json
from typing import Any

import pytest

from ringfence.domain.event import Event, Outcome
from ringfence.domain.identity import GOOGLE, Identity
from ringfence.engine.discovery import membership
from ringfence.engine.protect import built_in
from ringfence.settings import Settings
from ringfence.sources import normalise
from ringfence.sources.gcp_audit_log import heard_as
from ringfence.sources.gcp_scc import heard_as as category
from tests.support.cases import event_file, set_at, settings_of

TRAIN = "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"


def one(raw: Any) -> Event:
    (event,) = normalise(raw)
    return event


def changed(name: str, **changes: Any) -> Event:
    raw = copy.deepcopy(event_file(name))
    for path, new in changes.items():
        set_at(raw, path.replace("__", "."), new)
    return one(raw)


@pytest.mark.parametrize(
    ("method", "heard"),
    [
        ("SetIamPolicy", "SetIamPolicy"),
        ("google.iam.admin.v1.SetIAMPolicy", "SetIamPolicy"),
        ("storage.setIamPermissions", "SetIamPolicy"),
        ("google.iam.v1.IAMPolicy.SetIamPolicy", "SetIamPolicy"),
        ("v1.compute.disks.setIamPolicy", "SetIamPolicy"),
        ("google.cloud.resourcemanager.v3.Projects.SetIamPolicy", "SetIamPolicy"),
        ("GetIamPolicy", "GetIamPolicy"),
        ("google.iam.v1.SetIamPolicyRequest", "SetIamPolicyRequest"),
        ("", ""),
    ],
)
def test_each_spelling_of_a_method(method: str, heard: str) -> None:
    assert heard_as(method) == heard


@pytest.mark.parametrize("text", ["Initial Access: Leaked Service Account Key Used", "initial_access_leaked-service account key used "])
def test_each_spelling_of_a_category(text: str) -> None:
    assert category(text) == "initial access leaked service account key used"


def test_a_grant_is_about_its_members_on_its_resource() -> None:
    event = one(event_file("gcp/audit_log/SetIamPolicy.json"))
    assert (event.name, event.account, event.partition, event.set_aside) == ("SetIamPolicy", "fraud-ml-prod", GOOGLE, None)
    assert event.subject == Identity.member(TRAIN, "fraud-ml-prod")
    assert event.target == Identity.resource("projects/fraud-ml-prod", "fraud-ml-prod")
    assert event.actor is not None
    assert (event.actor.display, event.actor.identity) == ("ana@example.com", Identity.member("user:ana@example.com", "fraud-ml-prod"))


@pytest.mark.parametrize("path", [("serviceData", "policyDelta"), ("metadata", "policyDelta"), ("metadata", "datasetChange")])
def test_what_changed_is_found_wherever_it_stands(path: tuple[str, str]) -> None:
    delta = {"action": "add", "role": "roles/viewer", "member": "allUsers", "condition": {"expression": "true"}}
    raw = event_file("gcp/audit_log/SetIamPolicy.json")
    raw["protoPayload"] = {k: v for k, v in raw["protoPayload"].items() if k != "serviceData"} | {
        path[0]: {path[1]: {"bindingDeltas": [delta]}}
    }
    assert one(raw).parameters["deltas"] == ({**delta, "action": "ADD"},)


def test_several_members_are_all_judged_and_those_that_lose_something_are_not() -> None:
    deltas = [
        {"action": a, "role": "roles/owner", "member": m}
        for a, m in (("ADD", "user:a@x.example"), ("REMOVE", "user:b@x.example"), ("ADD", "user:c@x.example"))
    ]
    event = changed("gcp/audit_log/SetIamPolicy.json", protoPayload__serviceData={"policyDelta": {"bindingDeltas": deltas}})
    assert [i.arn for i in (event.subject, *event.also) if i] == ["user:a@x.example", "user:c@x.example"]


def test_a_service_account_is_named_by_its_address_and_not_by_its_number() -> None:
    event = one(event_file("gcp/audit_log/SetIAMPolicy-service-account.json"))
    assert event.target is not None
    assert event.target.arn == "projects/-/serviceAccounts/train@fraud-ml-prod.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("changes", "account"),
    [
        ({"resource__labels": {}}, "fraud-ml-prod"),
        ({"resource__labels": {}, "protoPayload__resourceName": "organizations/12"}, "organizations/12"),
        ({"resource__labels": {}, "protoPayload__resourceName": "folders/7"}, "folders/7"),
        ({"resource__labels": 7, "protoPayload__resourceName": "x", "logName": "organizations/9/logs/y"}, "organizations/9"),
        ({"resource__labels": {}, "protoPayload__resourceName": "x", "logName": 7}, ""),
    ],
)
def test_where_it_happened(changes: dict[str, Any], account: str) -> None:
    assert changed("gcp/audit_log/SetIamPolicy.json", **changes).account == account


@pytest.mark.parametrize(
    ("who", "display", "member", "human"),
    [
        (
            {"principalEmail": "a@p.iam.gserviceaccount.com"},
            "a@p.iam.gserviceaccount.com",
            "serviceAccount:a@p.iam.gserviceaccount.com",
            "",
        ),
        ({"principalSubject": "principal://pool/x"}, "principal://pool/x", "principal://pool/x", ""),
        (
            {
                "principalEmail": "a@x.example",
                "serviceAccountDelegationInfo": [{"firstPartyPrincipal": {"principalEmail": "b@x.example"}}, {"principalSubject": "c"}, 7],
            },
            "a@x.example",
            "user:a@x.example",
            "b@x.example, c",
        ),
    ],
)
def test_who_it_was(who: dict[str, Any], display: str, member: str, human: str) -> None:
    event = changed("gcp/audit_log/SetIamPolicy.json", protoPayload__authenticationInfo=who)
    assert event.actor is not None
    assert event.actor.identity is not None
    assert (event.actor.display, event.actor.identity.arn, event.actor.human) == (display, member, human)


def test_nobody_is_named() -> None:
    assert changed("gcp/audit_log/SetIamPolicy.json", protoPayload__authenticationInfo={}).actor is None


@pytest.mark.parametrize(
    ("changes", "aside"),
    [
        ({"protoPayload__status": {"code": 7}}, True),
        ({"protoPayload__status": {"code": 0}}, False),
        ({"protoPayload__status": {"message": "OK"}}, False),
        ({"protoPayload__authorizationInfo": [{"granted": False}, {"granted": False}]}, True),
        ({"protoPayload__authorizationInfo": [{"granted": False}, {"granted": True}]}, False),
        ({"protoPayload__authorizationInfo": [{"permission": "x"}, 7]}, False),
        ({"operation": {"first": True}}, True),
        ({"operation": {"first": True, "last": True}}, False),
        ({"operation": {"last": True}}, False),
    ],
)
def test_what_changed_nothing_is_set_aside(changes: dict[str, Any], aside: bool) -> None:
    event = changed("gcp/audit_log/SetIamPolicy.json", **changes)
    assert (event.set_aside is not None) is aside
    assert event.set_aside is None or event.set_aside.outcome is Outcome.IGNORED


def test_the_key_and_the_account_of_a_finding() -> None:
    event = one(event_file("gcp/scc/leaked-key.json"))
    assert event.subject == Identity.member(TRAIN, "fraud-ml-prod")
    assert event.parameters["key"] == "0123456789abcdef0123456789abcdef01234567"
    assert event.account == "fraud-ml-prod"


@pytest.mark.parametrize(
    ("finding", "who", "account"),
    [
        ({"access": {"principal_email": "a@x.example"}}, "user:a@x.example", "456"),
        ({"access": {"principalSubject": "principal://agents.global.x"}}, "principal://agents.global.x", "456"),
        ({"access": {}, "iamBindings": [{"member": "user:b@x.example", "role": "roles/owner"}, 7]}, "user:b@x.example", "456"),
        (
            {"access": {"serviceAccountKeyName": "//x/serviceAccounts/a@p.iam.gserviceaccount.com/keys/abcdef0123"}},
            "serviceAccount:a@p.iam.gserviceaccount.com",
            "456",
        ),
        ({"access": {}, "sourceProperties": {"compromised_account": "b@x.example", "project_identifier": "p"}}, "user:b@x.example", "p"),
        ({"access": {}}, None, "456"),
        ({"access": {}, "resourceName": "//cloudresourcemanager.googleapis.com/organizations/9"}, None, "organizations/9"),
    ],
)
def test_whom_a_finding_is_about(finding: dict[str, Any], who: str | None, account: str) -> None:
    raw = event_file("gcp/scc/leaked-key.json")
    raw = {"finding": {**raw["finding"], **finding}, "resource": {}}
    event = one(raw)
    assert (event.subject.arn if event.subject else None, event.account) == (who, account)


@pytest.mark.parametrize(
    "resource",
    [
        {"projectDisplayName": "p"},
        {"project_display_name": "p"},
        {"gcpMetadata": {"projectDisplayName": "p"}},
        {"gcp_metadata": {"project_display_name": "p"}},
    ],
)
def test_the_project_of_a_finding_in_both_versions(resource: dict[str, Any]) -> None:
    raw = event_file("gcp/scc/leaked-key.json")
    assert one({**raw, "resource": resource}).account == "p"


FRAUD: dict[str, Any] = {"name": "fraud", "gcp": {"projects": ["fraud-ml-prod"]}}
NAMED: dict[str, Any] = {
    "name": "named",
    "gcp": {
        "projects": ["fraud-ml-prod"],
        "service_accounts": {"training": ["train@*"]},
        "agents": ["principal://agents.*"],
        "humans": {"users": ["ana@example.com"]},
    },
}


@pytest.mark.parametrize(
    ("member", "place", "projects", "found"),
    [
        (TRAIN, "fraud-ml-prod", [FRAUD], ("fraud", "unknown")),
        (TRAIN, "elsewhere", [FRAUD], ("fraud", "unknown")),
        ("user:x@example.com", "fraud-ml-prod", [FRAUD], ("fraud", "human")),
        ("user:x@example.com", "elsewhere", [FRAUD], None),
        ("user:x@example.com", "organizations/1", [FRAUD], ("fraud", "human")),
        ("user:x@example.com", "organizations/1", [], None),
        (TRAIN, "fraud-ml-prod", [NAMED], ("named", "training")),
        ("serviceAccount:web@fraud-ml-prod.iam.gserviceaccount.com", "fraud-ml-prod", [NAMED], None),
        ("principal://agents.global.x", "y", [NAMED], ("named", "agent")),
        ("user:ana@example.com", "y", [NAMED], ("named", "human")),
        ("principal://agents.global.x", "y", [], ("discovered", "agent")),
        ("serviceAccount:1-compute@developer.gserviceaccount.com", "y", [], ("discovered", "notebook")),
        ("serviceAccount:vertex-x@y.iam.gserviceaccount.com", "y", [], ("discovered", "unknown")),
        ("serviceAccount:my-notebook@y.iam.gserviceaccount.com", "y", [], ("discovered", "notebook")),
        ("user:x@example.com", "y", [], None),
    ],
)
def test_which_project_a_principal_belongs_to(
    member: str, place: str, projects: list[dict[str, Any]], found: tuple[str, str] | None
) -> None:
    settings: Settings = settings_of({"projects": projects})
    claim: Any = membership(Identity.member(member, place), None, settings)
    assert (None if claim is None else (claim.project.name, claim.workload)) == found


@pytest.mark.parametrize(
    ("member", "why"),
    [
        ("serviceAccount:service-1@gcp-sa-aiplatform.iam.gserviceaccount.com", "Google manages it"),
        (f"deleted:{TRAIN}?uid=1", None),
        (TRAIN, None),
        ("user:x@example.com", None),
    ],
)
def test_what_of_google_is_out_of_reach(member: str, why: str | None) -> None:
    said = built_in(Identity.member(member, "p"), Settings())
    assert said is None if why is None else (said or "").startswith(why)


def test_a_resource_is_within_reach() -> None:
    assert built_in(Identity.resource("projects/p", "p"), Settings()) is None


def test_a_finding_as_it_was_logged_once() -> None:
    logged = {
        "jsonPayload": {"detectionCategory": {"ruleName": "iam_anomalous_grant"}},
        "logName": "projects/p/logs/threatdetection.googleapis.com%2Fdetection",
    }
    event = one(logged)
    assert (event.name, event.heard_as, event.set_aside) == ("iam_anomalous_grant", "iam anomalous grant", None)


@pytest.mark.parametrize("wrapped", [lambda d: {"message": {"data": d}, "subscription": "s"}, lambda d: {"data": {"message": {"data": d}}}])
def test_a_message_of_pubsub_is_what_it_carries(wrapped: Any) -> None:
    raw = event_file("gcp/audit_log/SetIamPolicy.json")
    assert one(wrapped(base64.b64encode(json.dumps(raw).encode()).decode())) == one(raw)


@pytest.mark.parametrize("data", ["%%%", base64.b64encode(b"no json").decode(), base64.b64encode(b"[1]").decode()])
def test_a_message_of_pubsub_that_carries_nothing_is_no_event(data: str) -> None:
    event = one({"message": {"data": data}, "subscription": "s"})
    assert event.set_aside is not None
    assert event.set_aside.outcome is Outcome.UNSUPPORTED


def test_an_entry_whose_keys_are_in_lower_case_and_one_without_a_method() -> None:
    log = "projects/p/logs/cloudaudit.googleapis.com%2Factivity"
    assert one({"logname": log, "protopayload": {"methodName": "SetIamPolicy"}}).heard_as == "SetIamPolicy"
    event = one({"logName": log, "protoPayload": {"status": {}}})
    assert event.set_aside is not None
    assert (event.set_aside.outcome, event.account) == (Outcome.UNSUPPORTED, "p")
