"""Packs the functions for Google Cloud into build/gcp/gcp_NAME.zip: main.py and requirements.txt at the root, the package beside them.

The same files give the same bytes, on every machine: sorted, with one date, not compressed. The package is what `code_hash` of the compiled settings
is made over. Usage: python tools/bundle_google.py.
"""

import sys
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "shared"))

from ringfence.config.compile import DESK  # noqa: E402 - the package lies in shared/

SHIPPED = (".py", ".json")
DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can name
MODE = 0o100644  # a plain file that everybody may read


def files(root: Path, function: str) -> dict[str, bytes]:
    """Give what a function is made of, by its place in the bundle. Raises SystemExit where something is missing."""
    own, package, lock = root / "functions" / function, root / "shared" / "ringfence", root / "requirements" / "gcp.txt"
    if not (own / "main.py").is_file():
        raise SystemExit(f"there is no {own / 'main.py'}: functions-framework looks for it")
    if not lock.is_file():
        raise SystemExit(f"there is no {lock}: `make lock` compiles it")
    found = {path.relative_to(own).as_posix(): path for path in own.rglob("*.py")}
    for path in package.rglob("*"):
        place = path.relative_to(package)
        if path.suffix in SHIPPED and place.parts[0] not in DESK:
            found[f"ringfence/{place.as_posix()}"] = path
    return {"requirements.txt": lock.read_bytes(), **{place: path.read_bytes() for place, path in found.items()}}


def pack(content: Mapping[str, bytes]) -> bytes:
    """Pack files by their places. Nothing is compressed: what compression makes differs between versions of its library."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for place in sorted(content):
            entry = zipfile.ZipInfo(place, DATE)
            entry.create_system, entry.external_attr = 3, MODE << 16  # as Unix writes it, wherever this runs
            archive.writestr(entry, content[place])
    return packed.getvalue()


def bundle(root: Path) -> list[Path]:
    """Write the bundle of each function for Google Cloud; give their paths. Raises SystemExit where there is none."""
    functions = sorted(path.name for path in (root / "functions").glob("gcp_*") if path.is_dir())
    if not functions:
        raise SystemExit(f"there is no function for Google Cloud below {root / 'functions'}")
    folder = root / "build" / "gcp"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for function in functions:
        path = folder / f"{function}.zip"
        path.write_bytes(pack(files(root, function)))
        written.append(path)
    return written


def main() -> None:
    """Write them all."""
    for path in bundle(ROOT):
        print(path.relative_to(ROOT))
    if not (ROOT / "shared" / "ringfence" / "compiled.json").is_file():
        print("no configuration is compiled in, the built-in defaults count: `ringfence config compile` compiles yours")


if __name__ == "__main__":
    main()
