"""Pub/Sub, as far as messages are published (Pub/Sub reference, `topics.publish`)."""

import base64
from functools import partial

from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, World

MESSAGES, BYTES, KEY = 1000, 10_000_000, 1024


class PubSub:
    """Topics by their full name, each with what was published."""

    def __init__(self, world: World, *topics: str) -> None:
        self.world = world
        self.topics: dict[str, list[JSON]] = {topic: [] for topic in topics}

    def taken(self, topic: str) -> list[tuple[JSON, bytes]]:
        """Take what was published, and give each message with its data."""
        messages, self.topics[topic] = self.topics[topic], []
        return [(message, base64.b64decode(message["data"])) for message in messages]


def serve_pubsub(pubsub: PubSub) -> dict[str, Handler]:
    """Serve publishing."""
    return {"pubsub.projects.topics.publish": partial(_publish, pubsub)}


def _publish(pubsub: PubSub, asked: Asked) -> JSON:
    topic, messages = asked.path["topic"], asked.body.get("messages", [])
    if topic not in pubsub.topics:
        raise Refused(404, "NOT_FOUND", f"Resource not found (resource={topic.split('/')[-1]}).")
    if not 0 < len(messages) <= MESSAGES or len(asked.raw) > BYTES:
        raise invalid("The value for message_count is too small or too large.")
    keys = {message.get("orderingKey", "") for message in messages}
    if len(keys) > 1 or any(len(key.encode()) > KEY for key in keys):
        raise invalid("In an individual publish request, all messages must have no ordering key or the same one.")
    ids = []
    for message in messages:
        if not message.get("data") and not message.get("attributes"):
            raise invalid("One or more messages in the publish request is empty.")
        if message.get("messageId") or message.get("publishTime"):
            raise invalid("messageId and publishTime are the server's.")
        ids.append(str(next(pubsub.world.numbers)))
        pubsub.topics[topic].append({"data": "", **message, "messageId": ids[-1], "publishTime": pubsub.world.now()})
    return {"messageIds": ids}
