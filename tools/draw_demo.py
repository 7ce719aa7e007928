"""Draws docs/demo.svg from a real run of `ringfence demo --yes`. Usage: python tools/draw_demo.py."""

import os
import pty
import re
import subprocess
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
WIDTH = 118


def run() -> str:
    """Run the demo on a terminal and give what it printed, colours included."""
    with tempfile.TemporaryDirectory() as home:
        ours, theirs = pty.openpty()
        env = os.environ | {"RINGFENCE_HOME": home, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
        process = subprocess.Popen(["ringfence", "demo", "--yes"], stdout=theirs, stdin=theirs, env=env)  # noqa: S607 - from .venv
        os.close(theirs)
        data = b""
        while True:
            try:
                got = os.read(ours, 65536)
            except OSError:  # the terminal is gone: the demo has ended
                break
            data += got
        process.wait()
        return data.decode().replace("\r\n", "\n").replace(home, "~/.ringfence")


def main() -> None:
    """Draw."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123 - as long as the process
    console.print(Text.from_ansi(run()))
    svg = console.export_svg(title="ringfence demo")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # nothing is loaded from elsewhere
    (ROOT / "docs" / "demo.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
