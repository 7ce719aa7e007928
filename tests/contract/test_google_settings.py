"""Settings on Google Cloud, read and written on the wire of the tests' Google, and held against what the cloud in memory makes of the same calls."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from ringfence.clouds.gcp import settings_reader, settings_writer
from ringfence.clouds.memory import MemoryIam
from ringfence.domain.google_settings import Thing, thing_of
from ringfence.domain.job import JobState
from ringfence.domain.plan import Call
from ringfence.domain.state import Facet, State
from ringfence.engine.ports import Absence, Done, Failed, Wanted
from tests.support.google.grants import Played
from tests.support.google.ports import pointed
from tests.support.google.server import Google
from tests.support.google.settled import (
    BO,
    BOTH,
    BUCKET,
    CHANGES,
    CODE,
    ENDPOINT,
    EXCLUSION,
    IDS,
    KEY,
    LOGS,
    ROLE,
    SAID,
    SETTINGS,
    SINK,
    SSO,
    P,
    act,
    called,
    place,
    read,
    reader,
    settled,
    writes,
)

pytestmark = pytest.mark.enable_socket  # loopback only


@pytest.fixture
def google() -> Iterator[Google]:
    made = settled()
    with pointed(made):
        yield made


@pytest.mark.parametrize("name", SAID)
def test_each_thing_is_read_in_its_parts(google: Google, name: str) -> None:
    assert read(name).settings == SAID[name]
    assert (
        {thing for one in SAID if (thing := thing_of(one))}
        == {*Thing}
        == {*settings_reader.READS}
        == {*settings_reader.READERS, Thing.SCOPE}
    )


def test_what_is_the_default_is_left_out_however_it_is_spelt(google: Google) -> None:
    google.put(SINK, destination="d", filter="", disabled=False, exclusions=[], bigqueryOptions={"usesTimestampColumnPartitioning": True})
    assert read(SINK).settings == {"sink": {"destination": "d"}}
    google.roles.roles.put(ROLE, {"name": ROLE, "etag": google.etag()})
    assert read(ROLE).settings == {"permissions": {"includedPermissions": [], "stage": "ALPHA"}}
    google.put(KEY, displayName="chat")
    assert read(KEY).settings == {"key": {"deleted": False}}
    google.put(ENDPOINT)
    assert read(ENDPOINT).settings == {"traffic": {"trafficSplit": {}}, "deployed": {}}
    google.policies.keep(P, {"bindings": []})
    assert read(P).settings == {}
    google.bucket("uniform", "fraud-ml-prod")
    assert read("projects/_/buckets/uniform").settings == {"publicAccessPrevention": {"value": "inherited"}}


def test_every_operation_and_every_way_back_is_tried() -> None:
    assert {(f"{host}.googleapis.com", one[0]) for _, host, *both in CHANGES for one in both} == {*settings_writer.CALLS}


@pytest.mark.parametrize(("name", "host", "there", "back"), CHANGES, ids=IDS)
def test_there_and_back_is_what_memory_makes_of_it(
    google: Google, name: str, host: str, there: tuple[str, dict[str, Any]], back: tuple[str, dict[str, Any]]
) -> None:
    before = read(name)
    memory = MemoryIam(before)
    for operation, given in (there, back):
        google.log.clear()
        assert act(host, operation, called(name), **given) == Done("")
        (written,) = writes(google)
        assert written.headers["User-Agent"] == "ringfence ringfence-job/j"
        assert isinstance(memory.call(Call(f"{host}.googleapis.com", operation, {"name": called(name), **given}), "j"), Done)
        assert read(name) == memory.read(place(name), SETTINGS)
    assert read(name) == before


PATCHES = [c for c in CHANGES if c[2][0].startswith(("Patch", "Update"))]


@pytest.mark.parametrize(("name", "host", "there", "back"), PATCHES, ids=[f"{there[0]} {name}" for name, _, there, _ in PATCHES])
def test_what_is_not_named_stays(google: Google, name: str, host: str, there: tuple[str, Any], back: tuple[str, Any]) -> None:
    unnamed = whole(google, name)
    assert act(host, there[0], called(name), **there[1]) == Done("")
    assert whole(google, name) == unnamed


def whole(google: Google, name: str) -> dict[str, Any]:
    """What of a thing is no setting that a step changes, and no version."""
    found = {**google.buckets.shelf.values, **google.roles.roles.values, **google.roles.pools.values, **google.items.shelf.values}
    changing = (
        "etag",
        "metageneration",
        "updated",
        "iamConfiguration",
        "disabled",
        "includedPermissions",
        "stage",
        "restrictions",
        "suspended",
    )
    more = ("destination", "filter", "description", "exclusions", "includeChildren", "retentionDays", "restrictedFields", "trafficSplit")
    return {key: value for key, value in found[called(name).removeprefix("projects/_/buckets/")].items() if key not in (*changing, *more)}


MISSING = [change for change in CHANGES if change[0] not in (P, BO)]


@pytest.mark.parametrize(("name", "host", "there", "back"), MISSING, ids=[f"{t[0]} and {b[0]}" for _, _, t, b in MISSING])
def test_what_is_not_there_is_not_found(google: Google, name: str, host: str, there: tuple[str, Any], back: tuple[str, Any]) -> None:
    other = f"{name}x"
    state = reader().read(place(other), BOTH)
    empty = thing_of(name) in (Thing.SINK, Thing.EXCLUSION, Thing.API_KEY)
    assert state == (State(identity=place(other), settings={}) if empty else Absence.GONE)
    for operation, given in (there, back):
        if not operation.startswith("Create"):
            reply = act(host, operation, other, **given)
            assert isinstance(reply, Failed)
            assert reply.code == "NOT_FOUND"


@pytest.mark.parametrize(("operation", "name"), [("CreateSink", SINK), ("CreateExclusion", EXCLUSION)])
def test_what_is_there_is_not_made_again(google: Google, operation: str, name: str) -> None:
    reply = act("logging", operation, name, **next(iter(SAID[name].values())))
    assert isinstance(reply, Failed)
    assert reply.code == "ALREADY_EXISTS"
    assert read(name).settings == SAID[name]


def test_what_is_deleted_for_good_or_for_a_while_is_gone(google: Google) -> None:
    google.roles.roles.put(ROLE, {"name": ROLE, "deleted": True, "etag": google.etag()})
    google.pool(CODE, state="DELETED")
    for name in (ROLE, CODE):
        assert reader().read(place(name), SETTINGS) is Absence.GONE


def test_what_has_no_allow_policy_has_no_bindings_and_what_has_no_settings_none(google: Google) -> None:
    for name in (SINK, EXCLUSION, LOGS, ROLE, CODE, SSO, KEY):
        state = read(name, BOTH)
        assert (state.settings, state.bindings) == (SAID[name], None)
    google.log.clear()
    topic = f"{P}/topics/events"
    assert read(topic, BOTH) == State(identity=place(topic))
    assert google.log == [], "nothing is known of it, and nothing is asked"
    google.grant(f"{P}/secrets/token", "roles/viewer", BO)
    secret = read(f"{P}/secrets/token", BOTH)
    assert secret.settings is None
    assert [b.member for b in secret.bindings or ()] == [BO]
    for name in (BUCKET, P, ENDPOINT):
        state = read(name, BOTH)
        assert state.settings == SAID[name]
        assert state.bindings is not None
        assert read(name, Wanted(frozenset({Facet.BINDINGS}))).settings is None


BEFORE: Mapping[str, dict[str, Any]] = {
    SINK: {"sink": {"destination": "d", "filter": "a"}},
    EXCLUSION: {"exclusion": {"filter": "a=1"}},
    LOGS: {"bucket": {"retentionDays": 400}, "deleted": {"deleted": False}},
    P: {"audit": {"allServices DATA_WRITE": []}},
    ROLE: {"permissions": {"includedPermissions": ["logging.sinks.get"], "stage": "GA"}},
    ENDPOINT: {"traffic": {"trafficSplit": {"7": 100}}},
}
PLANS: list[tuple[str, str, dict[str, Any]]] = [
    ("gcp.storage.close-bucket", BUCKET, {"deltas": [{"role": "roles/storage.objectViewer", "member": "allUsers"}]}),
    ("gcp.logging.restore", SINK, {}),
    ("gcp.logging.restore", f"{P}/sinks/gone", {}),
    ("gcp.logging.restore", EXCLUSION, {}),
    ("gcp.logging.restore", EXCLUSION, {"exclusion": {"filter": "resource.type=gce_instance"}}),
    ("gcp.logging.restore", LOGS, {}),
    ("gcp.logging.restore", LOGS, {"deleted": True}),
    ("gcp.logging.restore", P, {}),
    ("gcp.iam.restore-role", ROLE, {}),
    ("gcp.iam.restore-role", ROLE, {"added": ["iam.serviceAccounts.actAs"]}),
    ("gcp.federation.disable", CODE, {}),
    ("gcp.federation.disable", SSO, {}),
    ("gcp.apikeys.contain", KEY, {}),
    ("gcp.apikeys.contain", "projects/123456789012/locations/global/keys/0b2c", {}),
    ("gcp.vertex.undo-deploy", ENDPOINT, {}),
    ("gcp.workspace.suspend-user", BO, {}),
]


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize(("action", "name", "evidence"), PLANS)
def test_it_is_done_verified_and_undone(google: Google, action: str, name: str, evidence: dict[str, Any], lag: int) -> None:
    google.grant(BUCKET, "roles/storage.objectViewer", "allUsers")
    google.put("projects/123456789012/locations/global/keys/0b2c")
    google.pool(SSO)
    if "deleted" in evidence:
        assert act("logging", "DeleteBucket", name) == Done("")
    old = BEFORE.get(SINK if "gone" in name else name) if "exclusion" not in evidence and "added" not in evidence else None
    wanted = Wanted(frozenset({Facet.SETTINGS, *([Facet.BINDINGS] if name == BUCKET else [])}))
    before = read(name, wanted)
    played = Played(action, before, evidence, None if old is None else State(identity=place(name), settings=old), workspace=True)
    google.lag = lag
    done = played.run()
    google.lag = 0
    assert done.state is JobState.DONE, done
    assert all(step.holds(read(name, wanted)) for step in done.steps)
    assert played.undo().state is JobState.DONE
    assert plain(read(name, wanted)) == plain(before)


def plain(state: State) -> State:
    return msgspec.structs.replace(state, bindings=None if state.bindings is None else tuple(sorted(state.bindings, key=lambda b: b.key)))


def test_no_name_leads_to_another_place(google: Google) -> None:
    for name in (f"{P}/sinks/a?b", f"{P}/sinks/a#b", f"{P}/sinks/a%2Fb", f"{P}/sinks/a;b=1"):
        assert read(name).settings == {}
        assert re.fullmatch(r"/logging\.googleapis\.com/v2/projects/fraud-ml-prod/sinks/a%[0-9A-F]{2}.*", google.log[-1].url)
