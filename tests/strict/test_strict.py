"""The strict layer refuses what AWS refuses - shown first -, and the product holds its promises under it: quotas, threads, lag."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import boto3
import msgspec
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.actions import Impossible
from ringfence.actions.aws_iam_quarantine_role import ACTION as QUARANTINE_ROLE
from ringfence.actions.aws_iam_quarantine_user import ACTION as QUARANTINE_USER
from ringfence.clouds.aws import clients
from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.store import DynamoStore
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.domain.state import State
from ringfence.engine.ports import Wanted
from ringfence.engine.respond import Responder
from ringfence.errors import ConflictError, RefusedError
from ringfence.settings import Settings
from tests.strict.aws import strict_aws
from tests.support.actions import case_of
from tests.support.actions import job as job_of
from tests.support.aws import customer_policy, make, make_table
from tests.support.cases import DEPLOYMENT, settings_of, state_of
from tests.support.desk import decide, vote
from tests.support.jobs import CONTAINMENT, NOW, REVERSAL, Clock, job, put, work
from tests.support.scale import FULL, cases
from tests.unit.test_budget import judgement

TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
)
WHOLE = Wanted(QUARANTINE_USER.reads)
ROUNDS = 300 if FULL else 10  # eight threads on one core take a second a round


def code(call: Callable[..., Any], **parameters: str) -> str:
    """Call, and give the code of the refusal; empty where there is none."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_what_aws_refuses_is_refused() -> None:
    with strict_aws() as (iam, _):
        assert code(iam.create_role, RoleName="r", AssumeRolePolicyDocument=TRUST) == ""
        assert code(iam.create_role, RoleName="R", AssumeRolePolicyDocument=TRUST) == "EntityAlreadyExists"
        assert code(iam.create_user, UserName="\u0430na") == "ValidationError"
        assert code(iam.create_user, UserName="a" * 65) == "ValidationError"
        arns = [customer_policy(iam, f"p{n}") for n in range(11)]
        assert [code(iam.attach_role_policy, RoleName="r", PolicyArn=arn) for arn in arns] == [""] * 10 + ["LimitExceeded"]
        assert code(iam.attach_role_policy, RoleName="r", PolicyArn=arns[0]) == "", "attaching again takes no room"
        big = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "x" * 10_200}]})
        assert code(iam.put_role_policy, RoleName="r", PolicyName="big", PolicyDocument=big) == "LimitExceeded"
        assert (
            code(iam.put_role_policy, RoleName="r", PolicyName="odd", PolicyDocument=big.replace("x", "\u20ac", 1))
            == "MalformedPolicyDocument"
        )
        iam.create_role(RoleName="AWSServiceRoleForX", Path="/aws-service-role/x/", AssumeRolePolicyDocument=TRUST)
        assert code(iam.attach_role_policy, RoleName="AWSServiceRoleForX", PolicyArn=arns[0]) == "UnmodifiableEntity"
        events = boto3.client("events")
        (entry,) = events.put_events(Entries=[{"Source": "aws.iam", "DetailType": "x", "Detail": "{}"}])["Entries"]
        assert entry["ErrorCode"] == "NotAuthorizedForSourceException"


