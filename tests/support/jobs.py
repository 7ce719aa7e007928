"""Jobs for the engine's tests: one role, one policy too many."""

from datetime import UTC, datetime, timedelta

import msgspec

from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.finding import Severity
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Plan, Step
from ringfence.domain.record import RecordKind
from ringfence.domain.state import Fact, FactKind, State
from ringfence.engine.ports import Opened, Store
from ringfence.engine.records import closed, decision, record
from ringfence.engine.respond import Responder
from tests.support.cases import DEPLOYMENT, OWN_POLICIES, settings_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ROLE = Identity.of(Kind.ROLE, "fraud-train", "123456789012", unique_id="AROAEXAMPLE")


def attach_call(operation: str, arn: str) -> Call:
    return Call("iam", operation, {"RoleName": ROLE.name, "PolicyArn": arn})


BY_SAGEMAKER = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


REVERSAL = Step(
    action="aws.iam.detach-managed-policy",
    action_class=ActionClass.REVERSAL,
    fact=Fact(FactKind.ATTACHED, ADMIN),
    before="attached",
    after=None,
    call=attach_call("DetachRolePolicy", ADMIN),
    inverse=attach_call("AttachRolePolicy", ADMIN),
)
CONTAINMENT = Step(
    action="aws.iam.quarantine-role",
    action_class=ActionClass.CONTAINMENT,
    fact=Fact(FactKind.ATTACHED, DEPLOYMENT.quarantine_policy),
    before=None,
    after="attached",
    call=attach_call("AttachRolePolicy", DEPLOYMENT.quarantine_policy),
    inverse=attach_call("DetachRolePolicy", DEPLOYMENT.quarantine_policy),
)


def job(*steps: Step, state: JobState = JobState.APPROVED, actor: str | None = "arn:aws:iam::123456789012:user/eve") -> Job:
    plan = Plan(target=ROLE, affects=(ROLE.key,), steps=steps, config_hash="test")
    return Job(
        id="0123456789abcdef",
        state=state,
        plan=plan,
        action_class=steps[0].action_class,
        guardrail="test",
        severity=Severity.CRITICAL,
        reason="a test",
        event_key="aws.cloudtrail:e1",
        actor=actor,
        created=NOW,
        expires=NOW.replace(hour=10),
    )


def put(store: Store, made: Job) -> Job:
    """Put a job as `decide` would: with its decision."""
    ends = [closed(made, NOW, "so it ended")] if made.ended else []
    assert store.open(made, [decision(made, NOW, {}), *ends]) is Opened.NEW
    return made


def put_done(store: Store, made: Job, *changed: int) -> Job:
    """Put a job that has changed something, with the trail that bears it out."""
    done = msgspec.structs.replace(
        made, state=JobState.DONE, changed=tuple((step, made.rungs[step] if step < len(made.rungs) else 0) for step in changed)
    )
    said = [
        record(done, kind, NOW, "so it was", step=step, data={"changed": "true"})
        for step in changed
        for kind in (RecordKind.INTENT, RecordKind.OUTCOME)
    ]
    assert store.open(done, [decision(done, NOW, {}), *said, closed(done, NOW, "so it ended")]) is Opened.NEW
    return done


class Clock:
    """A clock that goes on when somebody waits."""

    def __init__(self, time: datetime = NOW) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time


def work(queue: MemoryQueue, responder: Responder, clock: Clock) -> None:
    """Carry out what waits, and verify what waits when its time has come, until nothing is left."""
    while queue.to_apply or queue.to_verify:
        while queue.to_apply:
            responder.apply(queue.to_apply.pop(0))
        if queue.to_verify:
            job_id, seconds = queue.to_verify.pop(0)
            clock.time += timedelta(seconds=seconds)
            responder.verify(job_id)


class World:
    """An account in memory with one role, a store, a queue and a responder."""

    def __init__(self, *attached: str) -> None:
        self.iam = MemoryIam(State(identity=ROLE, trust=BY_SAGEMAKER, attached=attached, inline={}, credentials=()), policies=OWN_POLICIES)
        self.store, self.queue = MemoryStore(), MemoryQueue()
        self.clock = Clock()
        self.responder = Responder(settings_of(None), self.store, self.queue, self.iam, self.iam, self.clock)

    def attached(self) -> tuple[str, ...]:
        (state,) = self.iam.states.values()
        return state.attached or ()

    def change(self, **fields: object) -> None:
        """Somebody else changes the role."""
        ((place, state),) = self.iam.states.items()
        self.iam.states[place] = msgspec.structs.replace(state, **fields)

    def work(self) -> None:
        """Carry out and verify what waits."""
        work(self.queue, self.responder, self.clock)
