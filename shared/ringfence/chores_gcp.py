"""What `review` does on Google Cloud besides: the census, the look for access that nobody uses, and the canary. Imported by it alone."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ringfence.chores import bury
from ringfence.clouds.gcp import recommender
from ringfence.clouds.gcp.reader import GoogleReader
from ringfence.clouds.gcp.session import FORBIDDEN, ApiError
from ringfence.clouds.gcp.store import FirestoreStore
from ringfence.domain.binding import Binding
from ringfence.domain.finding import some_of
from ringfence.domain.glob import any_match
from ringfence.domain.identity import Identity
from ringfence.domain.state import Facet, State
from ringfence.edge import Log, read_event
from ringfence.engine import census_gcp
from ringfence.engine.canary import missing
from ringfence.engine.census import due
from ringfence.engine.commands import DeskPorts, run_at_desk
from ringfence.engine.hear import hear
from ringfence.engine.ports import Store, Wanted
from ringfence.engine.search import searches, unsearched
from ringfence.errors import UpstreamError
from ringfence.hearing import Wired, hear_message
from ringfence.settings import Settings
from ringfence.sources import normalise

CENSUS_AGE = timedelta(hours=6)
LOOKS_AGE = timedelta(days=1)  # Google itself counts anew once a day
SAID = 10  # failures that are named: the log has all
NOT_BUILT = "what was done on Google Cloud before a containment is not searched for by this version"


def census_if_due(store: Store, reader: GoogleReader, settings: Settings, now: datetime, log: Log) -> int:
    """Take a census of the declared projects where it is time; give how many were taken.

    Where no project is declared none is kept: who is administrator is not known then. Raises UpstreamError where a project that is declared by its
    name cannot be read, or where nothing could be counted. One that only matches a pattern and may not be read is not counted, and so not known.
    """
    previous = store.census()
    declared = tuple(dict.fromkeys(name for project in settings.projects for name in project.gcp_projects))
    if not declared or not due(previous, settings, now, CENSUS_AGE):
        return 0
    policies: dict[str, tuple[Binding, ...]] = {}
    accounts: list[State] = []
    for name, certain in _projects(reader, declared).items():
        try:
            held, known = _bindings(reader, name), tuple(reader.accounts(name))
        except UpstreamError as error:
            if certain or not _out_of_reach(error):
                raise
            log.warning("a project that matches a pattern of the configuration is not counted", project=name, reason=str(error))
            continue
        policies[name] = held
        accounts += known
    if not policies:
        raise UpstreamError(f"none of the projects {', '.join(declared)} can be counted", "Look at `projects` in the configuration")
    store.keep(census_gcp.take(policies, accounts, settings, previous, now))
    return 1


def excess_if_due(wired: Wired, log: Log) -> int:
    """Judge what Google says of access that nobody uses, once a day after a census; give how many records there were.

    Raises UpstreamError in the end, naming what could not be had or judged - an API that is not enabled, say. What came from the others is judged
    all the same, and the next day looks again.
    """
    store, now = wired.desk().store, wired.now()
    census = store.census()
    if census is None or (census.looked is not None and now - census.looked < LOOKS_AGE):
        return 0
    store.keep(msgspec.structs.replace(census, looked=now))  # first: what fails is not asked for again every minute
    count, failed = 0, list[str]()
    for project in _in_turn(tuple(census.admins_of), now):
        for kind in recommender.LISTS:
            try:
                for reply in recommender.told(kind, project):
                    count += _excess(reply, wired, failed, log)
            except UpstreamError as error:
                log.warning("access that nobody uses cannot be looked for", project=project, kind=kind, reason=str(error))
                failed.append(error.problem)
    if failed:
        more = f"; and {len(failed) - SAID} more" if len(failed) > SAID else ""
        raise UpstreamError(
            f"access that nobody uses was not looked for everywhere, {count} records were judged: {'; '.join(failed[:SAID])}{more}",
            "Enable both APIs (docs/google-cloud.md); the next day looks again",
        )
    return count


def _excess(reply: Mapping[str, Any], wired: Wired, failed: list[str], log: Log) -> int:
    """Judge the records of one reply, whatever becomes of the others; give how many could be."""
    count = 0
    for event in normalise(reply):
        try:
            judgement = wired.evaluator().judge(event, wired.now())
            jobs = run_at_desk(hear(judgement, wired.evaluator(), wired.settings()), wired.desk())
        except UpstreamError as error:
            log.warning("a record cannot be judged", event_id=event.id, reason=str(error))
            failed.append(error.problem)
            continue
        if jobs:
            log.info("decided", event_id=event.id, jobs={job.id: job.state for job in jobs})
        count += 1
    return count


def lay_to_rest(body: str, wired: Wired, log: Log) -> None:
    """Bring a dead letter to its end. An event is judged once more before it is given up: an outage may be over by now.

    Raises what `bury` raises; then the letter must come again.
    """
    try:
        if any(event.set_aside is None for event in normalise(read_event(body))):
            hear_message(body, wired, lambda name: log.info("counted", metric=name), log)
            return
    except Exception:  # the function's edge: whatever it is that fails every time, the letter still has to come to its end
        log.exception("a dead event cannot be judged even now")
    bury(body, wired.desk(), wired.settings(), log)


def readable(store: FirestoreStore, now: datetime) -> int:
    """Look whether what the sweep works off can be read; raise, naming the documents, where some cannot: nobody carries those on."""
    if torn := store.unreadable(now):
        raise UpstreamError(f"what waits in {some_of(torn, SAID)} cannot be read", "Find out who wrote it: see docs/runbook.md")
    return 1


def listen(desk: DeskPorts) -> int:
    """Look whether the last canary came through; raise where it did not, so that it shows as the function's failure."""
    if said := run_at_desk(missing(), desk):
        raise UpstreamError(said, "Ringfence is deaf or mute until this is mended")
    return 1


def unsearched_all(desk: DeskPorts) -> int:
    """Say of each containment, in its time, that what the identity did before is for a person to look at in the audit logs."""
    found = run_at_desk(searches(), desk)
    for job in found:
        run_at_desk(unsearched(job.id, NOT_BUILT), desk)
    return len(found)


def _projects(reader: GoogleReader, declared: Iterable[str]) -> dict[str, bool]:
    """Give each declared project, and whether it is declared by its name: patterns stand for what a search gives."""
    patterns = tuple(name for name in declared if "*" in name or "?" in name)
    named = {name: True for name in declared if name not in patterns}
    matched = {name: False for name in reader.projects() if any_match(patterns, name)} if patterns else {}
    return {**named, **{name: False for name in matched if name not in named}}


def _in_turn(projects: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    """Give the projects, each day beginning with another one: where there are too many for one call, each has its turn."""
    first = now.toordinal() % len(projects) if projects else 0
    return projects[first:] + projects[:first]


def _out_of_reach(error: UpstreamError) -> bool:
    """Whether a project is not there, or is none of ours: the project of the deployment itself may match a pattern."""
    cause = error.__cause__
    return cause is None or (isinstance(cause, ApiError) and cause.number == FORBIDDEN)


def _bindings(reader: GoogleReader, project: str) -> tuple[Binding, ...]:
    state = reader.read(Identity.resource(f"projects/{project}", project), Wanted(frozenset({Facet.BINDINGS})))
    if not isinstance(state, State):
        raise UpstreamError(f"the project {project} of the configuration is not there", "Look at `projects` in the configuration")
    return state.bindings or ()
