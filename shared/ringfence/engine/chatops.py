"""What people ask for in a chat, answered under the same rules as anywhere else: `authority` says who may, and each click counts once.

From here nothing is given back to anybody: undo lifts our own containment; for the rest the answer is the command to run.
"""

from collections.abc import Mapping
from datetime import date

import msgspec
from msgspec import Struct

from ringfence.domain.caller import Caller
from ringfence.domain.card import Card, Field, Form, Press
from ringfence.domain.inert import inert
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass
from ringfence.domain.record import RecordKind
from ringfence.engine import cards
from ringfence.engine.approve import Vote, vote
from ringfence.engine.chat import Threads
from ringfence.engine.commands import DeskPorts, run_at_desk
from ringfence.engine.moves import is_operators, notice
from ringfence.engine.ports import Notice
from ringfence.engine.records import record
from ringfence.engine.shown import DAY, Shown
from ringfence.engine.switch import news, turn
from ringfence.engine.undo import open_undo
from ringfence.engine.waive import LONGEST, waive
from ringfence.errors import OverridableError, RefusedError, RingfenceError
from ringfence.settings import Settings

HELP = "status | stop | resume | undo JOB | exempt JOB"
REASON = Field("reason", "Why", "Stays on record.")
LISTED = 10  # incidents that the status looks at, the latest
WORDS = 300  # characters of what somebody writes
SEEN = "This was received already; once is enough."


class Asked(Struct, frozen=True, kw_only=True):
    """One request, authenticated: what, by whom, about which job and plan, and what is taken so that it counts once."""

    press: Press | None  # None: words that are none
    who: Caller
    job: str = ""
    shown: str = ""
    once: str
    trigger: str = ""  # lets a form be opened
    reply_to: str = ""
    fields: Mapping[str, str] = {}
    form: bool = False  # a form that was filled in
    typed: bool = False  # a command


type Answer = str | Card | Form


def answer(asked: Asked, desk: DeskPorts, threads: Threads, settings: Settings) -> Answer:
    """Do what is asked, and say what became of it. Raises RefusedError with the reason where it is not done."""
    match asked.press:
        case None:
            return HELP
        case Press.STATUS:
            return _status(desk, threads, settings)
        case Press.STOP | Press.RESUME as press:
            turned = turn(desk.store, asked.who, settings, desk.clock(), stopped=press is Press.STOP)
            desk.queue.notice(news(turned))
            return f"{'stopped' if turned.stopped else 'running'}, by {inert(turned.by)}"
        case _:
            return _about_a_job(asked, desk, settings)


def _about_a_job(asked: Asked, desk: DeskPorts, settings: Settings) -> Answer:
    job = desk.store.job(asked.job) if asked.job else None
    if job is None:
        raise RefusedError(f"there is no job {inert(asked.job, 40) or '(none named)'}", f"Use: {HELP}")
    match asked.press:
        case Press.SHOW:
            return cards.card(job, settings, desk.clock())
        case Press.DETAILS:
            return cards.details(job, settings)
        case Press.APPROVE:
            return _voted(asked, desk, settings, approve=True)
        case Press.DENY:
            return _voted(asked, desk, settings, approve=False) if asked.form else _why_not(job, asked)
        case Press.MINE:
            return _mine(job, asked, desk, settings)
        case Press.UNDO:
            return _undone(job, asked, desk, settings)
        case _:
            return _exempted(job, asked, desk, settings)


def _voted(asked: Asked, desk: DeskPorts, settings: Settings, *, approve: bool) -> str:
    if not asked.shown:
        raise RefusedError("the vote does not say which plan was shown", "Press the button of the message")
    pending = desk.store.job(asked.job)
    if approve and pending is not None and len(pending.plan.steps) > cards.MANY:
        hint = f"Look at Details, then run `ringfence approve {asked.job} --plan {asked.shown}`"
        raise RefusedError(f"a plan of {len(pending.plan.steps)} steps is more than a message shows", hint)
    wish = Vote(job=asked.job, approve=approve, shown=asked.shown, reason=_words(asked, "reason"))
    job = run_at_desk(vote(wish, asked.who, settings), desk)
    more = f": {job.needs - len(job.approvals)} more have to approve" if job.state is JobState.PENDING else ""
    return f"job {job.id} is {job.state}{more}"


def _why_not(job: Job, asked: Asked) -> Form:
    says = f"Nothing is done about {inert(job.plan.target.name, 80)}. One denial ends the question."
    return Form(press=Press.DENY, title="Deny", send="Deny", about=f"{job.id} {asked.shown}", says=says, fields=(REASON,))


