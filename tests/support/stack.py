"""What the template would make, in moto, and the functions in this process."""

import importlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import boto3
import pytest

from ringfence import wiring
from ringfence.domain.census import Census
from ringfence.errors import UpstreamError
from tests.support.aws import aws, customer_policy, make_table
from tools.wrap_events import batch


class Stack:
    """What the template would make, in moto, and the functions in this process."""

    def __init__(self, iam: Any, waited: list[timedelta]) -> None:
        self.iam, self.waited, self.sealing = iam, waited, True
        sqs = boto3.client("sqs")
        make_table("t")
        make_table("threads", "Threads")
        self.sqs = sqs
        os.environ |= {
            "MODE": "graduated",
            "TABLE": "t",
            "JOBS_QUEUE": sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"],
            "LATER_QUEUE": sqs.create_queue(QueueName="later")["QueueUrl"],
            "NOTICES_QUEUE": sqs.create_queue(QueueName="notices")["QueueUrl"],
            "THREADS": "threads",
            "DEAD_LETTERS": sqs.create_queue(QueueName="dead")["QueueUrl"],
            "RULES": "iam-changes",
            "ARCHIVE": "sealed",
            "ORIGIN": "ringfence.aws/123456789012/us-east-1/ringfence",
            "SEAL_KEY": boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"],
            "QUARANTINE_POLICY": customer_policy(iam, "ringfence/quarantine"),
            "OWN_ROLES": "arn:aws:iam::123456789012:role/ringfence/respond",
        }
        iam.generate_credential_report()  # whoever asks first waits a second until there is one
        boto3.client("s3").create_bucket(Bucket="sealed", ObjectLockEnabledForBucket=True)
        self.events, self.dynamodb = boto3.client("events"), boto3.client("dynamodb")
        self.events.put_rule(Name="iam-changes", EventPattern='{"source":["aws.iam"]}')
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
        }
        wiring.store().keep(Census(taken=wiring.now(), config_hash="", identities=0, admins=(), protected={}))  # the first minute is over
        self.role_id = iam.create_role(RoleName="fraud-train", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["RoleId"]

    def call(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        if function == "review" and self.sealing:
            with suppress(UpstreamError, UserWarning):  # where its table is gone, too
                self.call("seal", {})  # as every minute in a deployed stack
        answer: dict[str, Any] = importlib.import_module(f"functions.{function}.app").handler(event, None)
        return answer

    def carry_out(self, job: str) -> None:
        """Have a job applied, and verified when its time has come."""
        for do, seconds in (("apply", 0), ("verify", 6)):
            self.waited[0] += timedelta(seconds=seconds)
            assert self.call("respond", batch(json.dumps({"job": job, "do": do}), 1)) == {"batchItemFailures": []}

    def messages(self, queue: str) -> list[str]:
        got = self.sqs.receive_message(QueueUrl=os.environ[queue], MaxNumberOfMessages=10).get("Messages", [])
        for message in got:
            self.sqs.delete_message(QueueUrl=os.environ[queue], ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in got]


def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    getters = (
        *(wiring.settings, wiring.store, wiring.queue, wiring.desk, wiring.evaluator, wiring.responder, wiring.history),
        *(wiring.archive, wiring.signer, wiring.threads, wiring.signing, wiring.chat),
    )
    for getter in getters:
        getter.cache_clear()
    before = dict(os.environ)
    plain, waited = wiring.now, [timedelta()]
    monkeypatch.setattr(wiring, "now", lambda: plain() + waited[0])
    with aws() as iam:
        yield Stack(iam, waited)
    for getter in getters:
        getter.cache_clear()
    os.environ.clear()
    os.environ.update(before)
