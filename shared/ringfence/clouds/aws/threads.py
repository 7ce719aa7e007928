"""What is remembered of messages, in a small DynamoDB table of its own: `notify` needs no right to write jobs or votes.

Items: (`thread`, KEY) with version and body; (`once#KEY`, `once`), put if absent. All of them have a TTL.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.engine.chat import Thread
from ringfence.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LIVES = timedelta(days=14)
THREAD = msgspec.json.Decoder(Thread)


class DynamoThreads:
    """The threads port over DynamoDB."""

    def __init__(self, table: str, client: "Callable[[], DynamoDBClient]" = clients.dynamodb) -> None:
        """Take the table's name and the getter of the client."""
        self._table = table
        self._client = client

    def get(self, key: str) -> Thread | None:
        """Give what is remembered under a key."""
        with upstream(f"reading the message {key}"):
            item = self._client().get_item(TableName=self._table, Key=_key("thread", key), ConsistentRead=True).get("Item")
        return None if item is None else THREAD.decode(item["body"]["S"])

    def put(self, thread: Thread) -> None:
        """Keep the next version."""
        item = {
            **_key("thread", thread.key),
            "version": {"N": str(thread.version)},
            "body": {"S": msgspec.json.encode(thread).decode()},
            "ttl": _ttl(thread.last + LIVES),
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if thread.version:
            condition = {
                "ConditionExpression": "version = :before",
                "ExpressionAttributeValues": {":before": {"N": str(thread.version - 1)}},
            }
        if not self._put(item, condition, f"keeping the message {thread.key}"):
            raise ConflictError(f"{thread.key} is not at version {thread.version - 1}", "Read it again")

    def all(self) -> tuple[Thread, ...]:
        """Give everything that is remembered."""
        with upstream("reading the messages"):
            pages = (
                self._client()
                .get_paginator("query")
                .paginate(
                    TableName=self._table,
                    KeyConditionExpression="pk = :thread",
                    ExpressionAttributeValues={":thread": {"S": "thread"}},
                    ConsistentRead=True,
                )
            )
            return tuple(THREAD.decode(item["body"]["S"]) for page in pages for item in page["Items"])

    def once(self, key: str, until: datetime) -> bool:
        """Take a key; whether it was free. DynamoDB forgets it some time after `until`, never before."""
        item = {**_key(f"once#{key}", "once"), "ttl": _ttl(until)}
        return self._put(item, {"ConditionExpression": "attribute_not_exists(pk)"}, "taking a click")

    def _put(self, item: dict[str, Any], condition: dict[str, Any], what: str) -> bool:
        db: Any = self._client()
        with upstream(what):
            try:
                db.put_item(TableName=self._table, Item=item, **condition)
            except db.exceptions.ConditionalCheckFailedException:
                return False
        return True


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _ttl(time: datetime) -> dict[str, str]:
    return {"N": str(int(time.astimezone(UTC).timestamp()) + 1)}