def _mine(job: Job, asked: Asked, desk: DeskPorts, settings: Settings) -> Answer:
    """Was it them? What they answer decides nothing: it stands in the trail, and those who decide see it."""
    if not cards.is_owner(asked.who.name, job, settings):
        raise RefusedError("this asks the owner of the identity, and who is behind what happened", "Decide with Approve or Deny")
    if not asked.form:
        choices = (("no", "No, it was not me"), ("yes", "Yes, it was me"))
        fields = (Field("mine", "Was it you?", choices=choices), Field("reason", "What was it about?", "Those who decide see it."))
        return Form(
            press=Press.MINE,
            title="Was it you?",
            send="Answer",
            about=f"{job.id} {asked.shown}",
            says=inert(job.reason, 400),
            fields=fields,
        )
    now = desk.clock()
    mine = "it was me" if asked.fields.get("mine") == "yes" else "it was NOT me"
    said = f"{asked.who.name} says: {mine}{f' - {words}' if (words := _words(asked, 'reason')) else ''}"
    number = int(now.timestamp())
    desk.store.note(
        record(job, RecordKind.OWNER_ANSWERED, now, said, number=number, data={"by": asked.who.name, "mine": mine == "it was me"})
    )
    told = notice(job, now, said, page=mine != "it was me")
    desk.queue.notice(_named(told, f"{job.id}.owner.{number}"))
    return f"thank you, those who decide see it: {mine}"


def _undone(job: Job, asked: Asked, desk: DeskPorts, settings: Settings) -> Answer:
    if job.action_class is not ActionClass.CONTAINMENT or job.undo_of:
        raise RefusedError("that would give something back, which nobody does from a chat", f"Run `ringfence undo {job.id}`")
    try:
        undo = run_at_desk(open_undo(job.id, asked.who, settings, _words(asked, "reason")), desk)
    except OverridableError as error:
        if asked.form:
            raise
        return Form(
            press=Press.UNDO, title="Undo all the same?", send="Undo", about=f"{job.id} ", says=inert(error.problem, 400), fields=(REASON,)
        )
    if is_operators(undo):  # never: a containment's undo is ours; should it be, nothing was called yet
        raise RefusedError("only an operator can carry this undo out", f"Run `ringfence undo {job.id}`")
    return f"undo {undo.id} of job {job.id} is {undo.state}"


def _exempted(job: Job, asked: Asked, desk: DeskPorts, settings: Settings) -> Answer:
    if not asked.form:
        says = f"{inert(job.plan.target.name, 80)} ({inert(job.plan.target.unique_id or '')}) is not judged by {inert(job.guardrail, 80)} until then."
        fields = (REASON, Field("until", "Last day (UTC)", f"At most {LONGEST.days} days ahead.", day=True))
        return Form(press=Press.EXEMPT, title="Exempt", send="Exempt", about=f"{job.id} ", says=says, fields=fields)
    try:
        until = date.fromisoformat(asked.fields.get("until", ""))
    except ValueError as error:
        raise RefusedError("the exemption has no last day", "Choose one") from error
    made = waive(desk.store, job, asked.who, settings, reason=_words(asked, "reason"), until=until, now=desk.clock())
    desk.queue.notice(_named(notice(job, made.time, made.reason), made.id))
    return inert(made.reason, 400)


def _status(desk: DeskPorts, threads: Threads, settings: Settings) -> str:
    switch = desk.store.switch()
    running = f"stopped by {inert(switch.by)} at {switch.time:%Y-%m-%d %H:%M} UTC" if switch and switch.stopped else "running"
    seen = threads.all()
    shown = Shown(settings, desk.store, threads, desk.clock)
    recent = sorted((t for t in seen if t.jobs and desk.clock() - t.last < DAY), key=lambda t: t.last, reverse=True)[:LISTED]
    jobs = [job for t in recent if (job := shown.front(t)[0]) is not None and job.state is JobState.PENDING]
    owed = sum(t.owed for t in seen)
    late = f"; {owed} messages are not in the channel yet" if owed else ""
    listed = ", ".join(f"{job.id} ({inert(job.plan.target.name, 40)}, until {job.expires:%H:%M} UTC)" for job in jobs)
    return f"{running}, mode {settings.mode}; {len(jobs)} wait for a decision{f': {listed}' if listed else ''}{late}"


def _words(asked: Asked, field: str) -> str:
    return inert(asked.fields.get(field, "").strip(), WORDS)


def _named(told: Notice, name: str) -> Notice:
    return msgspec.structs.replace(told, id=name)


def refused(error: RingfenceError) -> str:
    """Say in a chat why something was not done."""
    return inert(str(error), 600)
