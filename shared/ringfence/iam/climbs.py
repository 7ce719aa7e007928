"""The climbs of an account: for each holder and path, whether it leads to administrator, else to somebody who may do more."""

from collections import defaultdict, deque
from collections.abc import Iterable

from msgspec import Struct

from ringfence.iam.account import Holder
from ringfence.iam.catalogue import ActionSet
from ringfence.iam.escalation import Path
from ringfence.iam.granted import Granted, Rules
from ringfence.iam.graph import ADMIN, Edge, Graph, Node
from ringfence.iam.places import FEW
from ringfence.iam.ways import edges

STRONGEST = 2 * FEW  # more than an edge leaves out


class Step(Struct, frozen=True, gc=False):
    """One step of a climb: by which path, to whom."""

    path: Path
    to: str
    proof: tuple[Granted, ...]


class Climb(Struct, frozen=True, kw_only=True, gc=False):
    """A holder that reaches administrator, or an identity that may do more."""

    identity: str
    reaches: str
    certain: bool
    steps: tuple[Step, ...]

    @property
    def path(self) -> Path:
        """How it begins."""
        return self.steps[0].path

    @property
    def proof(self) -> tuple[Granted, ...]:
        """What the holder's own policies grant for it."""
        return self.steps[0].proof

    @property
    def via(self) -> tuple[str, ...]:
        """The identities on the way to administrator, who has to be somebody unless the last step makes one."""
        return tuple(s.to for s in self.steps if s.to != ADMIN) if self.reaches == ADMIN else ()


