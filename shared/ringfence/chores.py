"""What `review` does every minute on every cloud, beside what the engine's sweep says. Imported by it alone."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from ringfence.domain.canonical import digest
from ringfence.domain.event import Event, Outcome, Source
from ringfence.domain.record import RecordKind
from ringfence.edge import Log, named, read_event
from ringfence.engine.commands import DeskPorts, run_at_desk
from ringfence.engine.decide import decide
from ringfence.engine.judgement import Judgement
from ringfence.engine.ports import JobMessage, Notice, Store
from ringfence.engine.records import loaded, lost
from ringfence.engine.sweep import undelivered
from ringfence.errors import ConflictError, RefusedError, RingfenceError, UpstreamError
from ringfence.settings import Settings
from ringfence.sources import normalise

UNSEALED = timedelta(minutes=10)


def each_chore(chores: Mapping[str, Callable[[], int]], counted: Callable[[str, int], None], log: Log) -> dict[str, int]:
    """Do every chore, whatever becomes of the others; raise in the end where one failed, so that the failure shows as the function's."""
    done: dict[str, int] = {}
    failed: list[str] = []
    for name, chore in chores.items():
        try:
            done[name] = chore()
            counted(name, done[name])
        except Exception:  # the function's edge: one chore that fails must not keep the others from being done
            log.exception("chore failed", chore=name)
            counted(f"{name}Failed", 1)
            failed.append(name)
    if failed:
        raise UpstreamError(f"not everything could be done: {', '.join(failed)} failed, {done} done", "See the log above")
    return done


def one_by_one[T](things: Iterable[T], do: Callable[[T], object], log: Log) -> int:
    """Work through things, whatever becomes of the others; give how many were done."""
    count = 0
    for thing in things:
        try:
            do(thing)
        except RingfenceError as error:  # somebody else was faster, or the next minute will do
            log.warning("left for the next minute", reason=str(error))
        else:
            count += 1
    return count


def bury(body: str, desk: DeskPorts, settings: Settings, log: Log) -> None:
    """Bring a dead letter to a record: a job that could not be carried on, a notice that reached nobody, or an event that could not be judged.

    Raises UpstreamError or ConflictError where the table does not take the record; then the letter must not be deleted.
    """
    try:
        _bury(body, desk, settings, log)
    except (UpstreamError, ConflictError):
        raise
    except Exception:  # the function's edge: whatever killed the function that read it must not kill this one too
        log.exception("a dead letter that cannot be read")
        event = Event(source=Source.OTHER, name="dead letter", id=f"dead:{digest(body)}", time=None)
        why = "its message failed every time, and cannot be read even now: the digest of its body is in the event's id"
        run_at_desk(decide(Judgement(event=event, outcome=Outcome.UNSUPPORTED, reason=why), settings), desk)


def _bury(body: str, desk: DeskPorts, settings: Settings, log: Log) -> None:
    why = "its message failed every time and is dead: see the log of the function"
    if (message := _read(body, JobMessage)) is not None:
        try:
            run_at_desk(undelivered(message, why), desk)
        except RefusedError as error:
            log.warning("a dead letter about no job", reason=str(error))
    elif (told := _read(body, Notice)) is not None:  # another notice would go the way on which this one was lost: the log pages
        log.warning("a notice for people was lost", notice=msgspec.to_builtins(told))
        desk.store.note(lost(told, desk.clock(), settings.config_hash))
    else:
        for event in named(normalise(read_event(body)), body):
            judged = Judgement(event=event, outcome=Outcome.UNSUPPORTED, reason=why, identities=(event.subject,) if event.subject else ())
            run_at_desk(decide(judged, settings), desk)


def _read[T](body: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        return None


def announce(store: Store, settings: Settings, now: datetime) -> int:
    """Put on record which configuration and which code are at work, where that is another pair than the last one; give how many records that makes."""
    last = next(reversed(store.notes(RecordKind.CONFIG_LOADED)), None)
    pair = (settings.config_hash, settings.code_hash)
    if last is not None and (last.config_hash, last.data.get("code_hash")) == pair:
        return 0
    about = {"mode": settings.mode, "projects": [p.name for p in settings.projects], "full_powers": settings.deployment.full_powers}
    store.note(loaded(*pair, now, {**about, "code_hash": settings.code_hash}))
    return 1


def sealing(store: Store, now: datetime) -> int:
    """Look whether records get their numbers; raise where one waits for too long, whatever `seal` itself says."""
    since = store.waiting()
    if since is not None and now - since > UNSEALED:
        raise UpstreamError(f"a record waits for its number since {since:%Y-%m-%d %H:%M} UTC", "See the log of seal, and docs/runbook.md")
    return 1
