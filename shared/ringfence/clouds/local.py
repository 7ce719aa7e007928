"""Jobs and trail of one machine, in an SQLite file: what the command line uses without a deployed stack."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ringfence.domain.job import Job
from ringfence.domain.record import Record
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Exemption
from ringfence.errors import ConflictError

SCHEMA = """
create table if not exists job (id text primary key, created text not null, version integer not null, body blob not null) strict;
create table if not exists record (n integer primary key, id text not null unique, job text not null, body blob not null) strict;
create table if not exists turn (number integer primary key, body blob not null) strict;
create table if not exists exemption (key text primary key, body blob not null) strict;
"""
encode = msgspec.json.encode


class LocalStore:
    """The store port in one SQLite file. `path` may be `:memory:`."""

    def __init__(self, path: Path | str) -> None:
        """Open the file, and make it and its tables where they are not there yet."""
        if isinstance(path, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def open(self, job: Job, records: Iterable[Record]) -> bool:
        """Put a new job with its first records; False where it is there already."""
        with _Transaction(self._db):
            put = self._db.execute(
                "insert into job values (?, ?, ?, ?) on conflict do nothing", (job.id, job.created.isoformat(), job.version, encode(job))
            )
            if not put.rowcount:
                return False
            self._put(records)
        return True

    def advance(self, job: Job, records: Iterable[Record], exemptions: Iterable[Exemption] = ()) -> None:
        """Replace the previous version of a job and put records."""
        try:
            with _Transaction(self._db):
                moved = self._db.execute(
                    "update job set version = ?, body = ? where id = ? and version = ?", (job.version, encode(job), job.id, job.version - 1)
                )
                if not moved.rowcount:
                    raise ConflictError(f"job {job.id} is not at version {job.version - 1}", "Read it again")
                self._put(records)
                self._db.executemany("insert or replace into exemption values (?, ?)", [(e.key, encode(e)) for e in exemptions])
        except sqlite3.IntegrityError as error:
            raise ConflictError(f"a record of job {job.id} is there already ({error})", "Read the job again") from error

    def job(self, job_id: str) -> Job | None:
        """Give a job by its id."""
        row = self._db.execute("select body from job where id = ?", (job_id,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Job)

    def jobs(self) -> tuple[Job, ...]:
        """Give all jobs, oldest first."""
        return tuple(msgspec.json.decode(body, type=Job) for (body,) in self._db.execute("select body from job order by created, id"))

    def records(self, job_id: str | None = None) -> tuple[Record, ...]:
        """Give records in the order in which they were written."""
        rows = self._db.execute("select body from record where :job is null or job = :job order by n", {"job": job_id})
        return tuple(msgspec.json.decode(body, type=Record) for (body,) in rows)

    def exemption(self, key: str) -> Exemption | None:
        """Give a run-time exemption."""
        row = self._db.execute("select body from exemption where key = ?", (key,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Exemption)

    def switch(self) -> Switch | None:
        """Give the last turn of the kill switch."""
        row = self._db.execute("select body from turn order by number desc limit 1").fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Switch)

    def turn(self, switch: Switch) -> None:
        """Put the next turn of the kill switch."""
        try:
            self._db.execute("insert into turn values (?, ?)", (switch.number, encode(switch)))
        except sqlite3.IntegrityError as error:
            raise ConflictError("somebody else turned the kill switch", "Look again") from error

    def _put(self, records: Iterable[Record]) -> None:
        self._db.executemany("insert into record (id, job, body) values (?, ?, ?)", [(r.id, r.job, encode(r)) for r in records])


class _Transaction:
    """All or nothing: commit on leaving, roll back on an error."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("begin immediate")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("commit" if kind is None else "rollback")
