"""What a message of the channel shows: the job of an incident that matters now, or many incidents, the gravest first."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from ringfence.domain.card import Card, Digest
from ringfence.domain.inert import inert
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass
from ringfence.engine import cards
from ringfence.engine.chat import Thread, Threads
from ringfence.engine.ports import Store
from ringfence.engine.questions import LATELY, joins, series_of
from ringfence.settings import Settings

ROOM = 24  # incidents that a shared message shows: what Slack takes, with names as long as IAM's
LONG = 3000
DAY = timedelta(days=1)
WRONG = (JobState.NOT_CONTAINED, JobState.PARTIAL, JobState.FAILED, JobState.STOPPED, JobState.EXPIRED)


class Shown(Struct, frozen=True):
    """Lays out messages as things stand."""

    settings: Settings
    store: Store
    threads: Threads
    clock: Callable[[], datetime]

    def message(self, thread: Thread) -> Card | Digest | str:
        """Give what a message should say now."""
        if thread.says:
            return "\n".join(inert(line, LONG) for line in thread.says.splitlines())
        if thread.rows:
            return self._gathered(thread)
        job, others = self.front(thread)
        return cards.card(job, self.settings, self.clock(), joined=self._joined(job), others=others) if job else f"{thread.key} is gone"

    def front(self, thread: Thread) -> tuple[Job | None, int]:
        """Give the job of an incident that is shown, and how many others there are.

        The open question goes first, a containment before a reversal; then what went wrong; then the gravest; then the latest.
        """
        asked = [slot.job for slot in self.store.slots(series_of(thread.key.removeprefix(INCIDENT)), LATELY)]
        named = dict.fromkeys((*thread.jobs, *reversed(asked)))
        jobs = [job for one in named if (job := self.store.job(one)) is not None]
        counted = [job for job in jobs if job.state is not JobState.CANCELLED] or jobs
        if not counted:
            return None, 0
        return max(enumerate(counted), key=lambda one: (*_weight(one[1]), one[0]))[1], len(counted) - 1

    def _gathered(self, thread: Thread) -> Digest:
        incidents = (self.threads.get(row) for row in thread.rows)
        fronts = [job for incident in incidents if incident and (job := self.front(incident)[0])]
        fronts.sort(key=_weight, reverse=True)
        return cards.gathered(tuple(fronts[:ROOM]), len(thread.rows) - min(len(fronts), ROOM), self.settings, self.clock())

    def day(self) -> str:
        """Say what a day brought: the incidents, by how each stands."""
        since = self.clock() - DAY
        recent = [thread for thread in self.threads.all() if thread.jobs and thread.last > since]
        states = Counter(job.state for thread in recent if (job := self.front(thread)[0]) is not None)
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
        return f"\nIncidents of the last 24 hours: {told}. `ringfence jobs` lists them."

    def _joined(self, job: Job) -> int:
        last = self.store.slots(joins(job), 1)
        return last[0].number + 1 if last else 0


INCIDENT = "incident "  # begins the key of an incident's message; the target's key ends it


def _weight(job: Job) -> tuple[bool, bool, bool, int]:
    pending = job.state is JobState.PENDING
    return pending, pending and job.action_class is ActionClass.CONTAINMENT, job.state in WRONG, job.severity.rank
