"""`make planted`: plant each defect in a copy of the package, run its one test there, and expect it to fail.

The tests are run on the sound package first: one that fails there would notice nothing.
"""

import sys

from tests.planted.defects import DEFECTS, Defect
from tests.support.trial import PACKAGE, Trial, Verdict, verdicts


def trial(defect: Defect) -> Trial:
    """Plant one defect; a text that does not stand in its file exactly once leaves nothing to plant."""
    text = (PACKAGE / defect.file).read_text()
    if text.count(defect.old) != 1:
        raise SystemExit(f"{defect.name}: its text stands {text.count(defect.old)} times in {defect.file}, expected 1")
    return Trial(defect.file, text.replace(defect.old, defect.new), (f"tests/{defect.test}",))


def told(defect: Defect, verdict: Verdict) -> bool:
    """Say what became of one defect."""
    missed = "" if verdict.noticed else f": {defect.test} ended with {verdict.code}, expected a failing test\n{verdict.said}"
    print(f"{'MISSED ' if missed else 'noticed'}  {defect.name}{missed}", flush=True)
    return not missed


def main() -> int:
    """Plant them all; 1 where one was not noticed."""
    trials = [trial(defect) for defect in DEFECTS]
    (sound,) = verdicts([Trial("", "", tuple(sorted({test for one in trials for test in one.tests})))])
    if sound.code:
        print(f"on the sound package the tests fail:\n{sound.said}")
        return 1
    noticed = sum(told(defect, verdict) for defect, verdict in zip(DEFECTS, verdicts(trials), strict=True))
    print(f"{noticed} of {len(DEFECTS)} planted defects noticed")
    return 0 if noticed == len(DEFECTS) else 1


if __name__ == "__main__":
    sys.exit(main())
