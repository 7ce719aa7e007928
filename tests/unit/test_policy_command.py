"""`ringfence policy`: what it reads and what it makes of odd files, severities, the words for people; `explain` for the judge's data."""

import json
from typing import Any

import pytest

from ringfence.iam import paths
from ringfence.iam.catalogue import catalogue
from ringfence.iam.google import paths as google_paths
from tests.support.shell import Shell

ANYWHERE = "arn:aws:iam::123456789012:"
PASS_LAMBDA = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """One Allow."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [allow("iam:CreatePolicyVersion")]})
FILES: dict[str, tuple[str, list[tuple[str, str, str]]]] = {  # text -> name, verdict, part of the error
    "a document": (DOCUMENT, [("", "escalation", "")]),
    "a list": (
        f'[{{"name": "one", "document": {DOCUMENT}}}, {{"document": {DOCUMENT}}}, 7]',
        [("one", "escalation", ""), ("1", "escalation", ""), ("2", "unknown", "[2]")],
    ),
    "an empty list": ("[]", [("", "unknown", "empty list")]),
    "what the AWS CLI prints": (f'{{"PolicyVersion": {{"Document": {DOCUMENT}}}}}', [("", "escalation", "")]),
    "text": (json.dumps(DOCUMENT), [("", "escalation", "")]),
    "nothing": ("", [("", "unknown", "no JSON")]),
    "not UTF-8": ("\udcff\udcfe\udcfd", [("", "unknown", "not UTF-8")]),
    "an element twice": ('{"Statement": [], "Statement": []}', [("", "unknown", "'Statement' is written twice")]),
    "too deep to read": ('{"a":' * 100_000, [("", "unknown", "deeper")]),
    "deep": ('{"Statement":' * 900 + "1" + "}" * 900, [("", "unknown", "deep")]),
    "too large": (
        json.dumps({"Statement": [allow("s3:GetObject", ["arn:aws:s3:::x" * 9] * 400)]}),
        [("", "unknown", "more than any policy")],
    ),
    "a lone surrogate": ('{"Statement": {"Effect": "Allow", "Action": "s3:Get\\ud800", "Resource": "*"}}', [("", "unknown", "")]),
}


@pytest.mark.parametrize("name", FILES)
def test_command_reads(shell: Shell, name: str) -> None:
    text, wanted = FILES[name]
    lines = shell("policy", "--json", shell.write("p.json", text.encode("utf-8", "surrogateescape")))
    assert [(line["name"], line["verdict"]) for line in lines] == [(n, v) for n, v, _ in wanted]
    for line, (_, _, error) in zip(lines, wanted, strict=True):
        assert error in line.get("error", "")
        assert ("error" in line) == bool(error)


SEVERITIES: list[tuple[dict[str, Any], str, int]] = [
    (allow("iam:*"), "critical", 1),
    (allow("iam:CreatePolicyVersion"), "critical", 1),
    (allow("iam:CreatePolicyVersion", ANYWHERE + "policy/one"), "critical", 0),
    (allow("iam:CreatePolicyVersion", ANYWHERE + "policy/one"), "high", 1),
    (allow("s3:GetObject"), "high", 0),
    (allow("s3:GetObject"), "medium", 1),
    (allow("s3:GetObjct"), "medium", 1),
    (allow("s3:GetObject", "arn:aws:s3:::example/*"), "low", 0),
]


@pytest.mark.parametrize(("statement", "fail_on", "code"), SEVERITIES)
def test_command_fails_on_severity(shell: Shell, statement: dict[str, Any], fail_on: str, code: int) -> None:
    file = shell.write("p.json", json.dumps({"Statement": statement}).encode())
    shell("policy", "--json", "--fail-on", fail_on, file, code=code)


def test_command_for_people(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    climbing = shell.write("climbs.json", json.dumps({"Statement": allow(PASS_LAMBDA)}).encode())
    odd = shell.write("odd.json", b"{}")
    fine = shell.write("fine.json", json.dumps({"Statement": allow("s3:GetObject", "arn:aws:s3:::example/*")}).encode())
    shell("policy", climbing, odd, fine)
    text = " ".join(shell.out.split())
    assert "escalation" in text
    assert "-> iam:PassRole on *, lambda:CreateFunction on *, lambda:InvokeFunction on * -> a role that trusts lambda.amazonaws.com" in text
    assert "[lambda-001, certain]" in text
    assert "more paths" not in text
    shell("policy", shell.write("many.json", json.dumps({"Statement": allow(["iam:PassRole", "sagemaker:*"])}).encode()))
    assert "more paths: --json has them all" in shell.out
    assert "is empty" in text
    shell("policy", "nowhere.json", code=2)
    assert "cannot be read" in shell.err


GOOGLE_PATHS: list[tuple[str, dict[str, Any]]] = [
    ("gcp-001", {"permissions": ["resourcemanager.projects.setIamPolicy"], "and one of": [], "leads to": "itself, with whatever it likes"}),
    ("gcp-022", {"and one of": ["run.routes.invoke", "run.services.setIamPolicy"], "leads to": "the account that its code runs as"}),
    ("gcp-004", {"permissions": [], "one of": ["iam.denypolicies.delete", "iam.denypolicies.update"]}),
    ("gcp-003", {"certain": "never: it depends on the project", "opens by a grant on": ["organization", "project"]}),
]


@pytest.mark.parametrize(("name", "wanted"), GOOGLE_PATHS)
def test_explain_a_path_of_google(shell: Shell, name: str, wanted: dict[str, Any]) -> None:
    (page,) = shell("explain", name, "--json")
    assert page | wanted == page
    assert page["kind"] == "path"
    assert page["source"]


def test_explain_knows_every_path_of_google_and_says_which_do_harm_without_leading_on(shell: Shell) -> None:
    pages = {page["id"]: page for page in shell("explain", "--json") if page["kind"] == "path"}
    for path in google_paths():
        harm = pages[path.id]["leads to"].endswith("no more permissions, but harm")
        assert harm == path.misuse
        assert pages[path.id]["certain"].startswith("never") == (path.inferred or not path.certain)
    assert len(pages) == len(google_paths()) + len(paths())
    shell("explain", "gcp-9", code=2)
    assert "Did you mean gcp-" in shell.err


def test_explain_the_catalogue_and_a_path(shell: Shell) -> None:
    page = shell("explain", "catalogue", "--json")[0]
    assert page["date"] == catalogue().date
    assert shell("explain", "lambda-001", "--json")[0]["passes a role to"] == "lambda.amazonaws.com"
    shell("explain", "catalogue")
    assert catalogue().date in shell.out
