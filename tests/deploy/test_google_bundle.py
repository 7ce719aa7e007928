"""The bundles of the functions for Google Cloud: what has to be in them is, what only people need is not, and the same files give the same bytes."""

import os
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from ringfence.config.compile import DESK
from tests.support.cases import ROOT
from tools.bundle_google import bundle, files, pack

LOCK = "functions-framework==3.10.2 --hash=sha256:00\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for place, text in {
        "functions/gcp_evaluate/main.py": "import ringfence\n",
        "functions/gcp_evaluate/helper.py": "",
        "functions/gcp_seal/main.py": "import ringfence\n",
        "functions/evaluate/app.py": "import boto3\n",
        "shared/ringfence/__init__.py": "",
        "shared/ringfence/compiled.json": "{}",
        "shared/ringfence/py.typed": "",
        "shared/ringfence/guardrails/gcp_x.py": "",
        "shared/ringfence/guardrails/gcp_x.cases.yaml": "[]",
        "shared/ringfence/guardrails/__pycache__/gcp_x.cpython-312.pyc": "",
        "shared/ringfence/cli/main.py": "",
        "shared/ringfence/report/page.html": "",
        "requirements/gcp.txt": LOCK,
    }.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    return tmp_path


def test_a_bundle_holds_the_function_the_package_and_what_it_needs(root: Path) -> None:
    assert [path.relative_to(root).as_posix() for path in bundle(root)] == ["build/gcp/gcp_evaluate.zip", "build/gcp/gcp_seal.zip"]
    with zipfile.ZipFile(root / "build" / "gcp" / "gcp_evaluate.zip") as archive:
        assert archive.namelist() == [
            "helper.py",
            "main.py",
            "requirements.txt",
            "ringfence/__init__.py",
            "ringfence/compiled.json",
            "ringfence/guardrails/gcp_x.py",
        ]
        assert archive.read("main.py") == b"import ringfence\n"
        assert archive.read("requirements.txt").decode() == LOCK
        assert archive.testzip() is None


def test_the_same_files_give_the_same_bytes(root: Path) -> None:
    (first, _), before = bundle(root), (root / "build" / "gcp" / "gcp_evaluate.zip").read_bytes()
    for number, path in enumerate(sorted(root.rglob("*"))):
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    (root / "functions" / "gcp_evaluate" / "main.py").chmod(0o600)
    bundle(root)
    assert first.read_bytes() == before
    (root / "functions" / "gcp_evaluate" / "main.py").write_text("import ringfence  # changed\n")
    bundle(root)
    assert first.read_bytes() != before
    with zipfile.ZipFile(BytesIO(before)) as archive:
        entries = archive.infolist()
    assert {(e.date_time, e.external_attr >> 16, e.compress_type, e.create_system) for e in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644, zipfile.ZIP_STORED, 3)
    }


@pytest.mark.parametrize(
    ("gone", "says"),
    [("functions/gcp_seal/main.py", "functions-framework looks for it"), ("requirements/gcp.txt", "`make lock` compiles it")],
)
def test_a_bundle_that_could_not_run_is_not_written(root: Path, gone: str, says: str) -> None:
    (root / gone).unlink()
    with pytest.raises(SystemExit, match=says):
        bundle(root)


def test_nothing_to_pack_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no function for Google Cloud"):
        bundle(tmp_path)


def test_what_the_real_package_brings_is_what_its_hash_is_made_over(root: Path) -> None:
    (root / "shared").rename(root / "old")
    (root / "shared").symlink_to(ROOT / "shared")
    places = files(root, "gcp_evaluate")
    shipped = {place.removeprefix("ringfence/") for place in places if place.startswith("ringfence/")}
    assert "guardrails/gcp_sa_key_created.py" in shipped
    assert "iam/paths.json" in shipped
    assert not [place for place in shipped if place.split("/")[0] in DESK or place.endswith((".yaml", ".pyc", ".html"))]
    assert len(pack(places)) < 20_000_000
