"""The sealed trail in a folder: what the command line uses without a deployed stack. Whoever owns the folder can change it - and is seen."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from ringfence.errors import ConflictError


class FolderArchive:
    """The archive port over the files of a folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made when something is put."""
        self._folder = folder

    def put(self, name: str, body: bytes) -> None:
        """Put a file, once."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._folder, prefix=".", delete_on_close=False) as file:
            file.write(body)
            file.close()
            try:
                os.link(file.name, path)  # whole, or not at all
            except FileExistsError as error:
                raise ConflictError(f"there is a file {path} already", "What is sealed is never replaced") from error

    def get(self, name: str) -> bytes | None:
        """Give what a file holds."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self, prefix: str, after: str = "") -> tuple[str, ...]:
        """Give the names that begin so, and come after another, in order."""
        found = (path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file())
        return tuple(sorted(name for name in found if name.startswith(prefix) and name > after))

    def touched(self) -> tuple[str, ...]:
        """A folder keeps no versions: what was changed shows in the hashes."""
        return ()
