"""A snapshot of Google Cloud from a file: what is damaged is refused, what was not read is not known, and `check` and `policy` judge by it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ringfence.clouds.google_snapshot import GoogleSnapshotReader
from ringfence.clouds.google_snapshot_form import google_snapshot
from ringfence.domain.identity import Identity
from ringfence.domain.state import Facet, State
from ringfence.engine.ports import Absence, Wanted
from ringfence.errors import UsageError
from tests.support.cases import ROOT
from tests.support.shell import Shell

PROJECT, P = "fraud-ml-prod", "projects/fraud-ml-prod"
EMAIL = "train@fraud-ml-prod.iam.gserviceaccount.com"
TRAIN, ANA = f"serviceAccount:{EMAIL}", "user:ana@example.com"
KEY = "0123456789abcdef0123456789abcdef01234567"
EVENTS = ROOT / "events/gcp"
type Snapshot = dict[str, Any]


def bound(role: str, *members: str) -> dict[str, Any]:
    return {"role": role, "members": list(members)}


def place(name: str, *bindings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "policy": {"version": 3, "etag": "ACAB", "bindings": list(bindings)}, "denials": [], "roles": [], **more}


def snapshot(*bindings: dict[str, Any], **more: Any) -> Snapshot:
    key = {"name": f"{P}/serviceAccounts/{EMAIL}/keys/{KEY}", "disabled": False, "validAfter": "2026-01-01T00:00:00Z"}
    account = {"email": EMAIL, "uniqueId": "100000000000000000001", "disabled": False, "keys": [key]}
    project = {
        "id": PROJECT,
        "number": "123456789012",
        "place": place(P, *bindings),
        "accounts": [account],
        "above": ["folders/7", "organizations/1"],
    }
    above = [place("folders/7"), place("organizations/1")]
    return {"googleCloud": 1, "taken": "2026-11-23T12:00:00+00:00", "projects": [project], "above": above, "unread": [], **more}


def reader(content: Snapshot) -> GoogleSnapshotReader:
    return GoogleSnapshotReader(google_snapshot(content))


def changed(change: Callable[[Snapshot], object]) -> Snapshot:
    content = snapshot(bound("roles/owner", ANA))
    change(content)
    return content


DAMAGED: dict[str, tuple[Callable[[Snapshot], object], str]] = {
    "no projects": (lambda s: s.update(projects=[]), "holds no project"),
    "projects that are none": (lambda s: s.update(projects={}), "Expected `array`"),
    "another form": (lambda s: s.update(googleCloud=2), "of form 2, expected 1"),
    "something unknown": (lambda s: s.update(more="x"), "unknown field `more`"),
    "a part left out": (lambda s: s["projects"][0].pop("accounts"), "missing required field `accounts`"),
    "the unread left out": (lambda s: s.pop("unread"), "missing required field `unread`"),
    "a place that is missing": (lambda s: s["above"].pop(), "organizations/1 is missing"),
    "a place twice": (lambda s: s["above"].append(s["above"][0]), "folders/7 is in it twice"),
    "an account that is text": (lambda s: s["projects"][0].update(accounts=[EMAIL]), "Expected `object`"),
    "a switch that is text": (lambda s: s["projects"][0]["accounts"][0].update(disabled="no"), "Expected `bool`"),
    "a policy that is a list": (lambda s: s["projects"][0]["place"].update(policy=[]), "Expected `object | null`"),
    "bindings that are none": (lambda s: s["projects"][0]["place"]["policy"].update(bindings=7), "bindings is a int"),
    "a binding that is none": (lambda s: s["above"][1]["policy"]["bindings"].append(7), "organizations/1: bindings[0] is a int"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_snapshot_is_refused_by_check(shell: Shell, name: str) -> None:
    change, error = DAMAGED[name]
    content = changed(change)
    with pytest.raises(UsageError) as raised:
        reader(content)
    assert error in str(raised.value)
    shell("check", EVENTS, "--snapshot", shell.write("s.json", json.dumps(content)), code=2)
    assert error in shell.err


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_snapshot_is_never_fine_for_policy(shell: Shell, name: str) -> None:
    content = changed(DAMAGED[name][0])
    lines = shell("policy", "--json", shell.write("s.json", json.dumps(content)))
    assert "unknown" in [line["verdict"] for line in lines]
    assert lines[0]["verdict"] != "ok"


def state(content: Snapshot, identity: Identity, *facets: Facet) -> State | Absence:
    return reader(content).read(identity, Wanted(frozenset(facets)))


UNREAD: dict[str, tuple[Callable[[Snapshot], object], Facet]] = {
    "keys": (lambda s: s["projects"][0]["accounts"][0].update(keys=None), Facet.KEYS),
    "the policy": (lambda s: s["projects"][0]["place"].update(policy=None), Facet.BINDINGS),
    "deny policies": (lambda s: s["projects"][0]["place"].update(denials=None), Facet.SETTINGS),
    "deny policies above": (lambda s: s["above"][1].update(denials=None), Facet.SETTINGS),
    "what lies above": (lambda s: s["projects"][0].update(above=None), Facet.SETTINGS),
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_part_that_was_not_read_is_not_known_and_the_others_are(name: str) -> None:
    change, facet = UNREAD[name]
    content, train = changed(change), Identity.member(TRAIN, PROJECT)
    assert state(content, train, facet) is Absence.NOT_KNOWN
    others = {Facet.KEYS, Facet.BINDINGS, Facet.SETTINGS} - {facet}
    assert isinstance(state(content, train, *others), State)
    assert isinstance(state(changed(lambda _: None), train, facet, *others), State)


def test_accounts_that_were_not_read_are_not_known_and_people_are() -> None:
    content = changed(lambda s: s["projects"][0].update(accounts=None))
    assert state(content, Identity.member(TRAIN, PROJECT)) is Absence.NOT_KNOWN
    assert isinstance(state(content, Identity.member(ANA, PROJECT), Facet.BINDINGS, Facet.KEYS), State)


def test_a_project_is_found_by_its_number_and_a_policy_that_was_not_read_is_not_known() -> None:
    content = changed(lambda s: s["above"][1].update(policy=None))
    for account in (PROJECT, "123456789012"):
        found = state(content, Identity.member(ANA, account), Facet.BINDINGS)
        assert isinstance(found, State)
        assert [b.role for b in found.bindings or ()] == ["roles/owner"]
        place = state(content, Identity.resource(f"projects/{account}", account), Facet.BINDINGS)
        assert isinstance(place, State)
        assert len(place.bindings or ()) == 1
    assert state(content, Identity.resource("organizations/1", "organizations/1"), Facet.BINDINGS) is Absence.NOT_KNOWN
    assert isinstance(state(content, Identity.member(ANA, "folders/7"), Facet.BINDINGS), State)


def test_a_deny_policy_of_ours_that_says_more_is_seen_to_be_another() -> None:
    from ringfence.actions.gcp_iam_deny_principal import PART, deny_id

    train = Identity.member(TRAIN, PROJECT)
    rule = {"denyRule": {"deniedPrincipals": ["principal://x"], "deniedPermissions": ["b/c.d", "a/b.c"]}}
    name = f"policies/cloudresourcemanager.googleapis.com%2Forganizations%2F1/denypolicies/{deny_id(train)}"
    for rules, wanted in (
        ([rule], {"principals": ["principal://x"], "permissions": ["a/b.c", "b/c.d"]}),
        ([rule, rule], {"rules": [rule, rule]}),
        (
            [{"denyRule": {**rule["denyRule"], "exceptionPrincipals": []}}],
            {"rules": [{"denyRule": {**rule["denyRule"], "exceptionPrincipals": []}}]},
        ),
        (None, {"rules": None}),
    ):
        content = changed(lambda s, rules=rules: s["above"][1]["denials"].append({"name": name, "rules": rules}))  # type: ignore[misc]
        found = state(content, train, Facet.SETTINGS)
        assert isinstance(found, State)
        assert found.settings == {PART: wanted}


def test_check_judges_by_the_snapshot_of_google(shell: Shell) -> None:
    grant, held = EVENTS / "audit_log/SetIamPolicy.json", snapshot(bound("roles/owner", ANA, TRAIN))
    stands, gone = shell.write("stands.json", json.dumps(held)), shell.write("gone.json", json.dumps(snapshot(bound("roles/owner", ANA))))
    config = shell.write("ringfence.yaml", f"version: 1\nprojects:\n  - name: fraud\n    gcp:\n      projects: [{PROJECT}]\n")
    ask = ("--config", config, "check", grant, "--json")
    (alone,) = shell(*ask)
    (found,) = shell(*ask, "--snapshot", stands)
    assert (alone["outcome"], found["outcome"]) == ("finding", "finding")
    (removed,) = shell(*ask, "--snapshot", gone)
    assert removed["outcome"] == "ignored"
    assert "already remediated" in removed["reason"]
    shell("audit", stands, code=2)
    assert "a snapshot of Google Cloud" in shell.err


def judged(shell: Shell, content: Snapshot, *more: str) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in shell("policy", "--json", *more, shell.write("s.json", json.dumps(content)))}


CLIMBS = {"name": f"{P}/roles/trainer", "includedPermissions": ["iam.serviceAccountKeys.create"], "stage": "GA"}
DENIED = {
    "name": "policies/cloudresourcemanager.googleapis.com%2Forganizations%2F1/denypolicies/no-keys",
    "rules": [
        {
            "denyRule": {
                "deniedPrincipals": ["principalSet://goog/public:all"],
                "deniedPermissions": ["iam.googleapis.com/serviceAccountKeys.create"],
            }
        }
    ],
}


def test_policy_judges_each_policy_with_its_custom_roles_and_deny_policies(shell: Shell) -> None:
    content = snapshot(bound(f"{P}/roles/trainer", TRAIN))
    assert judged(shell, content)[P]["verdict"] == "unknown"
    content["projects"][0]["place"]["roles"] = [CLIMBS]
    lines = judged(shell, content)
    assert list(lines) == [P, "folders/7", "organizations/1"]
    assert (lines[P]["verdict"], [e["path"] for e in lines[P]["escalations"]]) == ("escalation", ["gcp-101"])
    assert [lines[name]["verdict"] for name in ("folders/7", "organizations/1")] == ["ok", "ok"]
    content["above"][1]["denials"] = [DENIED]
    denied = judged(shell, content)[P]
    assert (denied["verdict"], denied["escalations"]) == ("ok", [])
    assert (
        judged(shell, content, "--roles", str(shell.write("r.json", json.dumps([{**CLIMBS, "includedPermissions": []}]))))[P]["verdict"]
        == "ok"
    )


def test_policy_weighs_what_is_inherited_and_each_level_by_its_own_members(shell: Shell) -> None:
    content = snapshot(bound("roles/iam.serviceAccountUser", TRAIN))
    content["above"][0] = place("folders/7", bound("roles/aiplatform.user", TRAIN), bound("roles/owner", ANA))
    lines = judged(shell, content)
    proofs = [g for e in lines[P]["escalations"] for g in e["proof"]]
    assert {g["resource"] for g in proofs} == {P, "folders/7"}
    assert list(lines[P]["members"]) == [TRAIN]
    assert lines["folders/7"]["members"][ANA] == "admin"
    assert lines["organizations/1"]["members"] == {}


NOT_SEEN: dict[str, Callable[[Snapshot], object]] = {
    "a policy above": lambda s: s["above"][1].update(policy=None),
    "what lies above": lambda s: s["projects"][0].update(above=None),
}


@pytest.mark.parametrize("name", NOT_SEEN)
def test_a_policy_is_never_fine_where_one_above_it_was_not_read(shell: Shell, name: str) -> None:
    content = snapshot(bound("roles/browser", ANA))
    assert judged(shell, content)[P]["verdict"] == "ok"
    NOT_SEEN[name](content)
    line = judged(shell, content)[P]
    assert line["verdict"] == "unknown"
    assert "was not read when the snapshot was taken" in line["error"]
    content["projects"][0]["place"]["policy"]["bindings"] = [bound("roles/owner", ANA)]
    assert judged(shell, content)[P]["verdict"] == "admin", "what is known to be worse stays worse"


def test_a_policy_that_was_not_read_is_unknown_and_deny_policies_are_only_noted(shell: Shell) -> None:
    content = snapshot(bound("roles/browser", ANA))
    content["projects"][0]["place"]["denials"] = None
    line = judged(shell, content)[P]
    assert line["verdict"] == "ok"
    assert line["notes"] == [f"{P}: its deny policies were not read; they could only take away"]
    content["projects"][0]["place"]["policy"] = None
    line = judged(shell, content)[P]
    assert (line["verdict"], line["error"]) == ("unknown", "policy was not read when the snapshot was taken")
    shell("policy", "--fail-on", "medium", shell.write("s.json", json.dumps(content)), code=1)
