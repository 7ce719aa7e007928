"""What the engine needs of the outside. Every port has one contract test over memory, SQLite and the emulated AWS."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Protocol

from msgspec import Meta, Struct

from ringfence.domain.census import Census
from ringfence.domain.checkpoint import Key
from ringfence.domain.finding import Severity
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job
from ringfence.domain.plan import Call
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.signal import Signal
from ringfence.domain.state import Facet, State
from ringfence.domain.switch import Switch


class Absence(Enum):
    """Why there is no state."""

    GONE = "it does not exist (any more)"
    NOT_KNOWN = "the snapshot does not hold it"


class Wanted(Struct, frozen=True):
    """Which parts of a state to read. `documents` are the ARNs of attached policies whose text is needed."""

    facets: frozenset[Facet] = frozenset()
    documents: tuple[str, ...] = ()


class Reader(Protocol):
    """Reads identities and other targets. Raises UpstreamError where the cloud does not answer."""

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give the state of an identity, with at least the facets asked for."""
        ...

    def owner(self, access_key_id: str) -> Identity | Absence:
        """Give the user whose access key it is."""
        ...


class Remembered(Struct, frozen=True):
    """Raw records, whether that was all of them, and how many requests it took."""

    records: tuple[Mapping[str, Any], ...]
    complete: bool
    requests: int


class History(Protocol):
    """What the cloud remembers of calls. Raises UpstreamError where it does not answer."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Where it looks."""
        ...

    def lookup(self, attribute: str, value: str, since: datetime) -> Remembered:
        """Give the records since a time whose attribute (a name of CloudTrail's) has the value, each once."""
        ...


class Done(Struct, frozen=True):
    """The cloud said yes."""

    request_id: str


class Failed(Struct, frozen=True):
    """The cloud said no, finally. `retried`: the client asked more than once, and an earlier reply may have been lost."""

    code: str
    message: str
    retried: bool = False


class Lost(Struct, frozen=True):
    """No reply, or one that cannot be read: whether it happened is unknown until the state is read again."""

    why: str


type Reply = Done | Failed | Lost


class Writer(Protocol):
    """Makes one mutating call. Throttling and outages raise UpstreamError: the job is tried again."""

    def call(self, call: Call, job: str) -> Reply:
        """Make the call; the job's id travels in the user agent."""
        ...


class Slot(Struct, frozen=True):
    """One act on the account of a budget. Slots of a budget are numbered, each number is taken once: that is what makes counting atomic."""

    budget: str
    number: int
    weight: int  # identities affected
    time: datetime
    job: str
    whom: tuple[str, ...] = ()  # who they are, where a budget counts identities and not acts


class Exemption(Struct, frozen=True):
    """A property of a target that a person is putting back: that value, by that person, is not reversed again until then."""

    key: str
    value: str | None
    by: str
    until: datetime
    job: str


class Notice(Struct, frozen=True):
    """What people are told about a job. One that is not known to have been sent is sent again: it may arrive twice, with the same id."""

    id: str
    job: str
    state: str
    severity: Severity
    title: str
    text: str
    time: datetime
    page: bool = False  # somebody has to look now
    identity: str = ""  # ARN of what it is about
    opened: datetime | None = None  # when the job was


class Entry(Struct, frozen=True):
    """A record as it is kept: what is sealed are these very bytes, whatever version of the product reads them."""

    id: str
    job: str
    time: Annotated[datetime, Meta(tz=True)]
    body: bytes = b""


class Opened(Enum):
    """What became of a new job."""

    NEW = "it is put"
    THERE = "it was there already"
    TAKEN = "a slot of a budget that it claims is taken: count again"


