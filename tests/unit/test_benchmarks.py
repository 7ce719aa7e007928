"""The benchmarks run and print what they promise. How fast is theirs to say; nothing here is timed."""

import json
import subprocess
import sys

import pytest

from tests.support.cases import ROOT

SCRIPTS = sorted((ROOT / "tests" / "benchmarks").glob("bench_*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_benchmark_prints_one_json_line_for_each_figure(script: object) -> None:
    done = subprocess.run([sys.executable, str(script), "1"], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines
    for line in lines:
        assert line["benchmark"]
        assert line.keys() & {"ratio_to_ref", "cpu_us", "cpu_seconds", "p95_ms", "growth"}
