"""The edges of the graph: for each kind of path, whom it makes of a holder. A new kind is one function and one line in `KINDS`."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ringfence.iam.account import ASSUME
from ringfence.iam.catalogue import shapes
from ringfence.iam.escalation import PASSING, Path, candidates
from ringfence.iam.granted import Granted
from ringfence.iam.graph import ADMIN, GROUPS, HERE, IN_DOUBT, ROLES, UNLIMITED, USERS, WRITABLE, Edge, Graph, Node

REWRITES = ("Attach", "Put", "CreatePolicyVersion")
RETRUSTS = "iam:UpdateAssumeRolePolicy"
BOUNDARY = "PermissionsBoundary"


def edges(graph: Graph, node: Node) -> list[Edge]:
    """Give the edges of a node; an administrator needs none."""
    if graph.is_admin(node.rules):
        return []
    found = list(graph.named.get(node.name, ()))
    for path in candidates(node.rules):
        found += KINDS[path.kind](graph, node, path)
    return found


def _surest(found: Iterable[Edge]) -> Iterator[Edge]:
    """Give one edge, a certain one where there is one: many lead to the same end."""
    best = max(found, key=lambda e: e.certain, default=None)
    if best is not None:
        yield best


def _permissions(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """What the holder can change about itself; under a boundary that limits it, only the boundary."""
    action = path.actions[0]
    kind = next((s.rsplit(":", 1)[-1].split("/")[0] for s in shapes(action).required), "")
    if action.endswith("AddUserToGroup"):
        yield from _joins(graph, node, path)
        return
    mine = (node.holder.arn,) if (kind == "user") == node.holder.is_user else ()
    own = {"policy": node.holder.own, "group": node.holder.groups, "user": mine, "role": mine}[kind]
    if not node.limited:
        own = () if BOUNDARY in action else own
        yield from _surest(Edge(path, ADMIN, path.certain and g.certain, (g,)) for arn in own if (g := node.on(action, arn)))
        return
    above = (
        mine
        if BOUNDARY in action
        else (node.holder.boundary_arn,)
        if kind == "policy" and ":iam::aws:" not in node.holder.boundary_arn
        else ()
    )
    grant = next((g for arn in above if (g := node.on(action, arn))), None)
    if grant is not None:
        yield from _freed(graph, node, replace(path, certain=path.certain or BOUNDARY in action), grant)


def _freed(graph: Graph, node: Node, path: Path, grant: Granted) -> Iterator[Edge]:
    """What the holder can become once its boundary is gone: at least whatever its policies allow by themselves."""
    free, certain = graph.freed(node), path.certain and grant.certain
    if graph.is_admin(free.rules):
        yield Edge(path, ADMIN, certain, (grant,))
        return
    yield Edge(path, node.name, certain, (grant,))
    for edge in edges(graph, free):
        yield replace(edge, path=path, certain=certain and edge.certain, proof=(grant, *edge.proof))


def _joins(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """Which groups the holder can join; what it is denied itself, or its boundary leaves out, no group gives it."""
    if not node.holder.is_user:
        return
    for place, proof, certain in graph.targets(node, path.actions, GROUPS):
        denied = any(rule.actions & graph.together(place.name) for rule in node.rules.denies)
        without = place.without | frozenset(node.holder.groups)
        if any(member not in without for member in graph.places.members(place.name)):
            yield Edge(path, place.name, certain and not denied and not node.limited, proof, without)


def _credentials(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """Whose credentials the holder can make: whoever it can change as well becomes administrator."""
    if any(a.split(":")[1].startswith(REWRITES) for a in path.actions):
        found = graph.targets(node, path.actions, USERS + UNLIMITED)
        yield from _surest(Edge(path, ADMIN, certain, proof) for _, proof, certain in found)
        return
    for place, proof, certain in graph.targets(node, path.actions, USERS):
        yield Edge(path, place.name, certain, proof, place.without)


def _assume(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """Which roles the holder can enter by trust, or by rewriting it; a role that it can change as well becomes administrator."""
    change = next((a for a in path.actions if a.split(":")[1].startswith(REWRITES)), "")
    enters = RETRUSTS if RETRUSTS in path.actions else ASSUME
    if set(path.actions) - {enters, change}:
        return  # AcquireRole and AssumeRoot reach what is not in the account's inventory
    for members, sure in ((ROLES, True),) if enters == RETRUSTS else ((HERE, True), (HERE + IN_DOUBT, False)):
        if not change:
            for place, proof, certain in graph.targets(node, (enters,), members):
                yield Edge(path, place.name, sure and certain, proof, place.without)
        elif change.endswith("PolicyVersion"):
            yield from _surest(_rewritten(graph, node, path, members + UNLIMITED, sure=sure))
        else:
            found = graph.targets(node, (change, enters), members + UNLIMITED)
            yield from _surest(Edge(path, ADMIN, sure and certain, proof) for _, proof, certain in found)


def _rewritten(graph: Graph, node: Node, path: Path, members: str, *, sure: bool) -> Iterator[Edge]:
    """Which roles that it can enter hold a policy that it can rewrite."""
    change, enters = sorted(path.actions, key=lambda a: not a.endswith("PolicyVersion"))
    for policies, changed, first in graph.targets(node, (change,), WRITABLE):
        for _, entered, second in graph.targets(node, (enters,), graph.holding(members, policies)):
            yield Edge(path, ADMIN, sure and first and second, (*changed, *entered))


def _pass(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """Which roles the holder can hand to a service that runs its code or acts for it."""
    targets = [
        (sure, found)
        for members, sure in ((path.passes, True), (path.passes + IN_DOUBT, False))
        for found in graph.targets(node, (PASSING,), members, path.passes)
    ]
    others = [a for a in path.actions if a != PASSING] if targets else []
    more = tuple(g for a in others if (g := node.rules.grant(a, on=path.on.get(a, ""))))
    for sure, (place, proof, certain) in targets if len(more) == len(others) else ():
        known = sure and path.certain and certain and all(g.certain for g in more)
        yield Edge(path, place.name, known, (*proof, *more), place.without)


def _existing(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """Which roles what runs already may have: never certain, since a snapshot of IAM does not list what runs."""
    proof = tuple(g for a in path.actions if (g := node.rules.grant(a, on=path.on.get(a, ""))))
    for members in (path.runs_as, path.runs_as + IN_DOUBT):
        if len(proof) == len(path.actions) and members in graph.places.classes:
            yield Edge(path, members, certain=False, proof=proof)


KINDS = {"permissions": _permissions, "credentials": _credentials, "assume": _assume, "pass": _pass, "existing": _existing}
