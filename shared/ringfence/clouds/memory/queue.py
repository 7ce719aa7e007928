"""Messages in lists, for a loop in the same process to work off."""

from ringfence.domain.job import Job
from ringfence.engine.ports import Notice


class MemoryQueue:
    """The queue port in memory: what waits to be done, and what people were told."""

    def __init__(self) -> None:
        """Start empty."""
        self.to_apply: list[str] = []
        self.to_verify: list[tuple[str, int]] = []  # with the seconds to wait
        self.notices: list[Notice] = []

    def jobs(self, job: Job) -> None:
        """Have a job carried out; one that waits already waits once."""
        if job.id not in self.to_apply:
            self.to_apply.append(job.id)

    def later(self, job: Job, seconds: int) -> None:
        """Have a job verified."""
        if all(job.id != waiting for waiting, _ in self.to_verify):
            self.to_verify.append((job.id, seconds))

    def notice(self, notice: Notice) -> None:
        """Keep what people are told."""
        self.notices.append(notice)
