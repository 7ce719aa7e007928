"""Telling people in the chat: a message for each incident, not for each event, replaced in place, with its later steps in the thread.

What should be seen is kept first (`owed`), then sent, so that nothing is lost when the chat is down or this function dies; what cannot be sent
goes to the fallback at once, and is sent once the chat is back. A message whose reply was lost is looked for before it is posted again.
More than a handful of incidents within a few minutes share one message: a flood never buries the channel.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from ringfence.domain.card import Card, Digest
from ringfence.domain.inert import inert
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import NO_JOB
from ringfence.engine import cards
from ringfence.engine.chat import Chat, Thread, Threads, Told
from ringfence.engine.ports import Notice, Store
from ringfence.engine.questions import joins
from ringfence.engine.trail.seal import DAILY
from ringfence.errors import ConflictError, UpstreamError
from ringfence.settings import Settings

WINDOW = timedelta(minutes=5)
ALONE = 8  # incidents within a window that have a message of their own
ROOM = 24  # incidents in a shared message: what Slack takes, with names as long as IAM's
SHARED = 2  # shared messages within a window; for more incidents the last one only counts them
INCIDENT = timedelta(hours=6)  # without news an incident is over: what comes then is another one
LEASE = timedelta(seconds=30)
DAY = timedelta(days=1)
RACES = 20
KEPT = 20  # later steps that wait for the chat to be back
HEARD = FALLEN = 100  # notices that are remembered as told: a message may be delivered twice
LONG = 3000


class Teller(Struct, frozen=True):
    """Tells notices. `fallback` reaches people where the chat does not: a notice, and why it comes this way."""

    settings: Settings
    store: Store
    threads: Threads
    chat: Chat
    clock: Callable[[], datetime]
    fallback: Callable[[Notice, str], None]

    def tell(self, notice: Notice) -> None:
        """Tell one notice, or have it owed and tell the fallback. Told again, it changes nothing."""
        key = self._keep(notice)
        if why := self._deliver(key):
            self._fall_back(key, notice, why)

    def catch_up(self) -> int:
        """Send what is owed; give how many messages are still owed. One that fails keeps none of the others."""
        owed = [thread.key for thread in self.threads.all() if thread.owed]
        return sum(bool(self._deliver(key)) for key in owed)

    def _keep(self, notice: Notice) -> str:
        """Put down what a notice changes in the channel; give the key of the message that it concerns."""
        if notice.job == NO_JOB:
            says = f"{notice.title}: {notice.text}{self._day() if notice.id.startswith(DAILY) else ''}"
            self._put(f"notice {notice.id}", lambda old: old or self._new(f"notice {notice.id}", says=says))
            return f"notice {notice.id}"
        job = self.store.job(notice.job)
        if job is None:
            raise UpstreamError(f"there is no job {notice.job} yet", "Its notice is tried again")
        key = f"incident {job.plan.target.key}"
        kept = self._put(key, lambda old: self._with(old, key, job, notice))
        if kept.digest:
            self._put(kept.digest, lambda old: msgspec.structs.replace(old, owed=True) if old else self._new(kept.digest, rows=(key,)))
            return kept.digest
        return key

    def _day(self) -> str:
        """Say what a day brought: the incidents, by how the last job of each stands."""
        since = self.clock() - DAY
        recent = [thread for thread in self.threads.all() if thread.jobs and thread.last > since]
        states = Counter(job.state for thread in recent if (job := self.front(thread)) is not None)
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
        return f"\nIncidents of the last 24 hours: {told}. `ringfence jobs` lists them."

    def _with(self, old: Thread | None, key: str, job: Job, notice: Notice) -> Thread:
        now = self.clock()
        if old is None or (now - old.last > INCIDENT and not old.owed and job.id not in old.jobs):
            begun = self._new(key, jobs=(job.id,), digest=self._shared(key))
            return msgspec.structs.replace(begun, version=old.version if old else -1, mark=f"{key} {notice.id}", heard=(notice.id,))
        if notice.id in old.heard:
            return old
        step = Told(notice.id, cards.step_words(job, notice.state, notice.text, notice.time))
        jobs = tuple(dict.fromkeys((*old.jobs, job.id)))
        told = old.told if old.digest else (*old.told, step)[-KEPT:]
        return msgspec.structs.replace(old, jobs=jobs, told=told, owed=not old.digest, last=now, heard=(*old.heard, notice.id)[-HEARD:])

    def _new(self, key: str, *, jobs: tuple[str, ...] = (), digest: str = "", rows: tuple[str, ...] = (), says: str = "") -> Thread:
        now = self.clock()
        return Thread(key=key, version=-1, mark=key, begun=now, last=now, jobs=jobs, digest=digest, rows=rows, says=says, owed=not digest)

    def _shared(self, key: str) -> str:
        """Give the shared message in which a new incident stands; empty where it has its own."""
        since = self.clock() - WINDOW
        recent = [t for t in self.threads.all() if t.begun > since]
        if sum(t.key.startswith("incident ") and not t.digest for t in recent) < ALONE:
            return ""
        shared = sorted((t for t in recent if t.key.startswith("digest ")), key=lambda t: (t.begun, t.key))
        full = not shared or (len(shared[-1].rows) >= ROOM and len(shared) < SHARED)
        name = f"digest {self.clock():%Y%m%dT%H%M%S} {len(shared)}" if full else shared[-1].key

        def joined_by(old: Thread | None) -> Thread:
            if old is None:
                return self._new(name, rows=(key,))
            if key in old.rows:
                return old
            rows, more = (old.rows, old.more + 1) if len(old.rows) >= ROOM else ((*old.rows, key), old.more)
            return msgspec.structs.replace(old, rows=rows, more=more, owed=True)

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
            except UpstreamError as error:
                why = str(error)
            done = self._put(key, lambda old, sent=sent, seen=claimed, why=why: _released(old or seen, seen, sent, failed=bool(why)))  # type: ignore[misc]  # bound now
            if why or not done.owed:
                return why
        return ""

    def _send(self, thread: Thread, sent: "_Sent") -> None:
        """Post or replace the message, then tell the later steps; `sent` says how far that came."""
        if not thread.ref:
            found = self.chat.find(thread.mark, thread.begun) if thread.tried else None
            sent.ref = found or self.chat.post(self._message(thread), thread.mark)
        elif not thread.says:
            message = self._message(thread)
            if not isinstance(message, str):
                self.chat.update(thread.ref, message)
        for step in thread.told:
            if not (step.tried and self.chat.find(step.mark, thread.begun, sent.ref)):
                self.chat.post(step.text, step.mark, sent.ref)
            sent.told.add(step.mark)

    def _message(self, thread: Thread) -> Card | Digest | str:
        if thread.says:
            return "\n".join(inert(line, LONG) for line in thread.says.splitlines())
        if thread.rows:
            incidents = (self.threads.get(row) for row in thread.rows)
            fronts = (self.front(incident) for incident in incidents if incident)
            return cards.gathered(tuple(job for job in fronts if job), thread.more, self.clock())
        job = self.front(thread)
        return cards.card(job, self.settings, self.clock(), self._joined(job)) if job else f"{thread.key} is gone"

    def _joined(self, job: Job) -> int:
        last = self.store.slots(joins(job), 1)
        return last[0].number + 1 if last else 0

    def front(self, thread: Thread) -> Job | None:
        """Give the job of an incident that is shown: the question that is open, else the last one that was not asked together with others."""
        jobs = [job for one in thread.jobs if (job := self.store.job(one)) is not None]
        waiting = [job for job in jobs if job.state is JobState.PENDING]
        counted = [job for job in jobs if job.state is not JobState.CANCELLED]
        return next(reversed(waiting or counted or jobs), None)

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


def _released(old: Thread, seen: Thread, sent: _Sent, *, failed: bool) -> Thread:
    """Put down what was sent. What came on top meanwhile is still owed."""
    told = tuple(one for one in old.told if one.mark not in sent.told)
    return msgspec.structs.replace(
        old, ref=sent.ref or old.ref, told=told, busy=None, owed=failed or bool(told) or old.version != seen.version
    )
