"""What stands already when it is judged, what is gone by then, and what is too much for a record or a minute: none of it passes in silence."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryIam
from ringfence.domain.canonical import digest
from ringfence.domain.event import Event, Outcome
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.engine.evaluate import MANY, Evaluator
from ringfence.engine.judgement import Judgement, Planned
from ringfence.engine.records import LONGEST, decision
from ringfence.settings import Settings
from ringfence.sources import normalise
from tests.support.cases import DEPLOYMENT, OWN, OWN_POLICIES, event_file, settings_of, state_of
from tests.support.desk import decide, open_undo, vote
from tests.support.jobs import CONTAINMENT, NOW, REVERSAL, ROLE, World, job

SETTINGS = settings_of({"defaults": {"mode": "strict"}, "projects": [{"name": "p", "aws": {"accounts": ["*"]}}]})
QUARANTINE = OWN + "quarantine"
ALLOWS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def finding(number: int = 0) -> Event:
    event = event_file("aws/guardduty/credential-exfiltration.json")
    event["detail"]["resource"]["accessKeyDetails"] |= {"userName": ROLE.name, "principalId": f"{ROLE.unique_id}:i-0"}
    event["detail"] |= {"id": f"f{number}", "severity": 8}
    (made,) = normalise(event)
    return made


def judged(world: World, number: int = 0, settings: Settings = SETTINGS) -> Judgement:
    return Evaluator(settings, world.iam).judge(finding(number), NOW)


def hear(world: World, number: int = 0) -> list[JobState]:
    return [made.state for made in decide(judged(world, number), SETTINGS, world.store, world.queue, NOW)]


def test_a_deny_that_somebody_else_attached_before_we_looked_is_no_containment_of_ours() -> None:
    world = World(QUARANTINE)
    judgement = judged(world)
    assert (judgement.outcome, judgement.planned, len(judgement.held)) == (Outcome.IGNORED, (), 1)
    assert hear(world) == [JobState.APPROVED]
    world.queue.to_apply = [found.id for found in world.store.jobs()]
    world.work()
    (contained,) = world.store.jobs()
    assert (contained.state, contained.looks) == (JobState.DONE, 3), "it is watched as ours"


def test_what_we_contain_is_not_contained_again_for_every_finding() -> None:
    world = World()
    assert hear(world) == [JobState.APPROVED]
    world.queue.to_apply = [found.id for found in world.store.jobs()]
    world.work()
    assert hear(world, 1) == []
    (contained,) = world.store.jobs()
    open_undo(contained.id, "operator", SETTINGS, world.store, world.queue, world.clock.time)
    world.work()
    world.change(attached=(QUARANTINE,))
    assert hear(world, 2) == [JobState.APPROVED], "what was taken back is not ours any more"


@pytest.mark.parametrize("document", [ALLOWS, None])
def test_a_void_deny_is_none(document: Any) -> None:
    world = World(QUARANTINE)
    world.iam.policies = {**OWN_POLICIES, QUARANTINE: document} if document else {}
    judgement = judged(world)
    assert (judgement.outcome, judgement.held) == (Outcome.FINDING, ())


def test_an_identity_that_is_gone_by_the_time_its_finding_is_judged_is_told() -> None:
    world = World()
    world.iam.states.clear()
    assert judged(world).outcome is Outcome.FINDING
    assert hear(world) == [JobState.PENDING], "who uses it is not known any more"
    (made,) = world.store.jobs()
    vote(made.id, "arn:aws:iam::123456789012:user/ana", SETTINGS, world.store, world.queue, NOW, approve=True)
    ended = world.responder.apply(made.id)
    assert (ended.state, ended.due is not None) == (JobState.NOTHING_TO_DO, True), "what it left behind is looked for"


@pytest.mark.parametrize(("holders", "outcome"), [(MANY, Outcome.FINDING), (MANY + 1, Outcome.NEEDS_STATE)])
def test_a_policy_that_very_many_hold_is_a_persons_to_look_at(holders: int, outcome: Outcome) -> None:
    policy = "arn:aws:iam::123456789012:policy/everywhere"
    states = [state_of({"role": f"r{n}", "attached": [policy], "unique_id": f"AROAEXAMPLE{n}"}) for n in range(holders)]
    (event,) = normalise(event_file("aws/cloudtrail/CreatePolicyVersion.json"))
    target = Identity.thing(Kind.POLICY, policy)
    event = msgspec.structs.replace(event, target=target, parameters={**event.parameters, "policyArn": policy, "setAsDefault": True})
    judgement = Evaluator(SETTINGS, MemoryIam(*(s for s in states if s))).judge(event, NOW)
    assert judgement.outcome is outcome
    assert (str(MANY) in judgement.reason) is (outcome is Outcome.NEEDS_STATE)


def test_evidence_of_any_length_fits_a_record() -> None:
    long = ["arn:aws:s3:::x" * 10] * 20_000
    kept = decision(job(REVERSAL), NOW, {"grants": long, "short": "s"}).data["evidence"]
    assert isinstance(kept, Mapping)
    assert kept["short"] == "s"
    assert len(kept["grants"]["cut"]) == LONGEST
    assert kept["grants"]["digest"] == digest(json.dumps(long, separators=(",", ":")))
    assert len(msgspec.json.encode(kept)) < 2 * LONGEST


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_half_a_character_has_a_digest(text: str) -> None:
    assert digest({"Condition": text}) != digest({"Condition": "a"})
    assert len(digest([text])) == 64


def test_something_critical_that_only_a_person_can_do_pages() -> None:
    world = World()
    for severity, pages in ((Severity.CRITICAL, True), (Severity.HIGH, False)):
        found = Finding(guardrail=f"g-{severity}", severity=severity, identity=ROLE, reason="a test", evidence={})
        made = Judgement(event=finding(), outcome=Outcome.FINDING, reason="a test", planned=(Planned(finding=found, steps=()),))
        decide(made, SETTINGS, world.store, world.queue, NOW)
        assert world.queue.notices[-1].page is pages


def test_a_record_that_a_later_version_wrote_can_still_be_read() -> None:
    """A stack that is rolled back meets what the newer one has stored."""
    made = job(CONTAINMENT)
    later = {**msgspec.to_builtins(made), "invented_later": 1, "plan": {**msgspec.to_builtins(made.plan), "so_too": 2}}
    assert msgspec.json.decode(msgspec.json.encode(later), type=Job) == made


def test_a_boundary_that_somebody_set_between_plan_and_call_comes_back_with_the_undo() -> None:
    from tests.unit.test_containment import BOUNDARY, contain

    world = World()
    world.change(boundary="arn:aws:iam::123456789012:policy/ml-boundary")
    done = contain(world, CONTAINMENT, BOUNDARY)
    assert done.state is JobState.DONE
    undo = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    assert undo.plan.steps[0].call.parameters["PermissionsBoundary"] == "arn:aws:iam::123456789012:policy/ml-boundary"
    assert undo.plan.steps[0].after == "arn:aws:iam::123456789012:policy/ml-boundary"
    world.work()
    ((state),) = world.iam.states.values()
    assert state.boundary == "arn:aws:iam::123456789012:policy/ml-boundary"


def test_a_boundary_that_was_there_as_planned_comes_back_as_planned() -> None:
    from tests.unit.test_containment import BOUNDARY, contain

    world, mine = World(), "arn:aws:iam::123456789012:policy/ml-boundary"
    world.change(boundary=mine)
    back = msgspec.structs.replace(BOUNDARY.call, parameters={**BOUNDARY.call.parameters, "PermissionsBoundary": mine})
    done = contain(world, msgspec.structs.replace(BOUNDARY, before=mine, inverse=back))
    undo = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    assert undo.plan.steps[0].call == back


def test_a_boundary_that_its_owner_took_off_between_plan_and_call_stays_off() -> None:
    from tests.unit.test_containment import BOUNDARY, contain

    world = World()
    mine = "arn:aws:iam::123456789012:policy/ml-boundary"
    back = msgspec.structs.replace(BOUNDARY.call, parameters={**BOUNDARY.call.parameters, "PermissionsBoundary": mine})
    planned = msgspec.structs.replace(BOUNDARY, before=mine, inverse=back)
    done = contain(world, planned)
    undo = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    assert undo.plan.steps[0].call.operation == "DeleteRolePermissionsBoundary"
    world.work()
    ((state),) = world.iam.states.values()
    assert state.boundary is None


def test_a_boundary_that_the_attacker_put_in_ours_place_does_not_come_back() -> None:
    from tests.unit.test_containment import BOUNDARY, contain

    world = World()
    reverted = "arn:aws:iam::123456789012:policy/x"  # and asserted again over it
    done = contain(world, CONTAINMENT, BOUNDARY, before_look=lambda n: world.change(boundary=reverted) if n == 1 else None)
    ((state),) = world.iam.states.values()
    assert state.boundary == DEPLOYMENT.quarantine_boundary
    undo = open_undo(done.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)
    assert undo.plan.steps[0].call.operation == "DeleteRolePermissionsBoundary", "what was there before us was none"


def test_an_exception_goes_by_who_bore_the_name_when_it_was_recorded() -> None:
    from ringfence.engine.protect import exempts
    from tests.unit.test_census import SETTINGS as COUNTED
    from tests.unit.test_census import count, user

    exception = {"guardrail": "aws-admin-policy-on-ai-identity", "principal": "user/ci-*", "reason": "legacy", "until": "2026-04-01"}
    configured = settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}, "exceptions": [exception]}]})
    (exemption,) = configured.exemptions
    ours, theirs = (Identity.of(Kind.USER, name, "123456789012", unique_id=f"AIDAEXAMPLE{name.upper()}") for name in ("ci-1", "ci-2"))
    before = count([user("ci-1")], [], COUNTED)
    assert exempts(exemption, ours, before), "no census has recorded this exception yet"
    recorded = count([user("ci-1")], [], configured, before)
    later = count([user("ci-1"), user("ci-2")], [], configured, recorded)
    for census in (recorded, later):
        assert exempts(exemption, ours, census)
        assert not exempts(exemption, theirs, census)
    assert exempts(msgspec.structs.replace(exemption, principal="AIDAEXAMPLECI-2"), theirs, later), "the owner may name the unique id"
    for other in ({"principal": "user/ci-2*"}, {"guardrail": "another"}, {"project": "q"}):
        unrecorded = msgspec.structs.replace(exemption, **other)
        assert exempts(unrecorded, theirs, later), "each exception is recorded for itself: this one is not yet"
