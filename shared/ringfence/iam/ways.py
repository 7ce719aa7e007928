"""The shortest ways through a graph to some nodes (the administrators; whoever may read some data), from all others at once."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from ringfence.iam.escalation import Path
from ringfence.iam.granted import Granted
from ringfence.iam.graph import ADMIN, Edge
from ringfence.iam.places import FEW, Name, Places

TRIED = 16  # members of a class whose ways may lead back, beyond those that an edge leaves out


class Step(Struct, frozen=True, gc=False):
    """One step of a way: by which path, to whom."""

    path: Path
    to: str
    proof: tuple[Granted, ...]


class Index:
    """Edges by where they lead: the certain ones alone, or all."""

    def __init__(self, places: Places, edges: Mapping[str, Sequence[Edge]], *, certain: bool) -> None:
        self.places = places
        self.certain = certain
        self.before: dict[Name, list[tuple[str, Edge]]] = defaultdict(list)
        for arn, found in edges.items():
            for edge in found:
                if (edge.certain or not certain) and edge.becomes is None and not edge.only:
                    self.before[edge.to].append((arn, edge))
        self.classes: dict[str, list[Name]] = defaultdict(list)
        for name in self.before.keys() & places.classes.keys():
            for arn in places.classes[name]:
                self.classes[arn].append(name)


class Ways:
    """The next step towards the nearest of some nodes."""

    def __init__(self, index: Index, tops: Iterable[str]) -> None:
        self.certain = index.certain
        self._places = index.places
        self._searched = index.before.keys()
        self._next: dict[str, tuple[Edge | None, str]] = dict.fromkeys(tops, (None, ""))
        self._reached: dict[Name, list[str]] = defaultdict(list)  # of a class, the members that reach a top, the nearest first
        self._search(index)

    def _search(self, index: Index) -> None:
        queue, waiting = deque(self._next), dict[Name, list[tuple[str, Edge]]]()
        while queue:
            to = queue.popleft()
            for arn, edge in index.before.get(to, ()):
                self._reach(arn, edge, to, queue)
            for name in index.classes.get(to, ()):
                self._reached[name].append(to)
                later = []
                for arn, edge in waiting.get(name, index.before[name]):
                    if to in edge.without or arn == to:
                        later.append((arn, edge))  # not by this member; perhaps by the next
                    else:
                        self._reach(arn, edge, to, queue)
                waiting[name] = later

    def _reach(self, arn: str, edge: Edge, to: str, queue: deque[str]) -> None:
        if arn not in self._next:
            self._next[arn] = (edge, to)
            queue.append(arn)

    def by(self, start: str, edge: Edge) -> tuple[Step, ...] | None:
        """Give the steps that begin with an edge; None where it leads to no top, or only back."""
        if (not edge.certain and self.certain) or edge.becomes is not None or edge.only:
            return None
        if edge.to == ADMIN:
            return (Step(edge.path, ADMIN, edge.proof),) if ADMIN in self._next else None
        for to in islice(self._ends(edge.to), FEW + TRIED):
            if to not in edge.without and (rest := self._rest(to, start)) is not None:
                return (Step(edge.path, to, edge.proof), *rest)
        return None

    def _ends(self, name: Name) -> Iterable[str]:
        """Give the members of a class, or the node itself, that reach a top. A class that no edge led to before was not searched."""
        if name in self._searched and not isinstance(name, str):
            return self._reached[name]
        return (member for member in self._places.members(name) if member in self._next)

    def _rest(self, node: str, start: str) -> list[Step] | None:
        found: list[Step] = []
        while node:
            if node == start:
                return None
            edge, to = self._next[node]
            if edge is not None:
                found.append(Step(edge.path, to, edge.proof))
            node = to
        return found
