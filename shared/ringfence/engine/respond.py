"""The only writer: a thin loop round the job core, that answers its commands from the ports."""

from collections.abc import Callable
from datetime import datetime

from ringfence.domain.job import Job
from ringfence.domain.plan import Call
from ringfence.engine.commands import run
from ringfence.engine.core import JobCore
from ringfence.engine.ports import Queue, Reader, Reply, Store, Writer
from ringfence.settings import Settings


class Responder:
    """Carries jobs out, with every port at hand."""

    def __init__(
        self, settings: Settings, store: Store, queue: Queue, reader: Reader, writer: Writer, clock: Callable[[], datetime]
    ) -> None:
        """Take the settings and every port."""
        self.settings = settings
        self.store = store
        self.queue = queue
        self.reader = reader
        self.writer = writer
        self.clock = clock
        self.core = JobCore(settings)

    def apply(self, job_id: str) -> Job:
        """Carry a job out, from wherever it stands."""
        return run(self.core.apply(job_id), self)

    def prepare(self, job_id: str) -> Call | None:
        """Commit the intent of the next step of an operator's job and give its call; None where the job goes no further."""
        ready = run(self.core.prepare(job_id), self)
        return None if ready is None else ready.call

    def settle(self, job_id: str, reply: Reply) -> Job:
        """Commit what became of the call that `prepare` gave."""
        return run(self.core.settle(job_id, reply), self)

    def verify(self, job_id: str) -> Job:
        """Read the target again; only now is a job done."""
        return run(self.core.verify(job_id), self)
