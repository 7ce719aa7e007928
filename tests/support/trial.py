"""Trials: does a test fail on a package in which one file is changed? Each runs in a fork that has the libraries loaded, and nothing of ours.

The changed package is a folder of links to the real one, but for the one file; it goes before the installed package.
"""

import contextlib
import importlib
import io
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "shared" / "ringfence"
LIBRARIES = ("boto3", "hypothesis", "moto", "moto.iam.models", "msgspec", "pydantic", "pytest", "rfc8785", "yaml", "click", "rich.console")
SECONDS = 30  # a trial that takes longer hangs, which is noticed
FAILED, HANGS = 1, 99


class Trial(NamedTuple):
    """One changed file (empty: none) and the tests that are run on it."""

    module: str  # below the package
    source: str
    tests: tuple[str, ...]


class Verdict(NamedTuple):
    """How the tests ended - 0: nothing failed -, and the end of what they said."""

    code: int
    said: str

    @property
    def noticed(self) -> bool:
        """Whether a test failed, or hung."""
        return self.code in (FAILED, HANGS)


def verdicts(trials: Iterable[Trial]) -> Iterator[Verdict]:
    """Run trials, as many at a time as there are cores; in their order."""
    assert not [name for name in sys.modules if name.split(".")[0] == "ringfence"], "the package must not be loaded before the fork"
    for library in LIBRARIES:
        importlib.import_module(library)
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        yield from pool.imap(_run, trials, chunksize=1)


def _run(trial: Trial) -> Verdict:
    import pytest

    sys.dont_write_bytecode = True
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        _link(PACKAGE, Path(folder) / "ringfence")
        if trial.module:
            path = Path(folder) / "ringfence" / trial.module
            path.unlink()
            path.write_text(trial.source)
        os.chdir(ROOT)
        signal.signal(signal.SIGALRM, _hang)
        signal.alarm(SECONDS)
        try:
            options = (
                "-x",
                "-q",
                "--no-header",
                "--assert=plain",
                "-p",
                "no:randomly",
                "-o",
                f"pythonpath={folder} {ROOT}",
                "-k",
                "not moto",
            )
            code = int(pytest.main([*options, *trial.tests]))
        except TimeoutError:
            code = HANGS
        finally:
            signal.alarm(0)
    return Verdict(code, said.getvalue()[-800:])


def _hang(*_: object) -> None:
    raise TimeoutError


def _link(source: Path, target: Path) -> None:
    """Make a folder of links, bytecode included: a link's time and size are the file's."""
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            _link(entry, target / entry.name)
        else:
            (target / entry.name).symlink_to(entry)
