"""Settings on Google Cloud where somebody is faster, says no, or has to be asked with care."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from requests import RequestException

from ringfence import wiring_gcp
from ringfence.clouds.gcp import session
from ringfence.clouds.gcp.reader import GoogleReader
from ringfence.clouds.memory import MemoryIam
from ringfence.domain.plan import Call
from ringfence.domain.state import State
from ringfence.engine.ports import Done, Failed, Lost, Wanted
from ringfence.errors import UpstreamError
from tests.support.google.ports import pointed
from tests.support.google.server import Asked, Google, Refused
from tests.support.google.settled import (
    AUDIT,
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
    P,
    act,
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


def raced(google: Google, name: str, number: int) -> None:
    """Somebody else's change of a thing that has a version."""
    if name in (BUCKET, P):
        google.grant(name, "roles/storage.legacyBucketWriter" if name == BUCKET else "roles/viewer", f"user:r{number}@example.com")
    elif name == ROLE:
        google.roles.roles.put(ROLE, {**google.roles.roles.values[ROLE], "title": f"theirs {number}", "etag": google.etag()})
    else:
        google.items.put(name, {**google.item(name), "displayName": f"theirs {number}"})


RACES = [change for change in CHANGES if change[0] in (BUCKET, P, ROLE, KEY, ENDPOINT) and not change[2][0].startswith("Delete")]


@pytest.mark.parametrize(("name", "host", "there", "back"), RACES, ids=[f"{t[0]} and {b[0]}" for _, _, t, b in RACES])
def test_who_was_slower_reads_again_five_times_at_most(
    google: Google, name: str, host: str, there: tuple[str, Any], back: tuple[str, Any]
) -> None:
    count = 0

    def race(asked: Asked) -> None:
        nonlocal count
        if asked.verb in ("PATCH", "PUT") or asked.method.endswith("setIamPolicy"):
            count += 1
            if count <= times:
                raced(google, name, count)

    google.before = race
    times = 4
    expected = MemoryIam(read(name))
    expected.call(Call(f"{host}.googleapis.com", there[0], {"name": name, **there[1]}), "j")
    assert act(host, there[0], name, **there[1]) == Done("")
    assert (count, read(name)) == (5, expected.read(place(name), SETTINGS))
    if name == BUCKET:
        assert {f"user:r{n}@example.com" for n in range(1, 5)} <= {m for b in google.policy(BUCKET)["bindings"] for m in b["members"]}
    count, times = 0, 5
    with pytest.raises(UpstreamError, match="all the time"):
        act(host, back[0], name, **back[1])
    assert count == 5


def test_the_audit_configuration_is_written_alone_and_every_other_part_of_it_stays(google: Google) -> None:
    assert act("cloudresourcemanager", "SetAuditConfig", P, add={"bigquery.googleapis.com DATA_READ": []}) == Done("")
    (written,) = writes(google)
    sent = json.loads(written.raw)
    assert sent["updateMask"] == "auditConfigs,etag"
    assert sent["policy"].keys() == {"auditConfigs", "etag", "version"}
    assert json.dumps(sent["policy"]["auditConfigs"][0]) == json.dumps(AUDIT[0]), "byte for byte"
    assert sent["policy"]["auditConfigs"][1]["auditLogConfigs"] == [{"logType": "DATA_WRITE"}, {"logType": "DATA_READ"}]
    assert google.policy(P)["bindings"] == [{"role": "roles/owner", "members": [BO]}]
    serve = google.handlers["cloudresourcemanager.projects.getIamPolicy"]
    told: Any = serve
    google.handlers["cloudresourcemanager.projects.getIamPolicy"] = lambda asked: {**told(asked), "etag": ""}
    with pytest.raises(UpstreamError, match="without an etag"):
        act("cloudresourcemanager", "SetAuditConfig", P, remove=["allServices ADMIN_READ"])
    assert len(writes(google)) == 1


def test_whoever_else_is_on_the_list_of_a_bucket_stays(google: Google) -> None:
    before = google.policy(BUCKET)["bindings"]
    assert act("storage", "PatchBucketAcl", BUCKET, remove={"allUsers": "READER"}) == Done("")
    left = {(b["role"], m) for b in google.policy(BUCKET)["bindings"] for m in b["members"]}
    assert left == {(b["role"], m) for b in before for m in b["members"]} - {("roles/storage.legacyBucketReader", "allUsers")}


