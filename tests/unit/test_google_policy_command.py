"""`ringfence policy` for Google: what it recognises, the line it gives, the words for people, and what lies round a policy."""

import json
from typing import Any

import pytest

from tests.support.cases import ROOT
from tests.support.shell import Shell

SAMPLES = ROOT / "samples/google"
PROJECT = "//cloudresourcemanager.googleapis.com/projects/fraud-ml-prod"
ADA = "user:ada@example.com"


def allow(role: str, *members: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "members": list(members or [ADA]), **more}


def policy(*bindings: dict[str, Any]) -> dict[str, Any]:
    return {"version": 3, "etag": "BwYc0ffee00=", "bindings": list(bindings)}


OWNER, VIEWER = policy(allow("roles/owner")), policy(allow("roles/viewer"))
AWS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:CreatePolicyVersion", "Resource": "*"}]}
FILES: dict[str, tuple[Any, list[tuple[str, str, str]]]] = {  # content -> name, verdict, part of the error
    "what gcloud prints": (OWNER, [("", "admin", "")]),
    "an empty policy": ({"etag": "ACAB"}, [("", "ok", "")]),
    "a wrapped policy": ({"policy": VIEWER}, [("", "broad", "")]),
    "an asset": ({"name": PROJECT, "iamPolicy": OWNER}, [("", "admin", "")]),
    "a list of both clouds": (
        [{"name": "google", "document": OWNER}, {"name": "aws", "document": AWS}],
        [("google", "admin", ""), ("aws", "escalation", "")],
    ),
    "what Cloud Asset's search gives": ([{"resource": PROJECT, "policy": VIEWER}], [(PROJECT, "broad", "")]),
    "a search with something else in it": (
        [{"resource": PROJECT, "policy": VIEWER}, 7],
        [("0", "unknown", "[0]"), ("1", "unknown", "[1]")],
    ),
    "an empty list": ([], [("", "unknown", "empty list")]),
    "bindings that are none": ({"bindings": 7}, [("", "unknown", "bindings is a int")]),
    "a binding that is none": (policy(allow("roles/owner"), {"role": 7}), [("", "admin", "bindings[1].role")]),
    "something of neither cloud": ({"policies": []}, [("", "unknown", "Statement")]),
}


@pytest.mark.parametrize("name", FILES)
def test_command_reads(shell: Shell, name: str) -> None:
    content, wanted = FILES[name]
    lines = shell("policy", "--json", shell.write("p.json", json.dumps(content)))
    assert [(line["name"], line["verdict"]) for line in lines] == [(n, v) for n, v, _ in wanted]
    for line, (_, _, error) in zip(lines, wanted, strict=True):
        assert error in line.get("error", "")
        assert ("error" in line) == bool(error)


def test_the_line_of_a_policy(shell: Shell) -> None:
    document = {
        "resource": PROJECT,
        "policy": policy(allow("roles/iam.serviceAccountUser"), allow("projects/p/roles/x"), allow("roles/run.developer")),
    }
    file = shell.write("p.json", json.dumps(document))
    (line,) = shell("policy", "--json", file)
    assert set(line) == {
        "file",
        "name",
        "verdict",
        "escalations",
        "misuses",
        "unknown_actions",
        "unknown_members",
        "risks",
        "members",
        "notes",
    }
    assert (line["file"], line["name"], line["verdict"]) == (str(file), "", "escalation")
    assert line["unknown_actions"] == ["projects/p/roles/x"]
    assert line["members"] == {ADA: "escalation"}
    assert set(line["risks"]) == {"data_access", "credentials_exposure", "resource_exposure", "ai", "set_by_google"}
    created = next(e for e in line["escalations"] if e["path"] == "gcp-022")
    assert set(created) == {"path", "name", "certain", "description", "member", "proof"}
    assert (created["name"], created["certain"], created["member"]) == ("New Cloud Run service", True, ADA)
    assert created["proof"][1] == {
        "action": "iam.serviceAccounts.actAs",
        "statement": 0,
        "resource": "projects/fraud-ml-prod",
        "conditions": "none",
        "role": "roles/iam.serviceAccountUser",
        "inherited": False,
    }


