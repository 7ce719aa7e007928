"""Judging one event, warm: decode, normalise, judge offline. Goal of DESIGN section 9: 10 microseconds for a quiet IAM event."""

import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]
import msgspec
from tests.benchmarks._measure import per_call, report

from ringfence.engine.evaluate import Evaluator
from ringfence.settings import Settings
from ringfence.sources import normalise

NOW = datetime(2026, 3, 2, 9, 1, tzinfo=UTC)


def main(calls: int) -> None:
    """Measure a quiet event and one with a finding."""
    evaluator = Evaluator(Settings(), None)
    for name in ("InvokeModel", "AttachRolePolicy", "PutRolePolicy"):
        raw = (ROOT / f"events/aws/cloudtrail/{name}.json").read_bytes()

        def judge(raw: bytes = raw) -> None:
            for event in normalise(msgspec.json.decode(raw)):
                evaluator.judge(event, NOW)

        report(f"judge one event, warm: {name}", cpu_us=per_call(judge, calls=calls))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