def test_where_public_access_is_prevented_nobody_without_a_name_is_put_on_the_list(google: Google) -> None:
    assert act("storage", "PatchBucketAcl", BUCKET, remove={"allUsers": "READER"}) == Done("")
    assert act("storage", "PatchBucket", BUCKET, value="enforced") == Done("")
    google.log.clear()
    reply = act("storage", "PatchBucketAcl", BUCKET, add={"allUsers": "READER"})
    assert isinstance(reply, Failed)
    assert reply.code == "FAILED_PRECONDITION"
    assert len(google.log) == 1, "a no is no race: it is read once, and not tried again"
    assert act("storage", "PatchBucketAcl", BUCKET, add={"user-ana@example.com": "READER"}) == Done("")


@pytest.mark.parametrize(
    ("writer", "said"),
    [
        ("serviceAccount:service-1@gcp-sa-logging.iam.gserviceaccount.com", {"uniqueWriterIdentity": ["true"]}),
        ("", {"uniqueWriterIdentity": ["true"]}),
        ("serviceAccount:cloud-logs@system.gserviceaccount.com", {}),
        ("serviceAccount:logs@fraud-ml-prod.iam.gserviceaccount.com", {"customWriterIdentity": ["serviceAccount:logs@fraud-ml-prod.iam.gserviceaccount.com"]}),
    ],
)  # fmt: skip
def test_a_log_sink_keeps_the_identity_by_which_it_writes(google: Google, writer: str, said: dict[str, list[str]]) -> None:
    google.put(SINK, destination="d", filter="a", writerIdentity=writer)
    assert act("logging", "UpdateSink", SINK, destination="d", filter="b") == Done("")
    (written,) = writes(google)
    assert written.query == {"updateMask": ["filter"], **said}, "what differs is written, and nothing else"
    assert google.item(SINK)["writerIdentity"] == writer


def test_a_log_sink_that_is_made_again_writes_by_an_identity_of_its_own(google: Google) -> None:
    name = f"{P}/sinks/again"
    assert act("logging", "CreateSink", name, destination="storage.googleapis.com/logs") == Done("")
    assert "@gcp-sa-logging." in google.item(name)["writerIdentity"]


def test_each_place_of_vertex_ai_has_a_host_of_its_own(google: Google) -> None:
    for where, host in (("global", "aiplatform"), ("europe-west1", "europe-west1-aiplatform")):
        name = f"{P}/locations/{where}/endpoints/1"
        google.put(name)
        google.grant(name, "roles/viewer", BO)
        assert read(name, BOTH).bindings
        assert {asked.host for asked in google.log[-2:]} == {host}


def test_where_nothing_seems_to_differ_all_is_written_for_the_reading_may_lag(google: Google) -> None:
    assert act("logging", "UpdateExclusion", EXCLUSION, **SAID[EXCLUSION]["exclusion"]) == Done("")
    (written,) = writes(google)
    assert written.query == {"updateMask": ["description,filter"]}


def test_a_log_bucket_that_is_locked_says_so(google: Google) -> None:
    google.put(LOGS, retentionDays=400, locked=True)
    reply = act("logging", "UpdateBucket", LOGS, retentionDays=30, locked=True)
    assert isinstance(reply, Failed)
    assert reply.code == "FAILED_PRECONDITION"


@pytest.mark.parametrize(
    ("name", "host", "operation", "given"),
    [(CODE, "iam", "UpdateWorkloadIdentityPoolProvider", {"disabled": True}), (KEY, "apikeys", "DeleteKey", {})],
)
@pytest.mark.parametrize(("number", "code"), [(7, "PERMISSION_DENIED"), (13, "OPERATION_FAILED")])
def test_an_operation_that_ends_badly_is_a_no(
    google: Google, name: str, host: str, operation: str, given: dict[str, Any], number: int, code: str
) -> None:
    google.operation_error = {"code": number, "message": "no"}
    assert act(host, operation, name, **given) == Failed(code, "no")
    assert read(name).settings == SAID[name]


