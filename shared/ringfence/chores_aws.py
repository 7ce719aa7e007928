"""What `review` does on AWS besides: dead letters, the search for traces, the census, and the canary. Imported by it alone."""

from collections.abc import Iterable
from datetime import timedelta

from ringfence import look_after, wiring
from ringfence.chores import bury, each_chore
from ringfence.clouds.authorization_details import Reader
from ringfence.clouds.aws import dead_letters, snapshot
from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.rules import deaf
from ringfence.clouds.snapshot import SnapshotReader
from ringfence.domain.identity import Identity
from ringfence.domain.state import Facet, FactKind, State
from ringfence.edge import Log
from ringfence.engine import census
from ringfence.engine.canary import missing
from ringfence.engine.commands import DeskPorts, run_at_desk, run_with_history
from ringfence.engine.decide import decide
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.ports import History, Wanted
from ringfence.engine.search import search, searches, unsearched
from ringfence.errors import ConflictError, UpstreamError
from ringfence.settings import Settings

AT_ONCE = 2  # searches: each takes a minute at most, and the function has five
CENSUS_AGE = timedelta(hours=6)


def look_for_traces(desk: DeskPorts, history: History, settings: Settings, log: Log) -> int:
    """Look for what contained identities left behind; raise in the end where that was not possible: it is tried again for an hour."""
    count, why = 0, ""
    for job in run_at_desk(searches(), desk)[:AT_ONCE]:
        try:
            run_with_history(search(job.id, settings, history.regions), desk, history, IamReader())
        except ConflictError as error:  # somebody moved the job on meanwhile: the next minute will do
            log.warning("left for the next minute", reason=str(error))
        except Exception as error:  # the function's edge: one search that fails must not keep the others from being made
            log.exception("what was left behind could not be looked for", job=job.id)
            run_at_desk(unsearched(job.id, str(error)), desk)
            why = f"what was left behind could not be looked for: {error}"
        else:
            count += 1
    if why:
        raise UpstreamError(why, "It is looked for again in a minute, for an hour")
    return count


def bury_all(queues: Iterable[str], desk: DeskPorts, settings: Settings, log: Log) -> int:
    """Bring every dead letter to its end, whatever becomes of the others; raise in the end where one could not be, and so stays."""
    count, failed = 0, 0
    for queue in queues:
        try:
            found = dead_letters.letters(queue)
        except UpstreamError as error:
            log.warning("a queue of dead letters cannot be read", queue=queue, reason=str(error))
            failed += 1
            continue
        for letter in found:
            try:
                bury(letter.body, desk, settings, log)
                dead_letters.delete(letter)
            except Exception:  # the function's edge: one letter must not keep the others from being buried
                log.exception("a dead letter stays", queue=queue)
                failed += 1
            else:
                count += 1
    if failed:
        raise UpstreamError(f"{failed} queues or dead letters could not be worked off, {count} were", "They are tried again in a minute")
    return count


def listen(desk: DeskPorts, rules: Iterable[str]) -> int:
    """Look whether the last canary came through and every rule hears; raise where not, so that it shows as the function's failure."""
    wrong = [f"the rule {name} is disabled" for name in deaf(rules)]
    if said := run_at_desk(missing(), desk):
        wrong.append(said)
    if wrong:
        raise UpstreamError("; ".join(wrong), "Ringfence is deaf or mute until this is mended")
    return 1


def census_if_due(log: Log) -> int:
    """Take a census where it is time; give how many were taken.

    It opens a job for everybody who prints himself a badge of protection, and for what stands since the last one and was never heard.
    """
    store, known = wiring.store(), wiring.settings()
    previous = store.census()
    if not census.due(previous, known, wiring.now(), CENSUS_AGE):
        return 0
    seen = wiring.now()
    raw = snapshot.details()
    reader = SnapshotReader(raw)
    judge = Evaluator(known, reader, census=lambda: previous).judge
    states = tuple(reader.states())
    found = census.standing(states, lambda event: judge(event, wiring.now()))
    taken = census.take(Reader(raw).account(), states, known, previous, found, _usable, wiring.now())
    missed = run_at_desk(census.unheard(found, previous), wiring.desk())
    failed: list[str] = []
    for news in (*census.badges(taken, previous, (state.identity for state in states)), *missed):
        try:
            run_at_desk(decide(news.judgement, known), wiring.desk())
        except Exception:  # the function's edge: one finding that cannot be kept must not keep the account from being counted
            log.exception("a finding of the census could not be kept", event_id=news.judgement.event.id)
            failed += news.names
    store.keep(census.without(taken, failed))
    each_chore(
        {
            "Remembered": lambda: look_after.remember(reader, states, found, known, seen, log),
            "LookedForMfa": lambda: look_after.who_has_no_mfa(log),
        },
        lambda _name, _count: None,
        log,
    )
    if failed:
        raise UpstreamError(
            f"findings of the census about {len(failed)} grants or identities could not be kept", "The next census tells them again"
        )
    return 1


def _usable(identity: Identity) -> bool:
    """Whether a user has a password or an active access key."""
    state = IamReader().read(identity, Wanted(frozenset({Facet.LOGIN, Facet.KEYS})))
    if not isinstance(state, State):
        return False
    return bool(state.login) or any(c.kind is FactKind.ACCESS_KEY and c.status == "Active" for c in state.credentials or ())
