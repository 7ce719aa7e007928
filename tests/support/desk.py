"""Opening, deciding and undoing jobs in one line, at a desk whose clock stands still."""

from datetime import datetime

from ringfence.domain.caller import Caller
from ringfence.domain.job import Job
from ringfence.engine import approve as approving
from ringfence.engine import decide as deciding
from ringfence.engine import undo
from ringfence.engine.approve import Vote
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.judgement import Judgement
from ringfence.engine.ports import Queue, Store
from ringfence.settings import Settings


def decide(judgement: Judgement, settings: Settings, store: Store, queue: Queue, now: datetime) -> tuple[Job, ...]:
    return run_at_desk(deciding.decide(judgement, settings), Desk(store, queue, lambda: now))


def vote(job_id: str, voter: str, settings: Settings, store: Store, queue: Queue, now: datetime, *, approve: bool) -> Job:
    return run_at_desk(approving.vote(Vote(job=job_id, approve=approve), Caller(voter), settings), Desk(store, queue, lambda: now))


def open_undo(of: str, by: str, settings: Settings, store: Store, queue: Queue, now: datetime, override: str = "a test") -> Job:
    return run_at_desk(undo.open_undo(of, Caller(by), settings, override), Desk(store, queue, lambda: now))
