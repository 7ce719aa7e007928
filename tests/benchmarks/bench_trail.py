"""The trail: build and verify 100,000 records, one inclusion proof; CPU and the most memory. Usage: bench_trail.py [RECORDS].

The verifying process is a fresh one, so that its memory is its own.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "shared")]

from ringfence.clouds.folder import FolderArchive
from ringfence.clouds.local_key import signed
from ringfence.clouds.memory import MemoryStore
from ringfence.clouds.trail_folder import TrailFolder, write_folder
from ringfence.domain.tree import Tree, included, leaf
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.seal import seal
from ringfence.engine.trail.verify import verify
from tests.benchmarks._measure import per_call, report
from tests.support.browser import BEGIN, page_records
from tests.support.trails import Signer


def make(count: int, folder: Path) -> float:
    """Seal so many records and export them; give the CPU seconds of the sealing."""
    store, archive = MemoryStore(), FolderArchive(folder / "archive")
    for record in page_records(count // 5 + 1)[:count]:
        store.note(record)
    started = time.process_time()
    seal(store, archive, Signer())
    taken = time.process_time() - started
    write_folder(archived(archive), folder / "export")
    return taken


def check(folder: Path) -> None:
    """Verify an export, and say what it took."""
    started = time.process_time()
    found = verify(TrailFolder(folder), signed, BEGIN)
    taken = time.process_time() - started
    assert found.verified, found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"records": found.records, "cpu_seconds": round(taken, 2), "peak_mib": peak}))


def main(count: int) -> None:
    """Measure sealing, verifying and one proof."""
    with TemporaryDirectory() as folder:
        sealing = make(count, Path(folder))
        size = (Path(folder) / "export" / "records.jsonl").stat().st_size
        report("trail: seal", records=count, cpu_seconds=round(sealing, 2), bytes_per_record=round(size / count))
        done = subprocess.run([sys.executable, __file__, "--check", f"{folder}/export"], capture_output=True, text=True, check=True)
        report("trail: verify", **json.loads(done.stdout))
        leaves = [leaf(line) for line in TrailFolder(Path(folder) / "export").records()]
    tree = Tree(leaves)
    at = count // 3
    proof = per_call(lambda: tree.inclusion(at), calls=1000)
    checked = per_call(lambda: included(leaves[at], at, count, tree.inclusion(at), tree.root), calls=1000)
    report(
        "trail: one inclusion proof",
        cpu_us=proof,
        with_its_check_us=checked,
        tree_ms=round(per_call(lambda: Tree(leaves), calls=1) / 1000, 1),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        check(Path(sys.argv[2]))
    else:
        main(max(int(sys.argv[1]), 10) if len(sys.argv) > 1 else 100_000)
