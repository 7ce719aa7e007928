"""Sends to SQS: `jobs.fifo` (group = the target, so that one target is worked on at a time), `later` (delayed), `notices`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.domain.canonical import digest
from ringfence.domain.job import Job
from ringfence.engine.ports import JobMessage, Notice

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQueue:
    """The queue port over SQS."""

    def __init__(self, jobs: str, later: str, notices: str, client: "Callable[[], SQSClient]" = clients.sqs) -> None:
        """Take the URLs of the queues (empty where this function may not send there) and the getter of the client."""
        self._jobs = jobs
        self._later = later
        self._notices = notices
        self._client = client

    def jobs(self, job: Job) -> None:
        """Hand a job to `respond`; SQS drops the same version of a job for five minutes."""
        body = msgspec.json.encode(JobMessage(job.id, "apply")).decode()
        with upstream(f"sending job {job.id}"):
            self._client().send_message(
                QueueUrl=self._jobs,
                MessageBody=body,
                MessageGroupId=digest(job.plan.target.key),
                MessageDeduplicationId=f"{job.id}.{job.version}",
            )

    def later(self, job: Job, seconds: int) -> None:
        """Have a job verified after a while."""
        body = msgspec.json.encode(JobMessage(job.id, "verify")).decode()
        with upstream(f"sending job {job.id}"):
            self._client().send_message(QueueUrl=self._later, MessageBody=body, DelaySeconds=seconds)

    def notice(self, notice: Notice) -> None:
        """Have people told."""
        with upstream(f"sending the notice on job {notice.job}"):
            self._client().send_message(QueueUrl=self._notices, MessageBody=msgspec.json.encode(notice).decode())
