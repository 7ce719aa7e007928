"""Log entries of Google Cloud in any order, and any number of times: one allow policy in the end, each violating grant taken once, all else as it was."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.binding import Binding, binding_of
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.domain.state import State
from ringfence.engine import census_gcp
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.hear import hear
from ringfence.engine.respond import Responder
from ringfence.sources import normalise
from tests.support.cases import settings_of
from tests.support.desk import vote
from tests.support.jobs import Clock, work
from tests.support.scale import cases

P = "fraud-ml-prod"
PLACE = (Kind.RESOURCE, f"projects/{P}")
TRAIN, CI = f"serviceAccount:train@{P}.iam.gserviceaccount.com", f"serviceAccount:ci@{P}.iam.gserviceaccount.com"
ANA, BO, EVE = "user:ana@example.com", "user:bo@example.com", "user:eve@gmail.com"
HOURS = {"title": "hours", "expression": "request.time.getHours() < 9"}
TAGGED = {"title": "tagged", "expression": "resource.matchTag('1/env', 'dev')"}
FOREIGN = (
    Binding("roles/owner", ANA),
    Binding("roles/owner", TRAIN, HOURS),
    Binding("roles/editor", CI, TAGGED),
    Binding("roles/viewer", "group:all@example.com"),
    Binding("roles/storage.objectViewer", "deleted:serviceAccount:old@shop.iam.gserviceaccount.com?uid=123"),
    Binding("roles/storage.objectViewer", "someday://of-a-kind-that-nobody-knows-yet"),
)
# Grants that are to go, some found by two guardrails, some only after somebody has agreed; and such as stay.
VIOLATING = (
    Binding("roles/owner", TRAIN),
    Binding("roles/owner", TRAIN, TAGGED),
    Binding("roles/editor", CI),
    Binding("roles/editor", BO),
    Binding("roles/iam.serviceAccountAdmin", TRAIN),
    Binding("roles/iam.serviceAccountTokenCreator", BO),
    Binding("roles/owner", EVE),
    Binding("roles/viewer", "allUsers"),
    Binding("roles/storage.objectViewer", "allAuthenticatedUsers"),
)
HARMLESS = (
    Binding("roles/storage.objectViewer", TRAIN),
    Binding("roles/viewer", BO),
    Binding("roles/aiplatform.user", CI),
    Binding("roles/logging.viewer", ANA, HOURS),
)
SETTINGS = msgspec.structs.replace(
    settings_of({"projects": [{"name": "fraud", "gcp": {"projects": [P]}}]}),
    max_auto_actions_per_hour=99,
    max_auto_actions_per_guardrail=99,
    max_auto_actions_per_actor=99,
    max_guardrail_share_percent=100,
)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ENDS = {JobState.DONE, JobState.NOTHING_TO_DO, JobState.STALE, JobState.CANCELLED}


class Place:
    """A project whose policy people write, and the product that hears of it."""

    def __init__(self) -> None:
        self.project = Identity.resource(f"projects/{P}", P)
        self.iam = MemoryIam(State(identity=self.project, bindings=FOREIGN, settings={}))
        self.store, self.queue, self.clock = MemoryStore(), MemoryQueue(), Clock(START + timedelta(minutes=1))
        self.evaluator = Evaluator(SETTINGS, self.iam, census=self.store.census, before=self.store.before)
        self.responder = Responder(SETTINGS, self.store, self.queue, self.iam, self.iam, self.clock)
        self.store.keep(census_gcp.take({P: FOREIGN}, (), SETTINGS, None, START))
        self.store.remember(State(identity=self.project, bindings=FOREIGN), START)  # as it was when it was last fine

    @property
    def bindings(self) -> tuple[Binding, ...]:
        return self.iam.states[PLACE].bindings or ()

    def write(self, bindings: Sequence[Binding]) -> None:
        self.iam.states[PLACE] = State(identity=self.project, bindings=tuple(bindings), settings={})

    def happens(self, rnd: random.Random, number: int) -> dict[str, Any]:
        """Somebody grants, takes away, tries, or does something else; give the entry of it, with what changed."""
        what, role = rnd.random(), rnd.choice(VIOLATING if rnd.random() < 0.7 else HARMLESS)
        there = [b for b in self.bindings if b not in FOREIGN]
        if what < 0.7 and role not in self.bindings:
            self.write((*self.bindings, role))
            return entry(number, "ADD", role)
        if what < 0.8 and there:
            gone = rnd.choice(there)
            self.write([b for b in self.bindings if b != gone])
            return entry(number, "REMOVE", gone)
        if what < 0.9:
            return entry(number, "ADD", role, status={"code": 7, "message": "PERMISSION_DENIED"})
        return entry(number, "ADD", role, methodName="UpdateProject", serviceData={})

    def hear(self, raw: dict[str, Any]) -> None:
        (event,) = normalise(raw)
        judgement = self.evaluator.judge(event, self.clock.time)
        run_at_desk(hear(judgement, self.evaluator, SETTINGS), Desk(self.store, self.queue, self.clock))

    def work(self) -> None:
        work(self.queue, self.responder, self.clock)

    def approve(self) -> None:
        self.work()
        while asked := [job for job in self.store.jobs() if job.state is JobState.PENDING]:
            vote(asked[0].id, ANA, SETTINGS, self.store, self.queue, self.clock.time, approve=True)
            self.work()

    def taken(self) -> list[str]:
        """Give the grants that a call has taken, as often as one has."""
        assert all(call.operation == "SetIamPolicy" and "remove" in call.parameters for call in self.iam.calls)
        return sorted(binding_of(call.parameters["remove"]).key for call in self.iam.calls)


def entry(number: int, action: str, binding: Binding, **more: Any) -> dict[str, Any]:
    """The log entry of a change of the project's policy."""
    return {
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "status": {},
            "authenticationInfo": {"principalEmail": "mallory@example.com"},
            "serviceName": "cloudresourcemanager.googleapis.com",
            "methodName": "SetIamPolicy",
            "resourceName": f"projects/{P}",
            "serviceData": {"policyDelta": {"bindingDeltas": [{"action": action, **binding.delta}]}},
            **more,
        },
        "insertId": f"synthetic-{number}",
        "resource": {"type": "project", "labels": {"project_id": P}},
        "timestamp": (START + timedelta(seconds=number)).isoformat(),
        "logName": f"projects/{P}/logs/cloudaudit.googleapis.com%2Factivity",
    }


