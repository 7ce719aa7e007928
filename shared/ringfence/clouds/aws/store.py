"""Jobs, records and run-time exemptions in one DynamoDB table. A job's change and its records are one transaction.

Items: (`job#ID`, `job`) with version and body; (`job#ID`, `record#ID`), put if absent; (`exempt#KEY`, `exempt`) with a TTL;
(`switch`, `turn#NUMBER`), put if absent; (`budget#NAME`, `slot#NUMBER`), put if absent, with a TTL; (`job#ID`, `notice#ID`);
(`before#TARGET`, `before`), put if newer, with a TTL; (`signal#WHOM`, `TIME#EVENT#NAME`), put if absent, with a TTL; (`census`, `census#TIME`), the head, and its parts (`census#TIME`, `part#NUMBER`).
What somebody has to look at again - a job with a `due`, a notice without a receipt, a record without a number - has `open` and `due`, and so
stands in the index DUE. `seal` gives a record its `number` and touches nothing else of it; (`seal`, `seal`) holds how many have one.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from ringfence.clouds import decoders
from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.domain.census import Census
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job
from ringfence.domain.record import NO_JOB, Record, RecordKind
from ringfence.domain.signal import Signal, moment
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Entry, Exemption, Notice, Opened, Slot
from ringfence.errors import ConflictError, UpstreamError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

encode = msgspec.json.encode
DUE = "due"
ABSENT = "attribute_not_exists(pk)"
REFUSED = "ConditionalCheckFailed"
BUSY = "TransactionConflict"  # somebody is writing the same item just now: count, or read, again
CENSUSES_LIVE = timedelta(days=365)  # the register is carried from one to the next
PART = 90_000  # characters of four bytes at most
BEFORE_LIVES = timedelta(days=30)
SIGNALS_LIVE = timedelta(days=8)  # longer than any playbook looks back
SEAL: Any = {"pk": {"S": "seal"}, "sk": {"S": "seal"}}
SEALED_AT_ONCE = 100  # as many items are read in one request at most (DynamoDB API Reference, BatchGetItem)
NEVER = "9999"
SLOTS_LIVE = timedelta(days=30)  # far longer than any window of a budget


class _CensusHead(msgspec.Struct, frozen=True):
    taken: str
    parts: int


class DynamoStore:
    """The store port over DynamoDB."""

    def __init__(self, table: str, client: "Callable[[], DynamoDBClient]" = clients.dynamodb, code_hash: str = "") -> None:
        """Take the table's name, the getter of the client, and the hash of the package, which records name."""
        self._code = code_hash
        self._table = table
        self._client = client

    def open(self, job: Job, records: Iterable[Record], notices: Iterable[Notice] = (), claims: Iterable[Slot] = ()) -> Opened:
        """Put a new job with all that belongs to it; False where it is there already."""
        first = self._put(_job_item(job), ABSENT)
        refused = self._write([first, *self._belongings(records, notices, claims)], f"opening job {job.id}")
        if not refused:
            return Opened.NEW
        return Opened.THERE if 0 in refused and self.job(job.id) is not None else Opened.TAKEN

    def advance(
        self,
        job: Job,
        records: Iterable[Record],
        exemptions: Iterable[Exemption] = (),
        notices: Iterable[Notice] = (),
        claims: Iterable[Slot] = (),
    ) -> None:
        """Replace the previous version of a job and put all that belongs to it."""
        first = self._put(_job_item(job), "version = :before", {":before": {"N": str(job.version - 1)}})
        others = [*self._belongings(records, notices, claims), *(self._put(_exemption_item(e)) for e in exemptions)]
        if self._write([first, *others], f"moving job {job.id} to {job.state}"):
            raise ConflictError(f"job {job.id} is not at version {job.version - 1}", "Read it again")

    def slots(self, budget: str, count: int) -> tuple[Slot, ...]:
        """Give the last slots of a budget, the latest first."""
        return tuple(decoders.SLOT.decode(body) for body in self._last(f"budget#{budget}", count))

    def told(self, notice: Notice) -> None:
        """Keep the receipt of a notice: it leaves the index."""
        with upstream(f"keeping the receipt of notice {notice.id}"):
            self._client().put_item(TableName=self._table, Item=_notice_item(notice, told=True))

    def untold(self, before: datetime) -> tuple[Notice, ...]:
        """Give the notices from before a time that have no receipt."""
        return tuple(decoders.NOTICE.decode(body) for body in self._due("notice", before))

    def overdue(self, before: datetime) -> tuple[Job, ...]:
        """Give the jobs whose `due` is before a time."""
        return tuple(decoders.JOB.decode(body) for body in self._due("job", before))

    def job(self, job_id: str) -> Job | None:
        """Give a job by its id."""
        body = self._get(f"job#{job_id}", "job")
        return None if body is None else decoders.JOB.decode(body)

    def jobs(self) -> tuple[Job, ...]:
        """Give all jobs, oldest first. Reads the whole table: for people, not for functions."""
        found = [decoders.JOB.decode(body) for body in self._scan("job")]
        return tuple(sorted(found, key=lambda j: (j.created, j.id)))

    def records(self, job_id: str | None = None) -> tuple[Record, ...]:
        """Give records in order of time; of all jobs it reads the whole table."""
        return decoders.records(self._scan("record#") if job_id is None else self._query(f"job#{job_id}", "record#"))

    def exemption(self, key: str) -> Exemption | None:
        """Give a run-time exemption."""
        body = self._get(f"exempt#{key}", "exempt")
        return None if body is None else decoders.EXEMPTION.decode(body)

    def before(self, target: Identity) -> State | None:
        """Give what a target was when it was last seen to be fine."""
        body = self._get(f"before#{target.key}", "before")
        return None if body is None else decoders.STATE.decode(body)

    def remember(self, state: State, seen: datetime) -> None:
        """Keep what a target is, unless something newer is kept. What no census has found fine for a month is forgotten."""
        ttl = {"N": str(int((seen + BEFORE_LIVES).timestamp()))}
        item = _item(f"before#{state.identity.key}", "before", encode(state), seen={"S": _text(seen)}, ttl=ttl)
        put = self._put(item, f"{ABSENT} or seen <= :seen", {":seen": {"S": _text(seen)}})
        self._write([put], f"remembering {state.identity.name}")

    def signal(self, signal: Signal) -> None:
        """Keep a signal, once."""
        ttl = {"N": str(int((signal.time + SIGNALS_LIVE).timestamp()))}
        self._write(
            [self._put(_item(f"signal#{signal.whom}", signal.key, encode(signal), ttl=ttl), ABSENT)], f"keeping a signal of {signal.whom}"
        )

    def signals(self, whom: str, since: datetime, until: datetime) -> tuple[Signal, ...]:
        """Give the signals of a timeline within a time, oldest first."""
        bodies = self._between(f"signal#{whom}", moment(since), moment(until) + "$")
        return tuple(decoders.SIGNAL.decode(body) for body in bodies)

    def census(self) -> Census | None:
        """Give the newest census."""
        found = self._last("census", 1)
        if not found:
            return None
        head = msgspec.json.decode(found[0], type=_CensusHead)
        parts = self._query(f"census#{head.taken}", "part#")
        if len(parts) != head.parts:
            raise UpstreamError(f"the census of {head.taken} has {len(parts)} parts of {head.parts}", "The next one is whole again")
        return decoders.CENSUS.decode(b"".join(parts))

    def keep(self, census: Census) -> None:
        """Keep a census: its parts first, then the head that says how many there are. An item of DynamoDB holds 400 KB."""
        taken, text = _text(census.taken), encode(census).decode()
        ttl = {"N": str(int((census.taken + CENSUSES_LIVE).timestamp()))}
        parts = [text[at : at + PART].encode() for at in range(0, len(text), PART)]
        items = [_item(f"census#{taken}", f"part#{n:06}", part, ttl=ttl) for n, part in enumerate(parts)]
        items.append(_item("census", f"census#{taken}", encode(_CensusHead(taken, len(parts))), ttl=ttl))
        with upstream("keeping the census"):
            for item in items:
                self._client().put_item(TableName=self._table, Item=item)

    def switch(self) -> Switch | None:
        """Give the last turn of the kill switch."""
        found = self._last("switch", 1)
        return decoders.SWITCH.decode(found[0]) if found else None

    def turn(self, switch: Switch, record: Record) -> None:
        """Put the next turn of the kill switch with its record."""
        item = _item("switch", f"turn#{switch.number:012}", encode(switch))
        if self._write([self._put(item, ABSENT), *self._belongings((record,), (), ())], "turning the kill switch"):
            raise ConflictError("somebody else turned the kill switch", "Look again")

    def note(self, record: Record) -> None:
        """Put a record that belongs to no job, once."""
        self._write(self._belongings((record,), (), ()), f"noting {record.id}")

    def notes(self, kind: RecordKind) -> tuple[Record, ...]:
        """Give the records of a kind that belong to no job, in order of time: their ids begin with the kind, so no other is read."""
        return decoders.records(self._query(f"job#{NO_JOB}", f"record#{kind}."))

    def entries(self) -> tuple[Entry, ...]:
        """Give every record as it is kept. Reads the whole table: for people, not for functions."""
        return tuple(decoders.entry(body) for body in self._scan("record#"))

    def unsealed(self, count: int) -> tuple[Entry, ...]:
        """Give records that have no number yet, the oldest first. The index may lag behind: the table itself is asked once more.

        What does not stand where a record of its id and job stands is none: somebody else put it there.
        """
        found: list[Entry] = []
        for page in self._unsealed_pages():
            read = {(item["pk"]["S"], item["sk"]["S"]): one for item in page if (one := _entry(item)) is not None}
            keys = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in read]
            still = {item["sk"]["S"] for item in self._get_all(keys) if "open" in item}
            found += [one for (_, sk), one in read.items() if sk in still]
            if len(found) >= count:
                break
        return tuple(found[:count])

    def waiting(self) -> datetime | None:
        """Since when the oldest record, or what stands where one should, waits for its number."""
        found = self._open("record", NEVER, 1)
        return datetime.fromisoformat(found[0]["due"]["S"]) if found else None

    def _unsealed_pages(self) -> Iterator[list[dict[str, Any]]]:
        pages = (
            self._client()
            .get_paginator("query")
            .paginate(
                TableName=self._table,
                IndexName=DUE,
                KeyConditionExpression="#open = :open",
                ExpressionAttributeNames={"#open": "open"},
                ExpressionAttributeValues={":open": {"S": "record"}},
                PaginationConfig={"PageSize": SEALED_AT_ONCE},
            )
        )
        with upstream("looking for records without a number"):
            for page in pages:
                yield page["Items"]

    def sealed(self, first: int, records: Iterable[Entry]) -> None:
        """Keep the numbers of records: they leave the index. One that is not there any more is found by whoever reconciles."""
        size = first
        with upstream("keeping the numbers of records"):
            for size, record in enumerate(records, first + 1):
                self._number({"pk": {"S": f"job#{record.job}"}, "sk": {"S": f"record#{record.id}"}}, size - 1, "attribute_exists(pk)")
            if size > first:
                self._number(SEAL, size, "attribute_not_exists(pk) or #number < :number")

    def _number(self, key: Any, number: int, condition: str) -> None:
        db = self._client()
        with suppress(db.exceptions.ConditionalCheckFailedException):
            db.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="set #number = :number remove #open, due",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#number": "number", "#open": "open"},
                ExpressionAttributeValues={":number": {"N": str(number)}},
            )

    def size(self) -> int:
        """Give about how many records have a number."""
        with upstream("reading how much is sealed"):
            found = self._client().get_item(TableName=self._table, Key=SEAL, ConsistentRead=True).get("Item", {})
        return int(found["number"]["N"]) if "number" in found else 0

    def _put(self, item: dict[str, Any], condition: str = "", values: dict[str, Any] | None = None) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self._table, "Item": item}
        if condition:
            put["ConditionExpression"] = condition
        if values:
            put["ExpressionAttributeValues"] = values
        return {"Put": put}

    def _belongings(self, records: Iterable[Record], notices: Iterable[Notice], claims: Iterable[Slot]) -> list[dict[str, Any]]:
        items = [*(_record_item(record.by(self._code)) for record in records), *map(_notice_item, notices), *map(_slot_item, claims)]
        return [self._put(item, ABSENT) for item in items]

    def _write(self, puts: list[dict[str, Any]], what: str) -> set[int]:
        """Write all or nothing; give the numbers of the puts whose condition refused it all, none where it is written."""
        db: Any = self._client()
        with upstream(what):
            try:
                db.transact_write_items(TransactItems=puts)
            except db.exceptions.TransactionCanceledException as error:
                codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", ())]
                refused = {number for number, code in enumerate(codes) if code in (REFUSED, BUSY)}
                if refused and set(codes) <= {"None", REFUSED, BUSY, None}:
                    return refused
                raise
        return set()

    def _last(self, pk: str, count: int) -> list[bytes]:
        """Give the last items of a series, the latest first."""
        values: dict[str, Any] = {":pk": {"S": pk}}
        with upstream(f"reading {pk}"):
            found = self._client().query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                Limit=count,
                ConsistentRead=True,
            )["Items"]
        return [item["body"]["S"].encode() for item in found]

    def _due(self, kind: str, before: datetime) -> list[bytes]:
        """Give what somebody has to look at, the longest overdue first; a page at a time is enough, the sweep comes again."""
        return [item["body"]["S"].encode() for item in self._open(kind, _text(before))]

    def _open(self, kind: str, before: str, count: int | None = None) -> list[dict[str, Any]]:
        values: dict[str, Any] = {":open": {"S": kind}, ":before": {"S": before}}
        limit: dict[str, Any] = {} if count is None else {"Limit": count}
        with upstream(f"looking for an overdue {kind}"):
            found: list[dict[str, Any]] = self._client().query(
                TableName=self._table,
                IndexName=DUE,
                KeyConditionExpression="#open = :open and due < :before",
                ExpressionAttributeNames={"#open": "open"},
                ExpressionAttributeValues=values,
                **limit,
            )["Items"]
        return found

    def _get_all(self, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Give `sk` and `open` of items as they are now."""
        found: list[dict[str, Any]] = []
        names = {"#open": "open"}
        asked: dict[str, Any] = {
            self._table: {"Keys": keys, "ProjectionExpression": "sk, #open", "ExpressionAttributeNames": names, "ConsistentRead": True}
        }
        while keys and asked:
            with upstream("reading records"):
                reply = self._client().batch_get_item(RequestItems=asked)
            found += reply["Responses"].get(self._table, [])
            asked = dict(reply.get("UnprocessedKeys", {}))
        return found

    def _get(self, pk: str, sk: str) -> bytes | None:
        with upstream(f"reading {pk}"):
            item = self._client().get_item(TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True).get("Item")
        return None if item is None else item["body"]["S"].encode()

    def _query(self, pk: str, prefix: str) -> list[bytes]:
        return self._read_all(pk, "begins_with(sk, :sk)", {":sk": {"S": prefix}})

    def _between(self, pk: str, first: str, last: str) -> list[bytes]:
        return self._read_all(pk, "sk between :first and :last", {":first": {"S": first}, ":last": {"S": last}})

    def _read_all(self, pk: str, condition: str, values: dict[str, Any]) -> list[bytes]:
        pages = (
            self._client()
            .get_paginator("query")
            .paginate(
                TableName=self._table,
                KeyConditionExpression=f"pk = :pk and {condition}",
                ExpressionAttributeValues={":pk": {"S": pk}, **values},
                ConsistentRead=True,
            )
        )
        with upstream(f"reading {pk}"):
            return [item["body"]["S"].encode() for page in pages for item in page["Items"]]

    def _scan(self, prefix: str) -> list[bytes]:
        values: dict[str, Any] = {":sk": {"S": prefix}}
        pages = (
            self._client()
            .get_paginator("scan")
            .paginate(TableName=self._table, FilterExpression="begins_with(sk, :sk)", ExpressionAttributeValues=values, ConsistentRead=True)
        )
        with upstream("reading the table"):
            return [item["body"]["S"].encode() for page in pages for item in page["Items"]]


def _job_item(job: Job) -> dict[str, Any]:
    due = {} if job.due is None else {"open": {"S": "job"}, "due": {"S": _text(job.due)}}
    return _item(f"job#{job.id}", "job", encode(job), version={"N": str(job.version)}, state={"S": str(job.state)}, **due)


def _notice_item(notice: Notice, *, told: bool = False) -> dict[str, Any]:
    due = {} if told else {"open": {"S": "notice"}, "due": {"S": _text(notice.time)}}
    return _item(f"job#{notice.job}", f"notice#{notice.id}", encode(notice), **due)


def _slot_item(slot: Slot) -> dict[str, Any]:
    ttl = {"N": str(int((slot.time + SLOTS_LIVE).timestamp()))}
    return _item(f"budget#{slot.budget}", f"slot#{slot.number:012}", encode(slot), ttl=ttl)


def _text(time: datetime) -> str:
    """Write a time so that texts sort as times do."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _record_item(record: Record) -> dict[str, Any]:
    due = {"open": {"S": "record"}, "due": {"S": _text(record.time)}}
    return _item(f"job#{record.job}", f"record#{record.id}", record.bytes, **due)


def _entry(item: dict[str, Any]) -> Entry | None:
    try:
        found = decoders.entry(item["body"]["S"].encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError, KeyError):
        return None
    ours = (item["pk"]["S"], item["sk"]["S"]) == (f"job#{found.job}", f"record#{found.id}") and b"\n" not in found.body
    return found if ours else None


def _exemption_item(exemption: Exemption) -> dict[str, Any]:
    return _item(f"exempt#{exemption.key}", "exempt", encode(exemption), ttl={"N": str(int(exemption.until.timestamp()))})


def _item(pk: str, sk: str, body: bytes, **more: dict[str, str]) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}, "body": {"S": body.decode()}, **more}
