"""From a click to its acknowledgement, through the handler, warm, over moto and Slack's double in this process: TRUST 45 asks for 300 ms at p99.

REF is one GetItem of the same table, in the same run. The work itself happens after the acknowledgement: the job's message is only sent.
"""

import os
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
os.environ |= {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]
import msgspec
import pytest
from ringfence import wiring
from ringfence.domain.job import JobState
from ringfence.engine.cards import value
from tests.benchmarks._measure import report
from tests.support.jobs import CONTAINMENT, job, put
from tests.support.slack_requests import click
from tests.support.stack import made
from tests.support.workspace import CHANNEL
from tests.unit.test_functions_chat import SECRET, InSlack

EACH = 8  # clicks for one stack: moto copies a table for each transaction


def main(clicks: int) -> None:
    """Click on one pending job after the other; take the time of the whole handler."""
    taken: list[float] = []
    reference: list[float] = []
    while len(taken) < clicks:
        patch = pytest.MonkeyPatch()
        stacks = made(patch)
        slack = InSlack(next(stacks), patch)
        warm = [one(slack, number) for number in range(EACH + 1)][1:]  # the first one loads secrets and clients
        taken += [click_ for click_, _ in warm]
        reference += [ref for _, ref in warm]
        stacks.close()  # type: ignore[attr-defined]  # a generator
        patch.undo()
    median, ref = statistics.median(taken), statistics.median(reference)
    p99 = sorted(taken)[min(len(taken) - 1, int(len(taken) * 0.99))]
    report(
        "click to acknowledgement, handler over moto",
        clicks=len(taken),
        p50_ms=round(median * 1000, 1),
        p99_ms=round(p99 * 1000, 1),
        ratio_to_ref=round(median / ref, 1),
    )


def one(slack: InSlack, number: int) -> tuple[float, float]:
    """Click once; give the seconds until the answer, and those of the reference."""
    now = wiring.now()
    asked = job(CONTAINMENT, state=JobState.PENDING)
    pending = msgspec.structs.replace(asked, id=f"{number:016x}", created=now, expires=now + timedelta(hours=1))
    put(wiring.store(), pending)
    where = {"channel": CHANNEL, "message_ts": "1.1", "block_id": "decide", "trigger_id": slack.space.double.trigger()}
    signed = click(SECRET, now, user="U0000ANA", action_id="approve", value=value(pending), **where)
    begun = time.perf_counter()
    answer = slack.send(signed)
    took = time.perf_counter() - begun
    begun = time.perf_counter()
    stored = wiring.store().job(pending.id)
    ref = time.perf_counter() - begun
    if answer["statusCode"] != 200 or stored is None or stored.state is not JobState.APPROVED:
        raise SystemExit(f"the click did not count: {answer}")
    return took, ref


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
