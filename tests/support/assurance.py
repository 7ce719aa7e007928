"""`docs/assurance.md`: one section per long run, each written by its own command with its figures, the commit and the day."""

import subprocess
from datetime import UTC, datetime

from tests.support.trial import ROOT

PAGE = ROOT / "docs" / "assurance.md"
HEAD = "# Assurance\n\nWhat the long runs showed that are too slow for every change; each command writes its own section."


def commit() -> str:
    """Give the commit that stands here, marked where something has been changed since."""
    says = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(says, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def sections(text: str) -> dict[str, str]:
    """Cut a page into its sections, by their titles."""
    return {title: body.strip() for title, _, body in (part.partition("\n") for part in text.split("\n## ")[1:])}


def write(title: str, body: str, stands: str) -> None:
    """Put one section in the place of what the same command wrote before; `stands` is the commit at which the run began."""
    every = sections(PAGE.read_text()) if PAGE.exists() else {}
    every[title] = f"At commit {stands}, {datetime.now(UTC):%Y-%m-%d}.\n\n{body.strip()}"
    PAGE.write_text("\n\n".join([HEAD, *(f"## {name}\n\n{every[name]}" for name in sorted(every))]) + "\n")
