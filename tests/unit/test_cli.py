"""The command line: forms of input, JSON before and after, exit codes, help, local jobs with their votes and undo."""

import gzip
import io
import json
from datetime import timedelta
from typing import Any

import click
import pytest

from ringfence import wiring
from ringfence.cli import run as cli_run
from ringfence.cli.main import COMMANDS, Commands, _run, root
from ringfence.cli.output import json_line
from ringfence.clouds.local import LocalStore
from ringfence.domain.inert import visible
from ringfence.domain.job import JobState
from tests.support.aws import MANAGED, aws, customer_policy, make
from tests.support.cases import EVENTS, event_file, state_of
from tests.support.jobs import CONTAINMENT, NOW, REVERSAL, job, put, put_done
from tests.support.shell import Shell

WHOLE = "version: 1\ndefaults: {mode: graduated}\nprojects:\n  - {name: whole, aws: {accounts: ['*']}}\n"


BARE = event_file("aws/cloudtrail/AttachRolePolicy.json")["detail"]
CALM = {**BARE, "eventName": "ListRoles", "eventID": "e2"}
FORMS: list[tuple[str, bytes, int]] = [
    ("one.json", json.dumps(BARE).encode(), 1),
    ("array.json", json.dumps([BARE, CALM]).encode(), 2),
    ("pretty.json", json.dumps([BARE, CALM], indent=2).encode(), 2),
    ("lines.jsonl", f"{json.dumps(BARE)}\n\n{json.dumps(CALM)}\n".encode(), 2),
    ("crlf.jsonl", f"{json.dumps(BARE)}\r\n{json.dumps(CALM)}\r\n".encode(), 2),
    ("records.json", json.dumps({"Records": [BARE, CALM]}).encode(), 2),
    ("bom.json", b"\xef\xbb\xbf" + json.dumps(BARE).encode(), 1),
    ("utf16.json", json.dumps(BARE).encode("utf-16"), 1),
    ("array.json.gz", gzip.compress(json.dumps([BARE, CALM]).encode()), 2),
    ("lines.jsonl.gz", gzip.compress(f"{json.dumps(BARE)}\n{json.dumps(CALM)}\n".encode()), 2),
]


@pytest.mark.parametrize(("name", "data", "count"), FORMS, ids=[f[0] for f in FORMS])
def test_every_form_of_input(shell: Shell, name: str, data: bytes, count: int) -> None:
    lines = shell("check", "--json", shell.write(name, data))
    assert [line["index"] for line in lines] == list(range(count))
    assert lines[0]["outcome"] == "finding"
    assert lines[0]["file"].endswith(name)


def test_standard_input_and_folders(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name, data, _ in FORMS:
        shell.write(f"folder/{name}", data)
    assert len(shell("check", shell.folder / "folder", "--json")) == sum(count for _, _, count in FORMS)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps([BARE, CALM]).encode())))
    assert [line["file"] for line in shell("check", "-", "--json")] == ["-", "-"]


@pytest.mark.parametrize(
    ("data", "outcomes"),
    [
        (b"", ["malformed"]),
        (b"\x00\x01\x02", ["malformed"]),
        (b"not json\nat all\n", ["malformed"]),
        (json.dumps(BARE).encode()[:100], ["malformed"]),
        (b"42", ["malformed"]),
        (b"[]", []),
        (b'{"Records": []}', []),
        (gzip.compress(f"{json.dumps(BARE)}\n".encode() * 3)[:-9], ["finding", "finding", "finding", "malformed"]),
        (b"\xff\n" + json.dumps(BARE).encode(), ["malformed", "finding"]),
        (json.dumps([{"Records": [BARE]}, BARE]).encode(), ["finding", "finding"]),
        (b"\x1f\x8bnot gzip", ["malformed"]),
        (b"\xff\xff\xff", ["malformed"]),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, ["malformed"]),
        (f"{json.dumps(BARE)}\n{{bad\n{json.dumps(BARE)}\n".encode(), ["finding", "malformed", "finding"]),
        (json.dumps([BARE, 7, None, {}, BARE]).encode(), ["finding", "malformed", "malformed", "malformed", "finding"]),
    ],
)
def test_bad_input_is_said_and_survived(shell: Shell, data: bytes, outcomes: list[str]) -> None:
    lines = shell("check", "--json", shell.write("x.json", data))
    assert [line["outcome"] for line in lines] == outcomes
    assert all(line["reason"] for line in lines)


