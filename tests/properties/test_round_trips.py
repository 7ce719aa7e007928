"""Act and undo over random states: exactly what was changed comes back, and nothing that somebody else changed meanwhile is lost."""

import random
from typing import Any

import msgspec
import pytest

from ringfence.actions import ACTIONS, Action, Impossible, On
from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.finding import Case, Finding, Severity, Workload
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.record import RecordKind
from ringfence.domain.state import Credential, FactKind, State
from ringfence.engine.respond import Responder
from ringfence.errors import RefusedError
from ringfence.settings import DISCOVERED
from tests.support import google_states
from tests.support.actions import job
from tests.support.cases import DEPLOYMENT, OWN_POLICIES, settings_of
from tests.support.desk import open_undo
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, Clock, World, put, work
from tests.support.jobs import job as one_job
from tests.support.scale import cases

BOUNDARIES = [None, None, *DEPLOYMENT.boundaries, "arn:aws:iam::123456789012:policy/foreign"]


def random_state(rnd: random.Random, kind: Kind) -> State:
    """An identity that holds anything."""
    name = "".join(rnd.choice("abcXYZ019+=,.@_-") for _ in range(rnd.randint(1, 64)))
    identity = Identity.of(kind, name, "123456789012", unique_id="AXXXEXAMPLE")
    policies = [
        ADMIN,
        DEPLOYMENT.quarantine_policy,
        DEPLOYMENT.require_mfa_policy,
        *(f"arn:aws:iam::123456789012:policy/p{n}" for n in range(9)),
    ]
    documents = {
        f"i{n}": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": f"s3:Get{n}", "Resource": "*"}]} for n in range(3)
    }
    keys = tuple(
        Credential(k, f"{k.name}{n}", rnd.choice(["Active", "Inactive"]))
        for k in (FactKind.ACCESS_KEY, FactKind.SERVICE_CREDENTIAL)
        for n in range(rnd.randint(0, 2))
    )
    return State(
        identity=identity,
        attached=tuple(rnd.sample(policies, rnd.randint(0, 10))),
        inline={name: documents[name] for name in rnd.sample(sorted(documents), rnd.randint(0, 3))},
        boundary=rnd.choice(BOUNDARIES),
        credentials=keys if kind is Kind.USER else (),
        login=rnd.random() < 0.7,
        trust=document(rnd) if kind is Kind.ROLE else None,
        groups=tuple(rnd.sample(["g0", "g1", "g2"], rnd.randint(0, 3))) if kind is Kind.USER else None,
        documents={},
        tags={"a": "b"},
    )  # fmt: skip


def evidence(rnd: random.Random, state: State) -> dict[str, Any]:
    """What findings about such an identity carry."""
    inline = rnd.choice(sorted(state.inline or {}) or ["none"])
    credentials = {
        name: [c.id for c in state.credentials or () if c.kind is kind]
        for name, kind in (("access_key_ids", FactKind.ACCESS_KEY), ("credential_ids", FactKind.SERVICE_CREDENTIAL))
    }
    return {
        "policy_arn": rnd.choice([*(state.attached or ()), ADMIN]),
        "policy_name": inline,
        "document": (state.inline or {}).get(inline),
        "group": rnd.choice([*(state.groups or ()), "none"]),
        **credentials,
    }


