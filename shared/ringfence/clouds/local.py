"""Jobs and trail of one machine, in an SQLite file: what the command line uses without a deployed stack."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ringfence.clouds import decoders
from ringfence.domain.census import Census
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job
from ringfence.domain.record import NO_JOB, Record, RecordKind
from ringfence.domain.signal import Signal, moment
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Entry, Exemption, Notice, Opened, Slot
from ringfence.errors import ConflictError

SCHEMA = """
create table if not exists job (id text primary key, created text not null, version integer not null, body blob not null) strict;
create table if not exists record (n integer primary key, id text not null unique, job text not null, number integer, body blob not null) strict;
create table if not exists turn (number integer primary key, body blob not null) strict;
create table if not exists census (n integer primary key, body blob not null) strict;
create table if not exists exemption (key text primary key, body blob not null) strict;
create table if not exists before (key text primary key, seen text not null, body blob not null) strict;
create table if not exists signal (whom text not null, key text not null, body blob not null, primary key (whom, key)) strict;
create table if not exists notice (id text primary key, time text not null, told integer not null, body blob not null) strict;
create table if not exists slot (budget text not null, number integer not null, body blob not null, primary key (budget, number)) strict;
"""
encode = msgspec.json.encode
RECORD = "insert into record (id, job, body) values (?, ?, ?)"


class LocalStore:
    """The store port in one SQLite file. `path` may be `:memory:`."""

    def __init__(self, path: Path | str, code_hash: str = "") -> None:
        """Open the file, and make it and its tables where they are not there yet; records say that the package of that hash wrote them."""
        self._code = code_hash
        if isinstance(path, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def open(self, job: Job, records: Iterable[Record], notices: Iterable[Notice] = (), claims: Iterable[Slot] = ()) -> Opened:
        """Put a new job with all that belongs to it; False where it is there already."""
        try:
            with _Transaction(self._db):
                put = self._db.execute(
                    "insert into job values (?, ?, ?, ?) on conflict do nothing",
                    (job.id, job.created.isoformat(), job.version, encode(job)),
                )
                if not put.rowcount:
                    return Opened.THERE
                self._put(records, notices, claims)
        except ConflictError:
            return Opened.TAKEN
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
        with _Transaction(self._db):
            moved = self._db.execute(
                "update job set version = ?, body = ? where id = ? and version = ?", (job.version, encode(job), job.id, job.version - 1)
            )
            if not moved.rowcount:
                raise ConflictError(f"job {job.id} is not at version {job.version - 1}", "Read it again")
            self._put(records, notices, claims)
            self._db.executemany("insert or replace into exemption values (?, ?)", [(e.key, encode(e)) for e in exemptions])

    def slots(self, budget: str, count: int) -> tuple[Slot, ...]:
        """Give the last slots of a budget, the latest first."""
        rows = self._db.execute("select body from slot where budget = ? order by number desc limit ?", (budget, count))
        return tuple(decoders.SLOT.decode(body) for (body,) in rows)

    def told(self, notice: Notice) -> None:
        """Keep the receipt of a notice."""
        self._db.execute("update notice set told = 1 where id = ?", (notice.id,))

    def untold(self, before: datetime) -> tuple[Notice, ...]:
        """Give the notices from before a time that have no receipt."""
        found = (decoders.NOTICE.decode(body) for (body,) in self._db.execute("select body from notice where not told order by time"))
        return tuple(notice for notice in found if notice.time < before)

    def overdue(self, before: datetime) -> tuple[Job, ...]:
        """Give the jobs whose `due` is before a time."""
        found = [(job.due, job.id, job) for job in self.jobs() if job.due is not None and job.due < before]
        return tuple(job for *_, job in sorted(found, key=lambda f: f[:2]))

    def job(self, job_id: str) -> Job | None:
        """Give a job by its id."""
        row = self._db.execute("select body from job where id = ?", (job_id,)).fetchone()
        return None if row is None else decoders.JOB.decode(row[0])

    def jobs(self) -> tuple[Job, ...]:
        """Give all jobs, oldest first."""
        return tuple(decoders.JOB.decode(body) for (body,) in self._db.execute("select body from job order by created, id"))

    def records(self, job_id: str | None = None) -> tuple[Record, ...]:
        """Give records in the order in which they were written."""
        rows = self._db.execute("select body from record where :job is null or job = :job order by n", {"job": job_id})
        return tuple(decoders.RECORD.decode(body) for (body,) in rows)

    def exemption(self, key: str) -> Exemption | None:
        """Give a run-time exemption."""
        row = self._db.execute("select body from exemption where key = ?", (key,)).fetchone()
        return None if row is None else decoders.EXEMPTION.decode(row[0])

    def before(self, target: Identity) -> State | None:
        """Give what a target was when it was last seen to be fine."""
        row = self._db.execute("select body from before where key = ?", (target.key,)).fetchone()
        return None if row is None else decoders.STATE.decode(row[0])

    def remember(self, state: State, seen: datetime) -> None:
        """Keep what a target is, unless something newer is kept."""
        self._db.execute(
            "insert into before values (?, ?, ?) on conflict do update set seen = excluded.seen, body = excluded.body where seen <= excluded.seen",
            (state.identity.key, seen.astimezone(UTC).isoformat(timespec="microseconds"), encode(state)),
        )

    def signal(self, signal: Signal) -> None:
        """Keep a signal, once."""
        self._db.execute("insert into signal values (?, ?, ?) on conflict do nothing", (signal.whom, signal.key, encode(signal)))

    def signals(self, whom: str, since: datetime, until: datetime) -> tuple[Signal, ...]:
        """Give the signals of a timeline within a time, oldest first."""
        rows = self._db.execute(
            "select body from signal where whom = ? and key >= ? and key < ? order by key", (whom, moment(since), moment(until) + "$")
        )
        return tuple(decoders.SIGNAL.decode(body) for (body,) in rows)

    def census(self) -> Census | None:
        """Give the newest census."""
        row = self._db.execute("select body from census order by n desc limit 1").fetchone()
        return None if row is None else decoders.CENSUS.decode(row[0])

    def keep(self, census: Census) -> None:
        """Keep a census."""
        self._db.execute("insert into census (body) values (?)", (encode(census),))

    def switch(self) -> Switch | None:
        """Give the last turn of the kill switch."""
        row = self._db.execute("select body from turn order by number desc limit 1").fetchone()
        return None if row is None else decoders.SWITCH.decode(row[0])

    def turn(self, switch: Switch, record: Record) -> None:
        """Put the next turn of the kill switch with its record."""
        with _Transaction(self._db):
            try:
                self._db.execute("insert into turn values (?, ?)", (switch.number, encode(switch)))
            except sqlite3.IntegrityError as error:
                raise ConflictError("somebody else turned the kill switch", "Look again") from error
            self._put((record,), (), ())

    def note(self, record: Record) -> None:
        """Put a record that belongs to no job, once."""
        self._db.execute(f"{RECORD} on conflict do nothing", self._row(record))

    def notes(self, kind: RecordKind) -> tuple[Record, ...]:
        """Give the records of a kind that belong to no job, in the order in which they were written."""
        return tuple(record for record in self.records(NO_JOB) if record.kind is kind)

    def entries(self) -> tuple[Entry, ...]:
        """Give every record as it is kept."""
        return tuple(decoders.entry(body) for (body,) in self._db.execute("select body from record order by n"))

    def unsealed(self, count: int) -> tuple[Entry, ...]:
        """Give records that have no number yet, in the order in which they were written."""
        rows = self._db.execute("select body from record where number is null order by n limit ?", (count,))
        return tuple(decoders.entry(body) for (body,) in rows)

    def waiting(self) -> datetime | None:
        """Since when the oldest record waits for its number."""
        return min((entry.time for entry in self.unsealed(-1)), default=None)

    def sealed(self, first: int, records: Iterable[Entry]) -> None:
        """Keep the numbers of records."""
        with _Transaction(self._db):
            numbers = [(number, record.id) for number, record in enumerate(records, first)]
            self._db.executemany("update record set number = ? where id = ?", numbers)

    def size(self) -> int:
        """Give how many records have a number."""
        found: int = self._db.execute("select count(number) from record").fetchone()[0]
        return found

    def _row(self, record: Record) -> tuple[str, str, bytes]:
        return (record.id, record.job, record.by(self._code).bytes)

    def _put(self, records: Iterable[Record], notices: Iterable[Notice], claims: Iterable[Slot]) -> None:
        try:
            self._db.executemany(RECORD, [self._row(record) for record in records])
            self._db.executemany("insert into notice values (?, ?, 0, ?)", [(n.id, n.time.isoformat(), encode(n)) for n in notices])
            self._db.executemany("insert into slot values (?, ?, ?)", [(c.budget, c.number, encode(c)) for c in claims])
        except sqlite3.IntegrityError as error:
            raise ConflictError(f"somebody else was faster ({error})", "Read the job again") from error


class _Transaction:
    """All or nothing: commit on leaving, roll back on an error."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("begin immediate")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("commit" if kind is None else "rollback")
