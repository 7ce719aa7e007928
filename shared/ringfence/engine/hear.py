"""What `evaluate` does with a judgement: remember what is fine, correlate, and open what follows."""

from typing import TYPE_CHECKING

from ringfence.domain.job import Job
from ringfence.engine.commands import Process, Remember
from ringfence.engine.correlate import correlate
from ringfence.engine.decide import UNJUDGED, decide
from ringfence.engine.judgement import Judgement
from ringfence.engine.memory import kept
from ringfence.settings import Settings

if TYPE_CHECKING:
    from ringfence.engine.evaluate import Evaluator


def hear(judgement: Judgement, evaluator: "Evaluator", settings: Settings) -> Process[tuple[Job, ...]]:
    """Carry a judgement on. Delivered again it does the same again, which changes nothing."""
    for state in judgement.good:
        if judgement.seen is not None and (fine := kept(state)) is not None:
            yield Remember(fine, judgement.seen)
    jobs: list[Job] = []
    for one in (judgement, *(yield from correlate(judgement, evaluator))):
        if one.planned or one.held or one.exempted or one.own or one.outcome in UNJUDGED:
            jobs += yield from decide(one, settings)
    return tuple(jobs)
