"""Votes on pending jobs. The chat and the command line only carry the vote; here it is decided whether it counts."""

from datetime import datetime

from ringfence.domain.glob import any_match
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.ports import Notice, Queue, Store
from ringfence.engine.trail import closed, record
from ringfence.errors import RefusedError
from ringfence.settings import Settings


def vote(job_id: str, voter: str, settings: Settings, store: Store, queue: Queue, now: datetime, *, approve: bool) -> Job:
    """Decide a pending job; the vote and the new state are one transaction. Raises RefusedError where the vote does not count.

    `voter` is who the cloud says is calling. One person's approval is enough for reversible steps; whoever caused the event, and
    the target itself, have no vote. A deadline that has passed is a no.
    """
    job = store.job(job_id)
    if job is None:
        raise RefusedError(f"there is no job {job_id}", "See `ringfence jobs`")
    if job.state is not JobState.PENDING:
        raise RefusedError(f"job {job_id} is {job.state}, not pending", "See `ringfence trail show " + job_id + "`")
    if now >= job.expires:
        expired = job.moved(JobState.EXPIRED)
        store.advance(expired, [closed(expired, now, f"nobody decided until {job.expires:%Y-%m-%d %H:%M} UTC: expired means no")])
        raise RefusedError(f"job {job_id} expired at {job.expires:%Y-%m-%d %H:%M} UTC", "The next event of the kind asks anew")
    _authorise(job, voter, settings)
    decided = job.moved(JobState.APPROVED if approve else JobState.DENIED)
    words = "approved" if approve else "denied"
    records = [record(decided, RecordKind.APPROVAL_DECIDED, now, f"{words} by {voter}", data={"voter": voter, "approve": approve})]
    if decided.ended:
        records.append(closed(decided, now, f"denied by {voter}"))
    store.advance(decided, records)
    if approve:
        queue.jobs(decided)
    queue.notice(Notice(job=job.id, state=decided.state, severity=job.severity, title=job.guardrail, text=f"{words} by {voter}"))
    return decided


def _authorise(job: Job, voter: str, settings: Settings) -> None:
    """Refuse whoever has no vote. A session votes as itself and as its role: neither may be the actor, the target, or a stranger."""
    if not voter:
        raise RefusedError("the vote carries no voter", "Sign the request with an identity of your own")
    identity = Identity.from_arn(voter)
    names = {voter} if identity is None else {voter, identity.arn}
    if job.actor in names:
        raise RefusedError(f"{voter} caused the event and has no vote on it", "Ask somebody else")
    target = job.plan.target
    if identity is not None and (identity.kind, identity.name.casefold(), identity.account) == (
        target.kind,
        target.name.casefold(),
        target.account,
    ):
        raise RefusedError(f"{voter} is the target of the plan and has no vote on it", "Ask somebody else")
    if settings.approvers and not any_match(settings.approvers, *names):
        raise RefusedError(f"{voter} is no approver", "Approvers are named under `defaults.approval.approvers`")
