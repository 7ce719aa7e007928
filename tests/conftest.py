"""Options of the suite: end-to-end tests run only when asked for, since they deploy into a local AWS."""

from pathlib import Path

import pytest

from tests.support.shell import Shell
from tests.support.stack import stack

__all__ = ["stack"]  # a fixture


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--e2e", action="store_true", help="run the end-to-end tests too (`make e2e`)")


def pytest_ignore_collect(collection_path: object, config: pytest.Config) -> bool | None:
    return True if "e2e" in str(collection_path).split("tests/")[-1].split("/") and not config.getoption("--e2e") else None


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGFENCE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RINGFENCE_STACK", raising=False)
    return Shell(tmp_path, capsys)
