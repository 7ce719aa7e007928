"""A snapshot of Google Cloud projects, taken from the tests' Google; read back it says what the live reader says."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from ringfence.actions.gcp_iam_deny_principal import denial, deny_id
from ringfence.clouds.gcp.reader import GoogleReader
from ringfence.clouds.gcp.snapshot import EVERY, TRIES, take
from ringfence.clouds.google_snapshot import GoogleSnapshotReader
from ringfence.clouds.google_snapshot_form import Snapshot, google_snapshot
from ringfence.domain.identity import Identity
from ringfence.domain.state import Facet, State
from ringfence.engine.ports import Absence, Wanted
from ringfence.errors import UpstreamError
from tests.support.google.ports import pointed
from tests.support.google.server import Asked, Dropped, Google, Refused
from tests.support.jobs import NOW
from tests.support.shell import Shell

pytestmark = pytest.mark.enable_socket  # loopback only
PROJECT, P = "fraud-ml-prod", "projects/fraud-ml-prod"
TRAIN = "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"
KEY = "0123456789abcdef0123456789abcdef01234567"
NIGHT = {"title": "night", "expression": "request.time.getHours('Europe/Berlin') < 6"}
ALL = Wanted(frozenset({Facet.BINDINGS, Facet.SETTINGS, Facet.KEYS}))
LISTING = "iam.projects.serviceAccounts"


@pytest.fixture
def google() -> Iterator[Google]:
    made = Google()
    made.node("folders/7", "organizations/1")
    made.project(PROJECT, number="123456789012", parent="folders/7")
    made.tree.nodes["organizations/1"] = ""
    made.account(PROJECT, "train")
    made.account(PROJECT, "idle")
    made.key("train@fraud-ml-prod.iam.gserviceaccount.com", KEY)
    made.grant(P, "roles/owner", "user:ana@example.com")
    made.grant(P, "roles/aiplatform.user", "user:bo@example.com", NIGHT)
    made.grant(P, "projects/fraud-ml-prod/roles/trainer", TRAIN)
    made.grant("folders/7", "roles/viewer", "group:ml@example.com")
    made.grant("organizations/1", "roles/resourcemanager.organizationAdmin", "user:root@example.com")
    made.role("projects/fraud-ml-prod/roles/trainer", ["aiplatform.customJobs.create", "iam.serviceAccounts.actAs"])
    made.role("organizations/1/roles/seer", ["resourcemanager.projects.get"])
    made.denials.unsupported = set()
    with pointed(made):
        yield made


def taken(*projects: str, progress: Callable[[int, str], None] = lambda *_: None) -> Snapshot:
    return take(projects or (PROJECT,), NOW, progress, pause=lambda _: None)


def deny(google: Google, identity: Identity, at: str) -> None:
    said = denial("principal://iam.googleapis.com/projects/-/serviceAccounts/train@fraud-ml-prod.iam.gserviceaccount.com")
    rule = {"deniedPrincipals": said["principals"], "deniedPermissions": said["permissions"]}
    name = f"policies/cloudresourcemanager.googleapis.com%2F{at.replace('/', '%2F')}/denypolicies/{deny_id(identity)}"
    google.denials.shelf.put(name, {"name": name, "kind": "DenyPolicy", "rules": [{"denyRule": rule}]})


def test_everything_there_is_of_a_project_is_in_the_file(google: Google) -> None:
    deny(google, Identity.member(TRAIN, PROJECT), "organizations/1")
    snapshot = taken()
    (project,) = snapshot.projects
    assert (project.id, project.number, project.above) == (PROJECT, "123456789012", ("folders/7", "organizations/1"))
    assert project.place.policy == google.policy(P)
    assert project.place.policy is not None
    assert project.place.policy["version"] == 3
    assert [(a.email.partition("@")[0], a.disabled, len(a.keys or ())) for a in project.accounts or ()] == [
        ("idle", False, 0),
        ("train", False, 1),
    ]
    assert [r.name for p in snapshot.places() for r in p.roles or ()] == [
        "projects/fraud-ml-prod/roles/trainer",
        "organizations/1/roles/seer",
    ]
    assert [p.name for p in snapshot.above] == ["folders/7", "organizations/1"]
    assert [[d["rules"][0]["denyRule"]["deniedPrincipals"] for d in p.denials or ()] for p in snapshot.above] == [
        [],
        [["principal://iam.googleapis.com/projects/-/serviceAccounts/train@fraud-ml-prod.iam.gserviceaccount.com"]],
    ]
    assert snapshot.unread == ()
    reread = google_snapshot(json.loads(msgspec.json.encode(snapshot)))
    assert reread == snapshot
    text = msgspec.json.encode(snapshot).decode()
    assert KEY in text
    assert not [word for word in ("publicKeyData", "privateKey", "BEGIN ") if word in text]


@pytest.mark.parametrize("at", ["", P, "organizations/1"])
def test_read_back_it_says_what_the_live_reader_says(google: Google, at: str) -> None:
    train = Identity.member(TRAIN, PROJECT)
    google.policies.shelf.values[P]["auditConfigs"] = [{"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}]}]
    if at:
        deny(google, train, at.replace(PROJECT, "123456789012"))
    google.accounts.shelf.values["idle@fraud-ml-prod.iam.gserviceaccount.com"]["disabled"] = True
    live, snapshot = GoogleReader(at), GoogleSnapshotReader(taken())
    members = [
        TRAIN,
        "serviceAccount:idle@fraud-ml-prod.iam.gserviceaccount.com",
        "serviceAccount:service-123456789012@gcp-sa-aiplatform.iam.gserviceaccount.com",
        "user:Ana@Example.com",
        "user:nobody@example.com",
        "group:ml@example.com",
    ]
    identities = [
        *(Identity.member(text, PROJECT) for text in members),
        Identity.resource(P, PROJECT),
        Identity.resource("folders/7", "folders/7"),
        Identity.resource("projects/fraud-ml-prod/roles/trainer", PROJECT),
    ]
    for identity in identities:
        state = live.read(identity, ALL)
        assert isinstance(state, State), identity
        assert snapshot.read(identity, ALL) == state
    assert (at != "") == bool(getattr(snapshot.read(train, ALL), "settings", None))


FORBIDDEN: dict[str, tuple[list[str], list[str]]] = {  # methods -> what is not read
    "the organisation": (["cloudresourcemanager.organizations.getIamPolicy"], ["allow policy of organizations/1"]),
    "keys": (["iam.projects.serviceAccounts.keys.list"], ["keys of idle", "keys of train"]),
    "deny policies": (["iam.policies.listPolicies"], [f"deny policies of {p}" for p in (P, "folders/7", "organizations/1")]),
    "the rules of a deny policy": (["iam.policies.get"], ["deny policies of organizations/1"]),
    "accounts": (["iam.projects.serviceAccounts.list"], [f"service accounts of {P}"]),
    "custom roles": (["iam.projects.roles.list"], [f"custom roles of {P}"]),
    "what lies above": (["cloudresourcemanager.projects.getAncestry"], [f"what lies above of {P}"]),
    "the project": (["cloudresourcemanager.projects.get"], [f"id and number of {P}"]),
    "its policy": (["cloudresourcemanager.projects.getIamPolicy"], [f"allow policy of {P}"]),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_may_not_be_read_is_named_and_everything_else_is_read(google: Google, shell: Shell, name: str) -> None:
    methods, missing = FORBIDDEN[name]
    deny(google, Identity.member(TRAIN, PROJECT), "organizations/1")
    google.forbidden.update(methods)
    (line,) = shell("snapshot", "--gcp", PROJECT, "--to", "s.json", "--json")
    told = [row.strip() for row in shell.err.splitlines() if "not read" in row]
    snapshot = json.loads((shell.folder / "s.json").read_text())
    assert line["unread"] == len(told) == len(snapshot["unread"]) == len(missing)
    for wanted, row in zip(missing, told, strict=True):
        what, _, where = wanted.partition(" of ")
        assert f"{what} of " in row
        assert where in row
        assert "403 PERMISSION_DENIED" in row
    text = json.dumps(snapshot)
    assert ("null" in text) == (name != "the project")
    assert line["projects"] == 1


def test_nothing_of_a_project_is_no_snapshot(google: Google, shell: Shell) -> None:
    shell("snapshot", "--gcp", PROJECT, "--gcp", "no-such-project", "--to", "s.json", code=3)
    assert "nothing of the project no-such-project may be read: 403" in shell.err
    assert not (shell.folder / "s.json").exists()
    google.forbidden.add("cloudresourcemanager.projects.get")
    assert taken().projects[0].number == ""


@pytest.mark.parametrize("name", ["../../x", "projects/p", "P", "a b", "fraud?x=1", ""])
def test_what_is_no_project_is_asked_of_nobody(google: Google, shell: Shell, name: str) -> None:
    shell("snapshot", "--gcp", name, code=2)
    assert google.log == []


def test_projects_are_read_once_each_and_what_is_above_them_too(google: Google, shell: Shell) -> None:
    google.project("vision-ml", number="210987654321", parent="folders/7")
    snapshot = taken(PROJECT, "vision-ml", PROJECT)
    assert [p.id for p in snapshot.projects] == [PROJECT, "vision-ml"]
    assert [p.name for p in snapshot.above] == ["folders/7", "organizations/1"]
    assert len([a for a in google.log if a.method == "cloudresourcemanager.folders.getIamPolicy"]) == 1
    google.log.clear()
    (project,) = taken("123456789012", PROJECT).projects
    assert project.id == PROJECT
    shell("snapshot", "--gcp", PROJECT, "--gcp", "vision-ml", "--to", "s.json")
    assert "2 projects, 2 folders and organisations, 2 service accounts, 1 keys, 2 custom roles, 0 deny policies" in shell.out
    assert "1 projects read" in shell.err


def test_long_reads_go_on_page_by_page_and_say_how_far_they_are(google: Google) -> None:
    for n in range(2 * EVERY + 3):
        google.account(PROJECT, f"worker-{n:03}")
    told: list[tuple[int, str]] = []
    snapshot = taken(progress=lambda n, kind: told.append((n, kind)))
    assert len(snapshot.projects[0].accounts or ()) == 2 * EVERY + 5
    assert told == [
        (EVERY, "service accounts read, with their keys"),
        (2 * EVERY, "service accounts read, with their keys"),
        (1, "projects read"),
    ]
    assert len([a for a in google.log if a.method == f"{LISTING}.list"]) == 3


def test_a_key_that_is_disabled_and_an_account_that_goes_meanwhile(google: Google) -> None:
    google.accounts.keys.values[f"{P}/serviceAccounts/train@fraud-ml-prod.iam.gserviceaccount.com/keys/{KEY}"]["disabled"] = True

    def gone(asked: Asked) -> None:
        if asked.method == f"{LISTING}.keys.list" and "idle" in asked.path["name"]:
            google.accounts.shelf.values.pop("idle@fraud-ml-prod.iam.gserviceaccount.com", None)

    google.before = gone
    snapshot = taken()
    accounts = {a.email.partition("@")[0]: a for a in snapshot.projects[0].accounts or ()}
    assert [key.disabled for key in accounts["train"].keys or ()] == [True]
    assert accounts["idle"].keys is None
    assert [u.what for u in snapshot.unread] == ["keys"]
    assert snapshot.unread[0].why.startswith("404")


def throttling(times: int) -> tuple[Callable[[Asked], None], list[int]]:
    left = [times]

    def before(asked: Asked) -> None:
        if asked.method == f"{LISTING}.keys.list" and left[0]:
            left[0] -= 1
            raise Refused(429, "RESOURCE_EXHAUSTED", "Quota exceeded.")

    return before, left


def test_a_throttled_read_waits_longer_each_time_and_is_not_given_up_at_once(google: Google) -> None:
    google.before, _ = throttling(TRIES - 1)
    waits: list[int] = []
    snapshot = take([PROJECT], NOW, pause=waits.append)
    assert waits == list(range(TRIES - 1))
    assert snapshot.unread == ()
    google.before, _ = throttling(2 * TRIES)
    with pytest.raises(UpstreamError, match="429"):
        taken()


def outage(_: Asked) -> None:
    raise Refused(503, "UNAVAILABLE", "The service is currently unavailable.")


def silence(_: Asked) -> None:
    raise Dropped


@pytest.mark.parametrize("before", [outage, silence])
def test_an_outage_ends_the_whole(google: Google, before: Callable[[Asked], None]) -> None:
    google.before = before
    with pytest.raises(UpstreamError, match="reading the project fraud-ml-prod failed"):
        taken()


ODD: dict[str, tuple[str, Any]] = {
    "an account without its id": (f"{LISTING}.list", {"accounts": [{"email": "train@fraud-ml-prod.iam.gserviceaccount.com"}]}),
    "an ancestor of another kind": (
        "cloudresourcemanager.projects.getAncestry",
        {"ancestor": [{"resourceId": {"type": "planet", "id": "3"}}]},
    ),
    "a list that does not end": (f"{LISTING}.list", {"nextPageToken": "1"}),
}


@pytest.mark.parametrize("name", ODD)
def test_an_answer_of_another_form_is_never_half_a_snapshot(google: Google, name: str) -> None:
    method, answer = ODD[name]
    google.handlers[method] = lambda _: answer
    with pytest.raises(UpstreamError, match=r"not known here|does not end"):
        taken()


@pytest.mark.usefixtures("google")
def test_who_is_not_in_the_snapshot_is_not_known() -> None:
    reader = GoogleSnapshotReader(taken())
    strangers = [
        Identity.member("serviceAccount:new@fraud-ml-prod.iam.gserviceaccount.com", PROJECT),
        Identity.member("serviceAccount:x@elsewhere.iam.gserviceaccount.com", PROJECT),
        Identity.member("user:ana@example.com", "another-project"),
        Identity.resource("projects/another-project", "another-project"),
        Identity.resource("projects/_/buckets/fraud-train", PROJECT),
        Identity.from_arn("arn:aws:iam::123456789012:role/r"),
    ]
    assert [reader.read(i, ALL) for i in strangers if i] == [Absence.NOT_KNOWN] * len(strangers)
    assert reader.owner("AKIAIOSFODNN7EXAMPLE") is Absence.NOT_KNOWN
