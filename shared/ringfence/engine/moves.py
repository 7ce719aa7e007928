"""How a job is moved: with its records, its notice and the time by which somebody has to look at it again, in one transaction.

Commit first, then send. What is sent is known to have arrived when the job has moved on; what has not moved by its `due` is sent again by
the sweep, and so is a notice without a receipt.
"""

from datetime import datetime, timedelta

from ringfence.domain.finding import Severity
from ringfence.domain.job import EDGES, Job, JobState
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.record import Record
from ringfence.domain.state import FACETS, Facet
from ringfence.engine.commands import Commit, Open, Process, ReadJob, ReadTime, Tell
from ringfence.engine.own_policies import resting_on
from ringfence.engine.ports import Exemption, Notice, Opened, Slot, Wanted
from ringfence.engine.records import closed
from ringfence.errors import RefusedError
from ringfence.settings import Deployment

UNTAKEN = timedelta(minutes=2)  # an approved job whose message was lost
LEASE = timedelta(minutes=7)  # a running job whose worker was lost: longer than the queue hides a message
LOOKS = (5, 30, 300)  # seconds after the last call at which a target is read again
SEARCH_AGAIN = timedelta(minutes=15)  # by then CloudTrail has told all (its User Guide: within 15 minutes, mostly 5)
OPERATORS = timedelta(hours=1)  # an undo that an operator carries out
# Somebody has to look now.
PAGES = frozenset({JobState.NOT_CONTAINED, JobState.PARTIAL, JobState.FAILED, JobState.UNSUPPORTED, JobState.EXPIRED, JobState.STOPPED})


def is_operators(job: Job) -> bool:
    """Whether a job gives a permission back: only an operator's own credentials may make its calls."""
    return job.undo_of is not None and job.action_class is ActionClass.REVERSAL


def stored(job_id: str) -> Process[Job]:
    """Read a job; RefusedError where there is none."""
    job: Job | None = yield ReadJob(job_id)
    if job is None:
        raise RefusedError(f"there is no job {job_id}", "A message carries a job's id, and only stored jobs are carried out")
    return job


def commit(
    job: Job, *records: Record, exemptions: tuple[Exemption, ...] = (), notice: Notice | None = None, claims: tuple[Slot, ...] = ()
) -> Process[Job]:
    """Put a job's next version, then tell people."""
    notices = () if notice is None else (notice,)
    yield Commit(job, records, exemptions, notices, claims)
    for told in notices:
        yield Tell(told)
    return job


def open_job(job: Job, *records: Record, notice: Notice | None = None, claims: tuple[Slot, ...] = ()) -> Process[Opened]:
    """Put a new job, then tell people; say what became of it."""
    notices = () if notice is None else (notice,)
    opened: Opened = yield Open(job, records, notices, claims)
    for told in notices if opened is Opened.NEW else ():
        yield Tell(told)
    return opened


def contains(job: Job) -> bool:
    """Whether a job contains somebody: it is asserted again when somebody reverts it, and what was left behind is looked for."""
    return job.action_class is ActionClass.CONTAINMENT and job.undo_of is None


def end(job: Job, state: JobState, reason: str, *records: Record) -> Process[Job]:
    """Bring a job to its end, with its one terminal record. Of a containment that was begun, what was left behind is still looked for."""
    now: datetime = yield ReadTime()
    begun = contains(job) and job.state in (JobState.RUNNING, JobState.VERIFYING) and state in EDGES.get(state, {})
    ended = job.moved(state, now + SEARCH_AGAIN, looks=len(LOOKS)) if begun else job.moved(state, None)
    return (yield from commit(ended, *records, closed(ended, now, reason), notice=notice(ended, now, reason)))


def notice(job: Job, now: datetime, text: str, *, page: bool = False) -> Notice:
    """Say what is told about a job as it stands; some states page by themselves."""
    return Notice(
        id=f"{job.id}.{job.version}",
        job=job.id,
        state=job.state,
        severity=job.severity,
        title=job.guardrail,
        text=text,
        time=now,
        page=page or job.state in PAGES or (job.state is JobState.FOR_A_PERSON and job.severity is Severity.CRITICAL),
        identity=job.plan.target.arn,
        opened=job.created,
    )


def wanted(steps: tuple[Step, ...], deployment: Deployment) -> Wanted:
    """Give what tells the facts of some steps, every rung included, and whether the policies that they rest on still deny."""
    facets = {facet for step in steps for rung in (step, *step.otherwise) for facet in FACETS[rung.fact.kind]}
    own = resting_on(steps, deployment)
    return Wanted(frozenset(facets | {Facet.DOCUMENTS} if own else facets), own)
