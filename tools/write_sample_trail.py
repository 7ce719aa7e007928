"""Writes samples/trail: an exported trail of six synthetic jobs, by a key that is no secret, and a checkpoint that somebody kept of it.

Usage: python tools/write_sample_trail.py. A test compares what is committed with what this writes.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "shared"), str(ROOT)]

from ringfence.clouds.memory import MemoryArchive, MemoryStore  # noqa: E402 - the package lies in shared/
from ringfence.engine.trail.seal import seal  # noqa: E402
from tests.support.browser import page_records  # noqa: E402
from tests.support.trails import Files, Signer  # noqa: E402

SAMPLE = ROOT / "samples" / "trail"


def sample() -> dict[str, bytes]:
    """Give the files of the sample, by name."""
    store, archive, signer = MemoryStore(), MemoryArchive(), Signer("sample", "ringfence.example/sample")
    kept = ""
    for record in page_records(6):
        store.note(record)
        if record.state:
            note = seal(store, archive, signer).note
            kept = kept or note
    export = Files.of(archive).files
    return {**{f"export/{name}": body for name, body in export.items()}, "checkpoint-that-was-kept": kept.encode()}


def main() -> None:
    """Write them."""
    for name, body in sample().items():
        path = SAMPLE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


if __name__ == "__main__":
    main()
