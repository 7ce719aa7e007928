"""The page of 10,000 records in headless Chromium: until it is there and shows the list, and how long a filter takes. Usage: bench_trail_page.py [RECORDS].

Prints nothing to compare where there is no Chromium.
"""

import shutil
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "shared")]

from ringfence.engine.trail.story import stories
from ringfence.engine.trail.verify import Verdict
from ringfence.report.trail_page import Sealed, render
from tests.benchmarks._measure import report
from tests.support.browser import chromium, page_records

LOADED = "const [n] = performance.getEntriesByType('navigation'); return [n.domContentLoadedEventEnd, n.loadEventEnd]"
FILTERED = """
const field = document.getElementById('q'); const times = [];
for (const text of ['fraud-1', 'fraud-12', 'role/fraud-7 wildcard', 'nothing like it', '']) {
  const begun = performance.now();
  field.value = text; field.dispatchEvent(new Event('input')); document.body.offsetHeight;
  times.push(performance.now() - begun);
}
return times"""


def main(count: int) -> None:
    """Write the page, open it some times, and filter."""
    if not shutil.which("chromium"):
        report("trail page", p95_ms=None, why="there is no Chromium here")
        return
    records = page_records(count // 5 + 1)[:count]
    with TemporaryDirectory() as folder:
        page = Path(folder) / "trail.html"
        page.write_text(
            render(stories(records), Sealed("ringfence.example/t", Verdict(verified=True, records=count), datetime.now(UTC))),
            encoding="utf-8",
        )
        browser = chromium()
        try:
            loads: list[float] = []
            filters: list[float] = []
            for _ in range(5 if count > 100 else 1):
                browser.get(page.as_uri())
                loads.append(max(browser.execute_script(LOADED)))
                filters += browser.execute_script(FILTERED)
        finally:
            browser.quit()
        size = page.stat().st_size
    report(
        f"trail page of {count} records in Chromium",
        p95_ms=round(max(filters), 1),
        filter_median_ms=round(statistics.median(filters), 1),
        load_median_ms=round(statistics.median(loads)),
        megabytes=round(size / 1e6, 1),
    )


if __name__ == "__main__":
    main(max(int(sys.argv[1]), 10) if len(sys.argv) > 1 else 10_000)
