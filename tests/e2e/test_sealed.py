"""The deployed trail: sealed by the deployed function into a bucket, signed by a key of KMS, verified by the command line with the key alone.

It is the trail of all that the tests before these had the stack do.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.e2e.local import ACCOUNT, ADMIN, STACK, Box, until
from tests.support.outside_verifier import check

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def seal(box: Box) -> int:
    reply = box.functions.invoke(FunctionName=box.function("SealFunction"), Payload=b"{}")
    said: dict[str, Any] = json.loads(reply["Payload"].read())
    assert "FunctionError" not in reply, said
    return int(said["size"])


def exported(box: Box, folder: Path) -> int:
    """Seal and export, and give how many records that are; again where the seal of the minute came between with more of them."""
    for _ in range(3):
        first = seal(box)
        (said,) = box.ringfence("trail", "export", str(folder))
        if said["records"] == first:
            break
        shutil.rmtree(folder)
    assert said["records"] == first
    return first


def done(box: Box) -> str:
    """Give the job of an act. One of the tests before these, where there is one: so many acts by themselves have an hour, and no more."""
    acts = [j["id"] for j in box.ringfence("jobs") if (j["state"], j["class"], j["undo_of"]) == ("done", "reversal", None)]
    if acts:
        return str(acts[0])
    box.role("fraud-sealed", "sagemaker.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-sealed", PolicyArn=ADMIN)
    until(lambda: ADMIN not in box.attached("fraud-sealed"), "AdministratorAccess is removed")
    return str(box.job_of("fraud-sealed", "done")["id"])


def test_what_was_done_is_sealed_signed_and_verified_by_two_verifiers(box: Box, tmp_path: Path) -> None:
    job = done(box)
    first = exported(box, tmp_path / "one")
    origin, size, *_ = (tmp_path / "one" / "checkpoint").read_text().splitlines()
    assert (origin, int(size)) == (f"ringfence.aws/{ACCOUNT}/us-east-1/{STACK}", first)
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "one" / "records.jsonl").read_text().splitlines() if job in line]
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
