"""The chat as the engine needs it: one small port, so that another chat is one file, and what is remembered of the messages in it."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from ringfence.domain.card import Card, Digest


class Chat(Protocol):
    """One channel. Raises UpstreamError where it does not answer: whether a message was posted is then unknown until it is looked for."""

    def post(self, message: Card | Digest | str, mark: str, thread: str = "") -> str:
        """Post a message, in the thread under another where one is given; give what names it. `mark` is how it is found again."""
        ...

    def find(self, mark: str, since: datetime, thread: str = "") -> str | None:
        """Give the message that was posted under a mark since a time; None where there is none."""
        ...

    def update(self, ref: str, message: Card | Digest) -> None:
        """Replace a message."""
        ...


class Told(Struct, frozen=True):
    """A later step that is told in the thread, under its own mark."""

    mark: str
    text: str
    tried: bool = False
    calls: tuple[str, ...] = ()  # ids in the chat of people to call


class Thread(Struct, frozen=True, kw_only=True):
    """What is remembered of one message: of an incident, of many incidents at once, or of something that is no incident.

    `owed`: the channel does not show yet what it should. `busy`: until then somebody is at it.
    """

    key: str
    version: int = 0
    mark: str
    begun: datetime
    last: datetime
    ref: str = ""
    tried: bool = False  # a post may have been made whose reply was lost
    owed: bool = True
    busy: datetime | None = None
    jobs: tuple[str, ...] = ()  # of the incident
    told: tuple[Told, ...] = ()  # still to be told in the thread
    heard: tuple[str, ...] = ()  # the notices that it shows or owes
    fallen: tuple[str, ...] = ()  # what the fallback has told
    digest: str = ""  # the message in which it stands with others
    rows: tuple[str, ...] = ()  # of such a message: the incidents
    says: str = ""  # of what is no incident


class Threads(Protocol):
    """Remembers messages. Each has a version; a conditional write lets only one writer move it on."""

    def get(self, key: str) -> Thread | None:
        """Give what is remembered under a key."""
        ...

    def put(self, thread: Thread) -> None:
        """Keep the next version; raise ConflictError where somebody else was faster."""
        ...

    def all(self) -> tuple[Thread, ...]:
        """Give everything that is remembered."""
        ...

    def once(self, key: str, until: datetime) -> bool:
        """Take a key, which nobody can take again until a time; whether it was free."""
        ...
