"""Ratios in one run: CPU time of fresh interpreters, interleaved with REF (`import boto3` plus one IAM client)."""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
REF = "import boto3; boto3.client('iam', region_name='us-east-1')"


def cpu(code: str, *arguments: str) -> float:
    """Give the CPU seconds of one fresh interpreter."""
    env = os.environ | {
        "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions/evaluate'}:{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONHASHSEED": "0",
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, *arguments], env=env, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio_to_ref(code: str, *arguments: str, rounds: int = 7) -> dict[str, float]:
    """Measure code and REF in turns; the first round warms caches and is thrown away. Gives medians and their ratio."""
    pairs = [(cpu(REF), cpu(code, *arguments)) for _ in range(rounds + 1)][1:]
    ref, mine = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {"ratio_to_ref": round(mine / ref, 3), "ref_cpu_ms": round(ref * 1000, 1), "cpu_ms": round(mine * 1000, 1)}


def per_call(function: object, *, calls: int, batches: int = 5) -> float:
    """Give the median CPU microseconds of one call; the first batch is thrown away."""
    assert callable(function)
    taken = []
    for _ in range(batches + 1):
        started = time.process_time()
        for _ in range(calls):
            function()
        taken.append((time.process_time() - started) / calls * 1e6)
    return round(statistics.median(taken[1:]), 2)


def report(name: str, **figures: object) -> None:
    """Print the one JSON line of a benchmark."""
    print(json.dumps({"benchmark": name, **figures}))
