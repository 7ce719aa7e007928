"""Start of the functions of Google Cloud against REF (`import boto3` plus one IAM client): our code alone, and the whole process with functions-framework. Goal: 0.75."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks._measure import ROOT, ratio_to_ref, report

ALONE = "import runpy, sys; runpy.run_path(sys.argv[1]); assert not {'boto3', 'botocore', 'grpc'} & set(sys.modules)"
WHOLE = "import sys, functions_framework; functions_framework.create_app('main', sys.argv[1]); assert 'boto3' not in sys.modules"


def main(rounds: int) -> None:
    """Measure evaluate and respond, each alone and whole."""
    for name in ("evaluate", "respond"):
        path = str(ROOT / "functions" / f"gcp_{name}" / "main.py")
        report(f"start: import functions/gcp_{name}/main.py", goal=0.75, **ratio_to_ref(ALONE, path, rounds=rounds))
        report(f"start: gcp_{name} with functions-framework", goal=0.75, **ratio_to_ref(WHOLE, path, rounds=rounds))
    report("start: functions-framework alone", **ratio_to_ref("import functions_framework", rounds=rounds))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
