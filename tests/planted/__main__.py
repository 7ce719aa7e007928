"""`make planted`: plant each defect in a copy of the package, run its one test there, and expect it to fail.

Each test is run on the sound package first: one that fails there would notice nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.planted.defects import DEFECTS, Defect

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "shared" / "ringfence"
SECONDS = 120
NOTICED = 1  # pytest's exit code for a failing test


def run(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests against the package in a folder."""
    env = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    where = ("-o", f"pythonpath={folder} {ROOT}")  # before the installed package
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", *where, *(f"tests/{test}" for test in tests)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)


def plant(defect: Defect) -> str:
    """Plant one defect; give what is wrong, empty where its test noticed it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "ringfence"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        path = copy / defect.file
        text = path.read_text()
        if text.count(defect.old) != 1:
            return f"its text stands {text.count(defect.old)} times in {defect.file}, expected 1"
        path.write_text(text.replace(defect.old, defect.new))
        done = run(Path(folder), defect.test)
    if done.returncode == NOTICED:
        return ""
    return f"{defect.test} ended with {done.returncode}, expected a failing test\n{done.stdout[-800:]}"


def main() -> int:
    """Plant them all; 1 where one was not noticed."""
    sound = run(ROOT / "shared", *sorted({defect.test for defect in DEFECTS}))
    if sound.returncode:
        print(f"on the sound package the tests fail:\n{sound.stdout[-3000:]}")
        return 1
    missed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for defect, wrong in zip(DEFECTS, pool.map(plant, DEFECTS), strict=True):
            print(f"{'MISSED ' if wrong else 'noticed'}  {defect.name}{f': {wrong}' if wrong else ''}", flush=True)
            missed += bool(wrong)
    print(f"{len(DEFECTS) - missed} of {len(DEFECTS)} planted defects noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
