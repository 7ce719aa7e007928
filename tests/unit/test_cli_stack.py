"""The command line on a deployed stack, and the demo."""

import io
import json
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from ringfence.cli import undo as cli_undo
from ringfence.clouds.aws import clients
from ringfence.domain.plan import ActionClass, Call
from ringfence.errors import RefusedError
from tests.support.actions import HITTING, planned
from tests.support.aws import aws, make
from tests.support.cases import state_of
from tests.support.shell import Shell


class FakeCloudFormation:
    """CloudFormation with one stack."""

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        if StackName == "ringfence":
            return {
                "Stacks": [
                    {
                        "Outputs": [
                            {"OutputKey": "ApproveFunction", "OutputValue": "approve-1"},
                            {"OutputKey": "Table", "OutputValue": "table-1"},
                        ]
                    }
                ]
            }
        code = "ValidationError" if StackName == "nowhere" else "AccessDenied"
        raise ClientError({"Error": {"Code": code, "Message": "words"}}, "DescribeStacks")


class FakeLambda:
    """Lambda with a function that answers from a script."""

    def __init__(self, *answers: tuple[dict[str, Any], bool]) -> None:
        self.answers = list(answers)

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's
        assert FunctionName == "approve-1"
        assert json.loads(Payload)["wish"]
        answer, failed = self.answers.pop(0)
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **({"FunctionError": "Unhandled"} if failed else {})}


def test_a_stack_is_found_and_asked(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "cloudformation", FakeCloudFormation)
    answers = FakeLambda(({"job": "j", "state": "approved"}, False), ({"error": "no", "hint": "try"}, False), ({"errorMessage": "x"}, True))
    monkeypatch.setattr(clients, "functions", lambda: answers)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert shell("approve", "0123", "--stack", "ringfence", "--json") == [{"job": "0123", "state": "approved"}]
    answers.answers.insert(0, ({"state": "stopped", "by": "arn:aws:iam::123456789012:user/ana"}, False))
    assert shell("stop", "--stack", "ringfence", "--json") == [{"state": "stopped", "by": "arn:aws:iam::123456789012:user/ana"}]
    shell("deny", "0123", "--stack", "ringfence", code=1)
    assert "try" in shell.err
    shell("deny", "0123", "--stack", "ringfence", code=3)
    shell("jobs", "--stack", "nowhere", code=2)
    assert "no stack nowhere" in shell.err
    shell("jobs", "--stack", "forbidden", code=3)
    shell("undo", "0123", "--stack", "ringfence", code=2)
    assert "no output RespondFunction" in shell.err


@pytest.mark.parametrize(
    "call",
    [
        Call("iam", "AttachRolePolicy", {"RoleName": "other", "PolicyArn": "x"}),
        Call("iam", "CreateAccessKey", {"UserName": "r"}),
        Call("s3", "AttachRolePolicy", {"RoleName": "r"}),
        Call("iam", "AttachRolePolicy", {"RoleName": "r", "UserName": "eve", "PolicyArn": "x"}),
        Call("iam", "SetDefaultPolicyVersion", {"PolicyArn": "arn:aws:iam::123456789012:policy/p", "VersionId": "v1"}),
        Call("iam", "AddUserToGroup", {"UserName": "eve", "GroupName": "r"}),
        Call("bedrock", "DeleteModelInvocationLoggingConfiguration", {}, "us-east-1"),
        Call("cloudtrail", "StopLogging", {"Name": "r"}, "us-east-1"),
    ],
)
def test_nothing_but_a_policy_put_back_is_called_with_an_operators_credentials(call: Call) -> None:
    with pytest.raises(RefusedError, match="no undo needs"):
        cli_undo._safe({"call": msgspec.to_builtins(call), "identity": ARN})
    assert isinstance(
        cli_undo._safe({"call": {"service": "iam", "operation": "AttachRolePolicy", "parameters": {"RoleName": "r"}}, "identity": ARN}),
        Call,
    )


@pytest.mark.parametrize(
    ("arn", "call"),
    [
        ("arn:aws:iam::123456789012:role/x/r", Call("iam", "UpdateAssumeRolePolicy", {"RoleName": "r", "PolicyDocument": "{}"})),
        ("arn:aws:iam::123456789012:user/u", Call("iam", "AddUserToGroup", {"UserName": "u", "GroupName": "g"})),
        ("arn:aws:iam::123456789012:policy/x/p", Call("iam", "SetDefaultPolicyVersion", {"PolicyArn": "arn:aws:iam::123456789012:policy/x/p"})),
        ("arn:aws:cloudtrail:us-east-1:123456789012:trail/main", Call("cloudtrail", "DeleteTrail", {"Name": "main"}, "us-east-1")),
        ("arn:aws:bedrock:us-east-1:123456789012:model-invocation-logging", Call("bedrock", "DeleteModelInvocationLoggingConfiguration", {}, "us-east-1")),
    ],
)  # fmt: skip
def test_whatever_was_reversed_can_be_given_back_to_whom_it_was_taken_from(arn: str, call: Call) -> None:
    assert cli_undo._safe({"call": msgspec.to_builtins(call), "identity": arn}) == call


