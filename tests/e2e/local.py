"""The local AWS as a test sees it: the box, the stack in it, an operator's view, and a proxy that spoils replies."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from tests.support.cases import ROOT

TOOLS = ROOT / ".tools"
STACK = "ringfence"
ACCOUNT = "123456789012"
AWS_MANAGED = "arn:aws:iam::aws:policy/"
ADMIN = AWS_MANAGED + "AdministratorAccess"
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
            "RINGFENCE_HOME": tempfile.mkdtemp(prefix="ringfence-home-"),  # a machine that has seen no other trail
            "SAM_CLI_TELEMETRY": "0",
            "PATH": f"{ROOT / '.venv' / 'bin'}:{plain.get('PATH', '')}",
        }
        self.keys: dict[str, Any] = {
            "endpoint_url": self.url,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "region_name": "us-east-1",
        }
        self.iam: Any = boto3.client("iam", **self.keys)
        self.events: Any = boto3.client("events", **self.keys)
        self.functions: Any = boto3.client("lambda", **self.keys)
        self.operator: dict[str, str] = {}
        self.slack: Any = None  # the workspace of the stack
        self.engineer: Any = None  # somebody else who changes IAM: one actor has a budget

    def run(self, *command: str, code: int | None = 0, **env: str) -> str:
        """Run a command and give its stdout."""
        done = subprocess.run(
            [str(c) for c in command], cwd=ROOT, env=self.env | env, capture_output=True, text=True, timeout=240, check=False
        )
        assert code is None or done.returncode == code, f"{command}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def deploy(self, template: Path, *parameters: str, region: str = "us-east-1") -> None:
        """Deploy a built template in a region."""
        capabilities = ("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
        flags = ("--resolve-s3", "--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset")
        self.run(
            str(TOOLS / "sam/bin/sam"),
            "deploy",
            "--template-file",
            str(template),
            "--region",
            region,
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

    def publish(self, event: dict[str, Any], region: str = "us-east-1") -> None:
        """Have a service of AWS publish an event in a region."""
        self._tell("events", {key: event[key] for key in ("source", "detail-type", "detail")} | {"region": region})

    def remember(self, record: dict[str, Any]) -> None:
        """Have CloudTrail find a record."""
        self._tell("history", record)

    def _tell(self, path: str, what: dict[str, Any]) -> None:
        request = urllib.request.Request(f"{self.url}/_box/{path}", data=json.dumps(what).encode())  # noqa: S310 - loopback
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - loopback

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

    def attached_to(self, user: str) -> list[str]:
        """Give the policies of a user."""
        return [p["PolicyArn"] for p in self.iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]]

    def key(self, user: str, key: str) -> str:
        """Give the status of a user's access key."""
        return next(str(k["Status"]) for k in self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"] if k["AccessKeyId"] == key)

    def trust(self, role: str) -> dict[str, Any]:
        """Give a role's trust policy."""
        return dict(self.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"])

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


def answers(port: int) -> bool:
    """Whether something listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: list[str | Path], env: dict[str, str], log: str, ready: Callable[[], bool]) -> Iterator[None]:
    """Run a server of this test until it is left; what it says goes to build/."""
    path = ROOT / "build" / log
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=ROOT)
        try:
            until(ready, f"{log}: it answers")
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def local_aws(log: str = "box.log", **env: str) -> Iterator[Box]:
    """Run the local AWS."""
    port = free_port()
    made = Box(port)
    with running([TOOLS / "box/bin/python", ROOT / "tests/e2e/box.py", str(port)], made.env | env, log, lambda: answers(port)):
        yield made


class Proxy:
    """The local AWS, straight and through a proxy whose rules say what goes wrong."""

    def __init__(self, port: int, straight: Any) -> None:
        self.url, self.iam = f"http://127.0.0.1:{port}", straight
        self.number = 0

    def rules(self, *rules: dict[str, Any]) -> None:
        """Let something go wrong from now on."""
        self._ask("POST" if rules else "DELETE", "rules", list(rules))

    def fired(self) -> int:
        """How often something went wrong since it was asked last."""
        found: Any = self._ask("GET", "fired")
        self._ask("DELETE", "fired")
        return len(found if isinstance(found, list) else found.get("fired", found))

    def _ask(self, method: str, path: str, body: object = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        url, headers = f"{self.url}/_microburst/{path}", {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
            text = reply.read()
        return json.loads(text) if text else None


@contextmanager
def spoiled(box: Box) -> Iterator[Proxy]:
    """Run the fault proxy in front of the local AWS."""
    port = free_port()
    command: list[str | Path] = [TOOLS / "faults/bin/microburst", "-u", box.url, "-p", str(port), "--host", "127.0.0.1", "--no-resign"]
    with running(command, box.env, "faults.log", lambda: answers(port)):
        made = Proxy(port, box.iam)
        boto3.client("iam", **box.keys | {"endpoint_url": made.url}).list_roles()  # the first request through it takes seconds
        yield made