SEVERITIES: list[tuple[dict[str, Any], str, int]] = [
    (OWNER, "critical", 1),
    (policy(allow("roles/editor")), "critical", 1),
    (policy(allow("roles/owner", condition={"expression": "resource.matchTag('2/env', 'dev')"})), "critical", 0),
    (policy(allow("roles/owner", condition={"expression": "resource.matchTag('2/env', 'dev')"})), "high", 1),
    (VIEWER, "high", 0),
    (VIEWER, "medium", 1),
    (policy(allow("roles/nobodys.role")), "medium", 1),
    (policy(allow("roles/browser")), "low", 0),
]


@pytest.mark.parametrize(("document", "fail_on", "code"), SEVERITIES)
def test_command_fails_on_severity(shell: Shell, document: dict[str, Any], fail_on: str, code: int) -> None:
    shell("policy", "--json", "--fail-on", fail_on, shell.write("p.json", json.dumps(document)), code=code)


def test_each_policy_of_a_search_is_judged_with_those_above_it(shell: Shell) -> None:
    lines = shell("policy", "--json", SAMPLES / "policies/research.json")
    verdicts = {line["name"].rpartition("/")[2]: line["verdict"] for line in lines}
    assert verdicts == {
        "200000000000": "admin",
        "research-ml": "escalation",
        "trainer@research-ml.iam.gserviceaccount.com": "escalation",
        "example-training-data": "ok",
        "example-shared-weights": "broad",
    }
    account = next(line for line in lines if "serviceAccounts" in line["name"])
    run = next(e for e in account["escalations"] if e["path"] == "gcp-022")
    assert [(g["resource"], g["inherited"]) for g in run["proof"]][:2] == [
        ("projects/research-ml", True),
        ("projects/research-ml/serviceAccounts/trainer@research-ml.iam.gserviceaccount.com", False),
    ]
    assert not run["certain"]


def test_projects_of_a_search_inherit_by_number_and_only_their_own(shell: Shell) -> None:
    def result(name: str, number: str, *bindings: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"resource": f"//{name}", "project": f"projects/{number}", "policy": policy(*bindings), **more}

    host = "cloudresourcemanager.googleapis.com"
    search = [
        result(f"{host}/projects/one", "1", allow("roles/run.developer")),
        result(f"{host}/projects/two", "2", allow("roles/browser")),
        {"resource": f"//{host}/folders/3", "policy": policy(allow("roles/run.developer", "user:grace@example.com"))},
        result("iam.googleapis.com/projects/1/serviceAccounts/7", "1", allow("roles/iam.serviceAccountUser")),
        result("iam.googleapis.com/projects/2/serviceAccounts/8", "2", allow("roles/iam.serviceAccountUser"), folders=["folders/3"]),
        result("iam.googleapis.com/projects/2/serviceAccounts/9", "2", allow("roles/iam.serviceAccountUser", "user:grace@example.com"), folders=["folders/3"]),
    ]  # fmt: skip
    verdicts = [line["verdict"] for line in shell("policy", "--json", shell.write("search.json", json.dumps(search)))]
    assert verdicts == ["escalation", "ok", "escalation", "escalation", "ok", "escalation"]


ROLE = {"name": "projects/p/roles/caller", "includedPermissions": ["aiplatform.models.get"]}
ROLES: list[Any] = [ROLE, [ROLE], {"roles": [ROLE]}, {ROLE["name"]: ROLE["includedPermissions"]}]


@pytest.mark.parametrize("content", ROLES)
def test_custom_roles_are_known_once_they_are_given(shell: Shell, content: Any) -> None:
    file = shell.write("p.json", json.dumps(policy(allow("projects/p/roles/caller"))))
    assert shell("policy", "--json", file)[0]["verdict"] == "unknown"
    assert shell("policy", "--json", "--roles", shell.write("roles.json", json.dumps(content)), file)[0]["verdict"] == "ok"


