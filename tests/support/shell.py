"""Runs the command line in a folder of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from ringfence.cli.main import main


class Shell:
    """Runs the command line in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str | Path, code: int | None = 0) -> list[dict[str, Any]]:
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            main([str(a) for a in arguments])
        self.out, self.err = self.capsys.readouterr()
        assert code is None or exited.value.code == code, f"exit {exited.value.code}: {self.err}"
        return [json.loads(line) for line in self.out.splitlines()] if "--json" in arguments else []

    def write(self, name: str, data: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path
