"""Lost, cut and throttled replies on every mutating call, by a fault proxy in front of the local AWS; and a table that does not answer.

Each history ends as it would without the fault: the state is right, the act counts once, and it was read, not guessed, what happened.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.store import DynamoStore
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.canonical import digest
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Plan, Step
from ringfence.domain.record import RecordKind
from ringfence.domain.state import Fact, FactKind
from ringfence.engine.ports import Store
from ringfence.engine.respond import Responder
from ringfence.engine.trail.agree import problems
from ringfence.errors import UpstreamError
from tests.e2e.local import Proxy, local_aws, spoiled
from tests.support.aws import forget, make_table
from tests.support.cases import settings_of
from tests.support.jobs import Clock, job, put, work

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
FAULTS: dict[str, dict[str, Any]] = {
    "lost": {"times": 1, "response": {"abort_frac": 0}},
    "cut": {"times": 1, "response": {"truncate_bytes": 40}},
    "throttled": {"times": 1, "error": {"code": "Throttling", "status": 400, "message": "Rate exceeded"}},
}
LONGER = "throttled for longer"  # than the client tries: the message comes again
OPERATIONS = (
    *(f"{verb}{kind}Policy" for verb in ("Detach", "Delete") for kind in ("Role", "User", "Group")),
    *(f"{verb}{kind}Policy" for verb in ("Attach", "Put") for kind in ("Role", "User")),
    *(f"{verb}{kind}PermissionsBoundary" for verb in ("Put", "Delete") for kind in ("Role", "User")),
    "UpdateAccessKey",
    "UpdateServiceSpecificCredential",
    "UpdateSSHPublicKey",
)
KINDS = {"Role": Kind.ROLE, "User": Kind.USER, "Group": Kind.GROUP}


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    before = dict(os.environ)
    with local_aws("faults-box.log") as box, spoiled(box) as made:
        for key in [key for key in os.environ if key.startswith("AWS_")]:
            del os.environ[key]
        os.environ |= {key: value for key, value in box.env.items() if key.startswith("AWS_")} | {"AWS_ENDPOINT_URL": made.url}
        forget()
        yield made
    forget()
    os.environ.clear()
    os.environ.update(before)


def step_of(operation: str, iam: Any, name: str) -> tuple[Identity, Step]:
    """Make an identity on which an operation has something to do, and the step that does it."""
    verb = next((word for word in KINDS if word in operation and not operation.startswith("Update")), "User")
    kind = KINDS[verb]
    trust = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind is Kind.ROLE else {}
    entity = getattr(iam, f"create_{kind}")(**{f"{verb}Name": name}, **trust)[verb]
    target = Identity.from_arn(entity["Arn"], entity[f"{verb}Id"])
    assert target is not None
    named = {f"{verb}Name": name}
    policy = str(iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"])
    document = json.dumps(ALLOW)
    before: str | None
    after: str | None
    if operation.endswith("PermissionsBoundary"):
        fact, given = Fact(FactKind.BOUNDARY, "boundary"), {"PermissionsBoundary": policy} if operation.startswith("Put") else {}
        before, after = (None, policy) if operation.startswith("Put") else (policy, None)
        if before:
            getattr(iam, f"put_{kind}_permissions_boundary")(**named, PermissionsBoundary=policy)
    elif operation.startswith(("Attach", "Detach")):
        fact, given = Fact(FactKind.ATTACHED, policy), {"PolicyArn": policy}
        before, after = (None, "attached") if operation.startswith("Attach") else ("attached", None)
        if before:
            getattr(iam, f"attach_{kind}_policy")(**named, PolicyArn=policy)
    elif operation.startswith("Update"):
        fact, given = _credential(operation, iam, name)
        before, after = "Active", "Inactive"
    else:
        fact, given = (
            Fact(FactKind.INLINE, "inline"),
            {"PolicyName": "inline"} | ({"PolicyDocument": document} if operation.startswith("Put") else {}),
        )
        before, after = (None, digest(ALLOW)) if operation.startswith("Put") else (digest(ALLOW), None)
        if before:
            getattr(iam, f"put_{kind}_policy")(**named, PolicyName="inline", PolicyDocument=document)
    call = Call("iam", operation, {**named, **given})
    contains = ActionClass.CONTAINMENT
    return target, Step(action="a", action_class=contains, fact=fact, before=before, after=after, call=call, inverse=call)


def _credential(operation: str, iam: Any, name: str) -> tuple[Fact, dict[str, str]]:
    if operation == "UpdateAccessKey":
        made = str(iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"])
        return Fact(FactKind.ACCESS_KEY, made), {"AccessKeyId": made, "Status": "Inactive"}
    if operation == "UpdateSSHPublicKey":
        made = str(iam.upload_ssh_public_key(UserName=name, SSHPublicKeyBody="synthetic")["SSHPublicKey"]["SSHPublicKeyId"])
        return Fact(FactKind.SSH_KEY, made), {"SSHPublicKeyId": made, "Status": "Inactive"}
    held = iam.create_service_specific_credential(UserName=name, ServiceName="bedrock.amazonaws.com")["ServiceSpecificCredential"]
    made = str(held["ServiceSpecificCredentialId"])
    return Fact(FactKind.SERVICE_CREDENTIAL, made), {"ServiceSpecificCredentialId": made, "Status": "Inactive"}


def carried(target: Identity, step: Step, store: Store) -> Job:
    """Carry one step out as the queue would: what fails is delivered again."""
    queue, clock = MemoryQueue(), Clock()
    plan = Plan(target=target, affects=(target.key,), steps=(step,), config_hash="test")
    made = Job(**{**{f: getattr(job(step), f) for f in job(step).__struct_fields__}, "plan": plan})
    put(store, made)
    responder = Responder(settings_of(None), store, queue, IamReader(), AwsWriter(), clock)
    for _ in range(4):
        try:
            responder.apply(made.id)
            break
        except UpstreamError:
            continue
    work(queue, responder, clock)
    found = store.job(made.id)
    assert found is not None
    return found


@pytest.mark.parametrize(("operation", "fault"), [*((o, f) for o in OPERATIONS for f in FAULTS), *((o, LONGER) for o in OPERATIONS[:1])])
def test_whatever_becomes_of_the_reply_the_act_counts_once(proxy: Proxy, operation: str, fault: str) -> None:
    """Statements 50, 51, 52."""
    proxy.number += 1
    name = f"i{proxy.number}"
    target, step = step_of(operation, proxy.iam, name)
    proxy.rules({"service": "iam", "operation": operation, **(FAULTS["throttled"] | {"times": 5} if fault == LONGER else FAULTS[fault])})
    store = MemoryStore()
    done = carried(target, step, store)
    assert proxy.fired() >= 1, "nothing went wrong: the rule did not match"
    proxy.rules()
    assert (done.state, done.changed) == (JobState.DONE, ((0, 0),)), [r.reason for r in store.records()]
    kinds = [r.kind for r in store.records()]
    assert (kinds.count(RecordKind.INTENT), kinds.count(RecordKind.OUTCOME)) == (1, 1)
    assert problems(store.jobs(), store.records) == ()


def test_without_the_table_nothing_is_called_and_then_it_goes_on(proxy: Proxy) -> None:
    """Statement 53: fail closed."""
    proxy.rules()
    make_table("faults")
    target, step = step_of("DetachRolePolicy", proxy.iam, "closed")
    attached = proxy.iam.list_attached_role_policies(RoleName="closed")["AttachedPolicies"]
    store = DynamoStore("faults")
    made = Job(
        **{
            **{f: getattr(job(step), f) for f in job(step).__struct_fields__},
            "plan": Plan(target=target, affects=(), steps=(step,), config_hash="t"),
        }
    )
    put(store, made)
    responder = Responder(settings_of(None), store, MemoryQueue(), IamReader(), AwsWriter(), Clock())
    for operation in ("GetItem", "TransactWriteItems", "Query"):
        proxy.rules(
            {"service": "dynamodb", "operation": operation, "error": {"code": "InternalServerError", "status": 500, "message": "no"}}
        )
        with pytest.raises(UpstreamError):
            responder.apply(made.id)
        assert proxy.iam.list_attached_role_policies(RoleName="closed")["AttachedPolicies"] == attached, operation
    proxy.rules()
    assert responder.apply(made.id).state is JobState.VERIFYING
    assert proxy.iam.list_attached_role_policies(RoleName="closed")["AttachedPolicies"] == []
