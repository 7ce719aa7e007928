"""How many cases a property is tried on: a twentieth in CI, all of them by `make soak` (RINGFENCE_CASES=full)."""

import os

FULL = os.environ.get("RINGFENCE_CASES") == "full"


def cases(full: int) -> int:
    """Give the number of cases."""
    return full if FULL else max(1, full // 20)
