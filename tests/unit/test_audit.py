"""The audit command: a snapshot in which everything is found, a calm one, a damaged one."""

import json

from tests.support.accounts import BOSS, DATA, LAMBDA_TOP, MINE, POLICIES, SNAPSHOT, arn, doc, role, snapshot, user
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
    assert "iam:CreateAccessKey -> user/boss [iam-002]" in " ".join(shell.out.split())


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
