"""The house: generated pages do not drift, sizes stay small, the core reads no clock, samples are used, locks are hashed."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.cases import EVENTS, ROOT
from tools.write_docs import pages

PACKAGE = ROOT / "shared" / "ringfence"
PURE = [p for name in ("domain", "sources", "iam", "guardrails", "actions", "engine") for p in (PACKAGE / name).rglob("*.py")] + [
    PACKAGE / "settings.py"
]
SOURCES = [p for place in ("shared", "functions", "tests", "tools") for p in (ROOT / place).rglob("*.py")]


@pytest.mark.parametrize("name", sorted(pages()))
def test_generated_pages_are_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == pages()[name], "run `make docs`"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400 or "tests" in path.parts
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, f"{path.name}: {node.name}"


@pytest.mark.parametrize("path", PURE, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_core_reads_no_clock_and_swallows_nothing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert (
                node.attr not in ("now", "utcnow", "today", "environ", "getenv")
                or not isinstance(node.value, ast.Name)
                or node.value.id in ("case", "self")
            ), path
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert not (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")), path
            assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass)), path
        assert not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("open", "print", "eval", "exec")), (
            path
        )


def test_partitions_are_never_written_by_hand() -> None:
    for path in PURE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                first = node.values[0]
                assert not (isinstance(first, ast.Constant) and str(first.value).startswith("arn:aws")), path


def test_every_sample_event_is_used() -> None:
    texts = "\n".join(p.read_text() for p in [*(ROOT / "tests").rglob("*.py"), *PACKAGE.rglob("*.cases.yaml"), *PACKAGE.rglob("demo/*.py")])
    names = [str(p.relative_to(EVENTS)) for p in EVENTS.rglob("*.json")]
    assert [n for n in names if n not in texts] == []


def test_locks_are_hashed_and_name_no_host() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
    assert not (ROOT / "uv.lock").exists() or "uv.lock" in (ROOT / ".gitignore").read_text()


def test_the_runtime_lock_is_part_of_the_whole() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9-]+==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))

    assert pins("runtime.txt") <= pins("dev.txt")
    direct = re.findall(
        r'^  "([a-z0-9-]+)>=', (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[0], re.MULTILINE
    )
    assert len(direct) <= 8
    documented = (ROOT / "docs" / "dependencies.md").read_text()
    assert all(f"| {name} |" in documented for name in direct)


def test_the_readme_names_the_two_commands_and_only_commands_that_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    for command in ("make demo", "make test", "make build"):
        assert command in readme
    made = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make (\w+)", readme, re.MULTILINE)) <= made
    for link in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / link).exists(), link


def test_the_picture_of_the_demo_is_of_this_story() -> None:
    from ringfence.demo.story import SCENES

    picture = (ROOT / "docs" / "demo.svg").read_text().replace("&#160;", " ").replace("&#x27;", "'")
    for scene in SCENES:
        assert scene.says in picture, f"run `make docs`: {scene.says}"


def test_the_version_is_the_changelogs() -> None:
    from ringfence import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()