@pytest.mark.parametrize(
    ("refused", "want"),
    [
        (Refused(403, "PERMISSION_DENIED", "no"), Failed("PERMISSION_DENIED", "no")),
        (Refused(400, "INVALID_ARGUMENT", "what?"), Failed("INVALID_ARGUMENT", "what?")),
        (Refused(503, "UNAVAILABLE", "later"), Lost("503 UNAVAILABLE: later")),
    ],
)
@pytest.mark.parametrize(
    ("name", "host", "there", "back"),
    [c for c in CHANGES if c[0] not in (BUCKET, BO)],
    ids=[i for i, c in zip(IDS, CHANGES, strict=True) if c[0] not in (BUCKET, BO)],
)
def test_a_no_is_a_no_and_an_outage_is_neither(
    google: Google, name: str, host: str, there: tuple[str, Any], back: tuple[str, Any], refused: Refused, want: object
) -> None:
    def refuse(_: Asked) -> None:
        raise refused

    google.before = refuse
    assert act(host, there[0], name, **there[1]) == want


@pytest.mark.parametrize("reason", session.THROTTLES)
def test_what_older_apis_throttle_is_tried_again(google: Google, reason: str) -> None:
    def throttle(_: Asked) -> None:
        raise Refused(403, reason, "slowly")

    google.before = throttle
    with pytest.raises(UpstreamError, match="throttles"):
        act("admin", "PatchUser", "users/bo@example.com", suspended=True)
    with pytest.raises(UpstreamError, match="slowly"):
        reader().read(place(BO), SETTINGS)


def test_users_are_looked_up_only_where_that_may_be(google: Google) -> None:
    state = GoogleReader().read(place(BO), SETTINGS)
    assert isinstance(state, State)
    assert state.settings == {}
    for nobody in ("group:ml@example.com", "deleted:user:bo@example.com?uid=1", "user:bo", "principal://x/subject/bo@example.com"):
        assert read(nobody).settings == {}
    assert read(BO, Wanted()).settings is None
    assert [asked.host for asked in google.log] == []
    assert read("user:Bo@Example.com").settings == {"suspended": {"suspended": False}}
    assert google.log[-1].query == {"fields": ["suspended"]}, "nothing else is asked of a person"


def test_whom_the_directory_does_not_have_or_not_show_it_says_nothing_of(google: Google) -> None:
    assert read("user:eve@example.net").settings == {}
    reply = act("admin", "PatchUser", "users/eve@example.net", suspended=True)
    assert isinstance(reply, Failed)
    assert reply.code == "NOT_FOUND"
    google.forbidden.add("directory.users.get")
    assert read(BO).settings == {}
    google.forbidden.add("directory.users.patch")
    reply = act("admin", "PatchUser", "users/bo@example.com", suspended=True)
    assert isinstance(reply, Failed)
    assert reply.code == "PERMISSION_DENIED"


def test_the_functions_read_the_directory_where_the_deployment_may(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    for said, found in (("yes", {"suspended": {"suspended": False}}), ("no", {})):
        monkeypatch.setenv("WORKSPACE", said)
        for cached in (wiring_gcp.settings, wiring_gcp.reader):
            cached.cache_clear()
        state = wiring_gcp.reader().read(place(BO), SETTINGS)
        assert isinstance(state, State)
        assert state.settings == found
    for cached in (wiring_gcp.settings, wiring_gcp.reader):
        cached.cache_clear()


def test_the_directory_is_asked_with_a_token_of_its_own_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Nothing:
        def __init__(self, scope: str) -> None:
            self.scope = scope

        def request(self, _verb: str, url: str, **_: Any) -> None:
            asked.append(f"{self.scope.rpartition('/')[2]} {url}")
            raise RequestException

    monkeypatch.delenv("GOOGLE_ENDPOINT", raising=False)
    monkeypatch.setattr(session, "_authorized", Nothing)
    for one in (session._session, session._directory):
        one.cache_clear()
    for host, path in (("admin", "/a"), ("iam", "/b")):
        with pytest.raises(session.NoReplyError):
            session.ask("GET", host, path)
    for one in (session._session, session._directory):
        one.cache_clear()
    assert asked == ["admin.directory.user https://admin.googleapis.com/a", "cloud-platform https://iam.googleapis.com/b"]