@pytest.mark.parametrize("content", [7, [7], {"roles": 7}, {"name": "x"}, [{"name": "x", "includedPermissions": [7]}], {"x": "y"}])
def test_what_holds_no_custom_roles_is_wrong_usage(shell: Shell, content: Any) -> None:
    shell("policy", "--roles", shell.write("roles.json", json.dumps(content)), shell.write("p.json", "{}"), code=2)
    assert "custom roles" in shell.err


def test_deny_policies_take_away(shell: Shell) -> None:
    rule = {"deniedPrincipals": ["principalSet://goog/public:all"], "deniedPermissions": ["iam.googleapis.com/serviceAccounts.*"]}
    denial = {"rules": [{"denyRule": rule}]}
    file = shell.write("p.json", json.dumps(policy(allow("roles/iam.serviceAccountTokenCreator"))))
    assert shell("policy", "--json", file)[0]["verdict"] == "escalation"
    for content in (denial, [denial], {"policies": [denial]}):
        assert shell("policy", "--json", "--denials", shell.write("d.json", json.dumps(content)), file)[0]["verdict"] == "ok"
    assert "denials[0]" in shell("policy", "--json", "--denials", shell.write("d.json", "{}"), file)[0]["error"]
    shell("policy", "--denials", shell.write("d.json", "{"), file, code=2)
    assert "no JSON" in shell.err


def test_conditions_are_judged_as_of_a_time(shell: Shell) -> None:
    file = shell.write(
        "p.json", json.dumps(policy(allow("roles/owner", condition={"expression": 'request.time < timestamp("2026-03-02T10:00:00Z")'})))
    )
    assert shell("policy", "--json", "--now", "2026-03-02T09:59:59Z", file)[0]["verdict"] == "escalation"
    assert shell("policy", "--json", "--now", "2026-03-02T10:00:00Z", file)[0]["verdict"] == "ok"
    shell("policy", "--now", "soon", file, code=2)
    assert "ISO 8601" in shell.err


def test_only_documents_of_aws_are_compared(shell: Shell) -> None:
    old, new = shell.write("old.json", json.dumps(AWS)), shell.write("new.json", json.dumps(OWNER))
    shell("policy", "--before", old, new, code=2)
    assert "--before compares AWS's only" in shell.err
    shell("policy", "--before", new, old, code=2)
    assert "is not one policy document" in shell.err


def test_command_for_people(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    shell("policy", "--now", "2026-03-02T09:00:00Z", SAMPLES / "policies/fraud-ml-prod.json")
    text = " ".join(shell.out.split())
    assert "admin" in text
    assert "unknown: projects/fraud-ml-prod/roles/modelReviewer" in text
    assert (
        "group:platform@example.com -> resourcemanager.projects.setIamPolicy by roles/owner -> administrator [gcp-001, certain] and" in text
    )
    assert (
        "user:ada@example.com -> run.services.create by roles/run.admin, iam.serviceAccounts.actAs by roles/iam.serviceAccountUser" in text
    )
    assert '(request.time < timestamp("2026-03-02T10:00:00Z"))' in text
    assert "note: group:platform@example.com: who is in it is not known" in text
    single = {"resource": PROJECT, "policy": policy(allow("roles/run.developer"))}
    shell("policy", shell.write("one.json", json.dumps(single)))
    assert (
        f"{ADA} -> run.jobs.runWithOverrides by roles/run.developer on projects/fraud-ml-prod -> the account that its code runs as [gcp-109, in doubt]\n"
        in shell.out
    )
    shell("policy", shell.write("many.json", json.dumps(policy(allow("roles/editor", *(f"user:u{n}@example.com" for n in range(9)))))))
    assert "1 more members: --json has them all" in shell.out
    shell("policy", shell.write("odd.json", json.dumps(policy(7, allow("roles/browser", "somebody")))))  # type: ignore[arg-type]
    assert "bindings[0] is a int" in shell.out
    assert "unknown: somebody" in " ".join(shell.out.split())
