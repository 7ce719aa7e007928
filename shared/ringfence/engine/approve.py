"""Votes on pending jobs. The chat and the command line only carry the vote; here it is decided whether it counts."""

from datetime import datetime

from ringfence.domain.caller import Caller
from ringfence.domain.census import Census
from ringfence.domain.glob import matches
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.budget import Exhausted, claim, of_administrators
from ringfence.engine.commands import Process, ReadCensus, ReadJob, ReadTime, Send
from ringfence.engine.ids import person
from ringfence.engine.moves import UNTAKEN, commit, end, notice
from ringfence.engine.ports import Slot
from ringfence.engine.records import closed, record
from ringfence.errors import RefusedError
from ringfence.settings import Settings


def vote(job_id: str, voter: Caller, settings: Settings, *, approve: bool) -> Process[Job]:
    """Count a vote on a pending job; the vote and the new state are one transaction. Raises RefusedError where it does not count.

    `voter` is who the cloud says is calling. One person's approval is enough unless the configuration asks for two; one denial ends
    the job. Whoever caused the event, and whom the plan affects, have no vote. A deadline that has passed is a no.
    """
    job: Job | None = yield ReadJob(job_id)
    if job is None:
        raise RefusedError(f"there is no job {job_id}", "See `ringfence jobs`")
    if job.state is not JobState.PENDING:
        raise RefusedError(f"job {job_id} is {job.state}, not pending", "See `ringfence trail show " + job_id + "`")
    now: datetime = yield ReadTime()
    if now >= job.expires:
        yield from expire(job)
        raise RefusedError(f"job {job_id} expired at {job.expires:%Y-%m-%d %H:%M} UTC", "The next event of the kind asks anew")
    authorise(job, voter, settings)
    words = f"{'approved' if approve else 'denied'} by {voter.arn}"
    if not approve:
        decided = job.moved(JobState.DENIED, None)
    elif person(voter.arn) in job.approvals:
        raise RefusedError(f"{voter.arn} has approved already", "A second approval has to come from somebody else")
    else:
        approvals = (*job.approvals, person(voter.arn))
        enough = len(approvals) >= job.needs
        state, due = (JobState.APPROVED, now + UNTAKEN) if enough else (JobState.PENDING, job.expires)
        decided = job.moved(state, due, approvals=approvals)
    said = record(decided, RecordKind.APPROVAL_DECIDED, now, words, number=decided.version, data={"voter": voter.arn, "approve": approve})
    ends = (closed(decided, now, words),) if decided.ended else ()
    claims = yield from _one_administrator_stays(decided, now)
    yield from commit(decided, said, *ends, notice=notice(decided, now, words), claims=claims)
    if decided.state is JobState.APPROVED:
        yield Send(decided)
    return decided


def _one_administrator_stays(job: Job, now: datetime) -> Process[tuple[Slot, ...]]:
    """Nobody can approve that the account is left without an administrator."""
    if job.state is not JobState.APPROVED:
        return ()
    census: Census | None = yield ReadCensus()
    claimed = yield from claim(job, of_administrators(job, census), now)  # an old census is better than none
    if isinstance(claimed, Exhausted):
        raise RefusedError(f"job {job.id} cannot be approved: {claimed.reason}", "Make somebody else administrator first, or act by hand")
    return claimed


def expire(job: Job) -> Process[Job]:
    """End a pending job whose deadline has passed; people are told, since a question without an answer is no answer."""
    return (yield from end(job, JobState.EXPIRED, f"nobody decided until {job.expires:%Y-%m-%d %H:%M} UTC: expired means no"))


def authorise(job: Job, voter: Caller, settings: Settings) -> None:
    """Refuse whoever has no say in a job: who caused it, its target and whom else it affects, and a stranger where approvers are named."""
    if not voter.arn:
        raise RefusedError("the request carries no name", "Sign it with an identity of your own")
    if job.actor and person(job.actor) == person(voter.arn):
        raise RefusedError(f"{voter.arn} caused the event and has no say in it", "Ask somebody else")
    identity = Identity.from_arn(voter.arn)
    affected = {voter.unique_id, voter.arn.casefold()} & {job.plan.target.key, *job.plan.affects}
    if affected or (identity is not None and identity.same_as(job.plan.target)):
        raise RefusedError(f"{voter.arn} is affected by the plan and has no say in it", "Ask somebody else")
    if not may_approve(voter.arn, settings):
        raise RefusedError(f"{voter.arn} is no approver", "Approvers are named under `defaults.approval.approvers`")


def may_approve(name: str, settings: Settings) -> bool:
    """Whether somebody is an approver; where none are named, IAM alone decides who is heard."""
    identity = Identity.from_arn(name)
    return not settings.approvers or any(_is(approver, name, identity) for approver in settings.approvers)


def _is(approver: str, voter: str, identity: Identity | None) -> bool:
    named = Identity.from_arn(approver)
    same = named is not None and identity is not None and ":assumed-role/" not in approver and named.same_as(identity)
    return same or matches(approver, voter)
