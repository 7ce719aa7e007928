"""Runs the story through the real engine: one evaluator and one responder over both clouds, jobs and trail in the local store."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from ringfence.clouds.authorization_details import Reader
from ringfence.clouds.aws import snapshot
from ringfence.clouds.memory import MemoryQueue
from ringfence.clouds.snapshot import SnapshotReader
from ringfence.demo.account import DEPLOYMENT, TRAINING
from ringfence.demo.clouds import Clouds
from ringfence.demo.project import ANA, BO, PIPELINES, PROJECT, TRAIN, embedded_google
from ringfence.demo.scene import Scene, raw
from ringfence.domain.binding import Binding, address_of
from ringfence.domain.caller import Caller
from ringfence.domain.census import Census
from ringfence.domain.finding import Workload
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job, JobState
from ringfence.domain.state import Facet, State
from ringfence.engine import census
from ringfence.engine.approve import Vote, vote
from ringfence.engine.commands import run_at_desk
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.hear import hear
from ringfence.engine.judgement import Judgement
from ringfence.engine.moves import is_operators
from ringfence.engine.ports import Store, Wanted
from ringfence.engine.respond import Responder
from ringfence.engine.trail.agree import problems
from ringfence.engine.undo import open_undo
from ringfence.settings import Mode, Project, RolePattern, Settings
from ringfence.sources import normalise

APPROVER = Caller("console:you")
FRAUD = Project(
    name="fraud",
    users=("ana", "bo"),
    gcp_projects=(PROJECT,),
    gcp_service_accounts=(RolePattern(Workload.TRAINING, address_of(TRAIN)), RolePattern(Workload.PIPELINE, address_of(PIPELINES))),
    gcp_people=(ANA, BO),
)
SETTINGS = Settings(mode=Mode.GRADUATED, projects=(FRAUD,), deployment=DEPLOYMENT, config_hash="demo")
EVERYTHING = Wanted(frozenset({Facet.ATTACHED, Facet.INLINE, Facet.BINDINGS, Facet.KEYS}))


class Shown(Struct, frozen=True, kw_only=True):
    """One scene as it was played."""

    scene: Scene
    judgement: Judgement
    jobs: tuple[Job, ...] = ()
    repeated: bool = False
    before: State | None = None  # what it is about, before anything followed


class Clock:
    """The demo's clock: it starts now and jumps, so that nobody waits for a verification."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def __call__(self) -> datetime:
        """Give the demo's time."""
        return self.time

    def jump(self, seconds: int) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


class Demo:
    """The engine, wired to two embedded clouds and a local store."""

    def __init__(self, iam: Any, store: Store, ask: Callable[[Job], bool | None]) -> None:
        """Take the AWS account, the store, and how to ask a person (None: nobody answered)."""
        self.store, self.ask = store, ask
        self.clock, self.queue = Clock(), MemoryQueue()
        self.clouds = Clouds(iam, embedded_google())
        self.store.keep(self._census())
        self.evaluator = Evaluator(SETTINGS, self.clouds, census=self.store.census)
        self.responder = Responder(SETTINGS, store, self.queue, self.clouds, self.clouds, self.clock)
        self.role_id = str(iam.get_role(RoleName=TRAINING)["Role"]["RoleId"])
        self._last: dict[str, Any] = {}
        self._seen: set[str] = set()

    def _census(self) -> Census:
        """Count the account, as `review` does in a deployment: what stands is no fresh change."""
        raw = snapshot.details()
        states = tuple(SnapshotReader(raw).states())
        found = census.standing(states, lambda event: Evaluator(SETTINGS, SnapshotReader(raw)).judge(event, self.clock()))
        return census.take(Reader(raw).account(), states, SETTINGS, None, found, lambda _: True, self.clock())

    def state(self, identity: Identity) -> State:
        """Read something of either cloud as it is."""
        state = self.clouds.read(identity, EVERYTHING)
        assert isinstance(state, State)  # noqa: S101 - the story takes nothing away
        return state

    def play(self, scene: Scene) -> Shown:
        """Let one scene happen, hear its event, and do what follows from it."""
        self.clock.jump(20)
        if scene.does:
            scene.does(self.clouds)
        if not scene.again:
            self._last = raw(scene, str(uuid.uuid4()), self.clock.time.strftime("%Y-%m-%dT%H:%M:%SZ"), self.role_id)
        self.clock.jump(2)
        (event,) = normalise(self._last)
        judgement = self.evaluator.judge(event, self.clock.time)
        about = next((p.target for planned in judgement.planned for p in planned.steps), None)
        before = None if about is None else self.state(about)
        jobs = run_at_desk(hear(judgement, self.evaluator, SETTINGS), self.responder)
        self._work()
        repeated = scene.again or any(job.id in self._seen for job in jobs)
        self._seen |= {job.id for job in jobs}
        ended = tuple(map(self.now, jobs))
        return Shown(scene=scene, judgement=judgement, jobs=ended, repeated=repeated, before=before)

    def decide(self, job: Job) -> Job:
        """Put a pending job to the person at the console, and do what they say."""
        answer = self.ask(job)
        self.clock.jump(15)
        if answer is None:
            return job
        run_at_desk(vote(Vote(job=job.id, approve=answer), APPROVER, SETTINGS), self.responder)
        self._work()
        return self.now(job)

    def now(self, job: Job) -> Job:
        """Give a job as it stands by now."""
        return self.store.job(job.id) or job

    def undo(self, job: Job) -> Job:
        """Take back what a job did; a grant is put back by whoever asks for it, with their own credentials."""
        self.clock.jump(60)
        undo = run_at_desk(open_undo(job.id, APPROVER, SETTINGS), self.responder)
        while is_operators(undo) and (call := self.responder.prepare(undo.id)):
            self.responder.settle(undo.id, self.clouds.call(call, undo.id))
        self._work()
        return self.now(undo)

    def others(self, shown: Shown, job: Job) -> tuple[Binding, ...]:
        """Give the grants beside those that a job took off an allow policy; none where one of them is not as it was, or it took none off."""
        held = (shown.before.bindings if shown.before else None) or ()
        taken = {step.fact.key for step in job.plan.steps}
        left = [b for b in held if b.key not in taken]
        now = self.state(job.plan.target).bindings or ()
        return tuple(left) if len(left) < len(held) and sorted(now, key=_key) == sorted(left, key=_key) else ()

    def trail_problems(self) -> tuple[str, ...]:
        """Check the trail against the jobs: nothing without an intent, one end for each."""
        ours = [job for job in self.store.jobs() if job.id in self._seen or job.undo_of in self._seen]
        return problems(ours, self.store.records)

    def _work(self) -> None:
        while self.queue.to_apply or self.queue.to_verify:
            while self.queue.to_apply:
                self.responder.apply(self.queue.to_apply.pop(0))
            if self.queue.to_verify:
                job_id, seconds = self.queue.to_verify.pop(0)
                self.clock.jump(seconds)
                self.responder.verify(job_id)


def _key(binding: Binding) -> str:
    return binding.key


def acted(shown: list[Shown]) -> list[Job]:
    """Give the jobs that ran without asking."""
    return [job for s in shown if not s.repeated for job in s.jobs if job.state is JobState.DONE]


def asked(shown: list[Shown]) -> list[Job]:
    """Give the jobs that were put to a person."""
    return [job for s in shown if not s.repeated for job in s.jobs if job.state is JobState.PENDING]
