"""Jobs, records and run-time exemptions in one DynamoDB table. A job's change and its records are one transaction.

Items: (`job#ID`, `job`) with version and body; (`job#ID`, `record#ID`), put if absent; (`exempt#KEY`, `exempt`) with a TTL;
(`switch`, `turn#NUMBER`), put if absent.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.domain.job import Job
from ringfence.domain.record import Record
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Exemption
from ringfence.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

encode = msgspec.json.encode


class DynamoStore:
    """The store port over DynamoDB."""

    def __init__(self, table: str, client: "Callable[[], DynamoDBClient]" = clients.dynamodb) -> None:
        """Take the table's name and the getter of the client."""
        self._table = table
        self._client = client

    def open(self, job: Job, records: Iterable[Record]) -> bool:
        """Put a new job with its first records; False where it is there already."""
        puts = [self._put(_job_item(job), "attribute_not_exists(pk)")]
        puts += [self._put(_record_item(r), "attribute_not_exists(pk)") for r in records]
        return self._write(puts, f"opening job {job.id}")

    def advance(self, job: Job, records: Iterable[Record], exemptions: Iterable[Exemption] = ()) -> None:
        """Replace the previous version of a job and put records."""
        first = self._put(_job_item(job), "version = :before", {":before": {"N": str(job.version - 1)}})
        puts = [first, *(self._put(_record_item(r), "attribute_not_exists(pk)") for r in records)]
        puts += [self._put(_exemption_item(e)) for e in exemptions]
        if not self._write(puts, f"moving job {job.id} to {job.state}"):
            raise ConflictError(f"job {job.id} is not at version {job.version - 1}", "Read it again")

    def job(self, job_id: str) -> Job | None:
        """Give a job by its id."""
        body = self._get(f"job#{job_id}", "job")
        return None if body is None else msgspec.json.decode(body, type=Job)

    def jobs(self) -> tuple[Job, ...]:
        """Give all jobs, oldest first. Reads the whole table: for people, not for functions."""
        found = [msgspec.json.decode(body, type=Job) for body in self._scan("job")]
        return tuple(sorted(found, key=lambda j: (j.created, j.id)))

    def records(self, job_id: str | None = None) -> tuple[Record, ...]:
        """Give records in order of time; of all jobs it reads the whole table."""
        bodies = self._scan("record#") if job_id is None else self._query(f"job#{job_id}", "record#")
        return tuple(sorted((msgspec.json.decode(body, type=Record) for body in bodies), key=lambda r: r.time))

    def exemption(self, key: str) -> Exemption | None:
        """Give a run-time exemption."""
        body = self._get(f"exempt#{key}", "exempt")
        return None if body is None else msgspec.json.decode(body, type=Exemption)

    def switch(self) -> Switch | None:
        """Give the last turn of the kill switch."""
        values: dict[str, Any] = {":pk": {"S": "switch"}}
        with upstream("reading the kill switch"):
            items = self._client().query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                Limit=1,
                ConsistentRead=True,
            )["Items"]
        return msgspec.json.decode(items[0]["body"]["S"], type=Switch) if items else None

    def turn(self, switch: Switch) -> None:
        """Put the next turn of the kill switch."""
        item = _item("switch", f"turn#{switch.number:012}", encode(switch))
        if not self._write([self._put(item, "attribute_not_exists(pk)")], "turning the kill switch"):
            raise ConflictError("somebody else turned the kill switch", "Look again")

    def _put(self, item: dict[str, Any], condition: str = "", values: dict[str, Any] | None = None) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self._table, "Item": item}
        if condition:
            put["ConditionExpression"] = condition
        if values:
            put["ExpressionAttributeValues"] = values
        return {"Put": put}

    def _write(self, puts: list[dict[str, Any]], what: str) -> bool:
        db: Any = self._client()
        with upstream(what):
            try:
                db.transact_write_items(TransactItems=puts)
            except db.exceptions.TransactionCanceledException as error:
                codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
                if codes <= {"None", "ConditionalCheckFailed", None}:
                    return False
                raise
        return True

    def _get(self, pk: str, sk: str) -> bytes | None:
        with upstream(f"reading {pk}"):
            item = self._client().get_item(TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True).get("Item")
        return None if item is None else item["body"]["S"].encode()

    def _query(self, pk: str, prefix: str) -> list[bytes]:
        values: dict[str, Any] = {":pk": {"S": pk}, ":sk": {"S": prefix}}
        pages = (
            self._client()
            .get_paginator("query")
            .paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk and begins_with(sk, :sk)",
                ExpressionAttributeValues=values,
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
    return _item(f"job#{job.id}", "job", encode(job), version={"N": str(job.version)}, state={"S": str(job.state)})


def _record_item(record: Record) -> dict[str, Any]:
    return _item(f"job#{record.job}", f"record#{record.id}", encode(record))


def _exemption_item(exemption: Exemption) -> dict[str, Any]:
    return _item(f"exempt#{exemption.key}", "exempt", encode(exemption), ttl={"N": str(int(exemption.until.timestamp()))})


def _item(pk: str, sk: str, body: bytes, **more: dict[str, str]) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}, "body": {"S": body.decode()}, **more}
