"""The deployed trail: sealed by the deployed function into a bucket, signed by a key of KMS, verified by the command line with the key alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.e2e.local import ACCOUNT, ADMIN, STACK, Box, local_aws, until
from tests.support.cases import ROOT
from tests.support.outside_verifier import check

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with local_aws(AUTH="true") as made:
        made.deploy(ROOT / ".aws-sam/build/template.yaml")
        made.functions.invoke(FunctionName=made.function("ReviewFunction"), Payload=b"{}")
        made.iam.create_user(UserName="auditor")
        made.iam.attach_user_policy(UserName="auditor", PolicyArn=ADMIN)
        key = made.iam.create_access_key(UserName="auditor")["AccessKey"]
        made.operator = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        yield made


def seal(box: Box) -> int:
    reply = box.functions.invoke(FunctionName=box.function("SealFunction"), Payload=b"{}")
    said: dict[str, Any] = json.loads(reply["Payload"].read())
    assert "FunctionError" not in reply, said
    return int(said["size"])


def test_what_was_done_is_sealed_signed_and_verified_by_two_verifiers(box: Box, tmp_path: Path) -> None:
    box.role("fraud-train", "sagemaker.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-train", PolicyArn=ADMIN)
    until(lambda: ADMIN not in box.attached("fraud-train"), "AdministratorAccess is removed")
    job = box.job_of("fraud-train", "done")
    first = seal(box)
    (said,) = box.ringfence("trail", "export", str(tmp_path / "one"))
    assert said["records"] == first
    origin, size, *_ = (tmp_path / "one" / "checkpoint").read_text().splitlines()
    assert (origin, int(size)) == (f"ringfence.aws/{ACCOUNT}/us-east-1/{STACK}", first)
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "one" / "records.jsonl").read_text().splitlines() if job["id"] in line]
    assert {"decision", "intent", "outcome", "verify", "closed"} <= set(kinds)
    box.run("ringfence", "stop", "--stack", STACK, code=0, **box.operator)
    box.run("ringfence", "resume", "--stack", STACK, code=0, **box.operator)
    assert seal(box) >= first + 2
    box.ringfence("trail", "export", str(tmp_path / "two"))
    held = ("--checkpoint", str(tmp_path / "one" / "checkpoint"), "--key", str(tmp_path / "one" / "key"), "--require-anchor")
    command = ("ringfence", "--json", "trail", "verify", str(tmp_path / "two"), *held)
    verdict = json.loads(box.run(*command, RINGFENCE_HOME=str(tmp_path / "home"), AWS_ENDPOINT_URL="http://127.0.0.1:9"))
    assert (verdict["verified"], verdict["anchored"], verdict["class"]) == (True, True, None)
    assert check(tmp_path / "two", (tmp_path / "one" / "checkpoint").read_text()) == verdict["records"]


def test_the_live_archive_verifies_and_a_marker_over_a_segment_is_seen(box: Box) -> None:
    """What IAM and the bucket's policy deny is set aside here: somebody who got past both."""
    seal(box)
    (verdict,) = box.ringfence("trail", "verify")
    assert verdict["verified"] is True
    s3: Any = boto3.client("s3", **box.keys)
    (bucket,) = [b["Name"] for b in s3.list_buckets()["Buckets"] if "archive" in b["Name"]]
    name = s3.list_objects_v2(Bucket=bucket, Prefix="checkpoints/")["Contents"][0]["Key"]
    s3.put_object(Bucket=bucket, Key=name, Body=s3.get_object(Bucket=bucket, Key=name)["Body"].read())
    (verdict,) = box.ringfence("trail", "verify", code=1)
    assert (verdict["verified"], verdict["class"]) == (False, "extra-version")
