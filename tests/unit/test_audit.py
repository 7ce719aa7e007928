"""The audit command: a snapshot in which everything is found, a calm one, a damaged one."""

import json

import pytest

from ringfence.cli import audit as command
from tests.support.accounts import ACCOUNT, BOSS, DATA, LAMBDA_TOP, MINE, POLICIES, SNAPSHOT, TAG, arn, doc, role, snapshot, user
from tests.support.shell import Shell


def whole() -> SNAPSHOT:
    """A snapshot in which everything is found."""
    found = snapshot(
        user("ana", doc("iam:CreateAccessKey"), attached=(arn("policy", "nowhere"),), UserName="ana"),
        user("eve", {}, UserName="eve"),
        BOSS,
        role("idle", CreateDate="2026-01-01T00:00:00Z", RoleLastUsed={}),
        role("busy", RoleLastUsed={"LastUsedDate": "2026-10-01T00:00:00Z"}),
        role("odd", RoleLastUsed={}),
    )
    return {**found, "Ringfence": {"ana": {"login": True, "mfa": []}, "eve": {"login": True, "mfa": ["x"]}}}


def test_command(shell: Shell) -> None:
    file = shell.write("account.json", json.dumps(whole()))
    lines = shell("audit", "--json", "--now", "2026-11-01T00:00:00Z", file)
    summary = lines[-1]["summary"]
    assert summary["identities"] == 6
    assert summary["admins"] == [arn("user", "boss")]
    assert summary["findings"] == len(lines) - 1
    assert [(e["identity"], e["path"], e["reaches"]) for e in summary["escalations"]] == [(MINE, "iam-002", "admin")]
    assert summary["escalations"][0]["proof"][0]["action"] == "iam:CreateAccessKey"
    assert summary["unused"] == [arn("role", "idle")]
    assert summary["without_mfa"] == [MINE]
    assert [line["severity"] for line in lines[:-1]] == ["critical", "high", "medium", "medium", "medium", "medium"]
    assert "is empty" in lines[3]["what"]
    shell("audit", file, "--fail-on", "critical", code=1)
    assert "iam:CreateAccessKey -> user/boss, an administrator [iam-002]" in " ".join(shell.out.split())


def test_command_on_a_calm_account(shell: Shell) -> None:
    file = shell.write("calm.json", json.dumps(snapshot(user("ana", doc(DATA, "arn:aws:s3:::example")))))
    shell("audit", file, "--fail-on", "low")
    assert "nobody is administrator" in shell.out
    for data in (
        "",
        "[]",
        "3",
        '{"UserDetailList": [{"UserName": "a", "Arn": "b", "GroupList": 5}]}',
        '{"UserDetailList": [7], "RoleDetailList": null}',
    ):
        shell("audit", shell.write("bad.json", data), code=2)
        assert shell.err


def test_severities_and_many_rows(shell: Shell) -> None:
    crowd = [user(f"u{n}", doc("lambda:UpdateFunctionCode")) for n in range(50)]
    file = shell.write(
        "crowd.json",
        json.dumps(snapshot(*crowd, LAMBDA_TOP, user("v", doc("iam:CreateAccessKey", arn("user", "w"))), user("w", doc("s3:*")))),
    )
    found = {line["severity"] for line in shell("audit", "--json", file)[:-1]}
    assert found == {"high", "medium"}
    shell("audit", file)
    assert "more findings: --json has them all" in shell.out


def test_page(shell: Shell) -> None:
    evil = user("<script>", doc("iam:CreateAccessKey"))
    file = shell.write("account.json", json.dumps({**whole(), "UserDetailList": [*whole()["UserDetailList"], evil]}))
    shell("audit", file, "--html", "page.html", "--now", "2026-11-01T00:00:00Z")
    page = (shell.folder / "page.html").read_text()
    assert "<script>" not in page
    assert "user/&lt;script&gt;" in page
    assert "src=" not in page
    assert "Roles that nobody used for long" in page
    shell("audit", shell.write("calm.json", json.dumps(snapshot(user("ana")))), "--html", "calm.html")
    assert "Nobody, by policies alone" in (shell.folder / "calm.html").read_text()


