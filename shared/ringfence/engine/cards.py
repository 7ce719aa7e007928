"""From jobs to cards: what happened, why it matters, what will be done and undone, what may break, who decides, until when."""

from datetime import datetime, timedelta

from ringfence.actions import ACTIONS
from ringfence.domain.canonical import digest
from ringfence.domain.card import Button, Card, Digest, Line, Press, Row
from ringfence.domain.identity import Identity
from ringfence.domain.inert import hidden, inert, odd
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import Call, Step
from ringfence.engine.advice import by_hand
from ringfence.engine.approve import SHOWN
from ringfence.engine.authority import known, may_decide, reversible
from ringfence.engine.quiet import quiet_until, waits
from ringfence.guardrails import GUARDRAILS
from ringfence.settings import OnTimeout, Person, Settings

MANY = 8  # steps that are told one by one
ACTION = {action.id: action for action in ACTIONS}
GUARDRAIL = {guardrail.id: guardrail for guardrail in GUARDRAILS}
ENDED = "%Y-%m-%d %H:%M UTC"


def card(job: Job, settings: Settings, now: datetime, *, joined: int = 0, others: int = 0) -> Card:
    """Show a job as it stands; one that waits for a decision, with what it takes to decide."""
    open_ = job.state is JobState.PENDING
    guardrail = GUARDRAIL.get(job.guardrail)
    lines = [
        Line("State", _state(job, now)),
        Line("What happened", inert(job.reason, 600)),
        *([Line("Why it matters", guardrail.why)] if guardrail else []),
        Line("Identity", _identity(job.plan.target, settings)),
        *([Line("Caused by", inert(job.actor))] if job.actor else []),
        *([Line("Also", f"{joined} further findings ask for the same")] if joined else []),
        *([Line("Beside it", f"{others} more jobs about this identity: `ringfence jobs`")] if others else []),
        *(_steps(job) if job.plan.steps else [Line("To do", "by a person: see the state")]),
        *([Line("May break", "; ".join(inert(stake).rstrip(".") for stake in job.stakes[:MANY]))] if job.stakes and open_ else []),
        *(_deciding(job, settings) if open_ else []),
    ]
    return Card(
        title=f"{job.severity.upper()}: {inert(guardrail.title if guardrail else job.guardrail, 120)}",
        lines=tuple(lines),
        warnings=tuple(_warnings(job)),
        calls=calls(job, settings, now) if open_ else (),
        asks=tuple(p.chat[0] for p in owners(job, settings) if p.chat) if open_ else (),
        buttons=_buttons(job, settings, open_=open_),
        footer=f"job {job.id}, plan {job.plan.digest[:SHOWN]}, guardrail {inert(job.guardrail, 80)}",
    )


def details(job: Job, settings: Settings) -> Card:
    """Show the exact calls of a job's plan, and those that undo it. Documents stand in the trail; here is their digest."""
    lines = [Line("Identity", _identity(job.plan.target, settings))]
    for number, step in enumerate(job.plan.steps, 1):
        lines += [Line(f"Call {number}", command(step.call)), Line(f"Undone by {number}", command(step.inverse))]
        lines += [Line(f"Else {number}", command(rung.call)) for rung in step.otherwise]
    lines.append(Line("Outside the chat", f"ringfence approve {job.id} --plan {job.plan.digest[:SHOWN]}"))
    return Card(title=f"Details of job {job.id}", lines=tuple(lines), footer=f"plan {job.plan.digest}")


def step_words(job: Job, state: str, text: str, time: datetime) -> str:
    """Tell one later step of a job, for the thread under its message."""
    return f"{time:%H:%M:%S} UTC, job {job.id} is {state}: {inert(text, 500)}"


def gathered(jobs: tuple[Job, ...], more: int, settings: Settings, now: datetime) -> Digest:
    """Show many incidents in one message, each with a way to see it whole; who has to decide is called."""
    rows = [
        Row(
            f"{job.severity}: {inert(job.plan.target.name, 80)} - {inert(job.guardrail, 60)} - {job.state}"
            + (f" until {job.expires:%H:%M} UTC" if job.state is JobState.PENDING else ""),
            Button(Press.SHOW, "Show", value(job)),
        )
        for job in jobs
    ]
    waiting = sum(job.state is JobState.PENDING for job in jobs)
    rest = f" {more} more: `ringfence jobs`." if more else ""
    return Digest(
        title=f"{len(jobs) + more} identities at once, {waiting} wait for a decision",
        rows=tuple(rows),
        calls=tuple(dict.fromkeys(name for job in jobs if job.state is JobState.PENDING for name in calls(job, settings, now))),
        footer=f"So many came within a few minutes that they share a message.{rest} {now:{ENDED}}",
    )


def value(job: Job) -> str:
    """Give what a button carries: the job, and the beginning of the digest of the plan that is shown."""
    return f"{job.id} {job.plan.digest[:SHOWN]}"


def owners(job: Job, settings: Settings) -> tuple[Person, ...]:
    """Give the people whose identity it is, or who are behind what happened: they are asked whether it was them."""
    named = [p for p in settings.people if f"person {p.name}" in job.no_say]
    return tuple(named)


