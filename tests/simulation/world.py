"""A world for the job core: one seed, one history. Workers are stepped one command at a time, by a random but repeatable hand.

What goes wrong: events and messages come twice, late and in any order, two workers hold the same job, a worker dies at any command
(between commit and send too) or rests while others go on, calls are throttled, replies are lost before or after the call was carried
out, what was changed is seen seconds later, clocks differ, people vote, take back and turn the kill switch, and an attacker changes the
role between any two steps. What has to hold is checked at each step (`promises.py`), and once all is quiet.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ringfence.clouds.memory import MemoryHistory, MemoryIam, MemoryStore
from ringfence.domain.caller import Caller
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job, JobState
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.approve import Vote, vote
from ringfence.engine.commands import Command, Commit, Make, Open, Process, ReadHistory, ReadState, perform, run_at_desk
from ringfence.engine.core import JobCore
from ringfence.engine.decide import decide
from ringfence.engine.ports import Absence, Lost, Notice, Opened, Reply, Wanted
from ringfence.engine.records import turned
from ringfence.engine.search import search, searches
from ringfence.engine.sweep import overdue, take_up, tell_again, untold
from ringfence.engine.undo import open_undo
from ringfence.errors import ConflictError, RefusedError, UpstreamError
from ringfence.settings import Settings
from tests.simulation.hand import Hand
from tests.simulation.promises import BrokenPromiseError, Promises
from tests.simulation.stories import Story, assumed, made_a_user, story
from tests.support.cases import DEPLOYMENT, OWN_POLICIES, settings_of
from tests.support.jobs import NOW, ROLE

ENOUGH = 6000
SECOND = timedelta(seconds=1)
LAG = 10  # seconds until a change of IAM is surely seen
SKEW = 60  # seconds by which a worker's clock may differ
HIDDEN = 30  # seconds until a message whose worker died is given to another
SETTINGS = settings_of(None)
ANA, ANA2 = Caller("arn:aws:iam::123456789012:user/ana"), Caller("arn:aws:iam::123456789012:user/ana2")


class Message(msgspec.Struct, frozen=True):
    """What waits in a queue: for `evaluate` (an event), or for `respond` (a job)."""

    at: datetime
    do: str
    about: Any


class Worker:
    """One invocation of a function: a process, the message that it holds, and what it did so far."""

    def __init__(self, number: int, message: Message | None, process: Process[Any], skew: int) -> None:
        self.number, self.message, self.process, self.skew = number, message, process, skew
        self.command: Command | None = None
        self.committed: set[str] = set()
        self.could_know = False  # it did something since the kill switch was set
        self.seen: State | Absence | None = None


class World:
    """One history."""

    def __init__(self, seed: int, core: Callable[[Settings], JobCore] = JobCore, told: Callable[[random.Random], Story] = story) -> None:
        self.rnd = Hand(seed)
        self.time = NOW
        self.store = MemoryStore()
        self.queue = self.reader = self.writer = self
        self.story = told(self.rnd)
        self.settings = msgspec.structs.replace(SETTINGS, max_auto_actions_per_hour=self.story.per_hour)
        self.core = core(self.settings)
        self.iam = MemoryIam(State(identity=ROLE, attached=self.story.attached, inline={}, credentials=()), policies=OWN_POLICIES)
        self.past: list[tuple[datetime, State]] = []  # states of the role, and until when each was the newest
        self.history = MemoryHistory([assumed(ROLE), made_a_user(ROLE)][: self.rnd.choice([0, 1, 2])])
        self.messages: list[Message] = []
        self.workers: list[Worker] = []
        self.working: Worker | None = None
        self.told: list[Notice] = []
        self.attacked = False
        self.steps = 0
        self.chaos = True
        self.promises = Promises(self.store)
        for judgement in self.story.judgements:
            self._put("event", judgement, self.rnd.randrange(self.story.spread) if self.story.spread else 0)

    # what the core's ports ask -----------------------------------------------------------------------------------------------------

    def clock(self) -> datetime:
        """The time, as the worker's own clock has it."""
        return self.time + timedelta(seconds=self.working.skew if self.working else 0)

    def later(self, job: Job, seconds: int) -> None:
        """A message that comes later."""
        assert seconds > 0
        self._put("verify", job.id, seconds)

    def jobs(self, job: Job) -> None:
        """A message to carry a job out."""
        self._put("apply", job.id, 0)

    def notice(self, notice: Notice) -> None:
        """People are told."""
        self.told.append(notice)

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Read the role: as it is, or as it was some seconds ago."""
        if self.chaos and self.rnd.random() < 0.5:
            recent = [state for until, state in self.past if until > self.time - timedelta(seconds=LAG)]
            if recent:
                return msgspec.structs.replace(self.rnd.choice(recent), documents=dict(self.iam.policies))
        return self.iam.read(identity, wanted)

    def owner(self, access_key_id: str) -> Identity | Absence:
        """Nobody asks."""
        return self.iam.owner(access_key_id)

    def call(self, *_: object) -> Reply:
        """Calls are made by `_make`."""
        raise AssertionError("a call that the hand does not know of")

    # the hand ----------------------------------------------------------------------------------------------------------------------

    def _put(self, do: str, about: Any, seconds: int) -> None:
        self.messages.append(Message(self.time + timedelta(seconds=seconds), do, about))

    def run(self) -> "World":
        """Let the history happen, then let everything work until nothing is left to do; check what has to hold in the end."""
        enough = ENOUGH * max(1, len(self.story.judgements))
        while self.messages or self.workers or self._unfinished():
            self.steps += 1
            if self.rnd.choice((0, 0, 1)):
                self.time += SECOND
            self.chaos = self.steps < self.story.busy and self.rnd.random() < self.story.chaos
            if self.steps > enough:
                raise BrokenPromiseError("it does not come to an end")
            self._one()
        self.promises.at_the_end(self.told, self.story, attacked=self.attacked)
        return self

    def _unfinished(self) -> bool:
        far = self.time + timedelta(days=999)
        return bool(self.store.overdue(far) or self.store.untold(far))

    def _one(self) -> None:
        what = self.rnd.random()
        if self.chaos and what < 0.5:
            self._mischief(what)
            return
        ready = [m for m in self.messages if m.at <= self.time]
        if ready and (not self.workers or (what < 0.6 and len(self.workers) < 3)):
            message = self.rnd.choice(ready)
            self.messages.remove(message)
            self._start(message)
        elif self.workers:
            self._step(self.rnd.choice(self.workers))
        else:
            self._wait()

    def _mischief(self, what: float) -> None:
        if what < 0.1 and self.workers:
            self._die(self.rnd.choice(self.workers))
        elif what < 0.2 and self.messages:
            self.messages.append(self.rnd.choice(self.messages))
        elif what < 0.32:
            self._attack()
        elif what < 0.34:
            self._turn()
        elif what < 0.42:
            self._person()
        elif what < 0.44:
            self._sweep()

    def _wait(self) -> None:
        """Nothing is ready: time passes until something is, or the sweep comes."""
        if self.messages:
            self.time = max(self.time, min(m.at for m in self.messages))
        if not self.messages or self.rnd.random() < 0.2:
            later = [job.due for job in self.store.overdue(self.time + timedelta(days=999)) if job.due is not None]
            quiet = not self.messages and not self.workers and later and not self.store.untold(self.time)
            self.time = max(self.time + timedelta(minutes=1), min(later) if quiet else self.time)
            self._sweep()
        if self.rnd.random() < 0.3:
            self._person()

    def _sweep(self) -> None:
        for told in self.store.untold(self.time - timedelta(minutes=1)):
            self._go(None, tell_again(told))
        self._go(None, untold())
        for late in self.store.overdue(self.time - timedelta(minutes=1)):
            self._go(None, take_up(late.id, self.settings))
        self._go(None, overdue())
        for found in run_at_desk(searches(), self):
            self._go(None, search(found.id, self.settings, ("us-east-1",)))

    def _start(self, message: Message) -> None:
        processes: dict[str, Callable[[], Process[Any]]] = {
            "apply": lambda: self.core.apply(message.about),
            "verify": lambda: self.core.verify(message.about),
            "event": lambda: decide(message.about, self.settings),
        }
        self._go(message, processes[message.do]())

    def _go(self, message: Message | None, process: Process[Any]) -> None:
        skew = self.rnd.randint(-SKEW, SKEW) if self.story.skewed else 0
        worker = Worker(self.steps * 1000 + len(self.workers), message, process, skew)
        self.workers.append(worker)
        self._resume(worker, None)

    def _die(self, worker: Worker) -> None:
        """The process is gone; the queue gives its message to somebody else after a while."""
        worker.process.close()
        self.workers.remove(worker)
        if worker.message is not None:
            self.messages.append(msgspec.structs.replace(worker.message, at=self.time + timedelta(seconds=self.rnd.choice((0, HIDDEN)))))

    def _attack(self) -> None:
        self.attacked = True
        if self.rnd.random() < 0.1:  # our own policy: now it denies, now it does not
            mine = DEPLOYMENT.quarantine_policy
            self.iam.policies[mine] = {} if self.iam.policies[mine] else OWN_POLICIES[mine]
            return
        ((_, state),) = self.iam.states.items()
        self._change(msgspec.structs.replace(state, attached=tuple(sorted(set(state.attached or ()) ^ {self.story.toy(self.rnd)}))))

    def _change(self, new: State) -> None:
        ((place, old),) = self.iam.states.items()
        self.past.append((self.time, old))
        self.iam.states[place] = new

    def _turn(self) -> None:
        """Somebody turns the kill switch."""
        last = self.store.switch()
        made = Switch(last.number + 1 if last else 0, not (last and last.stopped), "somebody", self.time)
        self.store.turn(made, turned(made, ""))
        for worker in self.workers:
            worker.could_know = False

    def _person(self) -> None:
        """Somebody decides what is asked, or takes back what was done."""
        jobs = self.store.jobs()
        if not jobs:
            return
        job = self.rnd.choice(jobs)
        if job.state is JobState.PENDING:
            self._go(None, vote(Vote(job=job.id, approve=self.rnd.random() < 0.7), ANA, self.settings))
        elif job.state is JobState.APPROVED and job.approvals and self.rnd.random() < 0.5:
            self._go(
                None, vote(Vote(job=job.id, approve=False), ANA2, self.settings)
            )  # somebody else says no, before or just as it is taken up
        elif job.state is JobState.DONE and job.undo_of is None and self.rnd.random() < 0.3:
            self._go(None, open_undo(job.id, ANA, self.settings, "a false alarm"))

    def _step(self, worker: Worker) -> None:
        """Carry out the command that a worker waits for, and hand it the answer."""
        command = worker.command
        assert command is not None
        self.working = worker
        try:
            answer = self._make(worker, command) if isinstance(command, Make) else self._answer(worker, command)
        except (ConflictError, UpstreamError):
            self._die(worker)  # the function raises, and the message comes again
            return
        worker.could_know = True
        self._resume(worker, answer)

    def _resume(self, worker: Worker, answer: object) -> None:
        self.working = worker
        try:
            worker.command = worker.process.send(answer)
        except StopIteration:
            self.workers.remove(worker)
        except UpstreamError:
            self._die(worker)
        except RefusedError as error:
            if worker.message is not None and "gives a permission back" not in str(error):
                raise BrokenPromiseError(f"a message was refused: {error}") from error
            self.workers.remove(worker)  # a person who was too late, or a message about what only an operator does

    def _answer(self, worker: Worker, command: Command) -> object:
        if isinstance(command, Commit):
            self.promises.before_commit(command.job, worker.number, worker.committed, worker.seen)
        answer = (
            self.history.lookup(command.attribute, command.value, command.since)
            if isinstance(command, ReadHistory)
            else perform(command, self)
        )
        if isinstance(command, Commit):
            worker.committed.add(command.job.id)
            self.promises.holder[command.job.id] = worker.number
        if isinstance(command, Open):
            self.promises.opened(command.job, self.story, new=answer is Opened.NEW)
        if isinstance(command, ReadState):
            worker.seen = answer  # type: ignore[assignment]  # what the command's docstring says
        return answer

    def _make(self, worker: Worker, command: Make) -> Reply:
        """Make a call: throttled, lost on the way there or back, or as it should be."""
        place = self.promises.before_call(command, worker.number, could_know=worker.could_know)
        what = self.rnd.random() if self.chaos else 1.0
        if what < 0.2:
            raise UpstreamError("throttled", "try again")
        if what < 0.4:
            return Lost("the connection was closed before the call")
        ((_, before),) = self.iam.states.items()
        reply = self.iam.call(command.call, command.job)
        ((_, after),) = self.iam.states.items()
        if before != after:
            self.past.append((self.time, before))
            self.promises.effects[place] += 1
        return Lost("the connection was closed before the reply") if what < 0.6 else reply