class Store(Protocol):
    """Jobs, records, notices and run-time exemptions. A job's change and all that belongs to it are one transaction, all or nothing."""

    def open(self, job: Job, records: Iterable[Record], notices: Iterable[Notice] = (), claims: Iterable[Slot] = ()) -> Opened:
        """Put a new job with all that belongs to it, or nothing, and say which."""
        ...

    def advance(
        self,
        job: Job,
        records: Iterable[Record],
        exemptions: Iterable[Exemption] = (),
        notices: Iterable[Notice] = (),
        claims: Iterable[Slot] = (),
    ) -> None:
        """Replace the job's previous version and put all that belongs to it; raise ConflictError where somebody else was faster."""
        ...

    def slots(self, budget: str, count: int) -> tuple[Slot, ...]:
        """Give the last slots of a budget, the latest first."""
        ...

    def told(self, notice: Notice) -> None:
        """Keep the receipt of a notice: it was handed on."""
        ...

    def untold(self, before: datetime) -> tuple[Notice, ...]:
        """Give the notices from before a time that have no receipt, oldest first."""
        ...

    def overdue(self, before: datetime) -> tuple[Job, ...]:
        """Give the jobs whose `due` is before a time, the longest overdue first."""
        ...

    def job(self, job_id: str) -> Job | None:
        """Give a job by its id."""
        ...

    def jobs(self) -> tuple[Job, ...]:
        """Give all jobs, oldest first."""
        ...

    def records(self, job_id: str | None = None) -> tuple[Record, ...]:
        """Give the records of a job, or all, in order of time."""
        ...

    def exemption(self, key: str) -> Exemption | None:
        """Give a run-time exemption."""
        ...

    def before(self, target: Identity) -> State | None:
        """Give what a target was when it was last seen to be fine, None where it never was."""
        ...

    def remember(self, state: State, seen: datetime) -> None:
        """Keep what a target is, unless something newer is kept already."""
        ...

    def signal(self, signal: Signal) -> None:
        """Keep a signal, once: the same one again changes nothing."""
        ...

    def signals(self, whom: str, since: datetime, until: datetime) -> tuple[Signal, ...]:
        """Give the signals of a timeline from one time to another, both included, oldest first."""
        ...

    def census(self) -> Census | None:
        """Give the newest census, None where none was ever taken."""
        ...

    def keep(self, census: Census) -> None:
        """Keep a census."""
        ...

    def switch(self) -> Switch | None:
        """Give the last turn of the kill switch, None where it was never turned. Raises UpstreamError where it cannot be read."""
        ...

    def turn(self, switch: Switch, record: Record) -> None:
        """Put the next turn of the kill switch with its record; raise ConflictError where that number is taken."""
        ...

    def note(self, record: Record) -> None:
        """Put a record that belongs to no job, once: the same one again changes nothing."""
        ...

    def notes(self, kind: RecordKind) -> tuple[Record, ...]:
        """Give the records of a kind that belong to no job, in order of time, whatever else is noted."""
        ...

    def entries(self) -> tuple[Entry, ...]:
        """Give every record as it is kept."""
        ...

    def unsealed(self, count: int) -> tuple[Entry, ...]:
        """Give records that have no number yet, the oldest first, as many as that at most. What cannot be a record is passed over."""
        ...

    def waiting(self) -> datetime | None:
        """Since when the oldest record - or what stands where one should - waits for its number; None where none does."""
        ...

    def sealed(self, first: int, records: Iterable[Entry]) -> None:
        """Keep the numbers of records, from the first on; doing it again changes nothing."""
        ...

    def size(self) -> int:
        """About how many records were sealed: where to begin looking for the newest checkpoint. 0: not known."""
        ...


class Archive(Protocol):
    """Where the sealed trail lies, by names. What was put is never replaced: each name is put once."""

    def put(self, name: str, body: bytes) -> None:
        """Put something; raise ConflictError where something has that name."""
        ...

    def get(self, name: str) -> bytes | None:
        """Give what has a name, None where nothing has."""
        ...

    def names(self, prefix: str, after: str = "") -> tuple[str, ...]:
        """Give the names that begin so, and come after another, in order."""
        ...

    def touched(self) -> tuple[str, ...]:
        """Give the names that somebody put a second time, or deleted, in spite of all."""
        ...


class Signer(Protocol):
    """The key of the trail. Its private part never leaves where it lives."""

    @property
    def key(self) -> Key:
        """The public key, with its name: the origin of the trail."""
        ...

    def sign(self, text: bytes) -> bytes:
        """Sign."""
        ...

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether a signature is by this key."""
        ...


class JobMessage(Struct, frozen=True, forbid_unknown_fields=True):
    """What travels on the job queues: an id and what to do, never a plan."""

    job: str
    do: str  # "apply" or "verify"


class Queue(Protocol):
    """Sends on what has been committed. A message may arrive twice or late; it carries ids, never plans."""

    def jobs(self, job: Job) -> None:
        """Hand a job to `respond`; one target at a time."""
        ...

    def later(self, job: Job, seconds: int) -> None:
        """Have a job verified after a while."""
        ...

    def notice(self, notice: Notice) -> None:
        """Tell people."""
        ...
