"""The sealed trail in a dictionary."""

from ringfence.errors import ConflictError


class MemoryArchive:
    """The archive port in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self.kept: dict[str, bytes] = {}

    def put(self, name: str, body: bytes) -> None:
        """Put something, once."""
        if self.kept.setdefault(name, body) is not body:
            raise ConflictError(f"there is something under {name} already", "What is sealed is never replaced")

    def get(self, name: str) -> bytes | None:
        """Give what has a name."""
        return self.kept.get(name)

    def names(self, prefix: str, after: str = "") -> tuple[str, ...]:
        """Give the names that begin so, and come after another, in order."""
        held = tuple(self.kept)  # at one moment: another thread may put something while these are gone through
        return tuple(sorted(name for name in held if name.startswith(prefix) and name > after))

    def touched(self) -> tuple[str, ...]:
        """Nothing can be put twice here."""
        return ()
