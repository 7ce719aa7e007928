"""Budgets bound the blast radius: how many identities the product may touch by itself within a window.

There is one per account and class of action - reversals do not use up what containment needs -, one per guardrail, one per *actor*, so that
baits cannot buy freedom, and one per property of a target, so that two guardrails that contradict each other stop after three acts. And
one that no window refills: the administrators of the account, or of the Google Cloud project, less one. Acts are counted in numbered slots, each taken once, in the
transaction that opens the job: eight workers at a time cannot exceed a limit. Where a budget is used up the breaker is open: everything asks.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from ringfence.domain.census import Census
from ringfence.domain.finding import Severity
from ringfence.domain.identity import GOOGLE, Identity
from ringfence.domain.job import Job
from ringfence.domain.plan import ActionClass
from ringfence.domain.state import Fact
from ringfence.engine.commands import Process, ReadSlots
from ringfence.engine.ids import exemption_key, person
from ringfence.engine.ports import Slot
from ringfence.settings import Settings

HOUR = timedelta(hours=1)
FRESH = timedelta(hours=24)  # how old a census may be to say who is administrator
EVER = timedelta(days=365)
CONTRADICTIONS = 3


class Budget(Struct, frozen=True):
    """A limit on identities within a window, and what it means that it is used up, in words.

    `whom` names the identities where it counts them and not the acts: who was counted once counts no more.
    """

    name: str
    limit: int
    window: timedelta
    weight: int
    means: str
    whom: tuple[str, ...] = ()


class Exhausted(Struct, frozen=True):
    """The breaker is open, and why."""

    reason: str


def of_an_act(job: Job, settings: Settings, census: Census | None) -> tuple[Budget, ...]:
    """Give the budgets that an automatic act counts against."""
    weight, account = max(1, len(job.plan.affects)), job.plan.target.account
    per_hour = settings.max_auto_actions_per_hour
    who = because_of(job)
    facts = [
        Budget(
            f"fact:{exemption_key(job.plan.target, fact)}",
            CONTRADICTIONS,
            HOUR,
            1,
            f"{fact.kind} {fact.key} goes to and fro",
        )
        for fact in dict.fromkeys(step.fact for step in job.plan.steps)
    ]
    return (
        Budget(f"account:{account}:{job.action_class}", per_hour, HOUR, weight, f"{per_hour} identities an hour by {job.action_class}"),
        Budget(
            f"guardrail:{account}:{job.guardrail}",
            settings.max_auto_actions_per_guardrail,
            HOUR,
            weight,
            f"{settings.max_auto_actions_per_guardrail} identities an hour by {job.guardrail}",
        ),
        Budget(
            f"actor:{account}:{who}",
            settings.max_auto_actions_per_actor,
            HOUR,
            weight,
            f"{settings.max_auto_actions_per_actor} identities an hour because of {who}",
        ),
        *facts,
        *of_administrators(job, census),
    )


def of_administrators(job: Job, census: Census | None) -> tuple[Budget, ...]:
    """Give the budget of whoever acts on administrators, asked or not: one of them is always left. It is counted anew by each census."""
    if census is None:
        return ()
    target, name, place = job.plan.target, f"admins:{census.taken.isoformat()}", "the account"
    admins = census.admins
    if target.partition == GOOGLE:  # each project has owners of its own
        admins, name, place = census.admins_of.get(target.account, ()), f"{name}:{target.account}", f"the project {target.account}"
    hit = tuple(sorted({target.key, *job.plan.affects} & set(admins)))
    if not hit:
        return ()
    left = f"{place} would be left without an administrator that people can use"
    return (Budget(name, len(admins) - 1, EVER, len(hit), left, hit),)


def of_a_question(job: Job, settings: Settings) -> tuple[Budget, ...]:
    """Give the budget of a question: one actor cannot bury the approvers; the containment of something critical is not crowded out."""
    window = timedelta(minutes=settings.approval_timeout_minutes)
    who, limit = because_of(job), settings.max_open_questions_per_actor
    urgent = job.action_class is ActionClass.CONTAINMENT and job.severity is Severity.CRITICAL
    name = f"asks:{job.plan.target.account}:{'critical:' if urgent else ''}{who}"
    return (Budget(name, limit, window, 1, f"{limit} open questions because of {who}"),)


def heard(job: Job, now: datetime) -> Process[tuple[Slot, ...]]:
    """Give the slots that remember that something was heard about each property that a job is about: the census asks."""
    slots: list[Slot] = []
    for fact in dict.fromkeys(step.fact for step in job.plan.steps):
        name = heard_name(job.plan.target, fact)
        last: tuple[Slot, ...] = yield ReadSlots(name, 1)
        number = last[0].number + 1 if last else 0
        slots.append(Slot(name, number, 1, now, job.id))
    return tuple(slots)


def heard_name(target: Identity, fact: Fact) -> str:
    """Name the series that remembers what was heard about a property."""
    return f"heard:{exemption_key(target, fact)}"


def because_of(job: Job) -> str:
    """Name who is behind an act, for its budgets: the actor, or where nobody is named (GuardDuty does not always) the target itself."""
    return person(job.actor) if job.actor else f"what {job.plan.target.key} does"


def too_many(job: Job, settings: Settings, census: Census | None) -> str | None:
    """Say that a guardrail would find something about too large a share of the identities: it is the guardrail that is wrong, then."""
    if census is None or (found := census.matching.get(job.guardrail)) is None:
        return None
    limit = max(settings.max_blast_radius, census.identities * settings.max_guardrail_share_percent // 100)
    if found <= limit:
        return None
    return f"{job.guardrail} finds something about {found} of {census.identities} identities (at most {limit} are believed)"


def fresh(census: Census | None, now: datetime, target: Identity) -> Census | None:
    """Give the census while it is young enough to say who is administrator where a target is; of Google Cloud's, a project that it counted."""
    if census is None or now - census.taken >= FRESH:
        return None
    return None if target.partition == GOOGLE and target.account not in census.admins_of else census


def claim(job: Job, budgets: Iterable[Budget], now: datetime) -> Process[tuple[Slot, ...] | Exhausted]:
    """Give the slots that an act takes of each budget, or the reason why it may not act by itself."""
    slots: list[Slot] = []
    for budget in budgets:
        last: tuple[Slot, ...] = yield ReadSlots(budget.name, max(1, budget.limit))
        recent = [slot for slot in last if slot.time > now - budget.window]
        whom = tuple(one for one in budget.whom if not any(one in slot.whom for slot in recent))
        weight = len(whom) if budget.whom else budget.weight
        used = sum(slot.weight for slot in recent)
        if used + weight > budget.limit:
            return Exhausted(f"the breaker is open: {budget.means} ({used} used, {weight} more wanted)")
        if weight:
            slots.append(Slot(budget.name, last[0].number + 1 if last else 0, weight, now, job.id, whom))
    return tuple(slots)
