"""Named classes of nodes (every user; the roles that a service may assume), and the parts of them that patterns name.

A class is made once and is one node of the graph, so that a grant on everything is one edge and not one for each member.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from ringfence.iam.areas import Area, names

FEW = 64  # as many members are left out one by one; more make a class of their own
MANY = 2 * FEW  # more than an edge leaves out: of so many members of a class one counts
NOBODY: frozenset[str] = frozenset()


class Place(Struct, frozen=True, gc=False):
    """A node or a class of them, but for the members in `without`."""

    name: str
    without: frozenset[str] = NOBODY


class Places:
    """The classes of an account's nodes."""

    def __init__(self) -> None:
        self.classes: dict[str, tuple[str, ...]] = {}
        self._sets: dict[str, frozenset[str]] = {}
        self._growing: dict[str, dict[str, None]] = defaultdict(dict)

    def add(self, name: str, member: str) -> None:
        """Put a member into a class."""
        self._growing[name][member] = None

    def seal(self) -> None:
        """Sort the classes; nobody joins one afterwards."""
        for name, members in self._growing.items():
            self.make(name, members)

    def make(self, name: str, members: Iterable[str]) -> None:
        """Make a class."""
        self.classes[name] = tuple(sorted(members))
        self._sets[name] = frozenset(self.classes[name])

    def members(self, name: str) -> tuple[str, ...]:
        """Give the members of a class; a node is one by itself."""
        return self.classes.get(name, (name,) if name else ())

    def find(self, members: str, areas: Iterable[Area], but: str) -> Place | None:
        """Give the part of a class that is in all areas; None where it is empty, or nobody `but` the one who asks."""
        within, without = members, list[str]()
        for area in areas:
            for group in area.within:
                within = self._part(within, group)
            without += area.without
        place = self._left(within, tuple(dict.fromkeys(without))) if self.members(within) else None
        return place if place and any(m != but and m not in place.without for m in self.members(place.name)) else None

    def _part(self, members: str, patterns: tuple[str, ...]) -> str:
        """Give the class, the member, or nothing, that patterns name in a class."""
        if members not in self.classes:
            return members if any(names(p, members) for p in patterns) else ""
        if len(patterns) == 1 and not re.search(r"[*?]", patterns[0]):
            return patterns[0] if patterns[0] in self._sets[members] else ""
        name = f"{members} like {' or '.join(patterns)}"
        if name not in self.classes:
            self.make(name, {arn for pattern in patterns for arn in self._named(members, pattern)})
        return name if self.classes[name] else ""

    def _named(self, members: str, pattern: str) -> Iterable[str]:
        everyone, start = self.classes[members], re.split(r"[*?]", pattern)[0]
        at = bisect_left(everyone, start)
        while at < len(everyone) and everyone[at].startswith(start):
            if names(pattern, everyone[at]):
                yield everyone[at]
            at += 1

    def _left(self, members: str, without: tuple[str, ...]) -> Place | None:
        """Give what patterns leave of a class."""
        if members not in self.classes:
            return None if any(names(p, members) for p in without) else Place(members)
        out = self._part(members, without) if without else ""
        lost = self._sets.get(out) or frozenset(self.members(out))
        if len(lost) <= FEW:
            return Place(members, lost)
        name = f"{members} without {out}"
        if name not in self.classes:
            self.make(name, self._sets[members] - lost)
        return Place(name) if self.classes[name] else None
