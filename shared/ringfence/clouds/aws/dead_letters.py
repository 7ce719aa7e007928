"""Dead-letter queues: what could not be worked off, however often it was tried."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

AT_ONCE = 10


def drain(queues: Iterable[str], one: Callable[[str], None], client: "Callable[[], SQSClient]" = clients.sqs) -> int:
    """Hand each message of each queue on, and delete it when that is done; give how many there were. Ten of a queue at a time are enough."""
    count = 0
    for url in queues:
        with upstream(f"reading the dead letters of {url}"):
            messages = client().receive_message(QueueUrl=url, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=60).get("Messages", [])
        for message in messages:
            one(message["Body"])
            with upstream(f"deleting a dead letter of {url}"):
                client().delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            count += 1
    return count
