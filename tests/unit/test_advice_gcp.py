"""What a person does by hand on Google Cloud: a command for each call that an action makes, and for each that takes it back."""

import json
import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ringfence.domain.plan import Call
from ringfence.engine.advice import by_hand
from tests.support.actions import HITTING, planned
from tests.support.cases import state_of
from tests.support.google.discovery import document
from tests.support.google.schema import check, check_query

SETTLED = ("gcp.apikeys", "gcp.federation", "gcp.iam.restore-role", "gcp.logging", "gcp.storage", "gcp.vertex", "gcp.workspace")
ROLE = {"name": "organizations/1/roles/trainer", "includedPermissions": ["a.b.c", "d.e.f"]}
SINK = {"name": "folders/7/sinks/all", "destination": "storage.googleapis.com/logs", "filter": 'a="b c"'}


def calls() -> Iterator[Call]:
    for action, case in HITTING:
        if action.id.startswith(SETTLED):
            for step in planned(action, case, state_of(case["state"])):
                yield from (step.call, step.inverse)


CALLS = list({f"{call.operation} {json.dumps(call.parameters, sort_keys=True)}": call for call in calls()}.values())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation)
def test_every_call_has_a_command_or_a_place_to_go(call: Call) -> None:
    assert by_hand(call).startswith(("gcloud ", "curl ", "in the Admin console, "))


@pytest.mark.parametrize("call", [c for c in CALLS if by_hand(c).startswith("curl")], ids=lambda call: call.operation)
def test_a_call_of_the_api_is_one_that_its_discovery_document_describes(call: Call) -> None:
    words = shlex.split(by_hand(call))
    url = urlsplit(words[words.index("-X") + 4])
    host = (url.hostname or "").removesuffix(".googleapis.com")
    described = document(host, url.path)
    method, _ = described.match(words[words.index("-X") + 1], url.path)
    query = parse_qs(url.query, strict_parsing=bool(url.query))
    check_query(method, query)
    body: dict[str, Any] = json.loads(words[-1]) if "-d" in words else {}
    asked = method.told.get("request", {}).get("$ref", "")
    if body:
        check(described, {"$ref": asked}, body)
    fields = described.schemas[asked]["properties"] if "updateMask" in query else {}
    assert set(",".join(query.get("updateMask", ())).split(",")) - {""} <= fields.keys()
    assert method.id.rpartition(".")[2] in ("create", "delete", "patch", "undelete", "update")


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (
            Call("storage.googleapis.com", "PatchBucket", {"name": "projects/_/buckets/b", "value": "enforced"}),
            "gcloud storage buckets update gs://b --public-access-prevention",
        ),
        (
            Call("storage.googleapis.com", "PatchBucket", {"name": "projects/_/buckets/b", "value": "inherited"}),
            "gcloud storage buckets update gs://b --no-public-access-prevention",
        ),
        (
            Call("storage.googleapis.com", "PatchBucketAcl", {"name": "projects/_/buckets/b", "remove": {"allUsers": "READER"}}),
            "gcloud storage buckets update gs://b --remove-acl-grant=allUsers",
        ),
        (
            Call("storage.googleapis.com", "PatchBucketAcl", {"name": "projects/_/buckets/b", "add": {"allUsers": "READER"}}),
            "gcloud storage buckets update gs://b --add-acl-grant=entity=allUsers,role=READER",
        ),
        (
            Call("logging.googleapis.com", "DeleteSink", {"name": "organizations/1/sinks/all"}),
            "gcloud logging sinks delete all --organization=1",
        ),
        (
            Call("logging.googleapis.com", "UndeleteBucket", {"name": "folders/7/locations/eu/buckets/b"}),
            "gcloud logging buckets undelete b --location=eu --folder=7",
        ),
        (
            Call("logging.googleapis.com", "DeleteBucket", {"name": "projects/p/locations/eu/buckets/b"}),
            "gcloud logging buckets delete b --location=eu --project=p",
        ),
        (
            Call("iam.googleapis.com", "UpdateRole", {**ROLE, "stage": "GA"}),
            "gcloud iam roles update trainer --organization=1 --permissions=a.b.c,d.e.f --stage=GA",
        ),
        (Call("iam.googleapis.com", "UpdateRole", ROLE), "gcloud iam roles update trainer --organization=1 --permissions=a.b.c,d.e.f"),
        (
            Call(
                "aiplatform.googleapis.com",
                "UpdateEndpoint",
                {"name": "projects/p/locations/l/endpoints/4", "trafficSplit": {"1": 90, "2": 10}},
            ),
            "gcloud ai endpoints update 4 --region=l --project=p --traffic-split=1=90,2=10",
        ),
        (
            Call("aiplatform.googleapis.com", "UpdateEndpoint", {"name": "projects/p/locations/l/endpoints/4", "trafficSplit": {}}),
            "gcloud ai endpoints update 4 --region=l --project=p --clear-traffic-split",
        ),
        (
            Call(
                "cloudresourcemanager.googleapis.com",
                "SetAuditConfig",
                {
                    "name": "folders/7",
                    "add": {"allServices DATA_READ": ["user:ana@example.com"]},
                    "remove": ["x.googleapis.com DATA_WRITE"],
                },
            ),
            (
                "gcloud resource-manager folders get-iam-policy 7 --format=json > policy.json; under auditConfigs put 'allServices DATA_READ' exempt "
                "user:ana@example.com and take out 'x.googleapis.com DATA_WRITE'; "
                "gcloud resource-manager folders set-iam-policy 7 policy.json"
            ),
        ),
        (
            Call("admin.googleapis.com", "PatchUser", {"name": "users/bo@example.com", "suspended": False}),
            "in the Admin console, under Directory > Users, open bo@example.com: Reactivate",
        ),
        (
            Call("apikeys.googleapis.com", "UndeleteKey", {"name": "projects/1/locations/global/keys/k"}),
            (
                'curl -X POST -H "Authorization: Bearer $(gcloud auth print-access-token)" '
                "https://apikeys.googleapis.com/v2/projects/1/locations/global/keys/k:undelete"
            ),
        ),
        (
            Call("logging.googleapis.com", "UpdateSink", SINK),
            (
                'curl -X PUT -H "Authorization: Bearer $(gcloud auth print-access-token)" '
                "'https://logging.googleapis.com/v2/folders/7/sinks/all?updateMask=destination,filter,description,disabled,exclusions' "
                '-H \'Content-Type: application/json\' -d \'{"destination": "storage.googleapis.com/logs", "filter": "a=\\"b c\\""}\''
            ),
        ),
    ],
    ids=lambda value: value.operation if isinstance(value, Call) else "",
)
def test_the_command(call: Call, command: str) -> None:
    assert by_hand(call) == command