def test_every_reversal_can_be_given_back() -> None:
    reversals = [(a, c) for a, c in HITTING if a.action_class is ActionClass.REVERSAL and a.cloud == "aws"]
    inverses = {(s.inverse.service, s.inverse.operation) for a, c in reversals for s in planned(a, c, state_of(c["state"]))}
    assert inverses <= cli_undo.PUTTING_BACK.keys()


@pytest.mark.parametrize(("agrees", "version", "word"), [(False, 3, "not agreed"), (True, 4, "moved on")])
def test_a_granting_call_is_not_made_where_nobody_agrees_or_the_undo_moved_on_meanwhile(agrees: bool, version: int, word: str) -> None:
    call = {"service": "iam", "operation": "AttachRolePolicy", "parameters": {"RoleName": "r", "PolicyArn": "x"}}
    stack = FakeStack(
        {"job": "u", "state": "running", "version": 3, "call": call, "step": 0, "identity": ARN}, {"job": "u", "version": version}
    )
    with aws(managed=False), pytest.raises(RefusedError, match=word):
        cli_undo._deployed(stack, "j", "", lambda _: agrees)  # type: ignore[arg-type]  # as much of a stack as is used
    assert [question.get("wish") for _, question in stack.asked] == ["undo"] + ["show"] * agrees


@pytest.mark.parametrize("arguments", [["demo", "--yes", "--json"], ["demo", "--json"], ["demo", "--yes"]])
def test_the_demo_acts_asks_undoes_and_agrees_with_its_trail(shell: Shell, arguments: list[str]) -> None:
    lines = shell(*arguments)
    page = (shell.folder / "home" / "trail.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "AttachRolePolicy" in page
    assert "Verified, not anchored" in page
    if not lines:
        assert shell.out.count("exactly as it was before") == 2
        assert "the other 6 grants, 2 of them with a condition, stay as they were" in shell.out
        closing = shell.out.partition("In short")[2]
        assert [(line.split()[0], line.split()[1]) for line in closing.splitlines() if line.startswith(("  asked", "  undone"))] == [
            ("asked", "AWS"),
            ("asked", "AWS"),
            ("asked", "Google"),
            ("undone", "AWS"),
            ("undone", "Google"),
        ]
        assert "records, sealed and signed; every call has its intent" in shell.out
        return
    summary = lines[-1]["summary"]
    yes = "--yes" in arguments
    assert summary | {"page": ""} == {
        "events": 18,
        "findings": 7,
        "acted": 4,
        "asked": 3,
        "undone": 2 if yes else 1,
        "trail_verified": True,
        "page": "",
    }
    assert len(shell("jobs", "--state", "pending", "--json")) == (0 if yes else 3)


ARN = "arn:aws:iam::123456789012:role/r"


class FakeStack:
    """A stack whose functions answer from a script."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, dict[str, Any]]]()

    def output(self, key: str) -> str:
        return key

    def ask(self, function: str, question: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((function, question))
        return self.answers.pop(0)


def test_an_undo_on_a_stack_makes_the_granting_call_between(monkeypatch: pytest.MonkeyPatch) -> None:
    call: dict[str, Any] = {
        "service": "iam",
        "operation": "PutRolePolicy",
        "parameters": {
            "RoleName": "r",
            "PolicyName": "p",
            "PolicyDocument": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}',
        },
    }
    stack = FakeStack(
        {"job": "u", "state": "running", "version": 3, "call": call, "step": 0, "identity": ARN},
        {"job": "u", "state": "running", "version": 3},
        {"job": "u", "state": "verifying", "call": None},
        {"job": "u", "state": "done"},
    )
    monkeypatch.setattr(cli_undo, "Stack", lambda _: stack)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with aws(managed=False) as iam:
        wanted = state_of({"role": "r"})
        assert wanted is not None
        make(iam, wanted)
        assert cli_undo._deployed(stack, "j", "", lambda _: True) == ("u", "done")  # type: ignore[arg-type]  # as much of a stack as is used
        assert iam.list_role_policies(RoleName="r")["PolicyNames"] == ["p"]
        stack.answers = [
            {
                "job": "u",
                "state": "running",
                "version": 5,
                "step": 0,
                "identity": "arn:aws:iam::123456789012:role/no",
                "call": {**call, "parameters": {**call["parameters"], "RoleName": "no"}},
            },
            {"job": "u", "version": 5},
            {"state": "failed", "call": None},
        ]
        assert cli_undo._deployed(stack, "j", "", lambda _: True) == ("u", "failed")  # type: ignore[arg-type]  # as above
    assert stack.asked[2][1]["reply"].keys() == {"request_id"}
    assert stack.asked[-1][1]["reply"]["code"] == "NoSuchEntity"
