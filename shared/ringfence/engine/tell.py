"""Telling people in the chat: a message for each incident, not for each event, replaced in place, with its later steps in the thread.

What should be seen is kept first (`owed`), then sent, so that nothing is lost when the chat is down or this function dies; what cannot be sent
goes to the fallback at once, and is sent once the chat is back. A message whose reply was lost is looked for before it is posted again; one
that somebody deleted is posted anew. More than a handful of incidents within a few minutes share messages: a flood never buries the channel.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from ringfence.domain.card import Card, Line
from ringfence.domain.finding import Severity
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import NO_JOB
from ringfence.engine import cards
from ringfence.engine.chat import Chat, Thread, Threads, Told
from ringfence.engine.ports import Notice, Store
from ringfence.engine.shown import INCIDENT, ROOM, Shown
from ringfence.engine.trail.seal import DAILY
from ringfence.errors import ConflictError, GoneError, UpstreamError
from ringfence.settings import Settings

WINDOW = timedelta(minutes=5)
ALONE, LESSER_ALONE = 8, 4  # incidents within a window that have a message of their own; those that are less than high
SHARED = 2  # shared messages within a window
ROWS = 500  # incidents that a shared message remembers; it shows the gravest
QUIET = timedelta(hours=6)  # without news an incident is over: what comes then is another one
LEASE = timedelta(seconds=90)  # longer than the function may run
PATIENCE = timedelta(seconds=30)  # of the minute's call
RACES = 20
KEPT = 20  # later steps that wait for the chat to be back
JOBS = 20  # of an incident that are remembered, the latest
HEARD = FALLEN = 100  # notices that are remembered as told: a message may be delivered twice


class Teller(Struct, frozen=True):
    """Tells notices. `fallback` reaches people where the chat does not: a notice, and why it comes this way."""

    settings: Settings
    store: Store
    threads: Threads
    chat: Chat
    clock: Callable[[], datetime]
    fallback: Callable[[Notice, str], None]

    @property
    def shown(self) -> Shown:
        """Who lays messages out."""
        return Shown(self.settings, self.store, self.threads, self.clock)

    def tell(self, notice: Notice) -> bool:
        """Tell one notice, or have it owed and tell the fallback; whether the chat has it. Told again, it changes nothing."""
        key = self._keep(notice)
        why = self._deliver(key)
        if why:
            self._fall_back(key, notice, why)
        return not why

    def catch_up(self) -> int:
        """Send what is owed, for half a minute; give how many messages are still owed. One that fails keeps none of the others."""
        owed = [thread.key for thread in self.threads.all() if thread.owed]
        until, left = self.clock() + PATIENCE, 0
        for key in owed:
            try:
                left += bool(self.clock() >= until or self._deliver(key))
            except UpstreamError:  # it is owed still, and the next minute tries again
                left += 1
        return left

    def _keep(self, notice: Notice) -> str:
        """Put down what a notice changes in the channel; give the key of the message that it concerns."""
        if notice.job == NO_JOB:
            says = f"{notice.title}: {notice.text}{self.shown.day() if notice.id.startswith(DAILY) else ''}"
            self._put(f"notice {notice.id}", lambda old: old or self._new(f"notice {notice.id}", says=says))
            return f"notice {notice.id}"
        job = self.store.job(notice.job)
        if job is None:
            raise UpstreamError(f"there is no job {notice.job} yet", "Its notice is tried again")
        key = INCIDENT + job.plan.target.key
        kept = self._put(key, lambda old: self._with(old, key, job, notice))
        if not kept.digest:
            return key
        step = (self._step(job, notice),) if notice.page and job.state is JobState.PENDING else ()

        def told(old: Thread | None) -> Thread:
            old = old or self._new(kept.digest, rows=(key,))
            new = tuple(one for one in step if one.mark not in old.heard)
            heard = (*old.heard, *(one.mark for one in new))[-HEARD:]
            return msgspec.structs.replace(old, owed=True, told=(*old.told, *new)[-KEPT:], heard=heard)

        return self._put(kept.digest, told).key

    def _with(self, old: Thread | None, key: str, job: Job, notice: Notice) -> Thread:
        now = self.clock()
        if old is None or (now - old.last > QUIET and not old.owed and job.id not in old.jobs):
            begun = self._new(key, jobs=(job.id,), digest=self._shared(key, job.severity))
            return msgspec.structs.replace(begun, version=old.version if old else -1, mark=f"{key} {notice.id}", heard=(notice.id,))
        if notice.id in old.heard:
            return old
        jobs = (*(one for one in old.jobs if one != job.id), job.id)[-JOBS:]
        told = old.told if old.digest else (*old.told, self._step(job, notice))[-KEPT:]
        return msgspec.structs.replace(old, jobs=jobs, told=told, owed=not old.digest, last=now, heard=(*old.heard, notice.id)[-HEARD:])

    def _step(self, job: Job, notice: Notice) -> Told:
        """Make a later step. A reminder calls people by name: a message that is replaced calls nobody."""
        calls = cards.calls(job, self.settings, self.clock()) if notice.page and job.state is JobState.PENDING else ()
        return Told(notice.id, cards.step_words(job, notice.state, notice.text, notice.time), calls=calls)

    def _new(self, key: str, *, jobs: tuple[str, ...] = (), digest: str = "", rows: tuple[str, ...] = (), says: str = "") -> Thread:
        now = self.clock()
        return Thread(key=key, version=-1, mark=key, begun=now, last=now, jobs=jobs, digest=digest, rows=rows, says=says, owed=not digest)

    def _shared(self, key: str, severity: Severity) -> str:
        """Give the shared message in which a new incident stands; empty where it has its own."""
        since = self.clock() - WINDOW
        recent = [t for t in self.threads.all() if t.begun > since]
        grave = severity in (Severity.HIGH, Severity.CRITICAL)
        if sum(t.key.startswith(INCIDENT) and not t.digest for t in recent) < (ALONE if grave else LESSER_ALONE):
            return ""
        shared = sorted((t for t in recent if t.key.startswith("digest ")), key=lambda t: (t.begun, t.key))
        full = not shared or (len(shared[-1].rows) >= ROOM and len(shared) < SHARED)
        name = f"digest {self.clock():%Y%m%dT%H%M%S} {len(shared)}" if full else shared[-1].key

        def joined_by(old: Thread | None) -> Thread:
            if old is None:
                return self._new(name, rows=(key,))
            rows = old.rows if key in old.rows else (*old.rows, key)[-ROWS:]
            return msgspec.structs.replace(old, rows=rows, owed=True)

        return self._put(name, joined_by).key

    def _put(self, key: str, change: Callable[[Thread | None], Thread]) -> Thread:
        """Change what is remembered; done again where somebody else was faster."""
        for _ in range(RACES):
            old = self.threads.get(key)
            new = change(old)
            if new == old:
                return new
            moved = msgspec.structs.replace(new, version=new.version + 1)
            try:
                self.threads.put(moved)
            except ConflictError:
                continue
            return moved
        raise UpstreamError(f"too many tell about {key} at once", "The notice is tried again")

    def _deliver(self, key: str) -> str:
        """Bring the channel to what is owed; give why that was not possible, empty where it was, or where somebody else is at it."""
        for _ in range(RACES):
            thread, now = self.threads.get(key), self.clock()
            if thread is None or not thread.owed or (thread.busy is not None and now < thread.busy):
                return ""
            told = tuple(msgspec.structs.replace(one, tried=True) for one in thread.told)
            claimed = msgspec.structs.replace(thread, version=thread.version + 1, busy=now + LEASE, tried=True, told=told)
            try:
                self.threads.put(claimed)
            except ConflictError:
                continue
            sent, why = _Sent(ref=thread.ref), ""
            try:
                self._send(thread, sent)
            except GoneError:
                sent.gone = True
            except UpstreamError as error:
                why = str(error)
            done = self._put(key, lambda old, sent=sent, seen=claimed, why=why: _released(old or seen, seen, sent, failed=bool(why)))  # type: ignore[misc]  # bound now
            if why or not done.owed:
                return why
        return ""

    def _send(self, thread: Thread, sent: "_Sent") -> None:
        """Post or replace the message, then tell the later steps; `sent` says how far that came. Raises GoneError where it was deleted."""
        message = self.shown.message(thread)
        if not sent.ref and thread.tried:
            sent.ref = self.chat.find(thread.mark, thread.begun) or ""
        if not sent.ref:
            sent.ref = self.chat.post(message, thread.mark)
        elif not isinstance(message, str):
            self.chat.update(sent.ref, message)
        for step in thread.told:
            if not (step.tried and self.chat.find(step.mark, thread.begun, sent.ref)):
                self.chat.post(_laid_out(step), step.mark, sent.ref)
            sent.told.add(step.mark)

    def _fall_back(self, key: str, notice: Notice, why: str) -> None:
        """Reach people in another way, once."""
        thread = self.threads.get(key)
        if thread is not None and notice.id in thread.fallen:
            return
        self.fallback(notice, why)
        self._put(
            key, lambda old: msgspec.structs.replace(old or self._new(key), fallen=(*(old.fallen if old else ()), notice.id)[-FALLEN:])
        )


class _Sent:
    """How far the sending came."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.told = set[str]()
        self.gone = False


def _laid_out(step: Told) -> Card | str:
    if not step.calls:
        return step.text
    return Card(title="Nobody has decided yet", lines=(Line("So far", step.text),), calls=step.calls)


def _released(old: Thread, seen: Thread, sent: _Sent, *, failed: bool) -> Thread:
    """Put down what was sent. What came on top meanwhile is still owed; what was deleted is to be posted anew, under another mark."""
    told = tuple(one for one in old.told if one.mark not in sent.told)
    if sent.gone:
        return msgspec.structs.replace(old, ref="", mark=f"{old.mark} again", tried=False, told=told, busy=None, owed=True)
    owed = failed or bool(told) or old.version != seen.version
    return msgspec.structs.replace(old, ref=sent.ref or old.ref, told=told, busy=None, owed=owed)
