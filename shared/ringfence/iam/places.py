"""Named classes of nodes (every user; the roles that a service may assume), and the parts of them that patterns name.

A class is made once and is one node of the graph, so that a grant on everything is one edge and not one for each member.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from ringfence.iam.areas import Area, names
from ringfence.iam.resources import WILD

FEW = 512  # as many members are left out one by one; more make a class of their own
NOBODY: frozenset[str] = frozenset()
type Class = tuple[object, ...]  # what a class is made of, so that no name or pattern is mistaken for another
type Name = str | Class


class Place(Struct, frozen=True, gc=False):
    """A node or a class of them, but for the members in `without`."""

    name: Name
    without: frozenset[str] = NOBODY


class Places:
    """The classes of an account's nodes."""

    def __init__(self) -> None:
        self.classes: dict[Name, tuple[str, ...]] = {}
        self._sets: dict[Name, frozenset[str]] = {}
        self._growing: dict[Class, dict[str, None]] = defaultdict(dict)

    def add(self, name: Class, member: str) -> None:
        """Put a member into a class."""
        self._growing[name][member] = None

    def seal(self) -> None:
        """Sort the classes; nobody joins one afterwards."""
        for name, members in self._growing.items():
            self.make(name, members)

    def make(self, name: Class, members: Iterable[str]) -> None:
        """Make a class."""
        self.classes[name] = tuple(sorted(members))
        self._sets[name] = frozenset(self.classes[name])

    def members(self, name: Name) -> tuple[str, ...]:
        """Give the members of a class; a node is one by itself."""
        return (name,) if isinstance(name, str) else self.classes.get(name, ())

    def find(self, members: Name, area: Area, but: str) -> Place | None:
        """Give the part of a class that is in an area; None where it is empty, or nobody `but` the one who asks."""
        within: Name | None = members if self.members(members) else None
        applied = set[str]()
        for group in area.within:
            if applied.isdisjoint(group) and within is not None:  # else narrowed by one of these patterns already
                within = self._part(within, group)
            applied |= set(group) if len(group) == 1 else set()
        place = None if within is None else self._left(within, tuple(dict.fromkeys(area.without)))
        return place if place and any(m != but and m not in place.without for m in self.members(place.name)) else None

    def _part(self, members: Name, patterns: tuple[str, ...]) -> Name | None:
        """Give the class, the member, or None, that patterns name in a class."""
        if isinstance(members, str):
            return members if any(names(p, members) for p in patterns) else None
        if len(patterns) == 1 and not WILD.search(patterns[0]):
            return patterns[0] if patterns[0] in self._sets[members] else None
        name = (members, "like", patterns)
        if name not in self.classes:
            self.make(name, {arn for pattern in patterns for arn in self._named(members, pattern)})
        return name if self.classes[name] else None

    def _named(self, members: Class, pattern: str) -> Iterable[str]:
        everyone, start = self.classes[members], WILD.split(pattern)[0]
        at = bisect_left(everyone, start)
        while at < len(everyone) and everyone[at].startswith(start):
            if names(pattern, everyone[at]):
                yield everyone[at]
            at += 1

    def _left(self, members: Name, without: tuple[str, ...]) -> Place | None:
        """Give what patterns leave of a class."""
        if isinstance(members, str):
            return None if any(names(p, members) for p in without) else Place(members)
        out = self._part(members, without) if without else None
        lost = NOBODY if out is None else frozenset((out,)) if isinstance(out, str) else self._sets[out]
        if len(lost) <= FEW:
            return Place(members, lost)
        name = (members, "without", without)
        if name not in self.classes:
            self.make(name, self._sets[members] - lost)
        return Place(name) if self.classes[name] else None
