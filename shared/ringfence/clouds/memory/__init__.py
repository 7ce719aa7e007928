"""Every port in memory: for tests, and for judging without a cloud."""

from ringfence.clouds.memory.archive import MemoryArchive
from ringfence.clouds.memory.chat import MemoryChat
from ringfence.clouds.memory.history import MemoryHistory
from ringfence.clouds.memory.iam import MemoryIam
from ringfence.clouds.memory.queue import MemoryQueue
from ringfence.clouds.memory.store import MemoryStore
from ringfence.clouds.memory.threads import MemoryThreads

__all__ = ["MemoryArchive", "MemoryChat", "MemoryHistory", "MemoryIam", "MemoryQueue", "MemoryStore", "MemoryThreads"]
