"""From one message of the feeds to jobs: the edge of `evaluate`, on every cloud."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from ringfence.edge import Log, named, read_event
from ringfence.engine.canary import heard, is_canary
from ringfence.engine.commands import DeskPorts, run_at_desk
from ringfence.engine.hear import hear
from ringfence.settings import Settings
from ringfence.sources import normalise

if TYPE_CHECKING:
    from ringfence.engine.evaluate import Evaluator


class Wired(Protocol):
    """What a cloud's wiring gives to judge with: the module itself is one."""

    def settings(self) -> Settings:
        """The configuration."""
        ...

    def desk(self) -> DeskPorts:
        """What opens jobs and sends them on."""
        ...

    def evaluator(self) -> "Evaluator":
        """The judge of events."""
        ...

    def now(self) -> datetime:
        """The time."""
        ...


def hear_message(body: str, wired: Wired, counted: Callable[[str], None], log: Log) -> None:
    """Judge one message of the feeds, and open the jobs that follow; raises where it must be tried again."""
    raw = read_event(body)
    if is_canary(raw):
        counted("canary")
        run_at_desk(heard(wired.settings()), wired.desk())
        return
    for event in named(normalise(raw), body):
        judgement = wired.evaluator().judge(event, wired.now())
        counted(f"outcome-{judgement.outcome}")
        log.info(
            "judged", event_id=event.id, source=event.source, event_name=event.name, outcome=judgement.outcome, reason=judgement.reason
        )
        if jobs := run_at_desk(hear(judgement, wired.evaluator(), wired.settings()), wired.desk()):
            log.info("decided", event_id=event.id, jobs={job.id: job.state for job in jobs})
