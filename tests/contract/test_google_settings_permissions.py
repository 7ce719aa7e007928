"""What actions declare for settings on Google Cloud is what the writer asks, and what the reader asks stands beside it."""

from collections.abc import Iterator
from typing import Any

import pytest

from ringfence.actions import ACTIONS
from ringfence.clouds.gcp import reader as google_reader
from ringfence.clouds.gcp import settings_writer
from ringfence.clouds.gcp.reader import GoogleReader
from ringfence.clouds.gcp.writer import GoogleWriter
from ringfence.domain.state import Facet, State
from ringfence.engine.ports import Done, Failed, Wanted
from ringfence.errors import UndeclaredCallError
from tests.support.actions import HITTING, planned
from tests.support.cases import state_of
from tests.support.google.ports import pointed
from tests.support.google.server import Asked, Google, Refused
from tests.support.google.settled import BO, BOTH, BUCKET, CHANGES, IDS, SAID, P, act, called, place, read, settled

pytestmark = pytest.mark.enable_socket  # loopback only


@pytest.fixture
def google() -> Iterator[Google]:
    made = settled()
    with pointed(made):
        yield made


@pytest.mark.parametrize(
    ("action", "case"),
    [(a, case) for a, case in HITTING if a.cloud == "gcp"],
    ids=lambda v: getattr(v, "id", v["case"] if isinstance(v, dict) else ""),
)
def test_the_writer_knows_whatever_an_action_plans(google: Google, action: Any, case: dict[str, Any]) -> None:
    def refuse(_: Asked) -> None:
        raise Refused(400, "INVALID_ARGUMENT", "not today")

    google.before = refuse
    for step in planned(action, case, state_of(case["state"])):
        for call in (step.call, step.inverse, *(call for rung in step.otherwise for call in (rung.call, rung.inverse))):
            assert isinstance(GoogleWriter(pause=lambda _: None, gives=True).call(call, "j"), Failed), "asked, and refused"


def test_every_declared_call_is_served() -> None:
    declared = {p.action for action in ACTIONS if action.cloud == "gcp" for p in action.writes}
    served = {f"{service}:{operation}" for service, operation in settings_writer.CALLS}
    others = {f"iam.googleapis.com:{name}" for name in ("CreatePolicy", "DeletePolicy", "DisableServiceAccount", "EnableServiceAccount")}
    others |= {f"iam.googleapis.com:{name}ServiceAccountKey" for name in ("Disable", "Enable")}
    assert {call for call in declared if not call.endswith(":SetIamPolicy")} - others <= served
    assert served - declared == {f"logging.googleapis.com:{name}" for name in ("DeleteSink", "CreateExclusion", "DeleteBucket")}, (
        "an operator's way back"
    )
    with pytest.raises(UndeclaredCallError):
        act("storage", "DeleteBucket", BUCKET)


SERVICES = {"cloudresourcemanager": "resourcemanager"}
VERBS = {"search": "get", "patch": "update", "update": "update", "createPolicy": "create", "deletePolicy": "delete"}
KINDS = {
    "workloadIdentityPools.providers": "googleapis.com/workloadIdentityPoolProviders",
    "workforcePools.providers": "googleapis.com/workforcePoolProviders",
    "serviceAccounts.keys": "serviceAccountKeys",
}


def permission(method: str) -> str:
    """The permission that a method needs, by how both are named."""
    service, *middle, verb = method.split(".")
    for words, kind in KINDS.items():
        if ".".join(middle).endswith(words):
            return f"{service}.{kind}.{VERBS.get(verb, verb)}"
    kind = "denypolicies" if middle[-1] == "policies" else middle[-1]
    return f"{SERVICES.get(service, service)}.{kind}.{VERBS.get(verb, verb)}"


@pytest.mark.parametrize(("name", "host", "there", "back"), CHANGES, ids=IDS)
def test_a_call_takes_no_permission_but_those_that_its_action_declares(
    google: Google, name: str, host: str, there: tuple[str, Any], back: tuple[str, Any]
) -> None:
    grants = {p.action: {*p.grants} for action in ACTIONS for p in action.writes}
    for operation, given in (there, back):
        google.log.clear()
        assert act(host, operation, called(name), **given) == Done("")
        declared = grants.get(f"{host}.googleapis.com:{operation}")
        asked = {permission(asked.method) for asked in google.log if host != "admin"}
        assert declared is None or asked <= declared, operation


def test_reading_takes_the_permissions_that_stand_beside_it(google: Google) -> None:
    google.node("folders/7", "organizations/1")
    google.account("fraud-ml-prod", "train")
    places = [
        *(f"{P}/locations/europe-west1/{kind}/1" for kind in ("keyRings", "reasoningEngines")),
        f"{P}/locations/europe-west1/keyRings/1/cryptoKeys/2",
        f"{P}/secrets/token",
    ]
    for one in places:
        google.grant(one, "roles/viewer", BO)
    google.put(f"{P}/datasets/claims")
    account = f"{P}/serviceAccounts/train@fraud-ml-prod.iam.gserviceaccount.com"
    google.log.clear()
    for name in (*SAID, *places, f"{P}/datasets/claims", account, "folders/7", "organizations/1"):
        read(name, BOTH)
    whole = Wanted(frozenset({Facet.KEYS, Facet.BINDINGS, Facet.SETTINGS}))
    deny = GoogleReader("organizations/1")
    assert isinstance(deny.read(place(f"serviceAccount:{account.rpartition('/')[2]}"), whole), State)
    assert len(list(deny.accounts("fraud-ml-prod"))) == 1
    assert list(deny.projects()) == ["fraud-ml-prod"]
    asked = {permission(asked.method) for asked in google.log if asked.host != "admin"}
    known = {one for some in google_reader.READS.values() for one in some}
    assert asked == known
