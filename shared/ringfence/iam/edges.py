"""The edges of the graph: for each kind of path, whom it makes of a holder. A new kind is one function and one line in `KINDS`."""

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from ringfence.iam.account import ASSUME
from ringfence.iam.catalogue import ActionSet, expand, shapes
from ringfence.iam.escalation import PASSING, Path, candidates
from ringfence.iam.granted import Granted
from ringfence.iam.graph import ADMIN, GROUPS, HERE, IN_DOUBT, ROLES, UNLIMITED, USERS, WRITABLE, Edge, Graph, Node
from ringfence.iam.places import Class, Name, Place

REWRITES = ("Attach", "Put", "CreatePolicyVersion")
RETRUSTS = "iam:UpdateAssumeRolePolicy"
BOUNDARY = "PermissionsBoundary"
CHANGES = ("iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy")  # of an identity itself
OF_POLICIES = ("iam:CreatePolicyVersion",)
OF_GROUPS = ("iam:PutGroupPolicy", "iam:AttachGroupPolicy")
JOINED = 10  # groups that a user may be in (IAM quotas)


def edges(graph: Graph, node: Node) -> list[Edge]:
    """Give the edges of a node; an administrator needs none."""
    if graph.is_admin(node.rules):
        return []
    found = list(graph.named(node))
    for path in candidates(node.rules):
        found += KINDS[path.kind](graph, node, path)
    return [*found, *_changed(graph, node, found)]


def _surest(found: Iterable[Edge]) -> Iterator[Edge]:
    """Give one edge, a certain one where there is one: many lead to the same end."""
    best = max(found, key=lambda e: e.certain, default=None)
    if best is not None:
        yield best


