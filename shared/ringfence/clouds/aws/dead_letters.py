"""Dead-letter queues: what could not be worked off, however often it was tried."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

AT_ONCE = 10
HIDDEN = 60  # seconds until a letter that could not be buried is seen again


class Letter(Struct, frozen=True):
    """One dead message."""

    queue: str
    body: str
    receipt: str


def letters(queue: str, client: "Callable[[], SQSClient]" = clients.sqs) -> tuple[Letter, ...]:
    """Read some letters of a queue; the next minute brings the others. Raises UpstreamError where SQS does not answer."""
    with upstream(f"reading the dead letters of {queue}"):
        found = client().receive_message(QueueUrl=queue, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=HIDDEN).get("Messages", [])
    return tuple(Letter(queue, message["Body"], message["ReceiptHandle"]) for message in found)


def delete(letter: Letter, client: "Callable[[], SQSClient]" = clients.sqs) -> None:
    """Delete a letter that has come to its end."""
    with upstream(f"deleting a dead letter of {letter.queue}"):
        client().delete_message(QueueUrl=letter.queue, ReceiptHandle=letter.receipt)
