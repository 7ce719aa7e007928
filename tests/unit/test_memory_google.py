"""What is remembered of resources of Google Cloud, event by event: only what an event can have changed, and that was judged, becomes what was before."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.identity import Identity
from ringfence.domain.state import State
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.hear import hear
from ringfence.sources import normalise
from tests.support.cases import counted, event_file, set_at, settings_of, state_of
from tests.support.jobs import NOW

WHOLE: dict[str, Any] = {"projects": [{"name": "fraud", "gcp": {"projects": ["fraud-ml-prod"]}}]}
NAMED: dict[str, Any] = {
    "projects": [{"name": "fraud", "gcp": {"projects": ["fraud-ml-prod"], "service_accounts": {"pipeline": ["release@*"]}}}],
    "deployers": ["user:dan@example.com"],
}
BUCKET, SINK = "projects/_/buckets/fraud-train", "projects/fraud-ml-prod/sinks/security"
ENDPOINT = "projects/fraud-ml-prod/locations/europe-west1/endpoints/1"
CLOSED, OPEN = {"publicAccessPrevention": {"value": "enforced"}}, {"publicAccessPrevention": {"value": "inherited"}}
EVERYBODY = {"role": "roles/storage.objectViewer", "member": "allUsers"}
FIRST, SECOND = {"traffic": {"trafficSplit": {"1": 100}}}, {"traffic": {"trafficSplit": {"7": 100}}}


class Place:
    """A resource that somebody changes, and what is remembered of it."""

    def __init__(self, name: str, configuration: dict[str, Any] = WHOLE) -> None:
        self.name, self.settings = name, settings_of(configuration)
        self.store, self.queue = MemoryStore(), MemoryQueue()
        self.desk, self.number = Desk(self.store, self.queue, lambda: NOW), 0

    def heard(self, file: str, now: dict[str, Any], **changes: Any) -> list[str]:
        """Give the calls that follow from an event, when the resource is as it is `now`."""
        self.number += 1
        state = state_of({"resource": self.name, **now})
        assert state is not None
        raw = event_file(f"gcp/audit_log/{file}.json")
        raw = {**raw, "insertId": f"e{self.number}", "timestamp": NOW.isoformat(), "protoPayload": {**raw["protoPayload"]}}
        for path, new in changes.items():
            set_at(raw["protoPayload"], path.replace("__", "."), new)
        (event,) = normalise(raw)
        evaluator = Evaluator(self.settings, MemoryIam(state), census=counted, before=self.store.before)
        judgement = evaluator.judge(event, NOW + timedelta(seconds=self.number))
        jobs = run_at_desk(hear(judgement, evaluator, self.settings), self.desk)
        return [step.call.operation for job in jobs for step in job.plan.steps]

    @property
    def before(self) -> State | None:
        return self.store.before(Identity.resource(self.name, "fraud-ml-prod"))


def remembered(place: Place) -> State:
    assert place.before is not None
    return place.before


def test_prevention_that_was_seen_is_what_a_later_change_is_compared_with() -> None:
    place, inherits = Place(BUCKET), {"iamConfiguration": {"publicAccessPrevention": "inherited"}}
    assert place.heard("buckets.update", {"settings": CLOSED, "bindings": []}) == []
    assert remembered(place).settings == CLOSED
    assert place.heard("buckets.update", {"settings": OPEN, "bindings": []}, request=inherits) == ["PatchBucket"]
    assert remembered(place).settings == CLOSED, "what was found is not what was fine"
    assert place.heard("buckets.update", {"settings": OPEN, "bindings": []}, request={"labels": {"a": "b"}}) == ["PatchBucket"], (
        "something harmless does not make it fine"
    )
    assert remembered(place).settings == CLOSED


def test_a_change_of_settings_says_nothing_of_grants_nor_the_other_way_round() -> None:
    place = Place(BUCKET)
    assert place.heard("buckets.update", {"settings": CLOSED, "bindings": [EVERYBODY]}) == []
    assert remembered(place).bindings is None
    granted = [{"action": "ADD", "role": "roles/storage.objectViewer", "member": "user:bo@example.com"}]
    now = {"settings": OPEN, "bindings": []}
    assert place.heard("setIamPermissions", now, serviceData__policyDelta__bindingDeltas=granted) == []
    assert (remembered(place).settings, remembered(place).bindings) == (CLOSED, ())


def test_of_a_project_its_audit_configuration_lies_in_the_policy() -> None:
    place = Place("projects/fraud-ml-prod")
    granted = [{"action": "ADD", "role": "roles/viewer", "member": "user:bo@example.com"}]
    audit: dict[str, Any] = {"audit": {"allServices DATA_READ": []}}
    now = {"settings": audit, "bindings": []}
    assert place.heard("SetIamPolicy", now, serviceData__policyDelta__bindingDeltas=granted) == []
    assert (remembered(place).settings, remembered(place).bindings) == (audit, ())


def test_what_is_gone_when_something_harmless_is_heard_is_not_forgotten() -> None:
    place, sink = Place(SINK), {"sink": {"destination": "storage.googleapis.com/logs", "filter": "severity>=INFO"}}
    assert place.heard("UpdateSink", {"settings": sink}, request={"updateMask": "description"}) == []
    assert place.heard("UpdateSink", {"settings": {}}, request={"updateMask": "description"}) == []
    assert remembered(place).settings == sink
    assert place.heard("DeleteSink", {"settings": {}}) == ["CreateSink"]


def test_who_answered_is_remembered_and_comes_back() -> None:
    place = Place(ENDPOINT, NAMED)
    by = "authenticationInfo__principalEmail"
    assert place.heard("UpdateEndpoint", {"settings": FIRST}, **{by: "dan@example.com"}) == []
    assert remembered(place).settings == FIRST
    assert place.heard("UpdateEndpoint", {"settings": SECOND}, **{by: "eve@example.com"}) == ["UpdateEndpoint"]
    renamed = {"request__updateMask": "displayName", by: "eve@example.com"}
    assert place.heard("UpdateEndpoint", {"settings": SECOND}, **renamed) == []
    assert remembered(place).settings == FIRST, "whoever gives it another name does not make it fine"
    assert place.heard("UpdateEndpoint", {"settings": SECOND}, **{by: "dan@example.com"}) == []
    assert remembered(place).settings == SECOND


@pytest.mark.parametrize("settings", [None, {}])
def test_of_what_has_no_settings_none_are_remembered(settings: dict[str, Any] | None) -> None:
    place = Place("projects/fraud-ml-prod/locations/europe-west1/models/1", NAMED)
    now = {"settings": settings} if settings is not None else {"settings": None}
    assert place.heard("ExportModel", now, authenticationInfo__principalEmail="dan@example.com") == []
    assert (place.before is None) == (settings is None)


def test_what_is_remembered_is_what_the_store_gives_back() -> None:
    place = Place(BUCKET)
    place.heard("buckets.update", {"settings": CLOSED, "bindings": []})
    assert msgspec.json.decode(msgspec.json.encode(remembered(place)), type=State) == remembered(place)