def test_a_transaction_with_the_same_token_is_applied_once() -> None:
    with strict_aws():
        make_table("t")
        put_once: Any = {
            "Put": {"TableName": "t", "Item": {"pk": {"S": "a"}, "sk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)"}
        }
        for _ in range(2):
            clients.dynamodb().transact_write_items(TransactItems=[put_once], ClientRequestToken="one")


def test_a_change_is_seen_after_a_while() -> None:
    clock = Clock()
    with strict_aws(clock, lag=10) as (iam, _):
        iam.create_user(UserName="u")
        arn = customer_policy(iam, "p")
        clock.time += timedelta(seconds=20)
        assert iam.list_attached_user_policies(UserName="u")["AttachedPolicies"] == []
        iam.attach_user_policy(UserName="u", PolicyArn=arn)
        assert iam.list_attached_user_policies(UserName="u")["AttachedPolicies"] == []
        clock.time += timedelta(seconds=10)
        assert iam.list_attached_user_policies(UserName="u")["AttachedPolicies"]


class Quota(NamedTuple):
    """An identity with so much of its quotas used, and what somebody attaches between plan and act to fill them."""

    kind: Kind
    attached: int
    inline: int
    later: int
    full_powers: bool

    @property
    def room(self) -> bool:
        """Whether one more policy can be attached when it is acted."""
        return self.attached + min(self.later, 10 - self.attached) < 10


quotas = st.builds(
    Quota,
    st.sampled_from([Kind.ROLE, Kind.USER]),
    st.integers(0, 10),
    st.sampled_from([0, 1_880, 10_080]),
    st.integers(0, 3),
    st.booleans(),
).filter(lambda q: q.kind is Kind.ROLE or q.inline < 2_000)


def made_as(quota: Quota, iam: Any) -> Identity:
    """Make the identity, and the product's own policies."""
    customer_policy(iam, DEPLOYMENT.quarantine_policy)
    customer_policy(iam, DEPLOYMENT.quarantine_boundary)
    text = "arn:aws:s3:::" + "x" * quota.inline
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": text}]}
    held = {"attached": [f"p{n}" for n in range(quota.attached)], **({"inline": {"big": document}} if quota.inline else {})}
    wanted = state_of({quota.kind.value: "i", **held})
    assert wanted is not None
    return make(iam, wanted)


@settings(max_examples=cases(1000), deadline=None, suppress_health_check=list(HealthCheck))
@given(quota=quotas)
def test_whatever_quota_is_full_it_is_contained_or_a_person_is_asked(quota: Quota) -> None:
    """Statement 74. moto knows no boundary of a user, so that rung is left out there."""
    action = QUARANTINE_ROLE if quota.kind is Kind.ROLE else QUARANTINE_USER
    with strict_aws() as (iam, layer):
        target = made_as(quota, iam)
        state = IamReader().read(target, WHOLE)
        assert isinstance(state, State)
        boundary = {"quarantine_boundary": ""} if quota.kind is Kind.USER else {}
        steps = action.plan(*case_of({}, state, full_powers=quota.full_powers, **boundary))
        assert not isinstance(steps, Impossible)
        for number in range(min(quota.later, 10 - quota.attached)):
            attach = getattr(iam, f"attach_{quota.kind}_policy")
            attach(**{f"{quota.kind.value.title()}Name": "i", "PolicyArn": customer_policy(iam, f"late{number}")})
        contained = quota.room or bool(steps[0].otherwise)
        check_contained(job_of(steps, target, action), contained=contained)
        assert not [c for c in layer.calls if c.startswith("Delete")], "nothing is deleted to make room"


def check_contained(made: Job, *, contained: bool) -> None:
    """Carry a containment out, and see that it holds on the rung that is on record; or that people are paged."""
    store, queue, clock = MemoryStore(), MemoryQueue(), Clock()
    responder = Responder(settings_of(None), store, queue, IamReader(), AwsWriter(), clock)
    put(store, made)
    responder.apply(made.id)
    work(queue, responder, clock)
    done = store.job(made.id)
    assert done is not None
    assert done.state is (JobState.DONE if contained else JobState.NOT_CONTAINED), [r.reason for r in store.records()]
    if not contained:
        assert queue.notices[-1].page
        return
    after = IamReader().read(made.plan.target, WHOLE)
    assert isinstance(after, State)
    assert all(after.value(s.fact) == s.after for s in done.steps)
    assert next(r for r in store.records() if r.kind is RecordKind.OUTCOME and r.data["changed"] == "true").rung == (done.rungs or (0,))[0]


def test_seen_late_it_is_called_contained_late() -> None:
    """Statement 61: with visibility delayed, nothing is said before a reading confirms it."""
    clock = Clock()
    with strict_aws(clock, lag=10) as (iam, layer):
        customer_policy(iam, DEPLOYMENT.quarantine_policy)
        wanted = state_of({"role": "fraud-train"})
        assert wanted is not None
        target = make(iam, wanted)
        clock.time += timedelta(minutes=1)
        store, queue = MemoryStore(), MemoryQueue()
        responder = Responder(settings_of(None), store, queue, IamReader(), AwsWriter(), clock)
        put(store, msgspec.structs.replace(job(CONTAINMENT), plan=msgspec.structs.replace(job(CONTAINMENT).plan, target=target)))
        responder.apply(job(CONTAINMENT).id)
        work(queue, responder, clock)
        done = store.job(job(CONTAINMENT).id)
        assert done is not None
        assert done.state is JobState.DONE
        assert queue.notices[-1].time - NOW >= timedelta(minutes=1, seconds=10), "not before it could be seen"
        assert set(layer.calls[-2:]) == {"AttachRolePolicy"}, "asserted again meanwhile, which changes nothing"


def threads(count: int, work_on: Callable[[int], None]) -> list[BaseException]:
    """Let threads begin at the same moment; give what they raised."""
    barrier, raised = threading.Barrier(count), list[BaseException]()

    def one(number: int) -> None:
        barrier.wait()
        try:
            work_on(number)
        except (ConflictError, RefusedError) as error:  # somebody else was faster: the message comes again
            raised.append(error)

    running = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return raised


def test_eight_at_a_time_never_exceed_a_budget() -> None:
    """Statement 67."""
    with strict_aws():
        for number in range(ROUNDS):
            make_table(f"t{number}")
            store, queue = DynamoStore(f"t{number}"), MemoryQueue()
            limited = msgspec.structs.replace(settings_of(None), max_auto_actions_per_hour=3)

            def deciding(n: int, store: DynamoStore = store, queue: MemoryQueue = queue, limited: Settings = limited) -> None:
                decide(judgement(n), limited, store, queue, NOW)

            threads(8, deciding)
            states = Counter(made.state for made in store.jobs())
            assert states[JobState.APPROVED] <= 3
            assert sum(states.values()) >= 3
            slots = store.slots("account:123456789012:reversal", 9)
            assert [s.number for s in slots] == list(range(len(slots) - 1, -1, -1))
            assert states[JobState.APPROVED] == len(slots) == 3


def test_eight_deliveries_of_one_event_make_one_job_and_one_detachment() -> None:
    """Statements 24, 25, 46: one effective call, one approval, one outcome."""
    with strict_aws() as (iam, layer):
        arn = customer_policy(iam, "too-much")
        for number in range(ROUNDS):
            make_table(f"t{number}")
            wanted = state_of({"role": f"r{number}", "attached": ["too-much"]})
            assert wanted is not None
            iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=TRUST)
            iam.attach_role_policy(RoleName=f"r{number}", PolicyArn=arn)
            role_id = iam.get_role(RoleName=f"r{number}")["Role"]["RoleId"]
            target = Identity.of(Kind.ROLE, f"r{number}", "123456789012", unique_id=role_id)
            call = msgspec.structs.replace(REVERSAL.call, parameters={"RoleName": f"r{number}", "PolicyArn": arn})
            step = msgspec.structs.replace(REVERSAL, fact=msgspec.structs.replace(REVERSAL.fact, key=arn), call=call)
            made = msgspec.structs.replace(job(step), plan=msgspec.structs.replace(job(step).plan, target=target), needs=1)
            store = DynamoStore(f"t{number}")
            put(store, msgspec.structs.replace(made, state=JobState.PENDING))
            allowed = settings_of(None)

            def voting(n: int, store: DynamoStore = store, made: Any = made, allowed: Any = allowed) -> None:
                vote(made.id, f"arn:aws:iam::123456789012:user/u{n}", allowed, store, MemoryQueue(), NOW, approve=True)

            assert len(threads(8, voting)) == 7, "one vote decides"
            responder = Responder(allowed, store, MemoryQueue(), IamReader(), AwsWriter(), lambda: NOW)
            before = layer.calls.count("DetachRolePolicy")

            def applying(_: int, responder: Responder = responder, made: Any = made) -> None:
                responder.apply(made.id)

            threads(8, applying)
            responder.apply(made.id)
            kinds = Counter(r.kind for r in store.records(made.id))
            assert (kinds[RecordKind.APPROVAL_DECIDED], kinds[RecordKind.INTENT], kinds[RecordKind.OUTCOME]) == (1, 1, 1)
            assert layer.calls.count("DetachRolePolicy") - before >= 1
            assert iam.list_attached_role_policies(RoleName=f"r{number}")["AttachedPolicies"] == []


@pytest.mark.parametrize("path", ["/aws-service-role/sagemaker.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"])
def test_no_call_is_even_tried_on_what_only_aws_changes(path: str) -> None:
    """Statement 82."""
    with strict_aws() as (iam, layer):
        iam.create_role(RoleName="r", Path=path, AssumeRolePolicyDocument=TRUST)
        found = iam.get_role(RoleName="r")["Role"]
        target = Identity.from_arn(found["Arn"], found["RoleId"])
        assert target is not None
        store, before = MemoryStore(), list(layer.calls)
        made = msgspec.structs.replace(job(CONTAINMENT), plan=msgspec.structs.replace(job(CONTAINMENT).plan, target=target))
        put(store, made)
        responder = Responder(settings_of(None), store, MemoryQueue(), IamReader(), AwsWriter(), lambda: NOW)
        assert responder.apply(made.id).state is JobState.UNSUPPORTED
        assert layer.calls == before