def keys(bindings: Sequence[Binding]) -> list[str]:
    return sorted(b.key for b in bindings)


def delivered(rnd: random.Random, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the entries in some order, some of them several times."""
    told = [*entries, *rnd.choices(entries, k=rnd.randint(0, 4))]
    rnd.shuffle(told)
    return told


def test_90_in_any_order_and_any_number_of_times_each_violating_grant_goes_once_and_nothing_else() -> None:
    reversed_, asked = 0, 0
    for seed in range(cases(5000)):
        rnd = random.Random(seed)  # noqa: S311 - repeatable on purpose
        place = Place()
        told = delivered(rnd, [place.happens(rnd, number) for number in range(6)])
        stands = place.bindings
        for raw in told:
            place.hear(raw)
            if rnd.random() < 0.5:
                place.work()
        place.work()
        reversed_ += len(place.iam.calls)
        place.approve()
        asked += len(place.iam.calls)
        assert keys(place.bindings) == keys([b for b in stands if b not in VIOLATING]), seed
        assert place.taken() == keys([b for b in stands if b in VIOLATING]), seed
        assert all(binding in place.bindings for binding in FOREIGN), seed
        assert {job.state for job in place.store.jobs()} <= ENDS, seed
        alone = [(job.event_key, job.guardrail) for job in place.store.jobs() if not job.about]  # one that others joined is theirs, too
        assert len(alone) == len(set(alone)), f"{seed}: an entry is one job of each guardrail"
    assert 0 < reversed_ < asked, "some go at once, and some are asked about"


@pytest.mark.parametrize("binding", [VIOLATING[0], VIOLATING[1], VIOLATING[4]])
def test_90_one_entry_two_hundred_times_in_twenty_five_hours_has_one_effect(binding: Binding) -> None:
    place = Place()
    place.write((*FOREIGN, binding))
    for _ in range(200):
        place.hear(entry(1, "ADD", binding))
        place.approve()
        place.clock.time += timedelta(minutes=7.5)
    assert place.taken() == [binding.key]
    assert keys(place.bindings) == keys(FOREIGN)


def test_90_each_kind_of_grant_is_what_the_table_says() -> None:
    for binding in (*VIOLATING, *HARMLESS):
        place = Place()
        place.write((*FOREIGN, binding))
        place.hear(entry(1, "ADD", binding))
        assert bool(place.store.jobs()) == (binding in VIOLATING), binding
