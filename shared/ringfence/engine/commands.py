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
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Absence, Exemption, Notice, Queue, Reader, Reply, Store, Wanted, Writer


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


class Commit(Struct, frozen=True):
    """Put a job's next version with its records, in one transaction; ConflictError where somebody else moved it."""

    job: Job
    records: tuple[Record, ...] = ()
    exemptions: tuple[Exemption, ...] = ()


class Make(Struct, frozen=True):
    """Make one mutating call; answered by the reply. The only command that changes an identity."""

    call: Call
    job: str


class Later(Struct, frozen=True):
    """Have a job looked at again after some seconds."""

    job: Job
    seconds: int


class Tell(Struct, frozen=True):
    """Tell people."""

    notice: Notice


type Command = ReadJob | ReadRecords | ReadState | ReadTime | ReadSwitch | Commit | Make | Later | Tell
type Process[T] = Generator[Command, Any, T]  # what is sent in is the answer to the command, of the type that its docstring says


class Ports(Protocol):
    """Who answers."""

    @property
    def store(self) -> Store:
        """Jobs and records."""
        ...

    @property
    def queue(self) -> Queue:
        """Messages, later ones, and what people are told."""
        ...

    @property
    def reader(self) -> Reader:
        """Identities as they are."""
        ...

    @property
    def writer(self) -> Writer:
        """The one way to change them."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time."""
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


def perform(command: Command, ports: Ports) -> Job | tuple[Record, ...] | State | Absence | datetime | Switch | Reply | None:
    """Carry out one command."""
    match command:
        case ReadJob():
            return ports.store.job(command.id)
        case ReadRecords():
            return ports.store.records(command.job)
        case ReadState():
            return ports.reader.read(command.identity, command.wanted)
        case ReadTime():
            return ports.clock()
        case ReadSwitch():
            return ports.store.switch()
        case Commit():
            ports.store.advance(command.job, command.records, command.exemptions)
        case Make():
            return ports.writer.call(command.call, command.job)
        case Later():
            ports.queue.later(command.job, command.seconds)
        case Tell():
            ports.queue.notice(command.notice)
    return None
