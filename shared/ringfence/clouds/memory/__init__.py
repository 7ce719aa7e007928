"""Every port in memory: for tests, and for judging without a cloud."""

from ringfence.clouds.memory.archive import MemoryArchive
from ringfence.clouds.memory.history import MemoryHistory
from ringfence.clouds.memory.iam import MemoryIam
from ringfence.clouds.memory.queue import MemoryQueue
from ringfence.clouds.memory.store import MemoryStore

__all__ = ["MemoryArchive", "MemoryHistory", "MemoryIam", "MemoryQueue", "MemoryStore"]
