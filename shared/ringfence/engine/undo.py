"""Undo: a job of the inverse steps, in reverse order, only of what the job itself changed.

Taking off our own containment is `respond`'s to do. Giving a permission back is not: the operator's own credentials make that call.
Three things are refused: a job whose trail does not bear it out, and, unless overridden with a reason that stays on record, what would
re-open a critical finding, and waking a credential while what was issued with it before may still be alive.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count

import msgspec
from msgspec import Struct

from ringfence.domain.caller import Caller
from ringfence.domain.finding import Severity
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Plan, Step
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.state import FactKind
from ringfence.engine.authority import authorise
from ringfence.engine.commands import Process, ReadJob, ReadRecords, ReadTime, Send
from ringfence.engine.ids import again_id, person, undo_id
from ringfence.engine.moves import OPERATORS, UNTAKEN, is_operators, open_job, stored
from ringfence.engine.records import decision, record
from ringfence.engine.trail.agree import problems
from ringfence.engine.verify import ROUNDS
from ringfence.errors import OverridableError, RefusedError
from ringfence.settings import Settings

# The longest that a session lives which a user's credential started (STS API Reference: GetSessionToken, GetFederationToken: 36 hours).
# Access tokens of a service account that was disabled are accepted again once it is enabled; they live for an hour, by an organisation policy
# up to twelve (IAM documentation, "Create short-lived credentials"). What a key has issued lives on whether the key works or not.
TOKENS_LIVE: Mapping[FactKind, timedelta] = {
    FactKind.ACCESS_KEY: timedelta(hours=36),
    FactKind.SERVICE_CREDENTIAL: timedelta(hours=36),
    FactKind.SSH_KEY: timedelta(hours=36),
    FactKind.CERTIFICATE: timedelta(hours=36),
    FactKind.SERVICE_ACCOUNT: timedelta(hours=12),
}


class _Past(Struct, frozen=True):
    """What the first intent of each step found, where that was not what was planned for (empty: nothing; None: as planned); the last outcome."""

    found: Mapping[tuple[int, int], str | None]
    last: datetime


def open_undo(of: str, by: Caller, settings: Settings, override: str = "") -> Process[Job]:
    """Open the undo of a job, or give the one that is open or done already. Raises RefusedError where there is nothing to undo.

    `by` is who the cloud says is calling, and has a say by the rules of a vote: whoever caused the event cannot take its answer back.
    `override` is the reason for undoing in spite of what would be refused; it does not help where the trail does not bear the job out.
    """
    job: Job | None = yield ReadJob(of)
    if job is None:
        raise RefusedError(f"there is no job {of}", "See `ringfence jobs`")
    if job.undo_of:
        raise RefusedError(f"job {of} is itself an undo", "What it took off comes back by a new finding, or by hand")
    chain = yield from _chain(job.again_of or of)
    authorise(job, by, settings)
    now: datetime = yield ReadTime()
    past = yield from _past(chain)
    undo, new = yield from _attempt(chain, by.name, now, past)
    if new:
        _check_reopening(undo, override)
        _check_tokens(undo, past.last, now, override)
    asked = record(undo, RecordKind.UNDO_REQUESTED, now, undo.reason, data={"of": undo.undo_of, "by": by.name, "override": override})
    yield from open_job(undo, decision(undo, now, {"undo_of": undo.undo_of}), asked)
    current = yield from stored(undo.id)
    if current.state is JobState.APPROVED and not is_operators(current):
        yield Send(current)
    return current


def _chain(root: str) -> Process[tuple[Job, ...]]:
    """Give a job and those that asserted it again; refuse where one has not ended, none changed anything, or the trail says otherwise."""
    chain: list[Job] = []
    for number in range(ROUNDS + 2):
        job: Job | None = yield ReadJob(again_id(root, number) if number else root)
        if job is None:
            continue
        if not job.ended:
            raise RefusedError(f"job {job.id} is still {job.state}", "Undo is for jobs that have ended")
        records: tuple[Record, ...] = yield ReadRecords(job.id)
        if wrong := problems([job], lambda _, found=records: found):  # type: ignore[misc]  # a default binds the loop's value
            raise RefusedError(f"the trail does not bear job {job.id} out: {wrong[0]}", "Somebody may have tampered with it: look at both")
        chain.append(job)
    if not any(job.changed for job in chain):
        raise RefusedError(f"job {root} ended as {chain[0].state} and changed nothing", "There is nothing to undo")
    return tuple(chain)


def _attempt(chain: tuple[Job, ...], by: str, now: datetime, past: _Past) -> Process[tuple[Job, bool]]:
    """Give the undo that counts - the first that has not ended without success -, and whether it is a new one."""
    job = chain[0]
    for number in count():
        earlier: Job | None = yield ReadJob(undo_id(job.id, number))
        if earlier is None:
            break
        if not earlier.ended or earlier.state is JobState.DONE:
            return earlier, False
    return _undo(chain, undo_id(job.id, number), by, now, past.found), True


def _past(chain: tuple[Job, ...]) -> Process[_Past]:
    """Read what a job and those that asserted it again did. What a later one found may be what somebody put in our act's place: it does not count."""
    found: dict[tuple[int, int], str | None] = {}
    last = chain[-1].created
    for job in chain:
        records: tuple[Record, ...] = yield ReadRecords(job.id)
        for said in records:
            if said.kind is RecordKind.INTENT:
                found.setdefault((said.step or 0, said.rung), said.data.get("found"))
            if said.kind is RecordKind.OUTCOME:
                last = max(last, said.time)
    return _Past(found, last)