def test_a_line_has_every_field_of_the_contract(shell: Shell) -> None:
    (line,) = shell("--config", shell.write("c.yaml", WHOLE), "check", EVENTS / "aws/cloudtrail/AttachRolePolicy.json", "--json")
    assert list(line) == ["file", "index", "event_id", "source", "name", "time", "actor", "identities", "outcome", "reason", "findings"]
    (found,) = line["findings"]
    assert (found["guardrail"], found["severity"]) == ("aws-admin-policy-on-ai-identity", "critical")
    (step,) = found["steps"]
    assert (step["class"], step["when"], step["call"]["operation"], step["inverse"]["operation"]) == (
        "reversal",
        "act",
        "DetachRolePolicy",
        "AttachRolePolicy",
    )


def test_json_counts_wherever_it_stands_and_two_runs_are_the_same(shell: Shell) -> None:
    path = shell.write("one.json", json.dumps(BARE))
    assert shell("--json", "check", path) == shell("check", "--json", path) == shell("check", path, "--json")


def test_parts_of_an_envelope_are_numbered(shell: Shell) -> None:
    lines = shell("check", "--json", EVENTS / "aws/security_hub/findings.json")
    assert [(line["index"], line["part"]) for line in lines] == [(0, 0), (0, 1), (0, 2)]


def test_people_get_a_table(shell: Shell) -> None:
    shell("--config", shell.write("c.yaml", WHOLE), "check", EVENTS / "aws")
    assert "critical" in shell.out
    assert "finding" in shell.out
    shell("check", shell.write("calm.json", json.dumps(CALM)))
    assert "nothing to report" in shell.out


@pytest.mark.parametrize(("level", "code"), [("low", 1), ("critical", 1), (None, 0)])
def test_fail_on(shell: Shell, level: str | None, code: int) -> None:
    extra = ["--fail-on", level] if level else []
    shell("check", shell.write("one.json", json.dumps(BARE)), *extra, code=code)
    shell("check", shell.write("calm.json", json.dumps(CALM)), "--fail-on", "low", code=0)
    inline = event_file("aws/cloudtrail/PutRolePolicy.json")
    shell("check", shell.write("inline.json", json.dumps(inline)), "--fail-on", "critical", code=0)


def test_now_makes_a_change_old(shell: Shell) -> None:
    config = shell.write("c.yaml", WHOLE)
    (line,) = shell("--config", config, "check", shell.write("one.json", json.dumps(BARE)), "--now", "2026-03-09T09:00:00Z", "--json")
    assert [s["when"] for s in line["findings"][0]["steps"]] == ["ask"]
    timeless = {k: v for k, v in BARE.items() if k != "eventTime"}
    (line,) = shell("--config", config, "check", shell.write("t.json", json.dumps(timeless)), "--json")
    assert [s["when"] for s in line["findings"][0]["steps"]] == ["ask"]