NASTY = "x; rm -rf $(y)"


@pytest.mark.parametrize(
    "call",
    [
        *(
            Call("logging.googleapis.com", operation, {"name": f"projects/p/sinks/{NASTY}", "filter": NASTY})
            for operation in ("DeleteSink", "UpdateSink", "CreateSink")
        ),
        Call(
            "storage.googleapis.com",
            "PatchBucketAcl",
            {"name": f"projects/_/buckets/{NASTY}", "add": {NASTY: NASTY}, "remove": {NASTY: ""}},
        ),
        Call("iam.googleapis.com", "UpdateRole", {"name": f"projects/p/roles/{NASTY}", "includedPermissions": [NASTY], "stage": NASTY}),
        Call(
            "aiplatform.googleapis.com", "UpdateEndpoint", {"name": f"projects/p/locations/l/endpoints/{NASTY}", "trafficSplit": {NASTY: 1}}
        ),
        Call("cloudresourcemanager.googleapis.com", "SetAuditConfig", {"name": "projects/p", "add": {NASTY: [NASTY]}, "remove": [NASTY]}),
    ],
    ids=lambda call: call.operation,
)
def test_what_an_event_tells_is_never_a_command_of_its_own(call: Call) -> None:
    lexer = shlex.shlex(by_hand(call), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    assert "rm" not in list(lexer)


def test_what_is_no_call_for_settings_is_told_as_the_api_names_it() -> None:
    assert by_hand(Call("x.googleapis.com", "Unheard", {"name": "a"})) == """x.googleapis.com Unheard '{"name": "a"}'"""
