"""Exemptions that people make at run time. The record is the exemption: nothing else is kept, so state and trail cannot disagree.

One is about one guardrail and one identity, by its unique id, with a reason and an end within a month; for longer, the configuration is the place.
"""

from datetime import UTC, date, datetime, time, timedelta

from ringfence.domain.caller import Caller
from ringfence.domain.job import Job
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.authority import authorise
from ringfence.engine.ports import Store
from ringfence.engine.questions import LATELY, series
from ringfence.engine.records import note
from ringfence.errors import RefusedError
from ringfence.settings import Exemption, Settings

LONGEST = timedelta(days=30)


def waive(store: Store, job: Job, by: Caller, settings: Settings, *, reason: str, until: date, now: datetime) -> Record:
    """Exempt what a job is about from its guardrail; raise RefusedError where that is nobody's to do, or without reason or end.

    Who may is decided as for a vote: whoever caused it, is affected or owns it exempts nothing - in any question about the same lately.
    """
    slots = store.slots(series(job), LATELY)
    related = (found for slot in slots if (found := store.job(slot.job)) is not None and found.guardrail == job.guardrail)
    for one in (job, *related):
        authorise(one, by, settings)
    unique_id = job.plan.target.unique_id
    end = datetime.combine(until, time.max, UTC)
    if unique_id is None:
        raise RefusedError(f"{job.plan.target.name} has no unique id that is known", "An exemption never goes by a name")
    if not reason.strip():
        raise RefusedError("an exemption needs a reason", "Say why")
    if not now < end <= now + LONGEST + timedelta(days=1):
        raise RefusedError(f"an exemption ends within {LONGEST.days} days (got {until})", "For longer, put it into the configuration")
    data = {
        "guardrail": job.guardrail,
        "project": job.project,
        "principal": unique_id,
        "reason": reason,
        "until": end.isoformat(),
        "by": by.name,
        "job": job.id,
    }
    said = f"{by.name} exempts {job.plan.target.arn} from {job.guardrail} until {until}: {reason}"
    made = note(RecordKind.EXEMPTION_GRANTED, f"{job.id}.{now:%Y%m%dT%H%M%S}", now, said, settings.config_hash, data)
    store.note(made)
    return made


def waived(store: Store) -> tuple[Exemption, ...]:
    """Give the exemptions that were made at run time, over or not."""
    return tuple(
        Exemption(
            guardrail=str(r.data["guardrail"]),
            project=str(r.data["project"]),
            principal=str(r.data["principal"]),
            reason=str(r.data["reason"]),
            until=datetime.fromisoformat(str(r.data["until"])),
        )
        for r in store.notes(RecordKind.EXEMPTION_GRANTED)
    )
