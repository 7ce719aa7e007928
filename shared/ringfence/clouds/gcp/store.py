"""Jobs, records and run-time exemptions in one database of Firestore. A job's change and all that belongs to it are one commit.

Documents, by collection: `jobs/ID` with version and body; `records/JOB~ID`, put if absent, with `job` and `kind`; `notices/JOB~ID`;
`exemptions/KEY`; `turns/NUMBER`, put if absent; `budgets/NAME/slots/NUMBER`, put if absent; `before/TARGET`, put if newer;
`timelines/WHOM/signals/TIME~..`, put if absent; `censuses/TIME`, the head, and its parts `censuses/TIME/parts/NUMBER`.
Bodies are bytes, as they were written. What somebody has to look at again has the time since when: a job `due`, a notice `untold`, a record
`unsealed`; a field that a document does not have keeps it out of a query by it. `seal` gives a record its `number` and takes `unsealed`
away, and touches nothing else of it; `seal/seal` holds how many have one.

Every query goes by one field, or by names in ascending order: Firestore keeps those indexes by itself, so that no composite one is needed
(Firestore documentation, "Index types"). Two conditions of equality are merged from two of them. Queries are never stale.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ringfence.clouds import decoders
from ringfence.clouds.gcp.firestore import ABSENT, PAGE, Database, Document, Query, Written, as_of, blob, integer, key, moment, text
from ringfence.domain.census import Census
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job
from ringfence.domain.record import NO_JOB, Record, RecordKind
from ringfence.domain.signal import Signal
from ringfence.domain.signal import moment as written
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Entry, Exemption, Notice, Opened, Slot
from ringfence.errors import ConflictError, UpstreamError

encode = msgspec.json.encode
JOBS, RECORDS, NOTICES, EXEMPTIONS, TURNS, BEFORE = "jobs", "records", "notices", "exemptions", "turns", "before"
BUDGETS, SLOTS, TIMELINES, SIGNALS, CENSUSES, PARTS = "budgets", "slots", "timelines", "signals", "censuses", "parts"
SEAL = "seal/seal"
# For whoever makes the database: the composite indexes that are needed (collection, and fields with their order); the collections whose
# documents Firestore forgets by themselves, with the field that says when; and fields that need no index, beside those.
INDEXES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
TTL: Mapping[str, str] = dict.fromkeys((EXEMPTIONS, SLOTS, BEFORE, SIGNALS, CENSUSES, PARTS), "ttl")
NOT_INDEXED: Mapping[str, str] = dict.fromkeys((JOBS, RECORDS, NOTICES, EXEMPTIONS, TURNS, SLOTS, BEFORE, SIGNALS, PARTS), "body")
CENSUSES_LIVE = timedelta(days=365)  # the register is carried from one to the next
BEFORE_LIVES = timedelta(days=30)
SIGNALS_LIVE = timedelta(days=8)  # longer than any playbook looks back
SLOTS_LIVE = timedelta(days=30)  # far longer than any window of a budget
PART = 700_000  # bytes of a census in one document, which holds 1 MiB
PARTS_AT_ONCE = 8
ATTEMPTS = 3


class FirestoreStore:
    """The store port over Firestore."""

    def __init__(self, database: str, code_hash: str = "") -> None:
        """Take the database's full name (`projects/PROJECT/databases/(default)`), and the hash of the package, which records name."""
        self._code = code_hash
        self._db = Database(database)

    def open(self, job: Job, records: Iterable[Record], notices: Iterable[Notice] = (), claims: Iterable[Slot] = ()) -> Opened:
        """Put a new job with all that belongs to it, or nothing, and say which."""
        first = self._db.put(_job_path(job.id), _job(job), ABSENT)
        if self._db.commit(f"opening job {job.id}", first, *self._belongings(records, notices, claims)) is Written.DONE:
            return Opened.NEW
        return Opened.THERE if self.job(job.id) is not None else Opened.TAKEN

    def advance(
        self,
        job: Job,
        records: Iterable[Record],
        exemptions: Iterable[Exemption] = (),
        notices: Iterable[Notice] = (),
        claims: Iterable[Slot] = (),
    ) -> None:
        """Replace the previous version of a job and put all that belongs to it; the version that was read is the one that is replaced."""
        conflict = ConflictError(f"job {job.id} is not at version {job.version - 1}", "Read it again")
        found = self._db.get(_job_path(job.id), "version")
        if found is None or found.number("version") != job.version - 1:
            raise conflict
        first = self._db.put(_job_path(job.id), _job(job), as_of(found))
        granted = [self._db.put(f"{EXEMPTIONS}/{key(e.key)}", {"body": blob(encode(e)), "ttl": moment(e.until)}) for e in exemptions]
        others = [*self._belongings(records, notices, claims), *granted]
        if self._db.commit(f"moving job {job.id} to {job.state}", first, *others) is not Written.DONE:
            raise conflict

    def slots(self, budget: str, count: int) -> tuple[Slot, ...]:
        """Give the last slots of a budget, the latest first."""
        query = Query(f"{BUDGETS}/{key(budget)}/{SLOTS}", by="number", direction="DESCENDING", limit=count)
        return tuple(decoders.SLOT.decode(found.body) for found in self._db.find(query))

    def told(self, notice: Notice) -> None:
        """Keep the receipt of a notice: it leaves the index."""
        self._write(f"keeping the receipt of notice {notice.id}", self._db.put(_notice_path(notice), {"body": blob(encode(notice))}))

    def untold(self, before: datetime) -> tuple[Notice, ...]:
        """Give the notices from before a time that have no receipt, oldest first. What cannot be read is passed over: `unreadable`."""
        return self._waiting(NOTICES, "untold", before, decoders.NOTICE)

    def overdue(self, before: datetime) -> tuple[Job, ...]:
        """Give the jobs whose `due` is before a time, the longest overdue first. What cannot be read is passed over: `unreadable`."""
        return self._waiting(JOBS, "due", before, decoders.JOB)

    def unreadable(self, before: datetime) -> tuple[str, ...]:
        """Name the documents that somebody has to look at and that cannot be read: of a later version, or put there by somebody else.

        They keep the sweep from nothing; whoever sweeps asks for them, and tells.
        """
        notices = (one for page in self._db.pages(_before(NOTICES, "untold", before)) for one in _torn(page, decoders.NOTICE))
        jobs = (one for page in self._db.pages(_before(JOBS, "due", before)) for one in _torn(page, decoders.JOB))
        return (*notices, *jobs)

    def job(self, job_id: str) -> Job | None:
        """Give a job by its id."""
        found = self._db.get(_job_path(job_id))
        return None if found is None else decoders.JOB.decode(found.body)

    def jobs(self) -> tuple[Job, ...]:
        """Give all jobs that can be read, oldest first. Reads all of them: for people, not for functions."""
        found = [job for page in self._db.pages(Query(JOBS)) for job in _read(page, decoders.JOB)]
        return tuple(sorted(found, key=lambda j: (j.created, j.id)))

    def records(self, job_id: str | None = None) -> tuple[Record, ...]:
        """Give the records of a job, or all, in order of time."""
        return decoders.records(self._bodies(Query(RECORDS, () if job_id is None else (("job", "EQUAL", text(job_id)),))))

    def exemption(self, key_: str) -> Exemption | None:
        """Give a run-time exemption."""
        found = self._db.get(f"{EXEMPTIONS}/{key(key_)}")
        return None if found is None else decoders.EXEMPTION.decode(found.body)

    def before(self, target: Identity) -> State | None:
        """Give what a target was when it was last seen to be fine."""
        found = self._db.get(f"{BEFORE}/{key(target.key)}")
        return None if found is None else decoders.STATE.decode(found.body)

    def remember(self, state: State, seen: datetime) -> None:
        """Keep what a target is, unless something newer is kept. What no census has found fine for a month is forgotten."""
        path, what = f"{BEFORE}/{key(state.identity.key)}", f"remembering {state.identity.name}"
        fields = {"body": blob(encode(state)), "seen": moment(seen), "ttl": moment(seen + BEFORE_LIVES)}
        for _ in range(ATTEMPTS):
            kept = self._db.get(path, "seen")
            newest = kept.time("seen") if kept else None
            if newest is not None and newest > seen:
                return
            if self._db.commit(what, self._db.put(path, fields, ABSENT if kept is None else as_of(kept))) is Written.DONE:
                return
        raise UpstreamError(f"{what} failed: somebody else does so just now", "It is tried again")

    def signal(self, signal: Signal) -> None:
        """Keep a signal, once."""
        path = f"{TIMELINES}/{key(signal.whom)}/{SIGNALS}/{key(written(signal.time), signal.event, signal.name)}"
        fields = {"body": blob(encode(signal)), "time": moment(signal.time), "ttl": moment(signal.time + SIGNALS_LIVE)}
        self._write(f"keeping a signal of {signal.whom}", self._db.put(path, fields, ABSENT))

    def signals(self, whom: str, since: datetime, until: datetime) -> tuple[Signal, ...]:
        """Give the signals of a timeline within a time, oldest first."""
        within = ("time", "GREATER_THAN_OR_EQUAL", moment(since)), ("time", "LESS_THAN_OR_EQUAL", moment(until))
        query = Query(f"{TIMELINES}/{key(whom)}/{SIGNALS}", within, by="time")
        return tuple(sorted((decoders.SIGNAL.decode(body) for body in self._bodies(query)), key=lambda s: s.key))

    def census(self) -> Census | None:
        """Give the newest census."""
        found = self._db.find(Query(CENSUSES, by="taken", direction="DESCENDING", limit=1))
        if not found:
            return None
        parts, wanted = list(self._bodies(Query(f"{found[0].path}/{PARTS}", limit=PARTS_AT_ONCE))), found[0].number("parts")
        if len(parts) != wanted:
            raise UpstreamError(f"the census in {found[0].path} has {len(parts)} parts of {wanted}", "The next one is whole again")
        return decoders.CENSUS.decode(b"".join(parts))

    def keep(self, census: Census) -> None:
        """Keep a census: its parts first, each in a request of its own, then the head that says how many there are."""
        head, body, ttl = f"{CENSUSES}/{key(written(census.taken))}", encode(census), moment(census.taken + CENSUSES_LIVE)
        parts = [body[at : at + PART] for at in range(0, len(body), PART)]
        for number, part in enumerate(parts):
            self._write("keeping the census", self._db.put(f"{head}/{PARTS}/{number:06}", {"body": blob(part), "ttl": ttl}))
        fields = {"taken": moment(census.taken), "parts": integer(len(parts)), "ttl": ttl}
        self._write("keeping the census", self._db.put(head, fields))

    def switch(self) -> Switch | None:
        """Give the last turn of the kill switch."""
        found = self._db.find(Query(TURNS, by="number", direction="DESCENDING", limit=1))
        return decoders.SWITCH.decode(found[0].body) if found else None

    def turn(self, switch: Switch, record: Record) -> None:
        """Put the next turn of the kill switch with its record."""
        fields = {"body": blob(encode(switch)), "number": integer(switch.number)}
        first = self._db.put(f"{TURNS}/{switch.number:012}", fields, ABSENT)
        if self._db.commit("turning the kill switch", first, *self._belongings((record,), (), ())) is not Written.DONE:
            raise ConflictError("somebody else turned the kill switch", "Look again")

    def note(self, record: Record) -> None:
        """Put a record that belongs to no job, once."""
        self._write(f"noting {record.id}", *self._belongings((record,), (), ()))

    def notes(self, kind: RecordKind) -> tuple[Record, ...]:
        """Give the records of a kind that belong to no job, in order of time."""
        return decoders.records(self._bodies(Query(RECORDS, (("job", "EQUAL", text(NO_JOB)), ("kind", "EQUAL", text(kind))))))

    def entries(self) -> tuple[Entry, ...]:
        """Give every record as it is kept. Reads all of them: for people, not for functions."""
        return tuple(decoders.entry(body) for body in self._bodies(Query(RECORDS)))

    def unsealed(self, count: int) -> tuple[Entry, ...]:
        """Give records that have no number yet, the oldest first.

        What does not stand where a record of its id and job stands is none: somebody else put it there.
        """
        found: list[Entry] = []
        for page in self._db.pages(Query(RECORDS, by="unsealed")):
            found += [one for document in page if (one := _entry(document)) is not None]
            if len(found) >= count:
                break
        return tuple(found[:count])

    def waiting(self) -> datetime | None:
        """Since when the oldest record, or what stands where one should, waits for its number."""
        found = self._db.find(Query(RECORDS, by="unsealed", limit=1))
        return (found[0].time("unsealed") or datetime.fromisoformat(found[0].created)) if found else None

    def sealed(self, first: int, records: Iterable[Entry]) -> None:
        """Keep the numbers of records: they leave the index. One that is not there any more is found by whoever reconciles."""
        paths = [_record_path(record.job, record.id) for record in records]
        numbers = {path: number for number, path in enumerate(paths, first)}
        if numbers:
            what = "keeping the numbers of records"
            self._db.each(what, [self._db.change(path, {"number": integer(n)}, "unsealed") for path, n in numbers.items()])
            self._db.lift(what, SEAL, "number", first + len(paths))

    def size(self) -> int:
        """Give about how many records have a number."""
        found = self._db.get(SEAL)
        return (found.number("number") or 0) if found else 0

    def _write(self, what: str, write: dict[str, Any]) -> None:
        """Write one document. One that is there already, where it must not be, stays."""
        if self._db.commit(what, write) is Written.BUSY:
            raise UpstreamError(f"{what} failed: somebody writes the same just now", "It is tried again")

    def _belongings(self, records: Iterable[Record], notices: Iterable[Notice], claims: Iterable[Slot]) -> Iterator[dict[str, Any]]:
        for record in records:
            fields = {"body": blob(record.by(self._code).bytes), "job": text(record.job), "kind": text(record.kind)}
            yield self._db.put(_record_path(record.job, record.id), {**fields, "unsealed": moment(record.time)}, ABSENT)
        for notice in notices:
            yield self._db.put(_notice_path(notice), {"body": blob(encode(notice)), "untold": moment(notice.time)}, ABSENT)
        for slot in claims:
            path = f"{BUDGETS}/{key(slot.budget)}/{SLOTS}/{slot.number:012}"
            fields = {"body": blob(encode(slot)), "number": integer(slot.number), "ttl": moment(slot.time + SLOTS_LIVE)}
            yield self._db.put(path, fields, ABSENT)

    def _waiting[T](self, collection: str, field: str, before: datetime, decoder: msgspec.json.Decoder[T]) -> tuple[T, ...]:
        """Give what somebody has to look at, the longest overdue first; about a page at a time is enough, the sweep comes again."""
        found: list[T] = []
        for page in self._db.pages(_before(collection, field, before)):
            found += _read(page, decoder)
            if len(found) >= PAGE:
                break
        return tuple(found)

    def _bodies(self, query: Query) -> Iterator[bytes]:
        return (document.body for page in self._db.pages(query) for document in page)


