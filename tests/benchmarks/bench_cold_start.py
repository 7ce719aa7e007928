"""Cold start of `evaluate`: importing its handler, and to the end of one quiet event, against REF. Goals: 0.8 and 0.6."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks._measure import ROOT, ratio_to_ref, report

IMPORT = "import app"
QUIET = "import sys, app; from tools.wrap_events import batch; app.handler(batch(open(sys.argv[1]).read(), 1), None)"


def main(rounds: int) -> None:
    """Measure both."""
    report("cold start: import functions/evaluate/app.py", goal=0.8, **ratio_to_ref(IMPORT, rounds=rounds))
    event = str(ROOT / "events/aws/cloudtrail/CreateTrainingJob.json")
    report("cold start: evaluate to the end of a quiet event", goal=0.6, **ratio_to_ref(QUIET, event, rounds=rounds))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
