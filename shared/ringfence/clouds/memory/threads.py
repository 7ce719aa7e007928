"""What is remembered of messages, in a dictionary."""

from datetime import datetime

from ringfence.engine.chat import Thread
from ringfence.errors import ConflictError


class MemoryThreads:
    """The threads port in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._threads: dict[str, Thread] = {}
        self._taken: set[str] = set()

    def get(self, key: str) -> Thread | None:
        """Give what is remembered under a key."""
        return self._threads.get(key)

    def put(self, thread: Thread) -> None:
        """Keep the next version."""
        old = self._threads.get(thread.key)
        if (old.version if old else -1) != thread.version - 1:
            raise ConflictError(f"{thread.key} is not at version {thread.version - 1}", "Read it again")
        self._threads[thread.key] = thread

    def all(self) -> tuple[Thread, ...]:
        """Give everything that is remembered."""
        return tuple(self._threads.values())

    def once(self, key: str, until: datetime) -> bool:  # noqa: ARG002 - nothing is ever forgotten here
        """Take a key; whether it was free."""
        free = key not in self._taken
        self._taken.add(key)
        return free
