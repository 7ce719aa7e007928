"""Options of the suite: end-to-end tests run only when asked for, since they deploy into a local AWS."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.shell import Shell

if TYPE_CHECKING:
    from tests.support.stack import Stack

settings.register_profile("house", deadline=None)  # how fast is for the benchmarks to say
settings.load_profile("house")


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


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> "Iterator[Stack]":
    from tests.support.stack import made  # only where it is used: it loads moto

    yield from made(monkeypatch)
