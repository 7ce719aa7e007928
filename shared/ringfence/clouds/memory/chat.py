"""A channel in memory: what was posted, by what names it."""

from datetime import datetime

from msgspec import Struct

from ringfence.domain.card import Card, Digest

type Message = Card | Digest | str


class Posted(Struct):
    """One message, and the thread that it stands in."""

    message: Message
    mark: str
    thread: str = ""


class MemoryChat:
    """The chat port in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self.posted: dict[str, Posted] = {}

    def post(self, message: Message, mark: str, thread: str = "") -> str:
        """Post a message."""
        ref = f"m{len(self.posted)}"
        self.posted[ref] = Posted(message, mark, thread)
        return ref

    def find(self, mark: str, since: datetime, thread: str = "") -> str | None:  # noqa: ARG002 - nothing is old here
        """Give the message that was posted under a mark."""
        return next((ref for ref, one in self.posted.items() if (one.mark, one.thread) == (mark, thread)), None)

    def update(self, ref: str, message: Message) -> None:
        """Replace a message."""
        self.posted[ref].message = message
