"""A world for the job core: one seed, one history. Workers are stepped one command at a time, by a random but repeatable hand.

What goes wrong: messages come twice and in any order, two workers hold the same job, a worker dies at any command (between commit and send
too) or rests while others go on, calls are throttled, replies are lost before or after the call was carried out, and an attacker
changes the role between any two steps. What has to hold is checked at each step, and once all is quiet.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from ringfence.clouds.memory import MemoryIam, MemoryStore
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import Step
from ringfence.domain.record import RecordKind
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.audit_trail import problems
from ringfence.engine.commands import Command, Commit, Make, Process, ReadState, perform
from ringfence.engine.core import JobCore
from ringfence.engine.ports import Lost, Notice, Reply
from ringfence.errors import ConflictError, RefusedError, UpstreamError
from tests.support.cases import DEPLOYMENT, settings_of
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, REVERSAL, ROLE, job

QUIET_AFTER = 400  # steps in which things may go wrong; then everything works, and all has to come to its end
ENOUGH = 4000
CHAOS = 0.3


class BrokenPromiseError(AssertionError):
    """A promise was broken."""


class Message(msgspec.Struct, frozen=True):
    """What waits in a queue."""

    job: str
    verify: bool


class Worker:
    """One invocation of `respond`: a process, the message that it holds, and what it did so far."""

    def __init__(self, number: int, message: Message, process: Process[Job]) -> None:
        self.number, self.message, self.process = number, message, process
        self.command: Command | None = None
        self.committed = False
        self.could_know = False  # it did something since the kill switch was set
        self.read_state = False


class World:
    """One history."""

    def __init__(self, seed: int, core: Callable[[], JobCore] = lambda: JobCore(settings_of(None))) -> None:
        self.rnd = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.core = core()
        self.time = NOW
        self.store = MemoryStore()
        self.queue = self
        attached = tuple(self.rnd.sample([ADMIN, DEPLOYMENT.quarantine_policy], self.rnd.choice([0, 1, 1, 2])))
        self.iam = self.reader = self.writer = MemoryIam(State(identity=ROLE, attached=attached, inline={}, credentials=()))
        self.messages: list[Message] = []
        self.workers: list[Worker] = []
        self.holder: dict[str, int] = {}  # by job, who moved it on last
        self.effects: Counter[tuple[str, int]] = Counter()
        self.attacked = False
        self.steps = 0
        self.chaos = True
        for number in range(self.rnd.choice([1, 1, 2])):
            self._open(number, self.rnd.choice([(REVERSAL,), (CONTAINMENT,), (CONTAINMENT, REVERSAL)]))

    # what the core's ports ask -----------------------------------------------------------------------------------------------------

    def clock(self) -> datetime:
        """The time, which goes on with each step."""
        return self.time

    def later(self, job: Job, seconds: int) -> None:
        """A message that comes later; how much later is up to the hand."""
        assert seconds > 0
        self.messages.append(Message(job.id, verify=True))

    def jobs(self, job: Job) -> None:
        """A message to carry a job out."""
        self.messages.append(Message(job.id, verify=False))

    def notice(self, notice: Notice) -> None:
        """People are told."""

    # the hand ----------------------------------------------------------------------------------------------------------------------

    def _open(self, number: int, steps: Iterable[Step]) -> None:
        made = msgspec.structs.replace(job(*steps), id=f"{number:016x}")
        self.store.open(made, [])
        self.jobs(made)

    def run(self) -> "World":
        """Let the history happen, then let everything work until nothing is left to do; check what has to hold in the end."""
        while self.messages or self.workers:
            self.steps += 1
            self.time += timedelta(seconds=self.rnd.choice([0, 1, 5]))
            self.chaos = self.steps < QUIET_AFTER and self.rnd.random() < CHAOS
            if self.steps > ENOUGH:
                raise BrokenPromiseError("it does not come to an end")
            self._one()
        self._check_end()
        return self

    def _one(self) -> None:
        what = self.rnd.random()
        if self.chaos and what < 0.1 and self.workers:
            self._die(self.rnd.choice(self.workers))
        elif self.chaos and what < 0.2 and self.messages:
            self.messages.append(self.rnd.choice(self.messages))
        elif self.chaos and what < 0.3:
            self._attack()
        elif self.chaos and what < 0.32:
            self._turn()
        elif self.messages and (not self.workers or (what < 0.6 and len(self.workers) < 3)):
            self._start(self.messages.pop(self.rnd.randrange(len(self.messages))))
        elif self.workers:
            self._step(self.rnd.choice(self.workers))

    def _start(self, message: Message) -> None:
        process = self.core.verify(message.job) if message.verify else self.core.apply(message.job)
        worker = Worker(self.steps, message, process)
        self.workers.append(worker)
        self._resume(worker, None)

    def _die(self, worker: Worker) -> None:
        """The process is gone; the queue gives its message to somebody else."""
        worker.process.close()
        self.workers.remove(worker)
        self.messages.append(worker.message)

    def _attack(self) -> None:
        self.attacked = True
        ((place, state),) = self.iam.states.items()
        have = set(state.attached or ())
        have ^= {self.rnd.choice([ADMIN, DEPLOYMENT.quarantine_policy])}
        self.iam.states[place] = msgspec.structs.replace(state, attached=tuple(sorted(have)))

    def _turn(self) -> None:
        """Somebody turns the kill switch."""
        last = self.store.switch()
        self.store.turn(Switch(last.number + 1 if last else 0, not (last and last.stopped), "somebody", self.time))
        for worker in self.workers:
            worker.could_know = False

    def _step(self, worker: Worker) -> None:
        """Carry out the command that a worker waits for, and hand it the answer."""
        command = worker.command
        assert command is not None
        try:
            answer = self._make(worker, command) if isinstance(command, Make) else self._answer(worker, command)
        except (ConflictError, UpstreamError):
            self._die(worker)  # the function raises, and the message comes again
            return
        worker.could_know = True
        self._resume(worker, answer)

    def _resume(self, worker: Worker, answer: object) -> None:
        try:
            worker.command = worker.process.send(answer)
        except StopIteration:
            self.workers.remove(worker)
        except UpstreamError:
            self._die(worker)
        except RefusedError as error:
            raise BrokenPromiseError(f"a job was refused: {error}") from error

    def _answer(self, worker: Worker, command: Command) -> object:
        if isinstance(command, Commit):
            self._check_commit(worker, command)
        answer = perform(command, self)
        if isinstance(command, Commit):
            worker.committed, self.holder[command.job.id] = True, worker.number
        worker.read_state = worker.read_state or isinstance(command, ReadState)
        return answer

    def _make(self, worker: Worker, command: Make) -> Reply:
        """Make a call: throttled, lost on the way there or back, or as it should be."""
        step = self._check_call(worker, command)
        what = self.rnd.random() if self.chaos else 1.0
        if what < 0.2:
            raise UpstreamError("throttled", "try again")
        if what < 0.4:
            return Lost("the connection was closed before the call")
        before = dict(self.iam.states)
        reply = self.iam.call(command.call, command.job)
        self.effects[command.job, step] += before != self.iam.states
        return Lost("the connection was closed before the reply") if what < 0.6 else reply

    # the promises ------------------------------------------------------------------------------------------------------------------

    def _check_call(self, worker: Worker, command: Make) -> int:
        """P1 and P3: no call without a durable intent, and none for a step that is closed."""
        current = self.store.job(command.job)
        assert current is not None
        done = {r.step for r in self.store.records(command.job) if r.kind is RecordKind.OUTCOME}
        intents = {r.step for r in self.store.records(command.job) if r.kind is RecordKind.INTENT}
        step = next(n for n, s in enumerate(current.plan.steps) if s.call == command.call)
        last = self.store.switch()
        if last and last.stopped and worker.could_know:
            raise BrokenPromiseError("P8: a call after the kill switch was set")
        if step not in intents:
            raise BrokenPromiseError(f"P1: {command.call.operation} without an intent")
        if step in done and self.holder[command.job] == worker.number:
            raise BrokenPromiseError(f"P3: {command.call.operation} again, after its outcome")
        return step

    def _check_commit(self, worker: Worker, command: Commit) -> None:
        """The fence: who has lost a job closes nothing of it. P10: nothing is called done without a read by the one who says so."""
        stored = self.store.job(command.job.id)
        lost = worker.committed and self.holder.get(command.job.id) != worker.number
        if lost and stored is not None and stored.version == command.job.version - 1:
            raise BrokenPromiseError("the fence: a worker that had lost the job moved it on")
        if command.job.state is JobState.DONE and not worker.read_state:
            raise BrokenPromiseError("P10: called done without a read")

    def _check_end(self) -> None:
        """P2: each job came to its one end, and trail and jobs agree. P3: no step took effect twice unless somebody reverted it."""
        for found in self.store.jobs():
            if not found.ended:
                raise BrokenPromiseError(f"P2: job {found.id} is still {found.state}")
        wrong = [p for p in problems(self.store.jobs(), self.store.records) if "decisions" not in p]
        if wrong:
            raise BrokenPromiseError(f"the trail: {wrong}")
        twice = [key for key, count in self.effects.items() if count > 1]
        if twice and not self.attacked:
            raise BrokenPromiseError(f"P3: {twice} took effect more than once")
