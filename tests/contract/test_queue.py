"""The queues, over SQS (moto) and over Pub/Sub and Cloud Tasks: one target at a time, verification later, notices as they are."""

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import msgspec
import pytest
from flask import Request
from functions_framework.event_conversion import background_event_to_cloud_event

from ringfence.clouds.aws.queue import SqsQueue
from ringfence.clouds.gcp.queue import PubSubQueue
from ringfence.clouds.memory import MemoryQueue
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Severity
from ringfence.domain.job import JobState
from ringfence.engine.ports import JobMessage, Notice
from ringfence.errors import UpstreamError
from tests.support.aws import aws
from tests.support.google.ports import JOBS, LATER, NOTICES, Ports, ports
from tests.support.google.wire import Asked, Dropped
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


URL, ACCOUNT, AUDIENCE = "https://respond.example.com/", "push@fraud-ml-prod.iam.gserviceaccount.com", "https://respond.example.com"


@pytest.fixture
def google() -> Iterator[Ports]:
    with ports() as made:
        made.google.clock = lambda: NOW
        yield made


def pubsub(google: Ports) -> PubSubQueue:
    return PubSubQueue(JOBS, NOTICES, LATER, URL, ACCOUNT, AUDIENCE, google.google.clock)


def pushed(task: dict[str, Any]) -> dict[str, Any]:
    """What Cloud Tasks sends, with the message in it read."""
    body: dict[str, Any] = msgspec.json.decode(base64.b64decode(task["httpRequest"]["body"]))
    assert body["subscription"] == LATER
    message: dict[str, Any] = body["message"]
    return {**message, "data": msgspec.json.decode(base64.b64decode(message["data"]))}


@pytest.mark.enable_socket  # loopback only
def test_a_job_is_published_under_the_key_of_its_target(google: Ports) -> None:
    made = job(REVERSAL)
    pubsub(google).jobs(made)
    ((message, data),) = google.pubsub.taken(JOBS)
    assert msgspec.json.decode(data, type=JobMessage) == JobMessage(made.id, "apply")
    assert message["orderingKey"] == digest(made.plan.target.key)
    assert google.pubsub.taken(NOTICES) == []


@pytest.mark.enable_socket  # loopback only
def test_a_task_comes_when_it_is_due_as_a_push_would_and_with_our_token(google: Ports) -> None:
    made = job(REVERSAL)
    pubsub(google).later(made, 900)
    assert google.tasks.due(LATER) == []
    google.google.clock = lambda: NOW + timedelta(seconds=900)
    (task,) = google.tasks.due(LATER)
    request = task["httpRequest"]
    assert (request["url"], request["httpMethod"]) == (URL, "POST")
    assert request["oidcToken"] == {"serviceAccountEmail": ACCOUNT, "audience": AUDIENCE}
    assert request["headers"] == {"Content-Type": "application/json"}
    message = pushed(task)
    assert message["data"] == {"job": made.id, "do": "verify"}
    assert message["messageId"] == task["name"].rpartition("/")[2]


@pytest.mark.enable_socket  # loopback only
def test_a_version_of_a_job_is_verified_once_a_minute_and_again_when_it_is_overdue(google: Ports) -> None:
    made, queue_ = job(REVERSAL), pubsub(google)
    for _ in range(3):
        queue_.later(made, 60)
    queue_.later(made.moved(JobState.RUNNING, NOW), 60)
    google.google.clock = lambda: NOW + timedelta(seconds=61)
    assert len(google.tasks.due(LATER)) == 2, "one for each version"
    google.google.clock = lambda: NOW + timedelta(minutes=5)
    pubsub(google).later(made, 1)
    google.google.clock = lambda: NOW + timedelta(minutes=6)
    assert len(google.tasks.due(LATER)) == 1, "a name that was used does not swallow what is sent again at the same version"


@pytest.mark.enable_socket  # loopback only
def test_a_notice_is_published_as_it_is(google: Ports) -> None:
    pubsub(google).notice(NOTICE)
    ((message, data),) = google.pubsub.taken(NOTICES)
    assert msgspec.json.decode(data, type=Notice) == NOTICE
    assert "orderingKey" not in message


@pytest.mark.enable_socket  # loopback only
def test_a_topic_or_queue_that_is_not_there_or_does_not_answer_is_an_upstream_error(google: Ports) -> None:
    nowhere = PubSubQueue("", "projects/fraud-ml-prod/topics/no", f"{LATER}-no", URL, ACCOUNT, AUDIENCE, lambda: NOW)
    made, queue_ = job(REVERSAL), pubsub(google)

    def lost(_: Asked) -> None:
        raise Dropped

    for one, after in ((nowhere, google.google.after), (queue_, lost)):
        google.google.after = after
        calls: list[Callable[[], None]] = [partial(one.jobs, made), partial(one.later, made, 1), partial(one.notice, NOTICE)]
        for call in calls:
            with pytest.raises(UpstreamError, match="sending"):
                call()
    google.google.after = lambda _: None
    queue_.later(made, 1)
    assert len(google.tasks.queues[LATER]) == 1, "what was made already is not made twice"


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")  # functions-framework 3.10
@pytest.mark.enable_socket  # loopback only
def test_functions_framework_takes_a_task_as_the_push_that_it_looks_like(google: Ports) -> None:
    pubsub(google).later(job(REVERSAL), 0)
    (task,) = google.tasks.due(LATER)
    body = base64.b64decode(task["httpRequest"]["body"])
    request = Request.from_values("/", method="POST", data=body, content_type="application/json")
    event = background_event_to_cloud_event(request)
    assert event["type"] == "google.cloud.pubsub.topic.v1.messagePublished"
    assert msgspec.json.decode(base64.b64decode(event.data["message"]["data"])) == {"job": job(REVERSAL).id, "do": "verify"}