def _undo(chain: tuple[Job, ...], made_id: str, by: str, now: datetime, found: Mapping[tuple[int, int], str | None]) -> Job:
    job = chain[0]
    places = {place for one in chain for place in one.changed}  # again-jobs have the same plan
    steps = tuple(_inverse(job.plan.rung(*place), found.get(place)) for place in sorted(places, reverse=True))
    operators = job.action_class is ActionClass.REVERSAL
    return Job(
        id=made_id,
        state=JobState.APPROVED,
        plan=Plan(target=job.plan.target, affects=job.plan.affects, steps=steps, config_hash=job.plan.config_hash),
        action_class=job.action_class,
        guardrail=job.guardrail,
        severity=job.severity,
        reason=f"undo of {job.id}, asked for by {by}",
        event_key=job.event_key,
        actor=by,
        created=now,
        expires=now,
        due=now + (OPERATORS if operators else UNTAKEN),
        undo_of=job.id,
        project=job.project,
        no_say=tuple(dict.fromkeys((*job.no_say, *([person(job.actor)] if job.actor else [])))),
    )


def _check_reopening(undo: Job, override: str) -> None:
    """Giving back what broke a critical guardrail needs a reason."""
    if is_operators(undo) and undo.severity is Severity.CRITICAL and not override:
        raise OverridableError(
            f"it would give back what {undo.guardrail} found critical", "If that is right, say why: `ringfence undo ID --override REASON`"
        )


def _check_tokens(undo: Job, last: datetime, now: datetime, override: str) -> None:
    """A credential that is woken brings back to life what was issued with it, once the deny is off."""
    wakes = [s for s in undo.plan.steps if s.fact.kind in TOKENS_LIVE and s.after == "Active"]
    until = last + max((TOKENS_LIVE[s.fact.kind] for s in wakes), default=timedelta())
    if wakes and not override and now < until:
        raise OverridableError(
            f"sessions issued with {wakes[0].fact.key} may be alive until {until:%Y-%m-%d %H:%M} UTC and would work again",
            "Wait until then, or say why not: `ringfence undo ID --override REASON`",
        )


def _inverse(step: Step, found: str | None) -> Step:
    """Turn a step round. A boundary that somebody set, or took off, between plan and call comes back, not the one that was planned for."""
    call, before = step.inverse, step.before
    if step.fact.kind is FactKind.BOUNDARY and found is not None:
        call, before = _boundary(step.call, found), found or None
    return Step(
        action=step.action,
        action_class=step.action_class,
        fact=step.fact,
        before=step.after,
        after=before,
        call=call,
        inverse=step.call,
    )


def _boundary(call: Call, arn: str) -> Call:
    """Give the call that sets a boundary, or takes it off where there was none, on whom another such call is about."""
    if arn:
        return msgspec.structs.replace(call, parameters={**call.parameters, "PermissionsBoundary": arn})
    named = {key: value for key, value in call.parameters.items() if key != "PermissionsBoundary"}
    return msgspec.structs.replace(call, operation=f"Delete{call.operation.removeprefix('Put')}", parameters=named)
