"""Jobs, records and exemptions in dictionaries. All or nothing, like the real ones."""

from collections.abc import Iterable

from ringfence.domain.job import Job
from ringfence.domain.record import Record
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Exemption
from ringfence.errors import ConflictError


class MemoryStore:
    """The store port in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._jobs: dict[str, Job] = {}
        self._records: dict[str, Record] = {}
        self._exemptions: dict[str, Exemption] = {}
        self._turns: list[Switch] = []

    def open(self, job: Job, records: Iterable[Record]) -> bool:
        """Put a new job with its first records; False where it is there already."""
        if job.id in self._jobs:
            return False
        self._jobs[job.id] = job
        self._records |= {r.id: r for r in records}
        return True

    def advance(self, job: Job, records: Iterable[Record], exemptions: Iterable[Exemption] = ()) -> None:
        """Replace the previous version of a job and put records."""
        stored = self._jobs.get(job.id)
        new = {r.id: r for r in records}
        if stored is None or stored.version != job.version - 1 or new.keys() & self._records.keys():
            raise ConflictError(f"job {job.id} is not at version {job.version - 1}", "Read it again")
        self._jobs[job.id] = job
        self._records |= new
        self._exemptions |= {e.key: e for e in exemptions}

    def job(self, job_id: str) -> Job | None:
        """Give a job by its id."""
        return self._jobs.get(job_id)

    def jobs(self) -> tuple[Job, ...]:
        """Give all jobs, oldest first."""
        return tuple(sorted(self._jobs.values(), key=lambda j: (j.created, j.id)))

    def records(self, job_id: str | None = None) -> tuple[Record, ...]:
        """Give records in order of time."""
        found = (r for r in self._records.values() if job_id is None or r.job == job_id)
        return tuple(sorted(found, key=lambda r: r.time))

    def exemption(self, key: str) -> Exemption | None:
        """Give a run-time exemption."""
        return self._exemptions.get(key)

    def switch(self) -> Switch | None:
        """Give the last turn of the kill switch."""
        return self._turns[-1] if self._turns else None

    def turn(self, switch: Switch) -> None:
        """Put the next turn of the kill switch."""
        if switch.number != len(self._turns):
            raise ConflictError("somebody else turned the kill switch", "Look again")
        self._turns.append(switch)