def test_what_cannot_be_read_is_said(shell: Shell) -> None:
    entries = [user("ana", boundary="broken"), role("odd", by={"Statement": 7})]
    lines = shell("audit", "--json", shell.write("x.json", json.dumps(snapshot(*entries, policies=POLICIES))))
    said = [line["what"] for line in lines[:-1]]
    assert any(what.startswith("has a boundary that cannot be judged") for what in said)
    assert any(what.startswith("has a trust policy that cannot be judged") for what in said)


GUARDED = snapshot(
    user("ana", doc("s3:GetObject", "arn:aws:s3:::fraud-train/curated/*")),
    user("bob", doc("iam:CreateAccessKey", arn("user", "ana"))),
    user("eve", doc("iam:CreateAccessKey", arn("user", "ana"), Condition=TAG)),
    BOSS,
)
CONFIG = "version: 1\nprojects: [{name: fraud, aws: {accounts: ['123456789012']}, data: {training: [{at: 's3://fraud-train/curated/'}, {at: 'gs://fraud-train/'}]}}]\n"


def test_who_reaches_what_is_declared_and_named(shell: Shell) -> None:
    file, config = shell.write("guarded.json", json.dumps(GUARDED)), shell.write("ringfence.yaml", CONFIG)
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/models"
    lines = shell("--config", config, "audit", "--json", file, "--asset", key, "--asset", "arn:aws:s3:::fraud-train")
    found = {(a["identity"], a["asset"], a["use"]): (a["certain"], [s["to"] for s in a["steps"]]) for a in lines[-1]["summary"]["accesses"]}
    assert found == {
        (arn("user", "ana"), name, "read or use"): (True, []) for name in ("s3://fraud-train/curated/", "arn:aws:s3:::fraud-train")
    } | {
        (arn("user", who), name, "read or use"): (certain, [arn("user", "ana")])
        for name in ("s3://fraud-train/curated/", "arn:aws:s3:::fraud-train")
        for who, certain in (("bob", True), ("eve", False))
    }
    assert [line["severity"] for line in lines[:-1]] == ["high", *["high"] * 2, *["medium"] * 4, *["low"] * 2]
    shell("--config", config, "audit", file, "--html", "page.html")
    assert "iam:CreateAccessKey -> user/ana -> s3:GetObject -> s3://fraud-train/curated/ [iam-002]" in " ".join(shell.out.split())
    page = (shell.folder / "page.html").read_text()
    assert "Who reaches <code>s3://fraud-train/curated/</code>" in page
    assert "By becoming" not in page
    shell("audit", file, "--asset", "fraud-train", code=2)
    assert "is no ARN" in shell.err
    shell("audit", file, "--asset", "arn:aws:no-such-service:::x", code=2)
    assert "no action is known" in shell.err


def test_what_if(shell: Shell) -> None:
    file = shell.write("guarded.json", json.dumps(GUARDED))
    more = shell.write("more.json", json.dumps(doc("iam:CreateAccessKey", arn("user", "boss"))))
    assert [
        (line["identity"], line["reaches"], line["certain"]) for line in shell("audit", "--json", file, "--what-if", f"ana={more}")
    ] == [(MINE, "admin", True)]
    shell("audit", file, "--what-if", f"{arn('user', 'ana')}={more}", "--fail-on", "critical", code=1)
    shell("audit", file, "--what-if", f"boss={more}")
    assert "adds no way up" in shell.out
    for value, said in (
        ("ana", "is not IDENTITY=FILE"),
        (f"zoe={more}", "no user or role"),
        ("ana=nowhere.json", "cannot be read"),
        (f"ana={shell.write('empty.json', '{}')}", "cannot be judged"),
        (f"ana={shell.write('list.json', '[]')}", "cannot be judged"),
    ):
        shell("audit", file, "--what-if", value, code=2)
        assert said in shell.err


def test_a_large_account_says_what_is_going_on(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LARGE", 2)
    shell("audit", shell.write("guarded.json", json.dumps(GUARDED)))
    assert "judging 4 users and roles" in shell.err
