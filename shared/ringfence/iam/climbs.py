"""The climbs of an account: for each holder and path, whether it leads to administrator, else to somebody who may do more."""

from collections import defaultdict, deque
from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from ringfence.iam.account import Holder
from ringfence.iam.catalogue import ActionSet, size
from ringfence.iam.edges import edges
from ringfence.iam.escalation import Path
from ringfence.iam.granted import Granted
from ringfence.iam.graph import ADMIN, Edge, Graph, Node
from ringfence.iam.places import Name
from ringfence.iam.ways import Index, Step, Ways

COMPARED = 32  # kinds of members of a class
LOOKED_AT = 64  # identities on the way to somebody stronger


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
        self._strength: dict[Name, _Strength] = {}

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
        """Give the climb to the one who may do most beyond what the holder may; None where nobody may do more.

        Where the next one may do nothing more, those that it leads to are looked at, step by step.
        """
        mine = node.rules.strength
        if edge.becomes is not None:
            more = edge.becomes.rules.strength & ~mine
            return self._climb(node, edge.certain, (Step(edge.path, str(edge.to), edge.proof),)) if more else None
        return self._search(node, edge, mine, certain=True) or self._search(node, edge, mine, certain=False)

    def _search(self, node: Node, edge: Edge, mine: ActionSet, *, certain: bool) -> Climb | None:
        """Look for somebody stronger step by step, by certain edges or by all."""
        seen, queue = {node.name}, deque[tuple[Edge, bool, tuple[Step, ...]]]()
        if edge.certain or not certain:
            queue.append((edge, edge.certain, ()))
        while queue and len(seen) < LOOKED_AT:
            step, sure, before = queue.popleft()
            if best := self._best(step, node, mine):
                return self._climb(node, sure, (*before, Step(step.path, best, step.proof)))
            for member in islice((m for m in self.graph.places.members(step.to) if m not in seen and m not in step.without), LOOKED_AT):
                seen.add(member)
                way = (*before, Step(step.path, member, step.proof))
                follow = () if step.only else self.edges[member]
                queue += [
                    (e, sure and e.certain, way) for e in follow if e.becomes is None and e.to != ADMIN and (e.certain or not certain)
                ]
        return None

    def _climb(self, node: Node, certain: bool, steps: tuple[Step, ...]) -> Climb:  # noqa: FBT001 - a word of the result
        return Climb(identity=node.name, reaches=steps[-1].to, certain=certain, steps=steps)

    def _best(self, edge: Edge, node: Node, mine: ActionSet) -> str:
        """Give the one of those that an edge leads to who may do most that the holder may not; empty where nobody may do more."""
        if edge.to not in self._strength:
            self._strength[edge.to] = _Strength(self.graph, self.graph.places.members(edge.to))
        useful = (edge.only | edge.only << size()) & ~mine if edge.only else ~mine
        return self._strength[edge.to].beyond(useful, edge.without | {node.name})


def _rank(climb: Climb) -> tuple[bool, bool, int]:
    return climb.reaches != ADMIN, not climb.certain, len(climb.steps)


class _Strength:
    """What the members of a class may do: together, and by each set of actions that some of them have, the largest first.

    Only the largest are compared, unless none of them has more: so the work grows with the holders and not with their square.
    """

    def __init__(self, graph: Graph, members: tuple[str, ...]) -> None:
        self.together: ActionSet = 0
        having: dict[ActionSet, list[str]] = defaultdict(list)
        for arn in members:
            having[graph.nodes[arn].rules.strength].append(arn)
        for one in having:
            self.together |= one
        self.kinds = sorted(having.items(), key=lambda kind: kind[0].bit_count(), reverse=True)

    def beyond(self, useful: ActionSet, without: frozenset[str]) -> str:
        """Give the member, but for some, that has most of what would be useful; empty where nobody has any."""
        best, most = "", 0
        for number, (strength, members) in enumerate(self.kinds if self.together & useful else ()):
            if number >= COMPARED and best:
                break
            count = (strength & useful).bit_count()
            if count > most and (found := next((m for m in members if m not in without), "")):
                best, most = found, count
        return best