class Climbs:
    """What leads where in a graph; asked for all, or for one holder as it would be after a change."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.edges = {name: edges(graph, node) for name, node in graph.nodes.items()}
        self._ways = {certain: _Ways(graph, self.edges, certain=certain) for certain in (True, False)}
        self._strength: dict[str, _Strength] = {}

    def all(self) -> tuple[Climb, ...]:
        """Give every climb, one for a holder and path; of a holder the certain ones and those to administrator first."""
        return tuple(c for h in self.graph.account.holders for c in self._of(self.graph.nodes[h.arn], self.edges[h.arn]))

    def added(self, holder: Holder) -> tuple[Climb, ...]:
        """Give what a holder could climb with these policies, and could not with those it has."""
        before = self.graph.nodes.get(holder.arn)
        known = {(c.path.id, c.reaches, c.certain) for c in self._of(before, self.edges[before.name])} if before else set()
        node = self.graph.node(holder)
        return tuple(
            c
            for c in self._of(node, edges(self.graph, node))
            if not known & {(c.path.id, c.reaches, certain) for certain in {True, c.certain}}
        )

    def _of(self, node: Node, found: Iterable[Edge]) -> tuple[Climb, ...]:
        best: dict[str, Climb] = {}
        for edge in found:
            climb = self._to_admin(node, edge) or self._to_stronger(node, edge)
            if climb is not None and (edge.path.id not in best or _rank(climb) < _rank(best[edge.path.id])):
                best[edge.path.id] = climb
        return tuple(sorted(best.values(), key=_rank))

    def _to_admin(self, node: Node, edge: Edge) -> Climb | None:
        for certain, ways in self._ways.items():
            way = ways.from_edge(node.name, edge) if edge.certain or not certain else None
            if way is not None:
                return Climb(identity=node.name, reaches=ADMIN, certain=certain, steps=way)
        return None

    def _to_stronger(self, node: Node, edge: Edge) -> Climb | None:
        """Give the climb to the one who may do most beyond what the holder may; None where nobody may do more."""
        mine = node.rules.strength
        best, rules = (node.name, self.graph.freed(node).rules) if edge.to == node.name else self._best(edge, node, mine)
        if rules is None or not rules.strength & ~mine:
            return None
        return Climb(identity=node.name, reaches=best, certain=edge.certain, steps=(Step(edge.path, best, edge.proof),))

    def _best(self, edge: Edge, node: Node, mine: ActionSet) -> tuple[str, Rules | None]:
        members = self.graph.places.members(edge.to)
        if edge.to != members[0]:
            if edge.to not in self._strength:
                self._strength[edge.to] = _Strength(self.graph, members)
            whole = self._strength[edge.to]
            members = whole.strongest if whole.together & ~mine else ()
        others = [(a, self.graph.nodes[a].rules) for a in members if a in self.graph.nodes and a not in edge.without and a != node.name]
        return max(others, key=lambda a: (a[1].strength & ~mine).bit_count(), default=("", None))


def _rank(climb: Climb) -> tuple[bool, bool, int]:
    return climb.reaches != ADMIN, not climb.certain, len(climb.steps)


class _Strength:
    """What the members of a class may do: together, and the strongest of them.

    Of a large class only its strongest are compared, so that the work grows with the holders and not with their square.
    """

    def __init__(self, graph: Graph, members: tuple[str, ...]) -> None:
        allowed = {arn: graph.nodes[arn].rules.strength for arn in members}
        self.together: ActionSet = 0
        for one in set(allowed.values()):
            self.together |= one
        self.strongest = tuple(sorted(members, key=lambda arn: allowed[arn].bit_count(), reverse=True)[:STRONGEST])


class _Ways:
    """The next step towards administrator, for each node from which it is reached: by certain edges, or by all."""

    def __init__(self, graph: Graph, edges: dict[str, list[Edge]], *, certain: bool) -> None:
        self.graph = graph
        self.next: dict[str, tuple[Edge | None, str]] = {}
        self.reached: dict[str, list[str]] = defaultdict(list)  # of a class, the members that reach it, the nearest first
        self._before: dict[str, list[tuple[str, Edge]]] = defaultdict(list)
        for arn, found in edges.items():
            for edge in found:
                if edge.certain or not certain:
                    self._before[edge.to].append((arn, edge))
        self._classes: dict[str, list[str]] = defaultdict(list)
        for name in self._before.keys() & graph.places.classes.keys():
            for arn in graph.places.classes[name]:
                self._classes[arn].append(name)
        self._search()

    def _search(self) -> None:
        tops = [name for name, node in self.graph.nodes.items() if self.graph.is_admin(node.rules)]
        self.next.update(dict.fromkeys(tops, (None, ADMIN)))
        queue = deque([ADMIN, *tops])
        while queue:
            to = queue.popleft()
            for arn, edge in self._before[to]:
                self._reach(arn, edge, to, queue)
            for name in self._classes[to]:
                self.reached[name].append(to)
                waiting, self._before[name] = self._before[name], []
                for arn, edge in waiting:
                    if to in edge.without or arn == to:
                        self._before[name].append((arn, edge))  # not by this member; perhaps by the next
                    else:
                        self._reach(arn, edge, to, queue)

    def _reach(self, arn: str, edge: Edge, to: str, queue: deque[str]) -> None:
        if arn not in self.next:
            self.next[arn] = (edge, to)
            queue.append(arn)

    def from_edge(self, start: str, edge: Edge) -> tuple[Step, ...] | None:
        """Give the steps to administrator that begin with an edge; None where there are none, or they lead back."""
        if edge.to == ADMIN:
            return (Step(edge.path, ADMIN, edge.proof),)
        members = self.reached[edge.to] if edge.to in self.graph.places.classes else [edge.to]
        for to in members[:STRONGEST]:
            if to in self.next and to not in edge.without and (rest := self._rest(to, start)) is not None:
                return (Step(edge.path, to, edge.proof), *rest)
        return None

    def _rest(self, node: str, start: str) -> list[Step] | None:
        found: list[Step] = []
        while node not in (ADMIN, start):
            edge, to = self.next[node]
            if edge is not None:
                found.append(Step(edge.path, to, edge.proof))
            node = to
        return None if node == start else found
