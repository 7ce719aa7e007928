"""An office where findings are decided, questions asked and votes cast, at a clock that stands still."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.event import Actor, Event, Outcome, Source
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step, When
from ringfence.domain.state import Fact, FactKind
from ringfence.engine import decide as deciding
from ringfence.engine.commands import Desk, Open, drive, perform_at_desk
from ringfence.engine.judgement import Judgement, Planned, PlannedStep
from ringfence.settings import Settings
from tests.support.cases import settings_of
from tests.support.desk import decide, vote
from tests.support.jobs import NOW, ROLE

PLENTY = msgspec.structs.replace(settings_of(None), max_open_questions_per_actor=99)


def step(policy: str, action_class: ActionClass = ActionClass.REVERSAL) -> Step:
    """Take a policy off, or put a denying one on."""
    arn = f"arn:aws:iam::123456789012:policy/{policy}"
    off, on = (Call("iam", f"{verb}RolePolicy", {"RoleName": ROLE.name, "PolicyArn": arn}) for verb in ("Detach", "Attach"))
    takes_off = action_class is ActionClass.REVERSAL
    return Step(
        action="aws.iam.detach-managed-policy" if takes_off else "aws.iam.quarantine-role",
        action_class=action_class,
        fact=Fact(FactKind.ATTACHED, arn),
        before="attached" if takes_off else None,
        after=None if takes_off else "attached",
        call=off if takes_off else on,
        inverse=on if takes_off else off,
    )


def finding(
    number: int,
    *steps: Step,
    severity: Severity = Severity.HIGH,
    actor: str = "eve",
    guardrail: str = "g",
    affects: Iterable[Identity] = (ROLE,),
    when: When = When.ASK,
    time: datetime = NOW,
) -> Judgement:
    """A finding about the role, and what is asked about it."""
    caused_by = Actor(display=f"arn:aws:iam::123456789012:user/{actor}", type="IAMUser")
    event = Event(source=Source.CLOUDTRAIL, name="AttachRolePolicy", id=f"e{number}", time=time, actor=caused_by)
    found = Finding(guardrail=guardrail, severity=severity, identity=ROLE, reason=f"finding {number}", evidence={})
    planned = Planned(finding=found, steps=tuple(PlannedStep(s, when, ROLE, tuple(affects)) for s in steps), people=False)
    return Judgement(event=event, outcome=Outcome.FINDING, reason="a test", planned=(planned,))


class Office:
    """Where findings are decided."""

    def __init__(self, settings: Settings = PLENTY) -> None:
        self.settings = settings
        self.store, self.queue = MemoryStore(), MemoryQueue()

    def desk(self, now: datetime = NOW) -> Desk:
        return Desk(self.store, self.queue, lambda: now)

    def hear(self, made: Judgement, now: datetime = NOW) -> Job:
        (job,) = decide(made, self.settings, self.store, self.queue, now)
        return job

    def hear_and_die(self, made: Judgement, now: datetime = NOW) -> None:
        """Open the question, and die before anything else is done."""

        class DeadError(Exception):
            pass

        def answer(command: object) -> object:
            found = perform_at_desk(command, self.desk(now))  # type: ignore[arg-type]  # deciding asks for nothing else
            if isinstance(command, Open):
                raise DeadError
            return found

        try:
            drive(deciding.decide(made, self.settings), answer)
        except DeadError:
            return
        raise AssertionError("it opened nothing")

    def states(self) -> list[JobState]:
        """How the jobs stand, in the order in which they were opened."""
        return [job.state for job in self.store._jobs.values()]

    def now(self, job: Job) -> Job:
        found = self.store.job(job.id)
        assert found is not None
        return found

    def vote(self, job: Job, *, approve: bool = True, now: datetime = NOW) -> JobState:
        return vote(job.id, ANA, self.settings, self.store, self.queue, now, approve=approve).state


A, B, C, D, E, F = (step(name) for name in "abcdef")
DENIES = step("deny", ActionClass.CONTAINMENT)
ANA = "arn:aws:iam::123456789012:user/ana"
S = JobState
HOUR = timedelta(hours=1)
LOW, MEDIUM, HIGH, CRITICAL = Severity
