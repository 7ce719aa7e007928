"""Where data lies: every name of a bucket, an object and a table in the spelling of the configuration, what lies in what, and whose project that is."""

from typing import Any

import pytest

from ringfence.domain.data import in_projects, touches, whole, within, written
from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Workload
from ringfence.domain.identity import GOOGLE, Identity
from ringfence.engine.discovery_gcp import of_the_place
from ringfence.errors import ConfigError
from ringfence.settings import DataPlace
from tests.support.cases import settings_of


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("projects/_/buckets/b", "gs://b"),
        ("projects/_/buckets/b/objects/a/b.csv", "gs://b/a/b.csv"),
        ("//storage.googleapis.com/b", "gs://b"),
        ("//storage.googleapis.com/projects/_/buckets/b/objects/a", "gs://b/a"),
        ("gs://b/a", "gs://b/a"),
        ("bq://p.d", "bq://p.d"),
        ("projects/p/datasets/d", "bq://p.d"),
        ("projects/p/datasets/d/tables/t", "bq://p.d.t"),
        ("projects/p/datasets/d/tables/t$20260302", "bq://p.d.t"),
        ("projects/p/datasets/d/models/m", "bq://p.d.m"),
        ("//bigquery.googleapis.com/projects/example.com:p/datasets/d/tables/t", "bq://example.com:p.d.t"),
        ("projects/p/locations/l/datasets/1", ""),
        ("projects/p/jobs/j", ""),
        ("//drive.google.com/x", ""),
        ("", ""),
    ],
)
def test_each_name_of_a_place(name: str, place: str) -> None:
    assert written(name) == place


@pytest.mark.parametrize(
    ("place", "outer", "inside", "touched"),
    [
        ("gs://b/curated/x", "gs://b/curated/", True, True),
        ("gs://b/curated/x", "gs://b/curated", True, True),
        ("gs://b/curated-too/x", "gs://b/curated", False, False),
        ("gs://b", "gs://b/curated/", False, True),
        ("gs://b", "gs://b/", True, True),
        ("gs://bb/x", "gs://b", False, False),
        ("bq://p.d.t", "bq://p.d", True, True),
        ("bq://p.dd.t", "bq://p.d", False, False),
        ("bq://p.d", "bq://p.d.t", False, True),
    ],
)
def test_what_lies_in_what(place: str, outer: str, inside: bool, touched: bool) -> None:
    assert (within(place, outer), touches(place, outer)) == (inside, touched)


@pytest.mark.parametrize(
    ("place", "outer"), [("gs://b/x/y", "gs://b"), ("s3://b/x", "s3://b"), ("bq://p.d.t", "bq://p.d.t"), ("//drive", "//drive")]
)
def test_the_whole_of_a_place(place: str, outer: str) -> None:
    assert whole(place) == outer


@pytest.mark.parametrize(
    ("place", "ours"),
    [
        ("bq://ml-prod.d.t", True),
        ("bq://example.com:ml-prod.d", False),
        ("bq://other.d.t", False),
        ("europe-docker.pkg.dev/ml-prod/r/i:1", True),
        ("eu.gcr.io/ml-prod/i:1", True),
        ("gcr.io/other/i", False),
        ("gs://ml-prod/x", False),
        ("x", False),
    ],
)
def test_whose_project_a_place_is_in(place: str, ours: bool) -> None:
    assert in_projects(place, ("ml-*",)) is ours


TRAINING = {"name": "a", "gcp": {"projects": ["p"]}, "data": {"training": [{"at": "gs://train/", "writers": ["pipeline"]}]}}
OTHER = {"name": "b", "gcp": {"projects": ["q"]}, "data": {"artifacts": [{"at": "bq://q.models", "readers": ["inference"]}]}}


def touching(target: str = "", **parameters: Any) -> Event:
    return Event(
        source=Source.GCP_AUDIT,
        name="x",
        id="1",
        time=None,
        account="elsewhere",
        partition=GOOGLE,
        target=Identity.resource(target, "elsewhere") if target else None,
        parameters=parameters,
    )


@pytest.mark.parametrize(
    ("event", "project"),
    [
        (touching("projects/_/buckets/train"), "a"),
        (touching(writes=("bq://q.models.m",), reads=("gs://train/x",)), "b"),
        (touching(reads=("gs://train/x",)), "a"),
        (touching(reads=("gs://elsewhere",)), None),
        (touching("projects/-/serviceAccounts/x@q.iam.gserviceaccount.com"), "b"),
        (touching(impersonates=("x@shop.iam.gserviceaccount.com", "x@p.iam.gserviceaccount.com")), "a"),
        (touching(), None),
    ],
)
def test_whose_data_an_event_touches(event: Event, project: str | None) -> None:
    found = of_the_place(event, settings_of({"projects": [TRAINING, OTHER]}))
    assert (found[0].name if found else None) == project


def test_what_aws_calls_writes_is_no_place() -> None:
    event = Event(source=Source.CLOUDTRAIL, name="x", id="1", time=None, parameters={"writes": 7, "impersonates": 7})
    assert of_the_place(event, settings_of({"projects": [TRAINING]})) is None


def test_declared_data_is_compiled_with_who_may_touch_it() -> None:
    first, second = settings_of({"projects": [TRAINING, OTHER]}).projects
    assert first.data == (DataPlace("gs://train/", (Workload.PIPELINE,)),)
    assert (second.training, second.artifacts) == ((), (DataPlace("bq://q.models", readers=(Workload.INFERENCE,)),))


def test_a_place_of_no_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"projects\.0\.data\.training\.0\.at"):
        settings_of({"projects": [{**TRAINING, "data": {"training": [{"at": "http://x"}]}}]})


def test_people_groups_admins_and_days_are_compiled() -> None:
    given = {"name": "a", "gcp": {"humans": {"groups": ["g@x.example"], "users": ["u@x.example"]}}, "models": {"admins": ["mo@x.example"]}}
    settings = settings_of({"defaults": {"keys": {"unused_days": 7}, "unused_days": {"role": 8}}, "projects": [given]})
    (project,) = settings.projects
    assert (project.gcp_people, project.gcp_groups, project.model_admins) == (
        ("g@x.example", "u@x.example"),
        ("g@x.example",),
        ("mo@x.example",),
    )
    assert (settings.unused_key_days, settings.unused_role_days) == (7, 8)
