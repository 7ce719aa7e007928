"""What a call of Cloud Storage or BigQuery read and wrote, and what an entry of Google Workspace says.

Facts: Cloud Storage documentation, "Cloud Audit Logs"; BigQuery documentation, BigQueryAuditMetadata (a job tells its configuration and, table by table, what
it read and changed); Cloud Logging documentation, "Google Workspace audit logs" (the event's parameters); read in 2026-11.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ringfence.domain.data import written
from ringfence.domain.raw import items, table, text

CHANGES = ("objects.create", "objects.delete", "objects.update", "buckets.update", "buckets.patch")
EXPORTED = re.compile(r"\buri\s*=\s*r?[\"']+((?:gs|s3)://[^\"'\s]+)", re.IGNORECASE | re.ASCII)
LONGEST = 20_000  # characters of a query that are looked through


class Moved(Struct, frozen=True):
    """The places that a call read and wrote, as configuration writes them."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


def moved(payload: Mapping[str, Any], service: str, heard: str) -> Moved:
    """Give what a call read and wrote; nothing where it is of another service, or does not tell."""
    place = written(text(payload, "resourceName"))
    if service == "storage.googleapis.com":
        return Moved(writes=(place,)) if place and heard in CHANGES else Moved()
    if service != "bigquery.googleapis.com":
        return Moved()
    metadata = table(payload, "metadata")
    changed = heard == "InsertAll" or bool(metadata.keys() & {"tableDataChange", "tableCreation", "tableChange"})
    reads, writes = [place] if "tableDataRead" in metadata else [], [place] if changed else []
    for told in ("jobInsertion", "jobChange"):
        job = table(metadata, told, "job")
        reads += _sources(job)
        writes += _destinations(table(job, "jobConfig"))
    return Moved(tuple(dict.fromkeys(filter(None, reads))), tuple(dict.fromkeys(filter(None, writes))))


def _sources(job: Mapping[str, Any]) -> Iterator[str]:
    config = table(job, "jobConfig")
    named = (
        text(config, "extractConfig", "sourceTable"),
        text(config, "extractConfig", "sourceModel"),
        *items(config, "tableCopyConfig", "sourceTables"),
        *items(config, "loadConfig", "sourceUris"),
        *items(job, "jobStats", "queryStats", "referencedTables"),
    )
    return (written(name) for name in named if isinstance(name, str))


def _destinations(config: Mapping[str, Any]) -> Iterator[str]:
    named = (
        *(text(config, kind, "destinationTable") for kind in ("queryConfig", "loadConfig", "tableCopyConfig")),
        *items(config, "extractConfig", "destinationUris"),
    )
    yield from (written(name) or name for name in named if isinstance(name, str))
    if text(config, "queryConfig", "statementType") == "EXPORT_DATA":
        yield from EXPORTED.findall(text(config, "queryConfig", "query")[:LONGEST])


def said(payload: Mapping[str, Any]) -> dict[str, str]:
    """Give the parameters of an event of Google Workspace, by their names in lower case: login and admin write them differently."""
    found: dict[str, str] = {}
    for event in items(payload, "metadata", "event"):
        for parameter in items(event, "parameter"):
            if name := text(parameter, "name").lower():
                flag = parameter.get("boolValue")
                found[name] = text(parameter, "value") or (str(flag).lower() if isinstance(flag, bool) else "")
    return found
