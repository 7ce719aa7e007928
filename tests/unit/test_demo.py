"""The demo's Google act: what it leaves in the project, and what it says of grants that it did not touch."""

from collections.abc import Iterator

import pytest

from ringfence.clouds.memory import MemoryStore
from ringfence.demo.account import embedded_aws
from ringfence.demo.project import ACCOUNT, BO, GRANTS, INCIDENTS, KEY, MAY_BE_TRAIN, NAME, PIPELINES, PROJECT, TRAIN, give
from ringfence.demo.run import Demo, Shown, acted, asked
from ringfence.demo.scene import Scene, raw
from ringfence.demo.story import ON_GOOGLE, SCENES
from ringfence.domain.binding import Binding
from ringfence.domain.event import Outcome
from ringfence.domain.identity import Identity
from ringfence.domain.job import JobState
from ringfence.errors import UsageError
from tests.support.google import bindings
from tests.support.google.wire import Refused

PLACE, ACCOUNT_POLICY = Identity.resource(NAME, PROJECT), Identity.resource(ACCOUNT, PROJECT)
QUERY, OWNER, AGAIN, ACTS_AS, LEAK = ON_GOOGLE


@pytest.fixture(scope="module")
def iam() -> Iterator[object]:
    with embedded_aws() as client:
        yield client


@pytest.fixture
def demo(iam: object) -> Demo:
    return Demo(iam, MemoryStore(), lambda _: True)


def bound(demo: Demo, place: Identity = PLACE) -> list[Binding]:
    return sorted(demo.state(place).bindings or (), key=lambda b: b.key)


def states(shown: list[Shown]) -> list[list[str]]:
    return [[str(job.state) for job in s.jobs] for s in shown]


def test_the_project_holds_what_google_would_let_it_hold() -> None:
    bindings.check([{**b.delta, "members": [b.member]} for b in (*GRANTS, *MAY_BE_TRAIN)], convenience=False)
    with pytest.raises(Refused, match="Conditions"):
        bindings.check([{"role": "roles/owner", "members": [f"user:{BO}"], "condition": INCIDENTS}], convenience=False)


def test_the_google_act_from_beginning_to_end(demo: Demo) -> None:
    shown = [demo.play(scene) for scene in ON_GOOGLE]
    assert states(shown) == [[], ["done"], [], ["done"], ["pending"]]
    assert [s.judgement.outcome for s in shown] == [Outcome.QUIET, Outcome.FINDING, Outcome.IGNORED, Outcome.FINDING, Outcome.FINDING]
    assert len(acted(shown)) == 2
    wanted = sorted((*GRANTS, Binding("roles/bigquery.jobUser", TRAIN)), key=lambda b: b.key)
    assert bound(demo) == wanted
    assert Binding("roles/resourcemanager.projectIamAdmin", "group:on-call@example.com", INCIDENTS) in wanted
    (job,) = asked(shown)
    train = Identity.member(TRAIN, PROJECT)
    assert demo.state(train).enabled
    assert demo.decide(job).state is JobState.DONE
    assert not demo.state(train).enabled
    assert [(c.id, c.status) for c in demo.state(train).credentials or ()] == [(KEY, "Inactive")]
    assert demo.state(Identity.member(PIPELINES, PROJECT)).enabled
    assert demo.trail_problems() == ()


def test_a_grant_that_was_meant_is_put_back_by_whoever_says_so(demo: Demo) -> None:
    shown = demo.play(ACTS_AS)
    (job,) = shown.jobs
    grant = Binding("roles/iam.serviceAccountUser", PIPELINES)
    assert grant not in bound(demo, ACCOUNT_POLICY)
    undo = demo.undo(job)
    assert (undo.state, undo.undo_of) == (JobState.DONE, job.id)
    assert grant in bound(demo, ACCOUNT_POLICY)
    assert demo.state(ACCOUNT_POLICY) == shown.before
    assert demo.trail_problems() == ()


def test_other_grants_are_counted_only_where_each_is_as_it_was(demo: Demo) -> None:
    shown = demo.play(OWNER)
    (job,) = shown.jobs
    assert len(demo.others(shown, job)) == len(GRANTS)
    give("roles/viewer", f"user:{BO}")(demo.clouds)
    assert demo.others(shown, job) == ()


def test_what_changes_no_policy_says_nothing_of_other_grants(demo: Demo) -> None:
    shown = demo.play(LEAK)
    assert shown.jobs
    assert demo.others(shown, shown.jobs[0]) == ()


def test_where_the_person_says_no_nothing_is_disabled(iam: object) -> None:
    demo = Demo(iam, MemoryStore(), lambda _: False)
    (job,) = demo.play(LEAK).jobs
    assert demo.decide(job).state is JobState.DENIED
    assert demo.state(Identity.member(TRAIN, PROJECT)).enabled


def test_every_delivery_has_its_own_id_and_time_and_a_missing_sample_is_said() -> None:
    for scene in SCENES:
        text = str(raw(scene, "an-id", "2026-11-23T12:00:00Z", "AROA"))
        assert "an-id" in text
        assert "2026-11-23T12:00:00Z" in text
    with pytest.raises(UsageError, match="not there"):
        raw(Scene(says="", event="gcp/none.json"), "i", "t", "r")
