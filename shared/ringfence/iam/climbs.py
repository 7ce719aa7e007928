"""The climbs of a graph: for each holder and path, whether it leads to administrator, else to somebody who may do more."""

from collections import defaultdict, deque

from ringfence.iam.catalogue import ActionSet
from ringfence.iam.graph import ADMIN, Climb, Edge, Graph

STRONGEST = 32


def climbs(graph: Graph) -> tuple[Climb, ...]:
    """Give every climb, one for a holder and path, the certain ones and those to administrator first."""
    sure, maybe = _reach(graph, certain=True), _reach(graph, certain=False)
    strength = {name: _Class(graph, members) for name, members in graph.classes.items()}
    found: list[Climb] = []
    for arn, edges in graph.edges.items():
        best: dict[str, Climb] = {}
        for edge in edges:
            climb = _to_admin(graph, arn, edge, sure, maybe) or _to_stronger(graph, arn, edge, strength)
            if climb is not None and (edge.path.id not in best or _rank(climb) < _rank(best[edge.path.id])):
                best[edge.path.id] = climb
        found += sorted(best.values(), key=_rank)
    return tuple(found)


def _rank(climb: Climb) -> tuple[bool, bool, int]:
    return climb.reaches != ADMIN, not climb.certain, len(climb.via)


def _reach(graph: Graph, *, certain: bool) -> dict[str, str]:
    """Give, for every node from which administrator is reached, the next node on the shortest way; by certain edges or by all."""
    before: dict[str, list[str]] = defaultdict(list)
    for arn, edges in graph.edges.items():
        for edge in edges:
            if edge.certain or not certain:
                before[edge.to].append(arn)
    for name, members in graph.classes.items():
        for arn in members:
            before[arn].append(name)
    following: dict[str, str] = dict.fromkeys(graph.admins, ADMIN)
    queue = deque([ADMIN, *graph.admins])
    while queue:
        node = queue.popleft()
        for earlier in before[node]:
            if earlier not in following:
                following[earlier] = node
                queue.append(earlier)
    return following


def _to_admin(graph: Graph, arn: str, edge: Edge, sure: dict[str, str], maybe: dict[str, str]) -> Climb | None:
    for following, certain in ((sure, edge.certain), (maybe, False)):
        if edge.to == ADMIN or edge.to in following:
            way, node = [], edge.to
            while node != ADMIN:
                if node not in graph.classes:
                    way.append(node)
                node = following[node]
            if arn in way:
                continue  # the way leads back: what is beyond is reached without this edge
            return Climb(identity=arn, path=edge.path, reaches=ADMIN, via=tuple(way), certain=certain, proof=edge.proof)
    return None


class _Class:
    """What the members of a class may do: together, and the strongest first."""

    def __init__(self, graph: Graph, members: list[str]) -> None:
        allowed = {arn: graph.rules[arn].strength for arn in members}
        self.together: ActionSet = 0
        for one in set(allowed.values()):
            self.together |= one
        self.strongest = sorted(members, key=lambda arn: allowed[arn].bit_count(), reverse=True)[:STRONGEST]


def _to_stronger(graph: Graph, arn: str, edge: Edge, strength: dict[str, _Class]) -> Climb | None:
    """Give the climb to the one who may do most beyond what the holder may; None where nobody may do more.

    Of a large class only its strongest are compared, so that the work grows with the holders and not with their square.
    """
    mine = graph.rules[arn].strength
    whole = strength.get(edge.to)
    if whole is not None and not whole.together & ~mine:
        return None
    others = [a for a in (whole.strongest if whole else [edge.to]) if a in graph.rules and a != arn]
    best = max(others, key=lambda a: (graph.rules[a].strength & ~mine).bit_count(), default=None)
    if best is None or not graph.rules[best].strength & ~mine:
        return None
    return Climb(identity=arn, path=edge.path, reaches=best, via=(), certain=edge.certain, proof=edge.proof)
