"""Sends on: jobs and notices to Pub/Sub topics, what has to wait to a queue of Cloud Tasks.

A job's ordering key is its target, so that a subscription with ordering hands out one target's messages one after another; correctness rests
on the fence, not on that order. A task carries the body that a push of Pub/Sub has (Pub/Sub documentation, "Push subscriptions"), and a token
of the same account for the same audience: who takes one takes the other.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from ringfence.clouds.gcp.session import ApiError, ask, upstream
from ringfence.domain.canonical import digest
from ringfence.domain.job import Job
from ringfence.engine.ports import JobMessage, Notice

THERE = "ALREADY_EXISTS"


class PubSubQueue:
    """The queue port over Pub/Sub and Cloud Tasks."""

    def __init__(
        self,
        jobs_topic: str,
        notices_topic: str,
        later_queue: str,
        respond_url: str,
        push_account: str,
        audience: str,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the full names of topics and queue (empty where this function may not send there), where tasks go and as whom, and the clock."""
        self._jobs, self._notices, self._later = jobs_topic, notices_topic, later_queue
        self._url, self._token = respond_url, {"serviceAccountEmail": push_account, "audience": audience}
        self._clock = clock

    def jobs(self, job: Job) -> None:
        """Hand a job to `respond`. The same one may be sent twice, and is worked off once: its version is the fence."""
        with upstream(f"sending job {job.id}"):
            _publish(self._jobs, {"data": _data(JobMessage(job.id, "apply")), "orderingKey": digest(job.plan.target.key)})

    def later(self, job: Job, seconds: int) -> None:
        """Have a job verified after a while. The same version for the same minute is one task.

        The minute belongs to the name: a name stays taken for hours after its task is done (Cloud Tasks reference, CreateTaskRequest), and
        a job that is overdue is sent again at the version at which it stands.
        """
        now = self._clock()
        when = now + timedelta(seconds=seconds)
        name = f"{digest([job.id, job.version])[:32]}-{when.astimezone(UTC):%Y%m%dT%H%M}"  # hashes first: sequences make a queue slow
        message = {"data": _data(JobMessage(job.id, "verify")), "messageId": name, "publishTime": _text(now), "attributes": {}}
        task = {
            "name": f"{self._later}/tasks/{name}",
            "scheduleTime": _text(when),
            "httpRequest": {
                "url": self._url,
                "httpMethod": "POST",
                "headers": {"Content-Type": "application/json"},
                "body": _data({"message": message, "subscription": self._later}),
                "oidcToken": self._token,
            },
        }
        with upstream(f"sending job {job.id}"):
            try:
                ask("POST", "cloudtasks", f"/v2/{self._later}/tasks", body={"task": task})
            except ApiError as error:
                if error.code != THERE:
                    raise

    def notice(self, notice: Notice) -> None:
        """Have people told."""
        with upstream(f"sending the notice on job {notice.job}"):
            _publish(self._notices, {"data": _data(notice)})


def _publish(topic: str, message: Mapping[str, str]) -> None:
    ask("POST", "pubsub", f"/v1/{topic}:publish", body={"messages": [message]})


def _data(value: object) -> str:
    return b64encode(msgspec.json.encode(value)).decode()


def _text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