def test_a_snapshot_tells_what_the_event_cannot(shell: Shell) -> None:
    event = {**BARE, "requestParameters": {"roleName": "fraud-train", "policyArn": MANAGED + "AdministratorAccess"}}
    path = shell.write("one.json", json.dumps(event))
    assert [line["outcome"] for line in shell("check", "--json", path)] == ["needs-state"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    role = {
        "RoleName": "fraud-train",
        "RoleId": "AROAEXAMPLE",
        "Arn": "arn:aws:iam::123456789012:role/fraud-train",
        "AssumeRolePolicyDocument": trust,
        "AttachedManagedPolicies": [{"PolicyName": "AdministratorAccess", "PolicyArn": MANAGED + "AdministratorAccess"}],
        "RolePolicyList": [],
    }
    snapshot = shell.write("s.json", json.dumps({"RoleDetailList": [role]}))
    assert [line["outcome"] for line in shell("check", "--json", path, "--snapshot", snapshot)] == ["finding"]
    shell("check", path, "--snapshot", shell.write("bad.json", "{"), code=2)
    shell("check", path, "--snapshot", shell.folder / "no.json", code=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["check"],
        ["check", "--no-such-option"],
        ["--config"],
        ["check", "nowhere.json"],
        ["check", "x", "--now", "yesterday"],
        ["explain", "no-such-guardrail"],
        ["--config", "no.yaml", "check", "x"],
        ["--config", "no.yaml", "config", "check"],
        ["trail", "show", "nothing"],
    ],
)
def test_wrong_usage_exits_2_and_says_so_on_stderr(shell: Shell, arguments: list[str]) -> None:
    shell(*arguments, code=2)
    assert shell.err.strip()
    assert shell.out == ""


def test_every_command_has_help(shell: Shell) -> None:
    shell("--help")
    for name, _, line in COMMANDS:
        assert name in shell.out
        assert line.split()[0] in shell.out
    for name, _, _ in COMMANDS:
        shell(name, "--help")
        assert len(shell.out.split()) > 8


def test_subcommands_have_help(shell: Shell) -> None:
    for command in (("config", "check"), ("config", "schema"), ("config", "compile"), ("trail", "list"), ("trail", "show")):
        shell(*command, "--help")
        assert len(shell.out.split()) > 8


def test_the_configuration(shell: Shell) -> None:
    (line,) = shell("config", "check", "--json", "--config", "x", code=None) or [{}]
    path = shell.write("ringfence.yaml", WHOLE)
    (line,) = shell("config", "check", "--json")
    assert (line["ok"], line["file"]) == (True, "ringfence.yaml")
    shell("config", "check")
    assert "graduated" in shell.out
    assert "warning" in shell.err
    (schema,) = shell("config", "schema", "--json")
    assert "projects" in schema["properties"]
    shell("config", "schema")
    shell("--config", path, "config", "compile", "--to", shell.folder / "compiled.json")
    assert json.loads((shell.folder / "compiled.json").read_text())["mode"] == "graduated"
    shell("--config", shell.write("bad.yaml", "version: 1\nprojets: []\n"), "config", "check", code=2)
    assert "did you mean `projects`" in shell.err


def test_explain(shell: Shell) -> None:
    pages = shell("explain", "--json")
    assert {p["kind"] for p in pages} == {"guardrail", "playbook", "action", "path", "catalogue"}
    shell("explain")
    shell("explain", "aws.iam.quarantine-role")
    assert "only own-policies" in shell.out
    assert "full powers" in shell.out
    shell("explain", "aws.iam.quarantine-rol", code=2)
    assert "Did you mean aws.iam.quarantine-role" in shell.err


def local(*jobs: Any) -> LocalStore:
    from ringfence.cli.state import local_store

    store = local_store()
    for made in jobs:
        put(store, made)
    return store


def test_jobs_and_trail_of_this_machine(shell: Shell) -> None:
    shell("jobs")
    assert "no jobs" in shell.out
    shell("trail", "list")
    assert "nothing on the trail fits" in shell.out
    local(job(CONTAINMENT, state=JobState.PENDING)).close()
    (line,) = shell("jobs", "--json")
    assert {"id", "identity", "guardrail", "state", "class", "plan_digest", "created", "expires"} <= line.keys()
    shell("jobs", "--state", "pending")
    assert "10:00 UTC" in shell.out
    assert shell("jobs", "--state", "done", "--json") == []


