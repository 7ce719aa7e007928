"""The edges of the graph: for each kind of path, whom it makes of a holder. A new kind is one function and one line in `KINDS`."""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from ringfence.iam.account import ASSUME
from ringfence.iam.catalogue import ActionSet, every, expand, shapes
from ringfence.iam.escalation import PASSING, Path, candidates, opened
from ringfence.iam.granted import Granted
from ringfence.iam.graph import ADMIN, GROUPS, HERE, IN_DOUBT, JOINED, ROLES, UNLIMITED, UNRESTRAINED, USERS, WRITABLE, Edge, Graph, Node
from ringfence.iam.places import Class, Name, Place

REWRITES = ("Attach", "Put", "CreatePolicyVersion")
RETRUSTS = "iam:UpdateAssumeRolePolicy"
BOUNDARY = "PermissionsBoundary"
CHANGES = ("iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy")  # of an identity itself
OF_POLICIES = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")
OF_GROUPS = ("iam:PutGroupPolicy", "iam:AttachGroupPolicy")
MOST = 10  # groups that a user may be in (IAM quotas)


class Change(Struct, frozen=True):
    """What a holder can make of itself: by which path and grant, and what it then is; `to`: the group, where it joins one."""

    path: Path
    grant: Granted
    certain: bool
    new: Node
    to: str


def edges(graph: Graph, node: Node) -> list[Edge]:
    """Give the edges of a node; an administrator needs none."""
    if graph.is_admin(node.rules):
        return []
    found = list(graph.named(node))
    for path in candidates(node.rules):
        found += KINDS[path.kind](graph, node, path)
    found += _changed(graph, node, found)
    known = {(e.path.id, e.to, e.without) for e in found}
    made: dict[tuple[object, ...], list[Edge]] = {}
    for change in _changes(graph, node):
        key = (change.new.holder.groups, change.new.limited, id(change.new.rules))
        if key not in made:
            made[key] = [] if graph.is_admin(change.new.rules) else edges(graph, change.new)
        found += _after(graph, change, [e for e in made[key] if (e.path.id, e.to, e.without) not in known])
    return found


def _after(graph: Graph, change: Change, more: list[Edge]) -> Iterator[Edge]:
    """What a holder can do once it has changed itself, beyond what it could before: at least whatever its rules then allow."""
    if graph.is_admin(change.new.rules):
        yield Edge(change.path, ADMIN, change.certain, (change.grant,))
        return
    yield Edge(change.path, change.to, change.certain, (change.grant,), becomes=change.new)
    for edge in more:
        yield replace(edge, path=change.path, certain=change.certain and edge.certain, proof=(change.grant, *edge.proof))


def _changes(graph: Graph, node: Node) -> list[Change]:
    """Give what a holder can make of itself; joining a group is nothing beside having all that the boundary allows."""
    paths = [path for path in candidates(node.rules) if path.kind == "permissions"]
    found = [change for path in paths for change in _own_changes(graph, node, path)]
    unrestrained = UNRESTRAINED in node.changed or any(c.certain and c.new.changed[-1:] == (UNRESTRAINED,) for c in found)
    if node.holder.is_user and not unrestrained and JOINED not in node.changed:
        found += [change for path in paths if path.actions[0].endswith("AddUserToGroup") for change in _joins(graph, node, path)]
    return found


def _surest(found: Iterable[Edge]) -> Iterator[Edge]:
    """Give one edge, a certain one where there is one: many lead to the same end."""
    best = max(found, key=lambda e: e.certain, default=None)
    if best is not None:
        yield best


def _on_itself(node: Node, action: str) -> Granted | None:
    """Give the surest grant by which a holder changes itself, its groups or its policies."""
    holder = node.holder
    kind = next((s.rsplit(":", 1)[-1].split("/")[0] for s in shapes(action).required), "")
    mine = (holder.arn,) if (kind == "user") == holder.is_user else ()
    own = {"policy": holder.own, "group": holder.groups, "user": mine, "role": mine}[kind]
    return max((g for arn in own if (g := node.on(action, arn))), key=lambda g: g.certain, default=None)


def _permissions(_graph: Graph, node: Node, path: Path) -> Iterator[Edge]:
    """What a holder that no boundary limits gives itself: everything."""
    action = path.actions[0]
    if not node.limited and not action.endswith("AddUserToGroup") and BOUNDARY not in action and (grant := _on_itself(node, action)):
        yield Edge(path, ADMIN, path.certain and grant.certain, (grant,))


def _own_changes(graph: Graph, node: Node, path: Path) -> Iterator[Change]:
    """What a holder that a boundary limits makes of itself: all that the boundary allows, or it gets rid of the boundary."""
    action, above = path.actions[0], node.holder.boundary_arn
    if not node.limited or action.endswith("AddUserToGroup"):
        return
    grant = _on_itself(node, action)
    if grant is not None and BOUNDARY in action:
        yield Change(path, grant, grant.certain, graph.freed(node), node.name)
    elif grant is not None and UNRESTRAINED not in node.changed:
        yield Change(path, grant, path.certain and grant.certain, graph.unrestrained(node), node.name)
    if action in OF_POLICIES and ":iam::aws:" not in above and (grant := node.on(action, above)):
        yield Change(path, grant, path.certain and grant.certain, graph.freed(node), node.name)


def _joins(graph: Graph, node: Node, path: Path) -> Iterator[Change]:
    """Which groups the holder can join: those that open most paths to it, one by one, and all of them at once."""
    for place, (grant, *_), certain in graph.targets(node, path.actions, GROUPS):
        groups = [g for g in graph.places.members(place.name) if g not in place.without and g not in node.holder.groups]
        best = sorted(groups, key=lambda arn: _gain(graph, node, arn), reverse=True)[:MOST]
        for arns in [(arn,) for arn in best] + ([tuple(best)] if len(best) > 1 else []):
            yield Change(path, grant, certain, graph.joined(node, *arns), arns[0])


def _gain(graph: Graph, node: Node, arn: str) -> tuple[tuple[int, int], int]:
    """Say how much a group would give: paths that open, then actions."""
    theirs = graph.rules_of(graph.account.groups[arn].policies).allowed & ~node.rules.denied_everywhere
    return opened(node.rules.allowed | theirs), (theirs & ~node.rules.allowed).bit_count()


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
    return every(f"{service}:*" for service in path.services)


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
    for edge in found if allowed else ():
        if edge.to != ADMIN and not edge.only:
            yield from _surest(
                Edge(edge.path, ADMIN, edge.certain and grant.certain, (grant, *edge.proof))
                for how, action in allowed
                for grant, place in how(graph, node, action, edge.to)
                if any(
                    _changeable(graph, node, action, m) for m in graph.places.members(place.name) if m not in place.without | edge.without
                )
            )


def _changeable(graph: Graph, node: Node, action: str, arn: str) -> bool:
    """Whether an action of users or of roles makes administrator of somebody else."""
    other = graph.nodes[arn]
    fits = other.holder.is_user if "User" in action else not other.holder.is_user if "Role" in action else True
    return fits and arn != node.name and not other.limited


def _itself(graph: Graph, node: Node, action: str, to: Name) -> Iterator[tuple[Granted, Place]]:
    """Which of those that the holder can become it can change by a policy of their own."""
    for area in node.areas(action):
        if place := graph.places.find(to, area, node.name):
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