def document(rnd: random.Random) -> dict[str, Any]:
    """Any document; few enough that two of them are often the same."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": f"s3:Get{rnd.randint(0, 3)}", "Resource": "*"}]}


def random_target(rnd: random.Random) -> tuple[State, State]:
    """Something that is no identity, as it is and as it was."""
    at = "us-east-1:123456789012"
    kind, arn = rnd.choice(
        [
            (Kind.POLICY, "arn:aws:iam::123456789012:policy/p"),
            (Kind.TRAIL, f"arn:aws:cloudtrail:{at}:trail/t"),
            (Kind.MODEL_LOGGING, f"arn:aws:bedrock:{at}:model-invocation-logging"),
        ]
    )
    target = Identity.thing(kind, arn)
    assert target is not None
    if kind is Kind.POLICY:
        versions = {f"v{n}": document(rnd) for n in range(1, 4)}
        default = rnd.choice(sorted(versions))
        return (
            State(identity=target, default_version=rnd.choice(sorted(versions)), versions=versions),
            State(identity=target, default_version=default, versions={default: versions[default]}),
        )
    return State(identity=target, settings=random_settings(rnd, kind)), State(identity=target, settings=random_settings(rnd, kind))


def random_settings(rnd: random.Random, kind: Kind) -> dict[str, Any]:
    if kind is Kind.MODEL_LOGGING:
        return {"configuration": {"textDataDeliveryEnabled": rnd.random() < 0.5}} if rnd.random() < 0.7 else {}
    selectors = {"EventSelectors": [{"ReadWriteType": rnd.choice(["WriteOnly", "ReadOnly"]), "IncludeManagementEvents": True}]}
    made = {"trail": {"Name": "t", "S3BucketName": rnd.choice(["one", "two"])}} if rnd.random() < 0.8 else {}
    return {
        **made,
        **({"selectors": selectors} if made and rnd.random() < 0.5 else {}),
        **({"logging": {"IsLogging": True}} if made and rnd.random() < 0.7 else {}),
    }


def planned(rnd: random.Random, action: Action) -> tuple[State, tuple[Step, ...]]:
    """Something random for which the action has a plan; most actions have one for every few."""
    for _ in range(1000):
        if action.cloud == "gcp":
            case, finding = google_states.random_case(rnd, action)
            steps = action.plan(case, finding)
            if not isinstance(steps, Impossible):
                return (case.state if action.on is On.IDENTITY else case.target_state) or State(identity=case.identity), steps
            continue
        state = random_state(rnd, rnd.choice([Kind.USER, Kind.ROLE]))
        earlier = random_state(rnd, state.identity.kind)
        target, was = random_target(rnd) if action.on is On.TARGET else (None, msgspec.structs.replace(earlier, identity=state.identity))
        case = Case(
            identity=state.identity,
            event=None,
            state=state,
            target=target.identity if target else None,
            target_state=target,
            before=was,
            project=DISCOVERED,
            workload=Workload.UNKNOWN,
            settings=settings_of(None, {"full_powers": True}),
            now=NOW,
        )
        finding = Finding(guardrail="test", severity=Severity.HIGH, identity=state.identity, reason="a test", evidence=evidence(rnd, state))
        steps = action.plan(case, finding)
        if not isinstance(steps, Impossible):
            return target or state, steps  # fmt: skip
    raise AssertionError(f"{action.id} has no plan for any of 1,000 random states")


class Played:
    """An action carried out on a random identity."""

    def __init__(self, rnd: random.Random, action: Action) -> None:
        self.before, self.steps = planned(rnd, action)
        self.iam = MemoryIam(self.before, policies=OWN_POLICIES)
        self.store, self.queue, self.clock = MemoryStore(), MemoryQueue(), Clock()
        self.responder = Responder(settings_of(None), self.store, self.queue, self.iam, self.iam, self.clock)
        put(self.store, job(self.steps, self.before.identity, action))
        self.responder.apply("j")
        work(self.queue, self.responder, self.clock)
        done = self.store.job("j")
        assert done is not None
        self.done: Job = done

    @property
    def state(self) -> State:
        (state,) = self.iam.states.values()
        return state

    def change(self, state: State) -> None:
        ((place, _),) = self.iam.states.items()
        self.iam.states[place] = state

    def undo(self) -> Job:
        undo = open_undo("j", "operator", settings_of(None), self.store, self.queue, self.clock.time)
        while call := self.responder.prepare(undo.id):
            self.responder.settle(undo.id, self.iam.call(call, undo.id))
        work(self.queue, self.responder, self.clock)
        ended = self.store.job(undo.id)
        assert ended is not None
        return ended


def same(one: State, other: State) -> bool:
    """Whether two states are the same; the order in which policies and groups are listed says nothing."""
    plain = [
        msgspec.structs.replace(
            s,
            attached=tuple(sorted(s.attached or ())),
            groups=tuple(sorted(s.groups or ())),
            bindings=tuple(sorted(s.bindings or (), key=lambda b: b.key)),
        )
        for s in (one, other)
    ]
    return plain[0] == plain[1]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_what_was_done_is_undone_exactly(action: Action) -> None:
    rnd = random.Random(57)  # noqa: S311 - repeatable on purpose
    changed = 0
    for _ in range(cases(2000)):
        played = Played(rnd, action)
        if not played.done.changed:
            assert same(played.state, played.before)
            continue
        changed += 1
        assert all(step.holds(played.state) for step in played.done.steps)
        assert played.undo().state is JobState.DONE
        assert same(played.state, played.before)
        assert played.undo().state is JobState.DONE
        assert same(played.state, played.before), "undone twice is once"
    assert changed > cases(2000) // 4


@pytest.mark.parametrize(
    "action", [action for action in ACTIONS if action.on is On.IDENTITY and action.cloud == "aws"], ids=lambda action: action.id
)
def test_what_others_changed_since_stays(action: Action) -> None:
    rnd = random.Random(58)  # noqa: S311 - repeatable on purpose
    for _ in range(cases(2000)):
        played = Played(rnd, action)
        if not played.done.changed:
            continue
        theirs = "arn:aws:iam::123456789012:policy/theirs"
        document = {"Version": "2012-10-17", "Statement": []}
        now = played.state
        other = msgspec.structs.replace(now, attached=(*(now.attached or ()), theirs), inline={**(now.inline or {}), "theirs": document})
        ours = {step.fact.key for step in played.done.steps}
        taken = [arn for arn in other.attached or () if arn not in (theirs, *ours)][:1]
        other = msgspec.structs.replace(other, attached=tuple(arn for arn in other.attached or () if arn not in taken))
        played.change(other)
        played.undo()
        assert theirs in (played.state.attached or ())
        assert (played.state.inline or {})["theirs"] == document
        assert not set(taken) & set(played.state.attached or ()), "what somebody else took off does not come back"


@pytest.mark.parametrize("what", [RecordKind.DECISION, RecordKind.INTENT, RecordKind.OUTCOME, RecordKind.CLOSED])
def test_an_undo_of_what_the_trail_does_not_bear_out_is_refused(what: RecordKind) -> None:
    rnd = random.Random(60)  # noqa: S311 - repeatable on purpose
    for _ in range(cases(1000)):
        world = World()
        made = one_job(CONTAINMENT)
        put(world.store, made)
        world.responder.apply(made.id)
        world.work()
        records = world.store._records
        name = next(i for i, r in records.items() if r.kind is what)
        how = rnd.choice(["gone", "of another plan", "of another job"])
        if how == "gone":
            del records[name]
        elif how == "of another plan":
            records[name] = msgspec.structs.replace(records[name], plan_digest=str(rnd.random()))
        else:
            records[name] = msgspec.structs.replace(records[name], job="f" * 16)
        with pytest.raises(RefusedError, match="does not bear job"):
            open_undo(made.id, "operator", settings_of(None), world.store, world.queue, world.clock.time)


def test_a_containment_and_a_reversal_are_what_the_classes_say() -> None:
    assert {action.action_class for action in ACTIONS} == {ActionClass.REVERSAL, ActionClass.CONTAINMENT}
