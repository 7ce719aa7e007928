"""What is remembered of messages, in Firestore: a database of its own, where `notify` shall have no right to write jobs or votes.

Documents: `threads/KEY` with version and body; `clicks/KEY`, put if absent. All of them have a `ttl`.
"""

from datetime import datetime, timedelta

import msgspec

from ringfence.clouds.gcp.firestore import ABSENT, Database, Query, Written, as_of, blob, integer, key, moment
from ringfence.engine.chat import Thread
from ringfence.errors import ConflictError, UpstreamError

LIVES = timedelta(days=14)
THREADS, CLICKS = "threads", "clicks"
TTL = {THREADS: "ttl", CLICKS: "ttl"}  # the collections whose documents Firestore forgets by themselves, and the field that says when
THREAD = msgspec.json.Decoder(Thread)


class FirestoreThreads:
    """The threads port over Firestore."""

    def __init__(self, database: str) -> None:
        """Take the database's full name."""
        self._db = Database(database)

    def get(self, key_: str) -> Thread | None:
        """Give what is remembered under a key."""
        found = self._db.get(f"{THREADS}/{key(key_)}")
        return None if found is None else THREAD.decode(found.body)

    def put(self, thread: Thread) -> None:
        """Keep the next version."""
        path = f"{THREADS}/{key(thread.key)}"
        condition = ABSENT
        if thread.version:
            found = self._db.get(path, "version")
            if found is None or found.number("version") != thread.version - 1:
                raise _conflict(thread)
            condition = as_of(found)
        fields = {
            "version": integer(thread.version),
            "body": blob(msgspec.json.encode(thread)),
            "ttl": moment(thread.last + LIVES),
        }
        if self._db.commit(f"keeping the message {thread.key}", self._db.put(path, fields, condition)) is not Written.DONE:
            raise _conflict(thread)

    def all(self) -> tuple[Thread, ...]:
        """Give everything that is remembered."""
        return tuple(THREAD.decode(one.body) for page in self._db.pages(Query(THREADS)) for one in page)

    def once(self, key_: str, until: datetime) -> bool:
        """Take a key; whether it was free. Firestore forgets it some time after `until`, never before ("Manage data retention with TTL")."""
        put = self._db.put(f"{CLICKS}/{key(key_)}", {"ttl": moment(until)}, ABSENT)
        written = self._db.commit("taking a click", put)
        if written is Written.BUSY:
            raise UpstreamError("somebody takes the same click just now", "Try again")
        return written is Written.DONE


def _conflict(thread: Thread) -> ConflictError:
    return ConflictError(f"{thread.key} is not at version {thread.version - 1}", "Read it again")
