"""The canary: a message that goes the whole way every quarter of an hour - rule, queue, `evaluate`, table, `respond`, `notify`.

It becomes a job without a step, one for each period, that ends as soon as it is carried out. `review` looks whether the canary of the
period before the last came through; where one did not, some link is broken and nobody would hear of it otherwise.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ringfence.domain.census import Census
from ringfence.domain.finding import Severity
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Plan
from ringfence.engine.commands import Process, ReadCensus, ReadJob, ReadTime, Send
from ringfence.engine.ids import job_id
from ringfence.engine.moves import UNTAKEN, open_job, stored
from ringfence.engine.records import decision
from ringfence.settings import Settings

CANARY = "canary"
SOURCE = "ringfence.canary"  # what the schedule's message says; anybody who can write to the queue can say so, and gains nothing
PERIOD = timedelta(minutes=15)
LATE = 2  # periods after which a canary should be through
REMEMBERED = 8  # periods: one of them heard means that the stack was there


def is_canary(raw: object) -> bool:
    """Whether a message is the schedule's."""
    return isinstance(raw, Mapping) and raw.get("source") == SOURCE


def heard(settings: Settings) -> Process[Job]:
    """Open this period's canary, if it is not there, and send it on."""
    now: datetime = yield ReadTime()
    nobody = Identity(kind=Kind.OUTSIDE, arn=CANARY, name=CANARY, account=settings.deployment.account)
    job = Job(
        id=_name(now),
        state=JobState.APPROVED,
        plan=Plan(target=nobody, affects=(), steps=(), config_hash=settings.config_hash),
        action_class=ActionClass.REVERSAL,
        guardrail=CANARY,
        severity=Severity.LOW,
        reason="a canary: is everything on the way from rule to notice alive?",
        event_key=SOURCE,
        actor=None,
        created=now,
        expires=now + PERIOD,
        due=now + UNTAKEN,
    )
    yield from open_job(job, decision(job, now, {}))
    current = yield from stored(job.id)
    if current.state is JobState.APPROVED:
        yield Send(current)
    return current


def missing() -> Process[str]:
    """Say which canary did not come through; empty where the last that should have did, or where the stack is too young."""
    now: datetime = yield ReadTime()
    expected = now - LATE * PERIOD
    job: Job | None = yield ReadJob(_name(expected))
    if job is not None:
        return "" if job.ended else f"the canary of {expected:%Y-%m-%d %H:%M} UTC was heard and is still {job.state}: does `respond` work?"
    census: Census | None = yield ReadCensus()
    lived = census is not None and now - census.taken > (LATE + 1) * PERIOD
    for back in range(1, REMEMBERED + 1):
        lived = lived or (yield ReadJob(_name(expected - back * PERIOD))) is not None
    said = f"no canary was heard at {expected:%Y-%m-%d %H:%M} UTC: do rule, queue and `evaluate` work?"
    return said if lived else ""


def _name(time: datetime) -> str:
    return job_id(CANARY, str(int(time.timestamp() // PERIOD.total_seconds())))
