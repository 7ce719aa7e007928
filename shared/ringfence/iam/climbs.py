"""The climbs of an account: for each holder and path, whether it leads to administrator, else to somebody who may do more."""

from collections.abc import Iterable

from msgspec import Struct

from ringfence.iam.account import Holder
from ringfence.iam.catalogue import ActionSet
from ringfence.iam.edges import edges
from ringfence.iam.escalation import Path
from ringfence.iam.granted import Granted, Rules
from ringfence.iam.graph import ADMIN, Edge, Graph, Node
from ringfence.iam.places import MANY
from ringfence.iam.ways import Index, Step, Ways


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
        tops = (ADMIN, *(name for name, node in graph.nodes.items() if graph.is_admin(node.rules)))
        self.indexes = tuple(Index(graph.places, self.edges, certain=certain) for certain in (True, False))
        self._ways = tuple(Ways(index, tops) for index in self.indexes)
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
        for ways in self._ways:
            if (steps := ways.by(node.name, edge)) is not None:
                return Climb(identity=node.name, reaches=ADMIN, certain=ways.certain, steps=steps)
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
        self.strongest = tuple(sorted(members, key=lambda arn: allowed[arn].bit_count(), reverse=True)[:MANY])
