"""Secrets, kept in memory for some minutes. A secret's text holds one value a line, the newest first.

While one is rotated both lines are valid; taking the old one away ends the rotation (AWS Secrets Manager User Guide: a rotation overlaps).
Where the text lies is each cloud's to say.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from ringfence.errors import UpstreamError

FRESH = timedelta(minutes=5)
PAUSE = timedelta(seconds=10)


class Secret:
    """One secret, read when it is needed first."""

    def __init__(self, name: str, fetch: Callable[[str], str], clock: Callable[[], datetime]) -> None:
        """Take its name, what reads the text under a name (UpstreamError where that fails), and the clock."""
        self._name = name
        self._read = fetch
        self._clock = clock
        self._values: tuple[str, ...] = ()
        self._asked: datetime | None = None
        self._problem = ""  # why there is no value

    def values(self) -> tuple[str, ...]:
        """Give the valid values, the newest first; raise UpstreamError where there is none, or was none some seconds ago."""
        if not self._values and self._younger(PAUSE):
            raise UpstreamError(self._problem or f"the secret {self._name} cannot be read", "It is read again in some seconds")
        return self._values if self._values and self._younger(FRESH) else self._fetch()

    def again(self) -> tuple[str, ...]:
        """Read it again, since none of the values fitted: somebody may have rotated it a moment ago."""
        return self._values if self._younger(PAUSE) else self._fetch()

    def _younger(self, age: timedelta) -> bool:
        return self._asked is not None and self._clock() - self._asked < age

    def _fetch(self) -> tuple[str, ...]:
        self._asked = self._clock()  # also where there is no answer: whoever sends rubbish does not make us ask more often
        try:
            self._values = self._lines()
        except UpstreamError as error:
            self._problem = error.problem
            raise
        return self._values

    def _lines(self) -> tuple[str, ...]:
        found = tuple(line.strip() for line in self._read(self._name).splitlines() if line.strip())
        if not found:
            raise UpstreamError(f"the secret {self._name} is empty", "Its text is one value a line")
        return found
