"""Globs over names and ARNs: `*` any run, `?` one character, nothing else is special.

IAM names are unique without regard to case (IAM User Guide, "IAM identifiers"), so matching folds ASCII case; other letters
only match themselves, so that a look-alike never matches.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache


def stretches(pieces: Sequence[str]) -> str:
    """Write the regular expression of pieces with any run between them, in time linear in the text.

    Each piece but the last is taken where it first fits and never again elsewhere: taking a later place could not help what follows.
    """
    if len(pieces) == 1:
        return pieces[0]
    return pieces[0] + "".join(f"(?>.*?{piece})" for piece in pieces[1:-1] if piece) + ".*" + pieces[-1]


def fits(pieces: Sequence[str], text: str) -> bool:
    """Whether a text is the pieces with any run between them: `stretches` for literal pieces, with nothing to compile."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return text == first
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in pieces[1:-1]:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[str]:
    pieces = [".".join(map(re.escape, part.split("?"))) for part in glob.split("*")]
    return re.compile(stretches(pieces), re.IGNORECASE | re.ASCII | re.DOTALL)


def matches(glob: str, text: str) -> bool:
    """Whether the whole text matches the glob."""
    return _pattern(glob).fullmatch(text) is not None


def any_match(globs: Iterable[str], *texts: str) -> str | None:
    """Give the first glob that matches one of the texts, or None."""
    return next((glob for glob in globs for text in texts if matches(glob, text)), None)
