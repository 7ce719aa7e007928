"""`make mutation`: change what decides, one place at a time, and see whether the tests notice; write docs/assurance.md.

With `--stale` it only says which assured modules have changed since.
"""

import hashlib
import re
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.targets import EQUIVALENT, TARGETS
from tests.support import assurance
from tests.support.trial import PACKAGE, Trial, verdicts

MOST_ALIVE = 0.05


class Result(NamedTuple):
    """What became of the mutants of one module."""

    module: str
    total: int
    same: int
    alive: tuple[Mutant, ...]


def judged(module: str, progress: Callable[[str], None]) -> Result:
    """Judge the mutants of one module."""
    source = (PACKAGE / module).read_text()
    lines, found = source.splitlines(), list(mutants(source))
    different = [mutant for mutant in found if (module, mutant.what, lines[mutant.line - 1].strip()) not in EQUIVALENT]
    alive: list[Mutant] = []
    trials = [Trial(module, mutant.source, TARGETS[module]) for mutant in different]
    for number, (mutant, verdict) in enumerate(zip(different, verdicts(trials), strict=True), 1):
        if verdict.code == 0:
            alive.append(mutant)
        progress(f"{module}: {number} of {len(different)}, {len(alive)} alive")
    return Result(module, len(different), len(found) - len(different), tuple(alive))


def section(results: list[Result]) -> str:
    """Give what the page says of mutation testing."""
    rows = "\n".join(
        f"| `{r.module}` | {r.total} | {r.total - len(r.alive)} | {len(r.alive)} | {sum(m.predicate for m in r.alive)} | {r.same} | `{_digest(r.module)}` |"
        for r in results
    )
    alive = "\n".join(f"- `{r.module}` line {m.line}: `{m.what[:160]}`" for r in results for m in r.alive) or "None."
    same = "\n".join(f"- `{module}`: `{what[:160]}` - {why}" for (module, what, _), why in EQUIVALENT.items()) or "None."
    return (
        "`make mutation`: each mutant is one small change of what decides over allow or deny, and some test has to fail on it."
        " `python -m tests.mutation --stale` says which of these modules have changed since.\n\n"
        "| module | mutants | noticed | alive | alive in a predicate | same in meaning | SHA-256 of the module |\n|---|---|---|---|---|---|---|\n"
        f"{rows}\n\n### Alive\n\n{alive}\n\n### Same in meaning\n\n{same}"
    )


def _digest(module: str) -> str:
    return hashlib.sha256((PACKAGE / module).read_bytes()).hexdigest()[:16]


def stale() -> list[str]:
    """Give the modules that changed since they were judged, or never were."""
    judged_then = dict(re.findall(r"^\| `([^`]+)` .*\| `([0-9a-f]{16})` \|$", assurance.PAGE.read_text(), re.MULTILINE))
    return [module for module in TARGETS if judged_then.get(module) != _digest(module)]


def main() -> int:
    """Judge every module, or those that are named; 1 where too much is alive."""
    if "--stale" in sys.argv:
        for module in stale():
            print(f"changed since it was judged: {module} - run `make mutation`")
        return 0
    stands, started = assurance.commit(), time.monotonic()
    wanted = [module for module in TARGETS if not sys.argv[1:] or any(name in module for name in sys.argv[1:])]
    results = [judged(module, lambda text: print(f"\r{text:<90}", end="", flush=True)) for module in wanted]
    print(f"\n{sum(r.total for r in results)} mutants in {time.monotonic() - started:.0f} s")
    for result in results:
        for mutant in result.alive:
            print(f"alive: {result.module}:{mutant.line}: {mutant.what}")
    if len(wanted) == len(TARGETS):
        assurance.write("Mutation testing", section(results), stands)
    share = sum(len(r.alive) for r in results) / max(1, sum(r.total for r in results))
    predicates = sum(mutant.predicate for r in results for mutant in r.alive)
    return 1 if share > MOST_ALIVE or predicates else 0


if __name__ == "__main__":
    sys.exit(main())
