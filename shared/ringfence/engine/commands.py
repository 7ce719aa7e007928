"""What the job core asks of the outside: one command at a time, answered by a fact. The core itself touches nothing.

A core's function is a generator: it yields a command and is sent the answer. Whoever runs it may stop at any yield, as a crash would.
`run` answers from the ports; `tests/simulation` answers from a world that lies, delays and dies.
"""

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from ringfence.domain.identity import Identity
from ringfence.domain.job import Job
from ringfence.domain.plan import Call
from ringfence.domain.record import Record
from ringfence.domain.signal import Signal
from ringfence.domain.state import State
from ringfence.engine.ports import Exemption, History, Notice, Queue, Reader, Slot, Store, Wanted, Writer
from ringfence.errors import RefusedError


class ReadJob(Struct, frozen=True):
    """Answered by the stored job, or None."""

    id: str


class ReadRecords(Struct, frozen=True):
    """Answered by the records of a job."""

    job: str


class ReadState(Struct, frozen=True):
    """Answered by the state of an identity as it is now, or by why there is none."""

    identity: Identity
    wanted: Wanted


class ReadTime(Struct, frozen=True):
    """Answered by the time."""


class ReadSwitch(Struct, frozen=True):
    """Answered by the last turn of the kill switch, or None. Where it cannot be read there is no answer: the process ends."""


class ReadExemption(Struct, frozen=True):
    """Answered by a run-time exemption, or None."""

    key: str


class ReadSlots(Struct, frozen=True):
    """Answered by the last slots of a budget, the latest first."""

    budget: str
    count: int


class ReadCensus(Struct, frozen=True):
    """Answered by the newest census, or None."""


class ReadUntold(Struct, frozen=True):
    """Answered by the notices from before a time that have no receipt."""

    before: datetime


class ReadOverdue(Struct, frozen=True):
    """Answered by the jobs that nothing has moved by their `due`, where that is before a time."""

    before: datetime


class ReadHistory(Struct, frozen=True):
    """Answered by what the cloud remembers of the calls since a time whose attribute has a value (`Remembered`)."""

    attribute: str
    value: str
    since: datetime


class ReadSignals(Struct, frozen=True):
    """Answered by the signals of a timeline from one time to another, oldest first."""

    whom: str
    since: datetime
    until: datetime


class KeepSignal(Struct, frozen=True):
    """Keep a signal, once."""

    signal: Signal


class Remember(Struct, frozen=True):
    """Keep what a target is, as something that is fine, unless something is kept that was read later."""

    state: State
    seen: datetime


class Open(Struct, frozen=True):
    """Put a new job with all that belongs to it, in one transaction; answered by what became of it (`Opened`)."""

    job: Job
    records: tuple[Record, ...]
    notices: tuple[Notice, ...] = ()
    claims: tuple[Slot, ...] = ()


