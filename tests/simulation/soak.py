"""`make soak`: a million histories on every core, with progress; the first broken promise ends it and names its seed.

After them every property is tried on its full number of cases, of which CI tries a twentieth.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.promises import BrokenPromiseError
from tests.simulation.world import World

CHUNK = 5000


def chunk(first: int, count: int) -> str:
    """Run some seeds; give what broke, empty where nothing did."""
    for seed in range(first, first + count):
        try:
            World(seed).run()
        except BrokenPromiseError as broken:
            return f"seed {seed}: {broken}"
    return ""


def main() -> int:
    """Run all seeds in chunks; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000_000)
    seeds: int = parser.parse_args().seeds
    started = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        firsts = range(0, seeds, CHUNK)
        for number, broken in enumerate(pool.map(chunk, firsts, [min(CHUNK, seeds - first) for first in firsts]), 1):
            if broken:
                print(f"\n{broken}. Again: World(SEED).run() of tests.simulation.world")
                return 1
            print(f"\r{min(number * CHUNK, seeds):,} of {seeds:,} histories, {time.monotonic() - started:.0f} s", end="", flush=True)
    print()
    places = ["tests/properties", "tests/simulation/test_lost_events.py", "tests/simulation/test_month.py", "tests/strict"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *places], env={**os.environ, "RINGFENCE_CASES": "full"}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