def command(call: Call) -> str:
    """Write a call as a command, with the digest of each document instead of the document."""
    short = {key: _short(key, given) for key, given in call.parameters.items()}
    return inert(by_hand(Call(call.service, call.operation, short, call.region)), 400)


def _short(key: str, given: object) -> object:
    if key.endswith("Document") or isinstance(given, (dict, list, tuple)):
        return f"(sha256 {digest(given)[:SHOWN]})"
    return hidden(given) if isinstance(given, str) else given  # before it is quoted for a shell


def _state(job: Job, now: datetime) -> str:
    if job.state is not JobState.PENDING:
        who = f", approved by {', '.join(inert(a.removeprefix('person '), 60) for a in job.approvals)}" if job.approvals else ""
        return f"{job.state}{who}"
    left = max(0, int((job.expires - now) / timedelta(minutes=1)))
    who = f" ({', '.join(inert(a.removeprefix('person '), 60) for a in job.approvals)})" if job.approvals else ""
    return f"waits for a decision: {len(job.approvals)} of {job.needs} approvals{who}, {left} minutes left"


def _identity(identity: Identity, settings: Settings) -> str:
    alias = settings.account_names.get(identity.account, "")
    account = f"{identity.account} ({inert(alias, 60)})" if alias else identity.account
    return f"{inert(identity.arn)}, unique id {inert(identity.unique_id or 'not known', 60)}, account {inert(account)}"


def _steps(job: Job) -> list[Line]:
    done = [_words(step) for step in job.plan.steps[:MANY]]
    undone = list(dict.fromkeys(ACTION[s.action].undo if s.action in ACTION else s.inverse.operation for s in job.plan.steps))
    more = f"; and {len(job.plan.steps) - MANY} more" if len(job.plan.steps) > MANY else ""
    by = f"ringfence undo {job.id}" + ("" if reversible(job) else ", with your own credentials")
    return [
        Line("Will be done" if job.state is JobState.PENDING else "Plan", "; ".join(done) + more),
        Line("Undo", f"{by}: {' '.join(undone)}"),
    ]


def _words(step: Step) -> str:
    """Tell what a step changes: what the identity may do before, and after."""
    action = ACTION.get(step.action)
    what = f"{step.call.operation} {inert(step.fact.key, 120)}"
    return f"{what} - {action.before}, then {action.after}" if action else what


def _deciding(job: Job, settings: Settings) -> list[Line]:
    names = [inert(p.name, 40) for p in settings.people if may_decide(p, job, settings)]
    who = f"{job.needs} of: {', '.join(names)}" if names else f"{job.needs} of whom IAM lets call the approve function"
    then = {OnTimeout.CONTAIN: "contained all the same" if reversible(job) and not waits(job.severity) else "no"}
    return [
        Line("Who may decide", who),
        Line("Until", f"{job.expires:{ENDED}}; without an answer: {then.get(settings.on_timeout, 'no, and somebody is paged')}"),
    ]


def _warnings(job: Job) -> list[str]:
    names = (job.plan.target.arn, job.actor or "", *(step.fact.key for step in job.plan.steps))
    strange = [name for name in names if odd(name)]
    return [f"Look twice: {inert(name, 120)} holds letters that only look like others, or cannot be seen" for name in strange[:3]]


def calls(job: Job, settings: Settings, now: datetime) -> tuple[str, ...]:
    """Name whom to call: who may decide; with each reminder one further of the escalation chain; in quiet hours all at once, or nobody."""
    quiet = quiet_until(now, settings.quiet_hours) is not None
    if quiet and waits(job.severity):
        return ()
    chain = settings.escalation if quiet or job.reminded > 1 else settings.escalation[: job.reminded]
    out = {*job.approvals, *job.no_say}
    called = [p for p in settings.people if f"person {p.name}" not in out and (may_decide(p, job, settings) or p.name in chain)]
    return tuple(dict.fromkeys(p.chat[0] for p in called if p.chat))


def _buttons(job: Job, settings: Settings, *, open_: bool) -> tuple[Button, ...]:
    named = value(job)
    titles = dict.fromkeys(ACTION[s.action].title if s.action in ACTION else s.call.operation for s in job.plan.steps)
    who = f"{inert(job.plan.target.name, 64)}, {inert(job.plan.target.unique_id or '', 40)}"
    sure = f"{len(job.plan.steps)} steps on {who}: {'; '.join(titles)}"
    deciding = (Button(Press.APPROVE, "Approve", named, confirm=sure), Button(Press.DENY, "Deny", named, danger=True)) if open_ else ()
    mine = (Button(Press.MINE, "Was it you?", named),) if owners(job, settings) else ()
    return (*deciding, *mine, Button(Press.DETAILS, "Details", named))


def is_owner(name: str, job: Job, settings: Settings) -> bool:
    """Whether somebody is asked whether it was them."""
    found = known(name, settings)
    return found is not None and found in owners(job, settings)
