"""One incident of what a contained identity left behind: the list itself, and a question for each identity that has to be contained for it.

What a record tells of an identity is only a name: whoever bears it now is read, and is who is asked about. Keys come before users and roles,
and those before roles that were merely used; the oldest comes first: decoys made in the end do not take the first questions.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec import Struct

from ringfence.actions import ACTIONS, Impossible
from ringfence.domain.canonical import digest
from ringfence.domain.census import Census
from ringfence.domain.event import Actor, Event, Outcome, Source
from ringfence.domain.finding import Case, Finding, Severity, Workload, some_of
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job
from ringfence.domain.plan import When
from ringfence.domain.state import State
from ringfence.engine.commands import Process, ReadCensus, ReadState, ReadTime
from ringfence.engine.judgement import Judgement, Planned, PlannedStep
from ringfence.engine.ports import Absence, Wanted
from ringfence.engine.protect import any_protected
from ringfence.settings import DISCOVERED, Mode, Settings
from ringfence.sources.aws_persistence import Left

PERSISTENCE = "persistence-after-containment"
ANSWERS = {Kind.USER: "aws.iam.quarantine-user", Kind.ROLE: "aws.iam.quarantine-role"}
KEY_OFF = "aws.iam.deactivate-access-key"
LISTED = 30  # things in words
ACTION = {action.id: action for action in ACTIONS}
MARK = "persistence:"


def root_of(job: Job) -> str:
    """Give the job with which an incident began: what is done about its parts may lead to more of it."""
    source, _, name = job.event_key.partition(":")
    if source == Source.OTHER and name.startswith(MARK):
        return name.removeprefix(MARK).partition(":")[0]
    return job.again_of or job.id


def events_of(jobs: Iterable[Job]) -> frozenset[str]:
    """Give CloudTrail's ids of what some of an incident's jobs are about."""
    return frozenset(event for job in jobs for event in job.about)


class Incident(Struct, frozen=True):
    """What was left behind: the incident itself, and what each identity that somebody is asked about has to be contained for."""

    summary: Judgement
    groups: tuple[tuple[Left, ...], ...]


def incident(job: Job, root: Job, new: tuple[Left, ...], complete: bool, settings: Settings) -> Incident:  # noqa: FBT001 - a fact, no switch
    """Make one incident of all that was found. As many questions follow as one actor may cause; the rest is named, for a person."""
    target = job.plan.target
    event = Event(
        source=Source.OTHER,
        name=PERSISTENCE,
        id=f"{MARK}{root.id}:{digest([job.id, job.swept, [left.event for left in new]])[:16]}",
        time=None,
        since=root.since or root.created,
        account=target.account,
        partition=target.partition,
        actor=Actor(display=root.plan.target.arn, type="", identity=root.plan.target),
    )
    groups = _by_name(new, target)
    asked = tuple(tuple(group) for group in groups[: settings.max_open_questions_per_actor])
    whole = "" if complete else "; not everything could be looked at: look on in CloudTrail"
    if rest := groups[len(asked) :]:
        whole += f"; nobody is asked about {len(rest)} more identities, {_named(rest)}: a person has to look at them"
    reason = f"{target.name} was contained ({job.id}); before that {_listed(new) or 'nothing that was looked at'}{whole}"
    evidence = {"found": [msgspec.to_builtins(left) for left in new[:LISTED]], "all": len(new), "complete": complete}
    summary = Finding(guardrail=PERSISTENCE, severity=Severity.CRITICAL, identity=target, reason=reason, evidence=evidence)
    planned = [Planned(finding=summary, steps=(), remark="One incident: its questions follow; what none is asked about is a person's")]
    told = Judgement(event=event, outcome=Outcome.FINDING, reason=reason, identities=(target,), planned=tuple(planned))
    return Incident(told, asked)


def answered(group: tuple[Left, ...], job: Job, summary: Judgement, settings: Settings) -> Process[Judgement | None]:
    """Give the finding about one identity of an incident; None where there is nothing to contain any more."""
    planned = yield from _answer(group, job, summary.event, settings)
    if planned is None:
        return None
    finding = planned.finding
    return Judgement(
        event=summary.event, outcome=Outcome.FINDING, reason=finding.reason, identities=(finding.identity,), planned=(planned,)
    )


def _named(groups: list[list[Left]]) -> str:
    names = [next(left.identity.name for left in group if left.identity is not None) for group in groups[:LISTED]]
    return ", ".join(names) + (" and others" if len(groups) > LISTED else "")


def _listed(found: Iterable[Left]) -> str:
    counted = Counter(left.what for left in found)
    words = [f"{what} ({count} times)" if count > 1 else what for what, count in counted.items()]
    return some_of(words, LISTED)


def _by_name(found: Iterable[Left], target: Identity) -> list[list[Left]]:
    """Group what calls for an answer by whom it is about. The target itself is contained: of that, only new keys are left to switch off."""
    groups: dict[tuple[Kind, str], list[Left]] = {}
    for left in found:
        if left.identity is not None and (left.access_key or not left.identity.same_as(target)):
            groups.setdefault((left.identity.kind, left.identity.name.casefold()), []).append(left)
    return sorted(groups.values(), key=lambda group: (not any(g.access_key for g in group), all(g.assumed for g in group)))


def _answer(group: tuple[Left, ...], job: Job, event: Event, settings: Settings) -> Process[Planned | None]:
    """Plan for one identity: switch its new keys off where that is all, else contain it. None where it is gone, or all those keys are."""
    census: Census | None = yield ReadCensus()
    now: datetime = yield ReadTime()
    named = next(left.identity for left in group if left.identity is not None)
    keys = tuple(left.access_key for left in group if left.access_key)
    action = ACTION.get(KEY_OFF if len(keys) == len(group) else ANSWERS.get(named.kind, ""))
    state: State | Absence = yield ReadState(named, Wanted(action.reads if action else frozenset()))
    if isinstance(state, Absence):
        return None
    identity = state.identity
    made = {left.identity.unique_id for left in group if left.identity is not None}
    if None not in made and identity.unique_id not in made:
        return None  # who bears the name now is somebody else
    active = {c.id for c in state.credentials or () if c.status == "Active"}
    live = tuple(key for key in dict.fromkeys(keys) if key in active)
    if len(keys) == len(group) and not live:
        return None  # decoys that were deleted must not stand before a key that works
    finding = Finding(
        guardrail=PERSISTENCE,
        severity=Severity.CRITICAL,
        identity=identity,
        reason=f"{job.plan.target.name} was contained ({job.id}); before that {_listed(group)}",
        evidence={"access_key_ids": live},
        certain=False,
    )
    about = tuple(left.event for left in group)[:LISTED]
    if why := any_protected((identity,), settings, census):
        return Planned(finding=finding, steps=(), remark=f"out of reach: {why}", out_of_reach=True, about=about)
    case = Case(identity=identity, event=event, state=state, project=DISCOVERED, workload=Workload.UNKNOWN, settings=settings, now=now)
    steps = action.plan(case, finding) if action else Impossible(f"{identity.name} is a person's to look at")
    if isinstance(steps, Impossible):
        return Planned(finding=finding, steps=(), remark=steps.reason, about=about)
    when = When.NEVER if settings.mode_of(PERSISTENCE, DISCOVERED) is Mode.OBSERVE else When.ASK
    return Planned(finding=finding, steps=tuple(PlannedStep(step, when, identity, (identity,)) for step in steps), about=about)