def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits: sleeping moves the clock."""
    times = [wiring.now()]
    monkeypatch.setattr(cli_run, "now", lambda: times[0])
    monkeypatch.setattr("time.sleep", lambda seconds: times.__setitem__(0, times[0] + timedelta(seconds=seconds)))


def test_a_local_vote_and_undo_go_through_to_the_account(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    jumping(monkeypatch)
    wanted = state_of({"role": "fraud-train"})
    assert wanted is not None
    with aws(managed=False) as iam:
        customer_policy(iam, CONTAINMENT.fact.key)
        target = make(iam, wanted)
        import msgspec

        plan = msgspec.structs.replace(job(CONTAINMENT).plan, target=target)
        pending = msgspec.structs.replace(job(CONTAINMENT, state=JobState.PENDING), plan=plan, expires=NOW.replace(year=2100))
        local(pending).close()
        assert shell("approve", pending.id, "--json") == [{"job": pending.id, "state": "done"}]
        assert iam.list_attached_role_policies(RoleName="fraud-train")["AttachedPolicies"]
        shell("approve", pending.id, code=1)
        assert "not pending" in shell.err
        shell("undo", pending.id)
        assert "is done" in shell.out
        assert not iam.list_attached_role_policies(RoleName="fraud-train")["AttachedPolicies"]
        shell("trail", "show", pending.id)
        assert "to take it back" in shell.out
        assert "AttachRolePolicy" in shell.out
        (story,) = shell("trail", "show", pending.id, "--json")
        assert story["job"]["state"] == "done"
        assert len(shell("trail", "list", "--json")) >= 6
        assert shell("trail", "list", "--job", pending.id, "--json")
        shell("trail", "list")
        shell("undo", "0000", code=1)


def test_a_local_undo_of_a_reversal_is_made_by_the_operator(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    jumping(monkeypatch)
    import msgspec

    with aws() as iam:
        wanted = state_of({"role": "fraud-train"})
        assert wanted is not None
        target = make(iam, wanted)
        plan = msgspec.structs.replace(job(REVERSAL).plan, target=target)
        done = msgspec.structs.replace(job(REVERSAL), plan=plan)
        store = local()
        put_done(store, done, 0)
        store.close()
        shell("undo", done.id, code=1)
        assert "--override" in shell.err
        (line,) = shell("undo", done.id, "--override", "a false alarm", "--json")
        assert line["state"] == "done"
        assert [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName="fraud-train")["AttachedPolicies"]] == [
            MANAGED + "AdministratorAccess"
        ]
        (again,) = shell("undo", done.id, "--json")
        assert again == line


def test_a_denial_on_this_machine(shell: Shell) -> None:
    import msgspec

    local(msgspec.structs.replace(job(CONTAINMENT, state=JobState.PENDING), expires=NOW.replace(year=2100))).close()
    shell("deny", job(CONTAINMENT).id)
    assert "is denied" in shell.out


def test_a_snapshot_of_the_account(shell: Shell) -> None:
    with aws(managed=False) as iam:
        wanted = state_of({"user": "ana"})
        assert wanted is not None
        make(iam, wanted)
        (line,) = shell("snapshot", "--to", "s.json", "--json")
        shell("snapshot", "--to", "s.json")
    assert line["UserDetailList"] == 1
    assert "1 users" in shell.out
    assert json.loads((shell.folder / "s.json").read_text())["Ringfence"]["ana"]["login"] is True


def test_what_stops_a_command_is_answered_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for error, code in ((click.exceptions.Abort(), 130), (BrokenPipeError(), 0)):

        def raises(*_: Any, error: BaseException = error, **__: Any) -> None:
            raise error

        monkeypatch.setattr(Commands, "main", raises)
        import sys

        with io.StringIO() as sink:  # the broken pipe's stderr is closed by what is tested
            monkeypatch.setattr(sys, "stderr", sink)
            assert _run([]) == code
    assert root.name == "root"


def test_hostile_text_is_shown_inertly() -> None:
    assert visible("a\u202eb\x1b[31m\n") == "a\\u202eb\\x1b[31m\\n"
    assert json.loads(json_line({"x": "\ud800"})) == {"x": "\ud800"}