def _permissions(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """What the holder can change about itself; under a boundary that limits it, up to the boundary, or the boundary itself."""
    action, holder = path.actions[0], node.holder
    kind = next((s.rsplit(":", 1)[-1].split("/")[0] for s in shapes(action).required), "")
    mine = (holder.arn,) if (kind == "user") == holder.is_user else ()
    if action.endswith("AddUserToGroup"):
        yield from _joins(graph, node, path)
    elif BOUNDARY in action:
        if node.limited and (grant := next((g for arn in mine if (g := node.on(action, arn))), None)):
            yield from _becomes(graph, node, path, grant, graph.freed(node), certain=grant.certain)
    else:
        own = {"policy": holder.own, "group": holder.groups, "user": mine, "role": mine}[kind]
        grants = [g for arn in own if (g := node.on(action, arn))]
        grant = max(grants, key=lambda g: g.certain, default=None)
        if grant is not None and not node.limited:
            yield Edge(path, ADMIN, path.certain and grant.certain, (grant,))
        elif grant is not None and "unrestrained" not in node.changed:
            yield from _becomes(graph, node, path, grant, graph.unrestrained(node), certain=path.certain and grant.certain)
        above = holder.boundary_arn if kind == "policy" and node.limited and ":iam::aws:" not in holder.boundary_arn else ""
        if above and (grant := node.on(action, above)):
            yield from _becomes(graph, node, path, grant, graph.freed(node), certain=path.certain and grant.certain)


def _becomes(graph: Graph, node: Node, path: Path, grant: Granted, new: Node, *, certain: bool, to: str = "") -> Iterator[Edge]:
    """What the holder can do once it has changed itself: at least whatever its rules then allow."""
    if graph.is_admin(new.rules):
        yield Edge(path, ADMIN, certain, (grant,))
        return
    yield Edge(path, to or node.name, certain, (grant,), becomes=new)
    for edge in edges(graph, new):
        if edge.becomes is None:
            yield replace(edge, path=path, certain=certain and edge.certain, proof=(grant, *edge.proof))


def _joins(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """Which groups the holder can join, and what each makes of it; of very many, those that allow most."""
    if not node.holder.is_user or "joined" in node.changed:
        return
    for place, proof, certain in graph.targets(node, path.actions, GROUPS):
        groups = [g for g in graph.places.members(place.name) if g not in place.without and g not in node.holder.groups]
        strength = {arn: graph.rules_of(graph.account.groups[arn].policies).allowed.bit_count() for arn in groups}
        for arn in sorted(groups, key=strength.__getitem__, reverse=True)[:JOINED]:
            yield from _becomes(graph, node, path, proof[0], graph.joined(node, arn), certain=certain, to=arn)


def _credentials(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """Whose credentials the holder can make: whoever it can change as well becomes administrator."""
    if any(a.split(":")[1].startswith(REWRITES) for a in path.actions):
        found = graph.targets(node, path.actions, (*USERS, UNLIMITED))
        yield from _surest(Edge(path, ADMIN, certain, proof) for _, proof, certain in found)
        return
    for place, proof, certain in graph.targets(node, path.actions, USERS):
        yield Edge(path, place.name, certain, proof, place.without, only=_only(path))


def _only(path: Path) -> ActionSet:
    """Give the actions for which a path's credentials are good; none where they are good for all."""
    found = 0
    for service in path.services:
        found |= expand(f"{service}:*")
    return found


def _assume(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """Which roles the holder can enter by trust, or by rewriting it; a role that it can change as well becomes administrator."""
    change = next((a for a in path.actions if a.split(":")[1].startswith(REWRITES)), "")
    enters = RETRUSTS if RETRUSTS in path.actions else ASSUME
    if set(path.actions) - {enters, change}:
        return  # AcquireRole and AssumeRoot reach what is not in the account's inventory
    for members, sure in ((ROLES, True),) if enters == RETRUSTS else ((HERE, True), ((*HERE, IN_DOUBT), False)):
        if not change:
            for place, proof, certain in graph.targets(node, (enters,), members):
                yield Edge(path, place.name, sure and certain, proof, place.without)
        elif change.endswith("PolicyVersion"):
            yield from _surest(_rewritten(graph, node, path, (*members, UNLIMITED), sure=sure))
        else:
            found = graph.targets(node, (change, enters), (*members, UNLIMITED))
            yield from _surest(Edge(path, ADMIN, sure and certain, proof) for _, proof, certain in found)


def _rewritten(graph: Graph, node: Node, path: Path, members: Class, *, sure: bool) -> Iterator[Edge]:
    """Which roles that it can enter hold a policy that it can rewrite."""
    change, enters = sorted(path.actions, key=lambda a: not a.endswith("PolicyVersion"))
    for policies, changed, first in graph.targets(node, (change,), WRITABLE):
        for _, entered, second in graph.targets(node, (enters,), graph.related(members, "holders of", policies)):
            yield Edge(path, ADMIN, sure and first and second, (*changed, *entered))


def _pass(graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """Which roles the holder can hand to a service that runs its code or acts for it."""
    service = ("trusts", path.passes)
    targets = [
        (sure, found)
        for members, sure in ((service, True), ((*service, IN_DOUBT), False))
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
    for members in (("trusts", path.runs_as), ("trusts", path.runs_as, IN_DOUBT)):
        if len(proof) == len(path.actions) and members in graph.places.classes:
            yield Edge(path, members, certain=False, proof=proof)


def _changed(graph: Graph, node: Node, found: list[Edge]) -> Iterator[Edge]:
    """Whom the holder can become and change as well: that one can be made administrator, however it is become."""
    allowed = [(how, a) for how, actions in _HOW.items() for a in actions if node.rules.allowed & expand(a)]
    targets = {e.to: e for e in sorted(found, key=lambda e: e.certain) if e.becomes is None and e.to != ADMIN and not e.only}
    for to, edge in targets.items() if allowed else ():
        for how, action in allowed:
            for grant, place in how(graph, node, action, to):
                if any(
                    m not in place.without and m not in edge.without and m != node.name and not graph.nodes[m].limited
                    for m in graph.places.members(place.name)
                ):
                    yield Edge(edge.path, ADMIN, edge.certain and grant.certain, (grant, *edge.proof))
                    break


def _itself(graph: Graph, node: Node, action: str, to: Name) -> Iterator[tuple[Granted, Place]]:
    """Which of those that the holder can become it can change by a policy of their own."""
    for area in node.areas(action):
        if place := graph.places.find(to, (area,), node.name):
            yield area.granted, place


def _by_policy(graph: Graph, node: Node, action: str, to: Name) -> Iterator[tuple[Granted, Place]]:
    """Which of them hold a policy that the holder can rewrite."""
    for policies, (grant,), _ in graph.targets(node, (action,), WRITABLE):
        yield grant, Place(graph.related(to, "holders of", policies))


def _by_group(graph: Graph, node: Node, action: str, to: Name) -> Iterator[tuple[Granted, Place]]:
    """Which of them are in a group that the holder can change."""
    for groups, (grant,), _ in graph.targets(node, (action,), GROUPS):
        yield grant, Place(graph.related(to, "members of", groups))


_HOW: dict[Callable[[Graph, Node, str, Name], Iterator[tuple[Granted, Place]]], tuple[str, ...]] = {
    _itself: CHANGES,
    _by_policy: OF_POLICIES,
    _by_group: OF_GROUPS,
}
KINDS = {"permissions": _permissions, "credentials": _credentials, "assume": _assume, "pass": _pass, "existing": _existing}
