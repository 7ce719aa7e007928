"""Every case of every action: the steps it plans. Applied twice is once, applied and undone is the state before, compared whole."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ringfence.actions import (
    ACTIONS,
    Action,
    Impossible,
    On,
    aws_iam_delete_inline_policy,
    aws_iam_quarantine_role,
    aws_iam_quarantine_user,
    own_documents,
)
from ringfence.actions._own_policies import DENY_ALL
from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet, FactKind, State
from ringfence.engine.core import declared
from ringfence.engine.ports import Absence, Reader, Wanted, Writer
from ringfence.engine.respond import Responder
from tests.support.actions import ALL, CASES, FOLDER, HITS, HITTING, NOW, ON_AWS, case_of, cases_of, file_of, job, named, planned
from tests.support.aws import MANAGED, aws, customer_policy, make
from tests.support.cases import DEPLOYMENT, OWN_POLICIES, settings_of, state_of
from tests.support.desk import open_undo
from tests.support.jobs import Clock, put, work

WHOLE = Wanted(frozenset(Facet))
NONE_IN_MOTO = {FactKind.SSH_KEY, FactKind.CERTIFICATE}  # need real key material; memory covers them


@pytest.mark.parametrize(("action", "case"), ALL)
def test_case(action: Action, case: dict[str, Any]) -> None:
    made = action.plan(*case_of(case, state_of(case.get("state"))))
    if "impossible" in case:
        assert isinstance(made, Impossible)
        assert case["impossible"] in made.reason
        return
    made = planned(action, case, state_of(case.get("state")))
    assert len(made) == len(case["steps"])
    for step, want in zip(made, case["steps"], strict=True):
        assert step.action == action.id
        assert (step.call.operation, step.inverse.operation) == (want["call"], want["inverse"])
        assert step.action_class == want.get("class", step.action_class)
        for key in ("before", "after"):
            assert want.get(key, getattr(step, key)) == getattr(step, key)
        assert want.get("otherwise", [s.call.operation for s in step.otherwise]) == [s.call.operation for s in step.otherwise]
        assert dict(step.call.parameters) == want.get("parameters", dict(step.call.parameters))
        assert declared(step.call, (action,))
        assert action.action_class is ActionClass.REVERSAL or declared(step.inverse, (action,)), "respond takes our own containment off"


@pytest.mark.parametrize(("action", "case"), named([c for c in CASES if c[1]["kind"] == "near-miss"]))
def test_a_near_miss_differs_from_its_hit_in_one_field(action: Action, case: dict[str, Any]) -> None:
    (hit,) = [c for c in cases_of(action) if c["case"] == case["of"]]
    kept = ("state", "before", "evidence", "deployment")
    assert len(list(differences({k: case.get(k) or {} for k in kept}, {k: hit.get(k) or {} for k in kept}))) == 1


def differences(mine: Any, its: Any, path: str = "") -> Iterator[str]:
    """Give where two cases differ: something that is there or not, is one field; another kind of identity of the same name is one too."""
    if not isinstance(mine, dict) or not isinstance(its, dict) or not mine or not its:
        yield from [path] if mine != its else []
        return
    more, less = sorted(mine.keys() - its.keys()), sorted(its.keys() - mine.keys())
    renamed = len(more) == len(less) == 1 and mine[more[0]] == its[less[0]]
    yield from [f"{path}.{more[0]}"] if renamed else [f"{path}.{key}" for key in (*more, *less)]
    for key in mine.keys() & its.keys():
        yield from differences(mine[key], its[key], f"{path}.{key}")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: a.id)
def test_every_action_has_every_kind_of_case(action: Action) -> None:
    assert {case["kind"] for case in cases_of(action)} >= {"hit", "near-miss", "malformed"}


def test_every_file_is_registered() -> None:
    files = {p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_")}
    assert files == {file_of(a) for a in ACTIONS}
    assert {p.name.removesuffix(".cases.yaml") for p in FOLDER.glob("*.yaml")} == files


def test_every_declared_permission_is_used_by_a_case() -> None:
    used: dict[str, set[str]] = {}
    for action, case in HITTING:
        steps = planned(action, case, state_of(case["state"]))
        calls = [s.call for s in steps] + [s.inverse for s in steps if s.action_class is ActionClass.CONTAINMENT]
        used.setdefault(action.id, set()).update(f"{c.service}:{c.operation}" for c in calls)
    passed = {"iam:PassRole"}  # no call of its own: another one needs it
    assert used == {action.id: {p.action for p in action.writes} - passed for action in ACTIONS}


def round_trip(action: Action, steps: tuple[Step, ...], target: Identity, reader: Reader, writer: Writer) -> None:
    """Apply, apply again, undo, undo again; compare the whole state."""
    before, clock = reader.read(target, WHOLE), Clock()
    for time in (1, 2):
        store, queue = MemoryStore(), MemoryQueue()
        responder = Responder(settings_of(None), store, queue, reader, writer, clock)
        put(store, job(steps, target, action))
        responder.apply("j")
        work(queue, responder, clock)
        done = store.job("j")
        assert done is not None
        if time == 1:
            first = (store, queue, responder, done)
            after = reader.read(target, WHOLE)
            contains = action.action_class is ActionClass.CONTAINMENT
            assert done.state is (JobState.DONE if done.changed or contains else JobState.NOTHING_TO_DO)
            assert isinstance(after, State)
            assert all(after.value(s.fact) == s.after for s in steps)
        else:
            assert done.changed == (), "applied twice is once"
            assert reader.read(target, WHOLE) == after
    store, queue, responder, done = first
    if not done.changed:
        return
    undo = open_undo("j", "operator", settings_of(None), store, queue, NOW)
    while call := responder.prepare(undo.id):
        responder.settle(undo.id, writer.call(call, undo.id))
    work(queue, responder, clock)
    undone = store.job(undo.id)
    assert undone is not None
    assert undone.state is JobState.DONE
    assert_same(reader.read(target, WHOLE), before)
    assert open_undo("j", "operator", settings_of(None), store, queue, NOW).state is JobState.DONE, "undone twice is once"
    assert_same(reader.read(target, WHOLE), before)


def assert_same(one: State | Absence, other: State | Absence) -> None:
    assert isinstance(one, State)
    assert isinstance(other, State)
    assert plain(one) == plain(other)


def plain(state: State) -> State:
    """In what order an allow policy lists its bindings says nothing."""
    return msgspec.structs.replace(state, bindings=None if state.bindings is None else tuple(sorted(state.bindings, key=lambda b: b.key)))


@pytest.mark.parametrize(("action", "case"), HITS)
def test_round_trip_in_memory(action: Action, case: dict[str, Any]) -> None:
    state = state_of(case["state"])
    assert state is not None
    cloud = MemoryIam(state, policies=OWN_POLICIES)
    round_trip(action, planned(action, case, state), state.identity, cloud, cloud)


@pytest.mark.parametrize(("action", "case"), ON_AWS)
def test_round_trip_on_moto(action: Action, case: dict[str, Any]) -> None:
    wanted = state_of(case["state"])
    assert wanted is not None
    bounded = len(wanted.attached or ()) > 9 or any(s.fact.kind is FactKind.BOUNDARY for s in planned(action, case, wanted))
    if wanted.identity.kind is Kind.USER and bounded:
        pytest.skip("moto keeps no boundary of a user (divergence): memory and the local AWS cover it")
    if action.on is On.TARGET:
        pytest.skip("what is no identity has tests of its own: tests/contract/test_targets.py")
    keep = tuple(c for c in wanted.credentials or () if c.kind not in NONE_IN_MOTO)
    attached = wanted.attached or ()
    wanted = msgspec.structs.replace(wanted, credentials=keep, boundary=None)
    with aws(managed=any(arn.startswith(MANAGED) for arn in attached)) as iam:
        for policy in own_documents(DEPLOYMENT):
            if policy not in attached:
                customer_policy(iam, policy)
        target = make(iam, wanted)
        if boundary := case["state"].get("boundary"):
            iam.put_role_permissions_boundary(
                RoleName=target.name, PermissionsBoundary=boundary if boundary.startswith("arn:") else customer_policy(iam, boundary)
            )
        reader = IamReader()
        live = reader.read(target, WHOLE)
        assert isinstance(live, State)
        renamed = {c.id: own.id for c, own in zip(keep, live.credentials or (), strict=True)}  # moto names its credentials itself
        for named in ("access_key_ids", "credential_ids"):
            if keys := case.get("evidence", {}).get(named):
                case = {**case, "evidence": {named: [renamed[key] for key in keys]}}
        round_trip(action, planned(action, case, live), target, reader, AwsWriter())


FULL = [f"p{n}" for n in range(10)]


def quarantine(kind: str, state: dict[str, Any], **deployment: Any) -> tuple[Step, ...] | Impossible:
    made = state_of({kind: "i", **state})
    action = aws_iam_quarantine_role.ACTION if kind == "role" else aws_iam_quarantine_user.ACTION
    return action.plan(*case_of({}, made, **deployment))


@pytest.mark.parametrize(("kind", "quota"), [("role", 10_240), ("user", 2_048)])
@pytest.mark.parametrize(("too_long", "fits"), [(0, True), (1, False)])
def test_the_inline_rung_fits_to_the_last_character(kind: str, quota: int, too_long: int, fits: bool) -> None:
    room = quota - len(json.dumps(DENY_ALL, separators=(",", ":")))
    document: dict[str, Any] = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": ""}]}
    document["Statement"][0]["Resource"] = "x" * (room + too_long - len(json.dumps(document, separators=(",", ":"))))
    steps = quarantine(kind, {"attached": FULL, "inline": {"big": document}}, full_powers=True, quarantine_boundary="")
    assert not isinstance(steps, Impossible)
    assert [s.call.operation for s in steps[0].otherwise] == ([f"Put{kind.title()}Policy"] if fits else [])


def test_the_rungs_above_the_first_are_part_of_the_step() -> None:
    for attached in ([], FULL):
        steps = quarantine("role", {"attached": attached}, full_powers=True)
        assert not isinstance(steps, Impossible)
        rungs = [s.call.operation for s in (steps[0], *steps[0].otherwise)]
        assert rungs == ["AttachRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy"], "the quota may have been raised: IAM says"


def test_the_deployments_own_policy_is_attached() -> None:
    steps = quarantine("role", {}, quarantine_policy="arn:aws:iam::123456789012:policy/ringfence/stack-1")
    assert not isinstance(steps, Impossible)
    assert steps[0].call.parameters["PolicyArn"] == "arn:aws:iam::123456789012:policy/ringfence/stack-1"


def test_offline_a_user_is_quarantined_by_the_deny_alone() -> None:
    steps = aws_iam_quarantine_user.ACTION.plan(*case_of({"identity": {"user": "u"}}, None))
    assert not isinstance(steps, Impossible)
    assert [s.call.operation for s in steps] == ["AttachUserPolicy"]


def test_a_percent_sign_in_a_document_stays_one() -> None:
    text = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/%2A"}]})
    made = state_of({"role": "r"})
    steps = aws_iam_delete_inline_policy.ACTION.plan(*case_of({"evidence": {"policy_name": "p", "document": text}}, made))
    assert not isinstance(steps, Impossible)
    assert "%2A" in steps[0].inverse.parameters["PolicyDocument"]
