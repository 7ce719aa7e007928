"""Whom a guardrail looks at besides, as the event names them; and what is not known about one account is asked of a person once."""

import copy
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ringfence import wiring_gcp as wiring
from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.event import Event, Outcome
from ringfence.domain.finding import Unknown
from ringfence.domain.identity import Identity
from ringfence.domain.job import JobState
from ringfence.domain.state import Facet, State
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.judgement import joined
from ringfence.engine.ports import Absence, Reader, Wanted
from ringfence.guardrails import gcp_ai_job_with_privileged_sa
from ringfence.settings import Settings
from ringfence.sources import normalise
from tests.support.cases import counted, event_file, set_at, settings_of, state_of
from tests.support.desk import decide
from tests.support.google.deployed import deployed
from tests.support.jobs import NOW

GUARDRAIL = gcp_ai_job_with_privileged_sa.GUARDRAIL
SETTINGS = settings_of({"projects": [{"name": "fraud", "gcp": {"projects": ["*"]}}]})
PLACE = "protoPayload.request.customJob.jobSpec.serviceAccount"
OWNER = "serviceAccount:owner@fraud-ml-prod.iam.gserviceaccount.com"


def job(**changes: str) -> Event:
    raw = copy.deepcopy(event_file("gcp/audit_log/CreateCustomJob.json"))
    for path, new in changes.items():
        set_at(raw, path, new)
    (event,) = normalise(raw)
    return event


class Counting(MemoryIam):
    def __init__(self, *states: State) -> None:
        super().__init__(*states)
        self.asked: list[tuple[Identity, Wanted]] = []

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        self.asked.append((identity, wanted))
        return super().read(identity, wanted)


def test_its_bindings_are_read_once_and_nothing_else() -> None:
    held = state_of({"member": OWNER, "bindings": []})
    assert held is not None
    reader = Counting(held)
    assert Evaluator(SETTINGS, reader, (GUARDRAIL,), census=counted).judge(job(), NOW).outcome is Outcome.QUIET
    assert reader.asked == [(Identity.member(OWNER, "fraud-ml-prod"), Wanted(frozenset({Facet.BINDINGS})))]


def test_who_does_not_ask_reads_nothing() -> None:
    reader = Counting()
    silent = msgspec.structs.replace(GUARDRAIL, about=None)
    nobody = msgspec.structs.replace(GUARDRAIL, about=lambda _: None)
    for guardrail in (silent, nobody):
        assert Evaluator(SETTINGS, reader, (guardrail,), census=counted).judge(job(), NOW).outcome is Outcome.NEEDS_STATE
    assert reader.asked == []


@pytest.mark.parametrize("reader", [None, MemoryIam()])
def test_whom_nobody_can_read_is_not_known(reader: Reader | None) -> None:
    judgement = Evaluator(SETTINGS, reader, (GUARDRAIL,), census=counted).judge(job(), NOW)
    assert judgement.outcome is Outcome.NEEDS_STATE
    assert judgement.cause == "gcp-ai-job-with-privileged-sa fraud-ml-prod owner@fraud-ml-prod.iam.gserviceaccount.com"


def test_each_of_two_guardrails_sees_whom_it_asked_for() -> None:
    seen: list[State | None] = []
    held = state_of({"member": OWNER, "bindings": []})
    assert held is not None
    asking = msgspec.structs.replace(GUARDRAIL, check=lambda case: seen.append(case.other))
    silent = msgspec.structs.replace(asking, id="silent", about=None)
    Evaluator(SETTINGS, MemoryIam(held), (asking, silent), census=counted).judge(job(), NOW)
    assert seen == [held, None]


class Desk:
    def __init__(self) -> None:
        self.store, self.queue = MemoryStore(), MemoryQueue()
        self.evaluator = Evaluator(SETTINGS, MemoryIam(), (GUARDRAIL,), census=counted)

    def hear(self, after: timedelta, **changes: str) -> None:
        event = msgspec.structs.replace(job(insertId=f"after-{after}", **changes), time=NOW + after)
        decide(self.evaluator.judge(event, NOW + after), SETTINGS, self.store, self.queue, NOW + after)

    @property
    def states(self) -> list[JobState]:
        return [made.state for made in self.store.jobs()]


def test_one_account_of_which_nothing_is_known_is_one_job_whoever_uses_it() -> None:
    desk = Desk()
    for minute in range(5):
        desk.hear(timedelta(minutes=minute))
    desk.hear(timedelta(hours=6), **{"protoPayload.authenticationInfo.principalEmail": "eve@example.com"})
    assert desk.states == [JobState.FOR_A_PERSON]
    assert len(desk.queue.notices) == 1


def test_another_account_or_another_project_is_another_job() -> None:
    desk = Desk()
    desk.hear(timedelta())
    desk.hear(timedelta(minutes=1), **{PLACE: "other@fraud-ml-prod.iam.gserviceaccount.com"})
    desk.hear(timedelta(minutes=2), **{"resource.labels.project_id": "456"})
    assert desk.states == [JobState.FOR_A_PERSON] * 3


def test_after_a_week_it_is_asked_again_and_then_once_for_a_week() -> None:
    desk = Desk()
    desk.hear(timedelta())
    desk.hear(timedelta(days=7))
    assert len(desk.states) == 1
    for more in (timedelta(seconds=1), timedelta(days=1), timedelta(days=7)):
        desk.hear(timedelta(days=7) + more)
    assert len(desk.states) == 2


def test_what_names_no_cause_is_a_job_for_each_event() -> None:
    desk = Desk()
    blind = msgspec.structs.replace(GUARDRAIL, check=lambda _: Unknown("it is dark"))
    desk.evaluator = Evaluator(SETTINGS, MemoryIam(), (blind,), census=counted)
    for minute in range(3):
        desk.hear(timedelta(minutes=minute))
    assert len(desk.states) == 3


def test_several_causes_are_one_unless_one_is_the_events_own() -> None:
    assert joined(["b", "a", "b"]) == "a b"
    assert joined(["a", ""]) == joined([]) == ""


@pytest.mark.enable_socket  # loopback only
@pytest.mark.parametrize(
    ("role", "found"),
    [
        ("roles/editor", ["gcp-ai-job-with-privileged-sa"]),
        ("roles/storage.objectViewer", []),
        ("projects/p/roles/r", ["none"]),
        ("", ["none"]),
    ],
)
def test_in_a_deployment_it_is_read_of_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, role: str, found: list[str]) -> None:
    plain = msgspec.structs.replace(SETTINGS, deployment=Settings().deployment)
    with deployed(monkeypatch, tmp_path, plain) as cloud:
        if role:
            cloud.google.account("fraud-ml-prod", "owner")
            cloud.google.grant("projects/fraud-ml-prod", role, OWNER)
        assert cloud.push("evaluate", event_file("gcp/audit_log/CreateCustomJob.json")) == 204
        assert [made.guardrail for made in wiring.store().jobs()] == found
