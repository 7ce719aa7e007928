"""`make soak`: a million histories on every core, with progress; the first broken promise ends it and names its seed.

After them every property is tried on its full number of cases, of which CI tries a twentieth. Writes docs/assurance.md.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from xml.etree import ElementTree as ET

from tests.simulation.hand import remember_canonical
from tests.simulation.promises import BrokenPromiseError
from tests.simulation.world import World
from tests.support import assurance
from tests.support.trial import ROOT

CHUNK = 5000
SEEDS = 1_000_000
# Side by side, about as long as each other on two cores.
HALVES = (
    ("tests/properties", "tests/simulation/test_month.py"),
    ("tests/strict", "tests/simulation/test_lost_events.py"),
)


def chunk(first: int, count: int) -> str:
    """Run some seeds; give what broke, empty where nothing did."""
    for seed in range(first, first + count):
        try:
            World(seed).run()
        except BrokenPromiseError as broken:
            return f"seed {seed}: {broken}"
    return ""


def histories(seeds: int) -> str:
    """Run that many histories on every core; give what broke first, empty where nothing did."""
    started = time.monotonic()
    firsts = range(0, seeds, CHUNK)
    with ProcessPoolExecutor(os.cpu_count(), initializer=remember_canonical) as pool:
        for number, broken in enumerate(pool.map(chunk, firsts, [min(CHUNK, seeds - first) for first in firsts]), 1):
            if broken:
                pool.shutdown(cancel_futures=True)
                return broken
            print(f"\r{min(number * CHUNK, seeds):,} of {seeds:,} histories, {time.monotonic() - started:.0f} s", end="", flush=True)
    print()
    return ""


def properties() -> tuple[int, list[str]]:
    """Try every property on its full number of cases; give pytest's worst code and a row for each test file."""
    reports = [ROOT / "build" / f"soak-{number}.xml" for number in range(len(HALVES))]
    reports[0].parent.mkdir(exist_ok=True)
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", f"--junitxml={report}", *places],
            env={**os.environ, "RINGFENCE_CASES": "full"},
            cwd=ROOT,
        )
        for report, places in zip(reports, HALVES, strict=True)
    ]
    worst = max([run.wait() for run in runs], key=abs)
    return worst, [row for report in reports if report.exists() for row in rows(ET.parse(report).getroot())]  # noqa: S314 - pytest wrote it a moment ago


def rows(report: ET.Element) -> list[str]:
    """Give a row of the table for each test file of one report of pytest's: tests, of them failed and skipped, seconds."""
    files: dict[str, list[ET.Element]] = {}
    for case in report.iter("testcase"):
        files.setdefault(case.get("classname", "?").replace(".", "/") + ".py", []).append(case)
    return [
        f"| `{name}` | {len(cases)} | {_ended(cases, 'failure') + _ended(cases, 'error')} | {_ended(cases, 'skipped')}"
        f" | {sum(float(case.get('time', '0')) for case in cases):.0f} |"
        for name, cases in sorted(files.items())
    ]


def _ended(cases: list[ET.Element], how: str) -> int:
    return sum(case.find(how) is not None for case in cases)


def main() -> int:
    """Run all histories, then every property; 1 where a promise was broken, otherwise pytest's code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds: int = parser.parse_args().seeds
    stands, started = assurance.commit(), time.monotonic()
    if broken := histories(seeds):
        print(f"\n{broken}. Again: World(SEED).run() of tests.simulation.world")
        return 1
    seconds = time.monotonic() - started
    worst, table = properties()
    if seeds >= SEEDS:
        heading = "| tests at their full number of cases | tests | failed | skipped | seconds |\n|---|---|---|---|---|\n"
        text = (
            f"`make soak`: {seeds:,} random histories of the job core in {seconds:,.0f} s, no promise broken ({os.cpu_count()} cores).\n\n"
        )
        assurance.write("Soak", text + heading + "\n".join(table), stands)
    return worst


if __name__ == "__main__":
    sys.exit(main())
