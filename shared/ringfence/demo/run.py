"""Runs the story through the real engine: the evaluator over the real IAM adapters, jobs and trail in the local store."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from ringfence.clouds.authorization_details import Reader
from ringfence.clouds.aws import snapshot
from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.clouds.memory import MemoryQueue
from ringfence.clouds.snapshot import SnapshotReader
from ringfence.demo.account import DEPLOYMENT, TRAINING
from ringfence.demo.story import Scene, raw
from ringfence.domain.caller import Caller
from ringfence.domain.census import Census
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.state import Facet, State
from ringfence.engine import census
from ringfence.engine.approve import Vote, vote
from ringfence.engine.commands import run_at_desk
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.hear import hear
from ringfence.engine.judgement import Judgement
from ringfence.engine.ports import Store, Wanted
from ringfence.engine.respond import Responder
from ringfence.engine.trail.agree import problems
from ringfence.engine.undo import open_undo
from ringfence.settings import Mode, Project, Settings
from ringfence.sources import normalise

APPROVER = Caller("console:you")
PROJECT = Project(name="fraud", users=("ana", "bo"))
SETTINGS = Settings(mode=Mode.GRADUATED, projects=(PROJECT,), deployment=DEPLOYMENT, config_hash="demo")
EVERYTHING = Wanted(frozenset({Facet.ATTACHED, Facet.INLINE}))


class Shown(Struct, frozen=True, kw_only=True):
    """One scene as it was played."""

    scene: Scene
    judgement: Judgement
    jobs: tuple[Job, ...] = ()
    repeated: bool = False


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
    """The engine, wired to an embedded account and a local store."""

    def __init__(self, iam: Any, store: Store, ask: Callable[[Job], bool | None]) -> None:
        """Take the account, the store, and how to ask a person (None: nobody answered)."""
        self.iam, self.store, self.ask = iam, store, ask
        self.clock, self.queue = Clock(), MemoryQueue()
        self.reader = IamReader()
        self.store.keep(self._census())
        self.evaluator = Evaluator(SETTINGS, self.reader, census=self.store.census)
        self.responder = Responder(SETTINGS, store, self.queue, self.reader, AwsWriter(), self.clock)
        self.role_id = str(iam.get_role(RoleName=TRAINING)["Role"]["RoleId"])
        self.before = self.training()
        self._last: dict[str, Any] = {}
        self._seen: set[str] = set()

    def _census(self) -> Census:
        """Count the account, as `review` does in a deployment: what stands is no fresh change."""
        raw = snapshot.details()
        states = tuple(SnapshotReader(raw).states())
        found = census.standing(states, lambda event: Evaluator(SETTINGS, SnapshotReader(raw)).judge(event, self.clock()))
        return census.take(Reader(raw).account(), states, SETTINGS, None, found, lambda _: True, self.clock())

    def training(self) -> State:
        """Read the training role as it is."""
        state = self.reader.read(Identity.of(Kind.ROLE, TRAINING, "123456789012"), EVERYTHING)
        assert isinstance(state, State)  # noqa: S101 - the account was just made
        return state

    def play(self, scene: Scene) -> Shown:
        """Let one scene happen, hear its event, and do what follows from it."""
        self.clock.jump(20)
        if scene.does:
            scene.does(self.iam)
        if not scene.again:
            self._last = raw(scene, str(uuid.uuid4()), self.clock.time.strftime("%Y-%m-%dT%H:%M:%SZ"), self.role_id)
        self.clock.jump(2)
        (event,) = normalise(self._last)
        judgement = self.evaluator.judge(event, self.clock.time)
        jobs = run_at_desk(hear(judgement, self.evaluator, SETTINGS), self.responder)
        self._work()
        repeated = scene.again or any(job.id in self._seen for job in jobs)
        self._seen |= {job.id for job in jobs}
        return Shown(scene=scene, judgement=judgement, jobs=tuple(self.store.job(job.id) or job for job in jobs), repeated=repeated)

    def decide(self, job: Job) -> Job:
        """Put a pending job to the person at the console, and do what they say."""
        answer = self.ask(job)
        self.clock.jump(15)
        if answer is None:
            return job
        run_at_desk(vote(Vote(job=job.id, approve=answer), APPROVER, SETTINGS), self.responder)
        self._work()
        return self.store.job(job.id) or job

    def undo(self, job: Job) -> Job:
        """Take back what a job did."""
        self.clock.jump(60)
        undo = run_at_desk(open_undo(job.id, APPROVER, SETTINGS), self.responder)
        self._work()
        return self.store.job(undo.id) or undo

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


def acted(shown: list[Shown]) -> list[Job]:
    """Give the jobs that ran without asking."""
    return [job for s in shown if not s.repeated for job in s.jobs if job.state is JobState.DONE]


def asked(shown: list[Shown]) -> list[Job]:
    """Give the jobs that were put to a person."""
    return [job for s in shown if not s.repeated for job in s.jobs if job.state is JobState.PENDING]
