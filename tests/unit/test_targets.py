"""Plans about what is no identity: who holds a policy counts, one job changes it, and nothing is set back that says something else."""

import msgspec
import pytest

from ringfence.actions import Impossible, aws_iam_rollback_policy_version
from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.finding import Case, Finding, Severity, Workload
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import When
from ringfence.domain.state import State
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.protect import built_in
from ringfence.engine.respond import Responder
from ringfence.settings import DISCOVERED, Settings
from ringfence.sources import normalise
from tests.support.actions import SOMEBODY
from tests.support.cases import COUNTED, DEPLOYMENT, OWN, counted, event_file, settings_of, state_of
from tests.support.desk import decide
from tests.support.jobs import NOW, Clock, work

WIDE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NARROW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
ARN = "arn:aws:iam::123456789012:policy/ml/feature-store"
POLICY = Identity(Kind.POLICY, ARN, "feature-store", "123456789012", unique_id="ANPAEXAMPLE")
NOW_WIDE = State(identity=POLICY, default_version="v1", versions={"v1": WIDE, "v2": NARROW})
BEFORE = State(identity=POLICY, default_version="v2", versions={"v2": NARROW})


def holders(*names: str) -> list[State]:
    found = (state_of({"role": name, "attached": [ARN], "unique_id": f"AROAEXAMPLE{name.upper()}"}) for name in names)
    return [state for state in found if state]


def heard(states: list[State], settings: Settings) -> tuple[MemoryIam, MemoryStore, tuple[Job, ...], list[When]]:
    """The wide version was made the default a moment ago."""
    iam, store = MemoryIam(NOW_WIDE, *states), MemoryStore()
    store.keep(COUNTED)
    (event,) = normalise(event_file("aws/cloudtrail/SetDefaultPolicyVersion.json"))
    judged = msgspec.structs.replace(event, time=NOW)
    judgement = Evaluator(settings, iam, census=counted, before=lambda _: BEFORE).judge(judged, NOW)
    whens = [step.when for planned in judgement.planned for step in planned.steps]
    return iam, store, decide(judgement, settings, store, MemoryQueue(), NOW), whens


def configured(**defaults: object) -> Settings:
    return settings_of({"defaults": {"mode": "graduated", **defaults}, "projects": [{"name": "p", "aws": {"accounts": ["123456789012"]}}]})


def test_one_job_sets_the_policy_back_however_many_hold_it() -> None:
    settings = configured()
    iam, store, jobs, _ = heard(holders("a", "b", "c"), settings)
    back = {j.id: j for j in jobs if j.plan.target.kind is Kind.POLICY}
    (job,) = back.values()
    assert job.plan.affects == ("AROAEXAMPLEA", "AROAEXAMPLEB", "AROAEXAMPLEC")
    queue, clock = MemoryQueue(), Clock()
    responder = Responder(settings, store, queue, iam, iam, clock)
    responder.apply(job.id)
    work(queue, responder, clock)
    ended = store.job(job.id)
    assert ended is not None
    assert ended.state is JobState.DONE
    assert [c.operation for c in iam.calls] == ["SetDefaultPolicyVersion"]


def test_who_holds_a_policy_counts_for_protection_and_blast_radius() -> None:
    assert heard(holders("a", "b"), configured(max_blast_radius=2))[3] == [When.ACT] * 2
    assert heard(holders("a", "b", "c"), configured(max_blast_radius=2))[3] == [When.ASK] * 3
    _, _, jobs, whens = heard(holders("a", "break-glass"), configured())
    assert whens == [], "a protected holder puts the policy out of reach"
    assert {j.state for j in jobs} == {JobState.UNSUPPORTED}


def test_a_version_that_says_something_else_by_now_is_not_set_back() -> None:
    changed = msgspec.structs.replace(NOW_WIDE, versions={"v1": WIDE, "v2": WIDE})
    case = Case(
        identity=SOMEBODY, event=None, state=None, target=POLICY, target_state=changed, before=BEFORE, project=DISCOVERED,
        workload=Workload.UNKNOWN, settings=configured(), now=NOW,
    )  # fmt: skip
    finding = Finding(guardrail="test", severity=Severity.HIGH, identity=SOMEBODY, reason="a test", evidence={})
    assert isinstance(aws_iam_rollback_policy_version.ACTION.plan(case, finding), Impossible)


@pytest.mark.parametrize(
    "arn", [OWN + "quarantine", OWN + "no-bearer", DEPLOYMENT.quarantine_boundary, "arn:aws:iam::aws:policy/AdministratorAccess"]
)
def test_our_own_policies_and_those_of_aws_are_out_of_reach(arn: str) -> None:
    policy = Identity.thing(Kind.POLICY, arn)
    assert policy is not None
    assert built_in(policy, configured())
    assert built_in(POLICY, configured()) is None
