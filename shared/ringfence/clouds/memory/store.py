"""Jobs, records and exemptions in dictionaries. All or nothing, like the real ones."""

from collections.abc import Iterable
from datetime import datetime

from ringfence.domain.census import Census
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job
from ringfence.domain.record import NO_JOB, Record, RecordKind
from ringfence.domain.signal import Signal
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Entry, Exemption, Notice, Opened, Slot
from ringfence.errors import ConflictError


class MemoryStore:
    """The store port in memory."""

    def __init__(self, code_hash: str = "") -> None:
        """Start empty; records say that the package of that hash wrote them."""
        self._code = code_hash
        self._numbers: dict[str, int] = {}
        self._jobs: dict[str, Job] = {}
        self._open: dict[str, Job] = {}  # those that have a `due`
        self._records: dict[str, Record] = {}
        self._exemptions: dict[str, Exemption] = {}
        self._notices: dict[str, Notice] = {}
        self._told: set[str] = set()
        self._slots: dict[str, list[Slot]] = {}
        self._turns: list[Switch] = []
        self._censuses: list[Census] = []
        self._before: dict[str, tuple[datetime, State]] = {}
        self._signals: dict[str, dict[str, Signal]] = {}

    def open(self, job: Job, records: Iterable[Record], notices: Iterable[Notice] = (), claims: Iterable[Slot] = ()) -> Opened:
        """Put a new job with all that belongs to it; False where it is there already."""
        if job.id in self._jobs:
            return Opened.THERE
        try:
            self._claim(claims)
        except ConflictError:
            return Opened.TAKEN
        self._keep(job)
        self._records |= {r.id: r.by(self._code) for r in records}
        self._notices |= {n.id: n for n in notices}
        return Opened.NEW

    def advance(
        self,
        job: Job,
        records: Iterable[Record],
        exemptions: Iterable[Exemption] = (),
        notices: Iterable[Notice] = (),
        claims: Iterable[Slot] = (),
    ) -> None:
        """Replace the previous version of a job and put all that belongs to it."""
        stored = self._jobs.get(job.id)
        new = {r.id: r.by(self._code) for r in records}
        if stored is None or stored.version != job.version - 1 or new.keys() & self._records.keys():
            raise ConflictError(f"job {job.id} is not at version {job.version - 1}", "Read it again")
        self._claim(claims)
        self._keep(job)
        self._records |= new
        self._exemptions |= {e.key: e for e in exemptions}
        self._notices |= {n.id: n for n in notices}

    def _keep(self, job: Job) -> None:
        self._jobs[job.id] = job
        if job.due is None:
            self._open.pop(job.id, None)
        else:
            self._open[job.id] = job

    def slots(self, budget: str, count: int) -> tuple[Slot, ...]:
        """Give the last slots of a budget, the latest first."""
        return tuple(reversed(self._slots.get(budget, ())))[:count]

    def told(self, notice: Notice) -> None:
        """Keep the receipt of a notice."""
        self._told.add(notice.id)

    def untold(self, before: datetime) -> tuple[Notice, ...]:
        """Give the notices from before a time that have no receipt."""
        found = (n for n in self._notices.values() if n.id not in self._told and n.time < before)
        return tuple(sorted(found, key=lambda n: n.time))

    def overdue(self, before: datetime) -> tuple[Job, ...]:
        """Give the jobs whose `due` is before a time."""
        found = [(job.due, job.id, job) for job in self._open.values() if job.due is not None and job.due < before]
        return tuple(job for *_, job in sorted(found, key=lambda f: f[:2]))

    def _claim(self, claims: Iterable[Slot]) -> None:
        """Take slots, all or none; numbers follow one another."""
        wanted = tuple(claims)
        for slot in wanted:
            if slot.number != len(self._slots.get(slot.budget, ())):
                raise ConflictError(f"slot {slot.number} of {slot.budget} is taken", "Count again")
        for slot in wanted:
            self._slots.setdefault(slot.budget, []).append(slot)

    def job(self, job_id: str) -> Job | None:
        """Give a job by its id."""
        return self._jobs.get(job_id)

    def jobs(self) -> tuple[Job, ...]:
        """Give all jobs, oldest first."""
        return tuple(sorted(self._jobs.values(), key=lambda j: (j.created, j.id)))

    def records(self, job_id: str | None = None) -> tuple[Record, ...]:
        """Give records in order of time."""
        found = (r for r in self._kept() if job_id is None or r.job == job_id)
        return tuple(sorted(found, key=lambda r: r.time))

    def _kept(self) -> tuple[Record, ...]:
        """Give the records as they are at one moment: another thread may put one while these are gone through."""
        return tuple(self._records.values())

    def exemption(self, key: str) -> Exemption | None:
        """Give a run-time exemption."""
        return self._exemptions.get(key)

    def before(self, target: Identity) -> State | None:
        """Give what a target was when it was last seen to be fine."""
        found = self._before.get(target.key)
        return None if found is None else found[1]

    def remember(self, state: State, seen: datetime) -> None:
        """Keep what a target is, unless something newer is kept."""
        kept = self._before.get(state.identity.key)
        if kept is None or kept[0] <= seen:
            self._before[state.identity.key] = (seen, state)

    def signal(self, signal: Signal) -> None:
        """Keep a signal, once."""
        self._signals.setdefault(signal.whom, {}).setdefault(signal.key, signal)

    def signals(self, whom: str, since: datetime, until: datetime) -> tuple[Signal, ...]:
        """Give the signals of a timeline within a time, oldest first."""
        found = (s for s in self._signals.get(whom, {}).values() if since <= s.time <= until)
        return tuple(sorted(found, key=lambda s: s.key))

    def census(self) -> Census | None:
        """Give the newest census."""
        return self._censuses[-1] if self._censuses else None

    def keep(self, census: Census) -> None:
        """Keep a census."""
        self._censuses.append(census)

    def switch(self) -> Switch | None:
        """Give the last turn of the kill switch."""
        return self._turns[-1] if self._turns else None

    def turn(self, switch: Switch, record: Record) -> None:
        """Put the next turn of the kill switch with its record."""
        if switch.number != len(self._turns):
            raise ConflictError("somebody else turned the kill switch", "Look again")
        self._turns.append(switch)
        self._records[record.id] = record.by(self._code)

    def note(self, record: Record) -> None:
        """Put a record that belongs to no job, once."""
        self._records.setdefault(record.id, record.by(self._code))

    def notes(self, kind: RecordKind) -> tuple[Record, ...]:
        """Give the records of a kind that belong to no job, in order of time."""
        return tuple(record for record in self.records(NO_JOB) if record.kind is kind)

    def entries(self) -> tuple[Entry, ...]:
        """Give every record as it is kept."""
        return tuple(Entry(r.id, r.job, r.time, r.bytes) for r in self._kept())

    def unsealed(self, count: int) -> tuple[Entry, ...]:
        """Give records that have no number yet, the oldest first."""
        open_ = sorted((r for r in self._kept() if r.id not in self._numbers), key=lambda r: r.time)
        return tuple(Entry(r.id, r.job, r.time, r.bytes) for r in open_[:count])

    def waiting(self) -> datetime | None:
        """Since when the oldest record waits for its number."""
        return min((r.time for r in self._kept() if r.id not in self._numbers), default=None)

    def sealed(self, first: int, records: Iterable[Entry]) -> None:
        """Keep the numbers of records."""
        self._numbers |= {record.id: number for number, record in enumerate(records, first)}

    def size(self) -> int:
        """Give how many records have a number."""
        return len(self._numbers)
