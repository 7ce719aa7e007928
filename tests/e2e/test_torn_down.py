"""The last of the deployed stack, after all that it does has been seen: it is deployed with less, then deleted."""

import subprocess

import pytest

from tests.e2e.local import ADMIN, STACK, TOOLS, Box
from tests.support.cases import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def test_without_one_needed_permission_it_fails_with_access_denied(box: Box) -> None:
    built = ROOT / ".aws-sam/build/template.yaml"
    less = built.with_name("template-less.yaml")
    text = built.read_text()
    assert text.count("- iam:DetachRolePolicy\n") == 1
    less.write_text("".join(line for line in text.splitlines(keepends=True) if line.strip() != "- iam:DetachRolePolicy"))
    box.deploy(less)
    box.role("fraud-late", "sagemaker.amazonaws.com")
    box.engineer.attach_role_policy(RoleName="fraud-late", PolicyArn=ADMIN)
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
