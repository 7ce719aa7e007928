"""The product as deployed: `sam build`'s output, unchanged, in a local AWS that enforces IAM on the functions' own roles.

An ordinary IAM call and nothing else sets everything off. What is not AWS here: delivery takes milliseconds, IAM is consistent at once.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.cases import ROOT, event_file
from tools.wrap_events import main as wrap_events

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

TOOLS = ROOT / ".tools"
STACK = "ringfence"
ACCOUNT = "123456789012"
AWS_MANAGED = "arn:aws:iam::aws:policy/"
ADMIN = AWS_MANAGED + "AdministratorAccess"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
LIMIT = 60.0  # seconds


class Box:
    """The local AWS, the stack in it, and an operator's view."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RINGFENCE_"))}
        self.env = plain | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "SAM_CLI_TELEMETRY": "0",
            "PATH": f"{ROOT / '.venv' / 'bin'}:{plain.get('PATH', '')}",
        }
        keys: dict[str, Any] = {
            "endpoint_url": self.url,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "region_name": "us-east-1",
        }
        self.iam: Any = boto3.client("iam", **keys)
        self.events: Any = boto3.client("events", **keys)
        self.functions: Any = boto3.client("lambda", **keys)
        self.operator: dict[str, str] = {}

    def run(self, *command: str, code: int | None = 0, **env: str) -> str:
        """Run a command and give its stdout."""
        done = subprocess.run(
            [str(c) for c in command], cwd=ROOT, env=self.env | env, capture_output=True, text=True, timeout=240, check=False
        )
        assert code is None or done.returncode == code, f"{command}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def deploy(self, template: Path, *parameters: str) -> None:
        """Deploy a built template."""
        capabilities = ("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
        flags = ("--resolve-s3", "--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset")
        self.run(
            str(TOOLS / "sam/bin/sam"),
            "deploy",
            "--template-file",
            str(template),
            "--stack-name",
            STACK,
            *flags,
            *capabilities,
            "--parameter-overrides",
            "Mode=graduated",
            *parameters,
        )

    def ringfence(self, *arguments: str, code: int | None = 0) -> list[dict[str, Any]]:
        """Run the command line as an operator, on the stack."""
        out = self.run("ringfence", "--json", *arguments, "--stack", STACK, code=code, **self.operator)
        return [json.loads(line) for line in out.splitlines()]

    def publish(self, event: dict[str, Any]) -> None:
        """Have a service of AWS publish an event."""
        body = json.dumps({key: event[key] for key in ("source", "detail-type", "detail")}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_box/events", data=body), timeout=10).close()  # noqa: S310 - loopback

    def function(self, name: str) -> str:
        """Give the full name of a function of the stack."""
        return next(str(f["FunctionName"]) for f in self.functions.list_functions()["Functions"] if name in f["FunctionName"])

    def role(self, name: str, service: str) -> str:
        """Make a role that a service may assume; give its unique id."""
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
        return str(self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["RoleId"])

    def attached(self, role: str) -> list[str]:
        """Give the policies of a role."""
        return [p["PolicyArn"] for p in self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]

    def job_of(self, role: str, state: str, guardrail: str = "", *, again: bool = False) -> dict[str, Any]:
        """Wait for a job of a role in a state; or for one that asserts another one again."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [
                j
                for j in self.ringfence("jobs")
                if j["identity"].endswith(f"/{role}")
                and j["state"] == state
                and guardrail in j["guardrail"]
                and bool(j["again_of"]) is again
            ]
            return bool(found)

        until(there, f"a job of {role} that is {state}; there are {self.ringfence('jobs')}")
        return found[-1]


def until(holds: Callable[[], bool], what: str) -> float:
    """Wait until something holds; give how long it took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < LIMIT, f"not within {LIMIT:.0f} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - started


def free_port() -> int:
    """Give a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    port = free_port()
    made = Box(port)
    log = ROOT / "build" / "box.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [TOOLS / "box/bin/python", ROOT / "tests/e2e/box.py", str(port)],
            env=made.env | {"AUTH": "true"},
            stdout=out,
            stderr=out,
            cwd=ROOT,
        )
        try:
            until(lambda: answers(port), "the local AWS answers")
            made.deploy(ROOT / ".aws-sam/build/template.yaml")
            made.functions.invoke(FunctionName=made.function("ReviewFunction"), Payload=b"{}")
            made.iam.create_user(UserName="oncall")
            made.iam.attach_user_policy(UserName="oncall", PolicyArn=ADMIN)
            key = made.iam.create_access_key(UserName="oncall")["AccessKey"]
            made.operator = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
            yield made
        finally:
            process.terminate()
            process.wait(timeout=20)


def answers(port: int) -> bool:
    """Whether something listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_an_administrator_policy_on_an_ai_role_is_removed(box: Box) -> None:
    box.role("fraud-train", "sagemaker.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-train", PolicyArn=ADMIN)
    cold = until(lambda: ADMIN not in box.attached("fraud-train"), "AdministratorAccess is removed")
    box.role("fraud-serve", "sagemaker.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-serve", PolicyArn=ADMIN)
    warm = until(lambda: ADMIN not in box.attached("fraud-serve"), "AdministratorAccess is removed")
    print("\n" + json.dumps({"benchmark": "attach to removed, local AWS", "cold_seconds": round(cold, 2), "warm_seconds": round(warm, 2)}))
    job = box.job_of("fraud-train", "done")
    kinds = [r["kind"] for r in box.ringfence("trail", "list", "--job", job["id"])]
    assert sorted(kinds) == ["closed", "decision", "intent", "outcome", "verify"]


def test_everything_on_everything_inline_is_removed(box: Box) -> None:
    box.role("fraud-agent", "bedrock-agentcore.amazonaws.com")
    box.iam.put_role_policy(RoleName="fraud-agent", PolicyName="debug", PolicyDocument=json.dumps(EVERYTHING))
    until(lambda: not box.iam.list_role_policies(RoleName="fraud-agent")["PolicyNames"], "the inline policy is removed")


def test_a_benign_policy_and_another_projects_role_stay(box: Box) -> None:
    box.role("fraud-notebook", "sagemaker.amazonaws.com")
    box.role("web-shop", "ec2.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-notebook", PolicyArn=AWS_MANAGED + "AmazonS3ReadOnlyAccess")
    box.iam.attach_role_policy(RoleName="web-shop", PolicyArn=ADMIN)
    box.role("fraud-marker", "sagemaker.amazonaws.com")  # judged after the two: when it is done, they have been
    box.iam.attach_role_policy(RoleName="fraud-marker", PolicyArn=ADMIN)
    until(lambda: not box.attached("fraud-marker"), "the marker is removed")
    box.job_of("fraud-marker", "done")
    assert box.attached("fraud-notebook") == [AWS_MANAGED + "AmazonS3ReadOnlyAccess"]
    assert box.attached("web-shop") == [ADMIN]
    assert not [j for j in box.ringfence("jobs") if j["identity"].endswith(("/fraud-notebook", "/web-shop"))]


def test_a_finding_delivered_five_times_asks_once_and_approval_leads_to_quarantine(box: Box) -> None:
    role_id = box.role("fraud-stolen", "sagemaker.amazonaws.com")
    event = event_file("aws/guardduty/credential-exfiltration.json")
    event["detail"]["resource"]["accessKeyDetails"] |= {"userName": "fraud-stolen", "principalId": f"{role_id}:i-0"}
    event["detail"]["id"] = uuid.uuid4().hex
    for count in range(5):
        event["detail"]["service"]["count"] = count + 1
        box.publish(event)
    job = box.job_of("fraud-stolen", "pending")
    time.sleep(3)
    assert len([j for j in box.ringfence("jobs") if j["identity"].endswith("/fraud-stolen")]) == 1
    assert box.attached("fraud-stolen") == []
    assert box.ringfence("approve", job["id"]) == [{"job": job["id"], "state": "approved"}]
    until(lambda: any("Quarantine" in arn for arn in box.attached("fraud-stolen")), "the quarantine is on")
    box.job_of("fraud-stolen", "done")
    decided = [r for r in box.ringfence("trail", "list", "--job", job["id"]) if r["kind"] == "approval_decided"]
    assert [r["data"]["voter"] for r in decided] == [f"arn:aws:iam::{ACCOUNT}:user/oncall"]
    assert box.ringfence("approve", job["id"], code=1) == [], "a second vote does not count"
    (deny,) = box.attached("fraud-stolen")
    box.iam.detach_role_policy(RoleName="fraud-stolen", PolicyArn=deny)
    until(lambda: box.attached("fraud-stolen") == [deny], "somebody took it off, and it is asserted again")
    box.job_of("fraud-stolen", "done", again=True)
    (undone,) = box.ringfence("undo", job["id"], "--yes")
    assert undone["state"] == "done"
    assert box.attached("fraud-stolen") == []


def test_undo_puts_the_attachment_back_and_it_is_recorded_and_left_alone(box: Box) -> None:
    job = box.job_of("fraud-train", "done")
    assert box.ringfence("undo", job["id"], "--yes", code=1) == [], "what was critical is not given back without a reason"
    (undone,) = box.ringfence("undo", job["id"], "--yes", "--override", "needed for the migration")
    assert undone["state"] == "done"
    assert box.attached("fraud-train") == [ADMIN]
    kinds = [r["kind"] for r in box.ringfence("trail", "list", "--job", undone["undo"])]
    assert sorted(kinds) == ["closed", "decision", "intent", "outcome", "undo_requested", "verify"]
    box.job_of("fraud-train", "cancelled")
    assert box.attached("fraud-train") == [ADMIN], "what a person put back is not reversed by the undo's own event"


def test_the_kill_switch_stops_every_call_and_lets_it_go_on(box: Box) -> None:
    (stopped,) = box.ringfence("stop")
    assert stopped["state"] == "stopped"
    box.role("fraud-halted", "sagemaker.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-halted", PolicyArn=ADMIN)
    box.job_of("fraud-halted", "stopped")
    assert box.attached("fraud-halted") == [ADMIN]
    assert box.ringfence("resume") == [{"state": "running", "by": stopped["by"]}]
    box.iam.detach_role_policy(RoleName="fraud-halted", PolicyArn=ADMIN)
    box.iam.attach_role_policy(RoleName="fraud-halted", PolicyArn=ADMIN)
    until(lambda: not box.attached("fraud-halted"), "AdministratorAccess is removed again")


def test_a_vote_that_is_not_signed_for_it_does_not_count(box: Box) -> None:
    for proof in (
        "",
        "https://sts.amazonaws.com/?Action=GetCallerIdentity",
        f"{box.url}/?Action=GetCallerIdentity&Version=2011-06-15",
        "http://127.0.0.1:9/",
    ):
        reply = box.functions.invoke(
            FunctionName=box.function("ApproveFunction"), Payload=json.dumps({"job": "0" * 16, "wish": "approve", "proof": proof})
        )
        assert "error" in json.loads(reply["Payload"].read()), proof


def test_nobody_can_forge_an_event_of_iam(box: Box) -> None:
    entry = {"Source": "aws.iam", "DetailType": "AWS API Call via CloudTrail", "Detail": "{}"}
    assert box.events.put_events(Entries=[entry])["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"


def test_the_built_handler_takes_every_sample_event_in_a_process_of_its_own(box: Box, tmp_path: Path) -> None:
    wrap_events(tmp_path)
    name = next(f for f in box.functions.list_functions()["Functions"] if "EvaluateFunction" in f["FunctionName"])
    env = (
        box.env
        | name["Environment"]["Variables"]
        | {"PYTHONPATH": f"{ROOT / '.aws-sam/build/RingfenceLayer/python'}:{ROOT / 'functions/evaluate'}"}
    )
    code = "import json, sys, app; print('ANSWER ' + json.dumps(app.handler(json.load(open(sys.argv[1])), None)))"
    paths = sorted(tmp_path.glob("*.json"))
    assert len(paths) > 20
    for path in paths:
        done = subprocess.run(
            [TOOLS / "box/bin/python", "-c", code, path], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert 'ANSWER {"batchItemFailures": []}' in done.stdout, f"{path.name}: {done.stdout[-800:]}{done.stderr[-800:]}"


def test_without_one_needed_permission_it_fails_with_access_denied(box: Box) -> None:
    built = ROOT / ".aws-sam/build/template.yaml"
    less = built.with_name("template-less.yaml")
    text = built.read_text()
    assert text.count("- iam:DetachRolePolicy\n") == 1
    less.write_text("".join(line for line in text.splitlines(keepends=True) if line.strip() != "- iam:DetachRolePolicy"))
    box.deploy(less)
    box.role("fraud-late", "sagemaker.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-late", PolicyArn=ADMIN)
    job = box.job_of("fraud-late", "for-a-person")
    reason = box.ringfence("trail", "list", "--job", job["id"])[-1]["reason"]
    assert "AccessDenied" in reason
    assert "aws iam detach-role-policy --role-name fraud-late" in reason, "the exact command for a person"
    assert box.attached("fraud-late") == [ADMIN]


def test_the_stack_is_deleted_without_an_error(box: Box) -> None:
    box.run(str(TOOLS / "sam/bin/sam"), "delete", "--stack-name", STACK, "--no-prompts", "--region", "us-east-1")
    assert (
        "there is no stack"
        in subprocess.run(
            ["ringfence", "jobs", "--stack", STACK], env=box.env, cwd=ROOT, capture_output=True, text=True, check=False
        ).stderr
    )
