"""A change of a policy whose log tells no delta is read afresh; and what an undo on Google Cloud waits for."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringfence.actions import ACTIONS
from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.binding import Binding
from ringfence.domain.event import Outcome
from ringfence.domain.identity import Identity
from ringfence.domain.job import JobState
from ringfence.domain.plan import When
from ringfence.domain.state import State
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.judgement import Judgement
from ringfence.engine.respond import Responder
from ringfence.errors import OverridableError
from ringfence.sources import normalise
from tests.support.actions import job, planned
from tests.support.cases import event_file, settings_of, state_of
from tests.support.desk import open_undo
from tests.support.jobs import NOW, Clock, put, work

P, TRAIN = "projects/fraud-ml-prod", "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"
OWNER, OLD = Binding("roles/owner", TRAIN), Binding("roles/editor", "serviceAccount:serve@fraud-ml-prod.iam.gserviceaccount.com")
SETTINGS = settings_of({"projects": [{"name": "fraud", "gcp": {"projects": ["fraud-ml-prod"]}}]})
AT = datetime(2026, 3, 2, 9, 1, tzinfo=UTC)


def project(*bindings: Binding) -> State:
    return State(identity=Identity.resource(P, "fraud-ml-prod"), bindings=bindings)


def judge(now: State | None, before: State | None = None, change: dict[str, Any] | None = None) -> Judgement:
    raw = copy.deepcopy(event_file("gcp/audit_log/SetIamPolicy.json"))
    raw["protoPayload"]["serviceData"] = change or {}
    (event,) = normalise(raw)
    reader = None if now is None else MemoryIam(*([now] if now.bindings is not None else []))
    return Evaluator(SETTINGS, reader, before=lambda _: before).judge(event, AT)


def steps(judgement: Judgement) -> list[tuple[When, str]]:
    return [(s.when, s.step.call.parameters["remove"]["member"]) for p in judgement.planned for s in p.steps]


def test_what_is_new_against_what_was_fine_is_a_fresh_grant_and_is_reversed() -> None:
    assert steps(judge(project(OLD, OWNER), project(OLD))) == [(When.ACT, TRAIN)]


def test_where_nobody_knows_what_was_before_it_asks() -> None:
    ana = Binding("roles/owner", "group:admins@example.com")
    assert sorted(steps(judge(project(ana, OLD, OWNER)))) == sorted([(When.ASK, OLD.member), (When.ASK, TRAIN), (When.ASK, ana.member)])


def test_the_last_owner_stays_where_nobody_knows_since_when_they_are_and_goes_where_they_were_made_just_now() -> None:
    ana = Binding("roles/owner", "user:ana@example.com")
    assert steps(judge(project(OLD, OWNER))) == [(When.ASK, OLD.member)]
    assert steps(judge(project(ana, OLD, OWNER), project(ana, OLD))) == [(When.ACT, TRAIN)]


def test_where_nothing_is_new_nobody_got_anything() -> None:
    for now in (project(OLD), project()):
        assert judge(now, project(OLD)).outcome is Outcome.QUIET


def test_without_a_reader_or_where_it_cannot_be_read_the_event_cannot_tell() -> None:
    assert judge(None).outcome is Outcome.NEEDS_STATE
    assert judge(State(identity=Identity.resource(P, "fraud-ml-prod"))).outcome is Outcome.NEEDS_STATE


def test_a_delta_that_the_log_tells_is_taken_at_its_word_and_what_is_gone_by_now_needs_nothing() -> None:
    told = {"policyDelta": {"bindingDeltas": [{"action": "ADD", "role": "roles/owner", "member": TRAIN}]}}
    assert steps(judge(project(OLD, OWNER), None, told)) == [(When.ACT, TRAIN)]
    gone = judge(project(OLD), None, told)
    assert (gone.outcome, steps(gone)) == (Outcome.IGNORED, [])


def test_more_members_than_can_be_judged_are_said_and_not_passed_over() -> None:
    many = project(*(Binding("roles/owner", f"user:u{n}@example.com") for n in range(51)))
    assert judge(many, project()).outcome is Outcome.NEEDS_STATE
    assert "more members" in judge(many, project()).reason
    few = project(*(Binding("roles/viewer", f"user:u{n}@example.com") for n in range(50)))
    assert judge(few, project()).outcome is Outcome.QUIET


@pytest.mark.parametrize(("hours", "may"), [(11, False), (13, True)])
def test_an_account_is_woken_only_when_its_tokens_are_dead(hours: int, may: bool) -> None:
    (action,) = [a for a in ACTIONS if a.id == "gcp.iam.disable-service-account"]
    case = {"state": {"member": TRAIN, "unique_id": "100000000000000000001"}}
    state = state_of(case["state"])
    assert state is not None
    cloud, store, queue, clock = MemoryIam(state), MemoryStore(), MemoryQueue(), Clock()
    responder = Responder(settings_of(None), store, queue, cloud, cloud, clock)
    put(store, job(planned(action, case, state), state.identity, action))
    responder.apply("j")
    work(queue, responder, clock)
    later = NOW + timedelta(hours=hours)
    if not may:
        with pytest.raises(OverridableError, match="would work again"):
            open_undo("j", "operator", settings_of(None), store, queue, later, override="")
        return
    assert open_undo("j", "operator", settings_of(None), store, queue, later, override="").state is JobState.APPROVED