class Commit(Struct, frozen=True):
    """Put a job's next version with all that belongs to it, in one transaction; ConflictError where somebody else was faster."""

    job: Job
    records: tuple[Record, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    notices: tuple[Notice, ...] = ()
    claims: tuple[Slot, ...] = ()


class Make(Struct, frozen=True):
    """Make one mutating call; answered by the reply. The only command that changes an identity."""

    call: Call
    job: str


class Send(Struct, frozen=True):
    """Hand a job to `respond`, to be carried out."""

    job: Job


class Later(Struct, frozen=True):
    """Have a job looked at again after some seconds."""

    job: Job
    seconds: int


class Tell(Struct, frozen=True):
    """Tell people what is committed, and keep the receipt."""

    notice: Notice


type ReadCommand = ReadJob | ReadRecords | ReadTime | ReadSwitch | ReadExemption | ReadSlots | ReadCensus | ReadUntold | ReadOverdue
type DeskCommand = ReadCommand | ReadSignals | Open | Commit | Send | Later | Tell | KeepSignal | Remember
type Command = DeskCommand | ReadState | Make | ReadHistory
type Process[T] = Generator[Command, Any, T]  # what is sent in is the answer to the command, of the type that its docstring says


class DeskPorts(Protocol):
    """Who answers where identities are neither read nor changed: jobs are opened, decided and sent on."""

    @property
    def store(self) -> Store:
        """Jobs and records."""
        ...

    @property
    def queue(self) -> Queue:
        """Messages, later ones, and what people are told."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time."""
        ...


class Desk(Struct, frozen=True):
    """Just that."""

    store: Store
    queue: Queue
    clock: Callable[[], datetime]


class Ports(DeskPorts, Protocol):
    """Who answers where identities are read and changed."""

    @property
    def reader(self) -> Reader:
        """Identities as they are."""
        ...

    @property
    def writer(self) -> Writer:
        """The one way to change them."""
        ...


def run[T](process: Process[T], ports: Ports) -> T:
    """Carry a process through, each command by its port. What a port raises ends it, as a crash would."""
    return drive(process, lambda command: perform(command, ports))


def drive[T](process: Process[T], answer: Callable[[Command], object]) -> T:
    """Carry a process through, each command answered by a function."""
    given: object = None
    while True:
        try:
            command = process.send(given)
        except StopIteration as end:
            result: T = end.value
            return result
        given = answer(command)


def perform(command: Command, ports: Ports) -> object:
    """Carry out one command."""
    match command:
        case ReadState():
            return ports.reader.read(command.identity, command.wanted)
        case Make():
            return ports.writer.call(command.call, command.job)
        case ReadHistory():
            raise RefusedError("the history is not read here", "Only `review` looks for what was left behind")
        case _:
            return perform_at_desk(command, ports)


def run_at_desk[T](process: Process[T], desk: DeskPorts) -> T:
    """Carry a process through that neither reads nor changes identities; one that would is refused."""
    return drive(process, lambda command: _at_desk(command, desk))


def run_with_history[T](process: Process[T], desk: DeskPorts, history: History, reader: Reader) -> T:
    """Carry a process through that reads what the cloud remembers, and identities, and changes none."""

    def answer(command: Command) -> object:
        if isinstance(command, ReadHistory):
            return history.lookup(command.attribute, command.value, command.since)
        return reader.read(command.identity, command.wanted) if isinstance(command, ReadState) else _at_desk(command, desk)

    return drive(process, answer)


def _at_desk(command: Command, desk: DeskPorts) -> object:
    if isinstance(command, ReadState | Make | ReadHistory):
        raise RefusedError(f"{type(command).__name__} is not done at a desk", "Only `respond` reads and changes identities of jobs")
    return perform_at_desk(command, desk)


def perform_at_desk(command: DeskCommand, desk: DeskPorts) -> object:
    """Carry out one command that neither reads nor changes an identity."""
    match command:
        case Send():
            desk.queue.jobs(command.job)
        case Later():
            desk.queue.later(command.job, command.seconds)
        case Tell():
            desk.queue.notice(command.notice)
            desk.store.told(command.notice)
        case Commit():
            desk.store.advance(command.job, command.records, command.exemptions, command.notices, command.claims)
        case KeepSignal():
            desk.store.signal(command.signal)
        case Remember():
            desk.store.remember(command.state, command.seen)
        case ReadSignals():
            return desk.store.signals(command.whom, command.since, command.until)
        case Open():
            return desk.store.open(command.job, command.records, command.notices, command.claims)
        case _:
            return _read(command, desk)
    return None


def _read(command: ReadCommand, desk: DeskPorts) -> object:
    match command:
        case ReadJob():
            return desk.store.job(command.id)
        case ReadRecords():
            return desk.store.records(command.job)
        case ReadTime():
            return desk.clock()
        case ReadSwitch():
            return desk.store.switch()
        case ReadExemption():
            return desk.store.exemption(command.key)
        case ReadSlots():
            return desk.store.slots(command.budget, command.count)
        case ReadCensus():
            return desk.store.census()
        case ReadUntold():
            return desk.store.untold(command.before)
        case ReadOverdue():
            return desk.store.overdue(command.before)