def _job(job: Job) -> dict[str, Any]:
    due = {} if job.due is None else {"due": moment(job.due)}
    return {"body": blob(encode(job)), "version": integer(job.version), "state": text(job.state), **due}


def _job_path(job_id: str) -> str:
    return f"{JOBS}/{key(job_id)}"


def _record_path(job_id: str, record_id: str) -> str:
    return f"{RECORDS}/{key(job_id, record_id)}"


def _notice_path(notice: Notice) -> str:
    return f"{NOTICES}/{key(notice.job, notice.id)}"


def _before(collection: str, field: str, before: datetime) -> Query:
    return Query(collection, ((field, "LESS_THAN", moment(before)),), by=field)


def _read[T](documents: Iterable[Document], decoder: msgspec.json.Decoder[T]) -> list[T]:
    return [found for document in documents if (found := _decoded(document, decoder)) is not None]


def _torn[T](documents: Iterable[Document], decoder: msgspec.json.Decoder[T]) -> list[str]:
    return [document.path for document in documents if _decoded(document, decoder) is None]


def _decoded[T](document: Document, decoder: msgspec.json.Decoder[T]) -> T | None:
    try:
        return decoder.decode(document.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _entry(document: Document) -> Entry | None:
    try:
        found = decoders.entry(document.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return found if document.path == _record_path(found.job, found.id) and b"\n" not in found.body else None
