"""Where data lies, as configuration writes it: `gs://bucket/prefix`, `s3://bucket/prefix`, `bq://project.dataset.table`.

Names of resources: Cloud Storage and BigQuery documentation, "Full resource names" (read in 2026-11). `bq://` is how Vertex AI writes a table
(Vertex AI API reference, "BigQuerySource").
"""

import re

from ringfence.domain.glob import any_match

STORAGE, BUCKETS = "//storage.googleapis.com/", "projects/_/buckets/"
TABLE = re.compile(r"(?://bigquery\.googleapis\.com/)?projects/([^/]+)/datasets/([^/]+)(?:/(?:tables|models)/([^/$]+))?.*", re.ASCII)
OF_A_PROJECT = re.compile(r"bq://((?:[^:/]+:)?[^.:/]+)\..*|(?:[a-z0-9-]+-docker\.pkg\.dev|(?:[a-z]+\.)?gcr\.io)/([^/]+)/.*", re.ASCII)


def written(name: str) -> str:
    """Write the name of a bucket, an object, a dataset or a table as configuration does; empty for anything else."""
    if re.match("(gs|bq)://", name):
        return name
    rest = name.removeprefix(STORAGE)
    if rest != name or rest.startswith(BUCKETS):
        bucket, _, thing = rest.removeprefix(BUCKETS).partition("/")
        return "/".join(filter(None, (f"gs://{bucket}", thing.removeprefix("objects/"))))
    found = TABLE.fullmatch(name)
    return f"bq://{'.'.join(filter(None, found.groups()))}" if found else ""


def within(place: str, outer: str) -> bool:
    """Whether a place is another one, or lies in it."""
    mark = "." if outer.startswith("bq://") else "/"
    return place == outer.rstrip(mark) or place.startswith(outer if outer.endswith(mark) else outer + mark)


def touches(place: str, declared: str) -> bool:
    """Whether what happens to a place happens to declared data: in it, or to the whole bucket or dataset that it lies in."""
    return within(place, declared) or within(declared, place)


def whole(place: str) -> str:
    """Give the bucket that an object lies in; a dataset or a table as it is."""
    scheme, found, rest = place.partition("://")
    return place if scheme == "bq" or not found else f"{scheme}://{rest.partition('/')[0]}"


def in_projects(place: str, projects: tuple[str, ...]) -> bool:
    """Whether a table or an image lies in one of some projects; no bucket's name tells whose it is."""
    found = OF_A_PROJECT.fullmatch(place)
    return found is not None and any_match(projects, found[1] or found[2]) is not None
