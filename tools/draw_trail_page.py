"""Draws docs/trail-page.png: the page of the sample trail in Debian's Chromium, one incident open. Usage: python tools/draw_trail_page.py."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "shared"), str(ROOT)]

from ringfence.clouds.decoders import RECORD  # noqa: E402 - the package lies in shared/
from ringfence.clouds.local_key import signed  # noqa: E402
from ringfence.clouds.trail_folder import TrailFolder  # noqa: E402
from ringfence.engine.trail.story import stories  # noqa: E402
from ringfence.engine.trail.verify import verify  # noqa: E402
from ringfence.report.trail_page import Sealed, render  # noqa: E402
from tests.support.browser import chromium  # noqa: E402

THEN = datetime(2026, 3, 2, 6, tzinfo=UTC)


def main() -> None:
    """Write the page, open its first incident, and take a picture."""
    trail = TrailFolder(ROOT / "samples" / "trail" / "export")
    verdict = verify(trail, signed, THEN, held=[trail.checkpoint])
    with TemporaryDirectory() as folder:
        page = Path(folder) / "trail.html"
        told = stories(RECORD.decode(line) for line in trail.records())
        page.write_text(render(told, Sealed("ringfence.example/sample", verdict, THEN)), encoding="utf-8")
        browser = chromium()
        try:
            browser.set_window_size(1100, 1500)
            browser.get(page.as_uri())
            browser.execute_script("document.querySelectorAll('summary')[0].click(); return document.body.offsetHeight")
            browser.save_screenshot(str(ROOT / "docs" / "trail-page.png"))
        finally:
            browser.quit()


if __name__ == "__main__":
    main()
