"""The queue over SQS (moto): one target at a time, one version of a job once, verification later, notices as they are."""

from collections.abc import Iterator
from typing import Any

import boto3
import msgspec
import pytest

from ringfence.clouds.aws.queue import SqsQueue
from ringfence.clouds.memory import MemoryQueue
from ringfence.domain.finding import Severity
from ringfence.domain.job import JobState
from ringfence.engine.ports import JobMessage, Notice
from ringfence.errors import UpstreamError
from tests.support.aws import aws
from tests.support.jobs import NOW, REVERSAL, job

NOTICE = Notice(id="j.1", job="j", state="done", severity=Severity.HIGH, title="t", text="x", time=NOW)


@pytest.fixture
def sqs() -> Iterator[Any]:
    with aws(managed=False):
        yield boto3.client("sqs")


def queue(sqs: Any) -> tuple[SqsQueue, list[str]]:
    urls = [
        sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"],
        sqs.create_queue(QueueName="later")["QueueUrl"],
        sqs.create_queue(QueueName="notices")["QueueUrl"],
    ]
    return SqsQueue(*urls), urls


def test_a_job_goes_to_the_group_of_its_target_once_per_version(sqs: Any) -> None:
    made, (jobs, *_) = queue(sqs)
    first = job(REVERSAL)
    made.jobs(first)
    made.jobs(first)
    (message,) = sqs.receive_message(QueueUrl=jobs, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    assert msgspec.json.decode(message["Body"], type=JobMessage) == JobMessage(first.id, "apply")
    group = message["Attributes"]["MessageGroupId"]
    assert message["Attributes"]["MessageDeduplicationId"] == f"{first.id}.0"
    sqs.delete_message(QueueUrl=jobs, ReceiptHandle=message["ReceiptHandle"])
    made.jobs(first.moved(JobState.RUNNING, NOW))
    (again,) = sqs.receive_message(QueueUrl=jobs, AttributeNames=["All"])["Messages"]
    assert again["Attributes"]["MessageGroupId"] == group
    assert again["Attributes"]["MessageDeduplicationId"] == f"{first.id}.1"


def test_verification_comes_later(sqs: Any) -> None:
    made, (_, later, _) = queue(sqs)
    made.later(job(REVERSAL), 900)
    assert "Messages" not in sqs.receive_message(QueueUrl=later)
    made.later(job(REVERSAL), 0)
    (message,) = sqs.receive_message(QueueUrl=later)["Messages"]
    assert msgspec.json.decode(message["Body"], type=JobMessage).do == "verify"


def test_a_notice_arrives_as_it_was_sent(sqs: Any) -> None:
    made, (_, _, notices) = queue(sqs)
    made.notice(NOTICE)
    (message,) = sqs.receive_message(QueueUrl=notices)["Messages"]
    assert msgspec.json.decode(message["Body"], type=Notice) == NOTICE


def test_a_queue_that_is_not_there_is_an_upstream_error(sqs: Any) -> None:
    assert sqs
    with pytest.raises(UpstreamError):
        SqsQueue("", "", "https://sqs.us-east-1.amazonaws.com/123456789012/no").notice(NOTICE)


def test_memory_lets_a_job_wait_once() -> None:
    made = MemoryQueue()
    for _ in (1, 2):
        made.jobs(job(REVERSAL))
        made.later(job(REVERSAL), 5)
    assert (len(made.to_apply), len(made.to_verify)) == (1, 1)
