"""Who may become whom in an account: its nodes and the places in it. Edges are drawn by `ringfence.iam.edges`.

Nodes are users, roles and classes of them (every user; every role; the roles that a service or the account may assume), so that a grant on
everything is one edge, not one for each member. An edge is a path of `paths.json` with its proof. What only the account's inventory could
tell is looked up in it; how strong a target is, too: climbing to somebody who may do nothing more is not reported.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from ringfence.domain.arn import ACCOUNT, parse_arn
from ringfence.iam.account import ASSUME, Account, Holder, Trusted, trusted
from ringfence.iam.areas import Area, areas, meet
from ringfence.iam.catalogue import ActionSet
from ringfence.iam.document import Policy, parse
from ringfence.iam.escalation import Path, path_of, paths
from ringfence.iam.granted import Granted, Rules
from ringfence.iam.places import NOBODY, Class, Name, Place, Places
from ringfence.iam.principals import Principal
from ringfence.iam.verdict import is_admin

ADMIN = "admin"
USERS, ROLES, GROUPS, HERE, OPEN = (
    ("every user",),
    ("every role",),
    ("every group",),
    ("roles that trust the account",),
    ("roles that trust all",),
)
UNLIMITED, IN_DOUBT = "without a boundary", "in doubt"
WRITABLE = ("policies that the account manages",)
FREED, UNRESTRAINED, JOINED = "freed", "unrestrained", "joined"
EVERYTHING = parse({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
REGIONAL = re.compile(r"(?P<service>[a-z0-9-]+)\.[a-z]{2}(-[a-z]+)+-[0-9]\.(?P<domain>amazonaws\.com)", re.ASCII)


class Edge(Struct, frozen=True, gc=False):
    """A path from a holder to an identity, a class of them but for some, or administrator.

    `becomes`: what the holder makes of itself by it; then `to` is itself, or the group that it joins. `only`: the actions for which the credentials are good.
    """

    path: Path
    to: Name
    certain: bool
    proof: tuple[Granted, ...]
    without: frozenset[str] = NOBODY
    becomes: "Node | None" = None
    only: ActionSet = 0


class Node(Struct, frozen=True):
    """A user or role. `limited`: whatever it gives itself, its boundary stays above. `changed`: how it has changed itself in thought."""

    name: str
    holder: Holder
    rules: Rules
    limited: bool = False
    changed: tuple[str, ...] = ()

    @property
    def username(self) -> str:
        """The name that policy variables take; a role has none."""
        return self.holder.name if self.holder.is_user else ""

    def areas(self, action: str, service: str = "") -> tuple[Area, ...]:
        """Give the areas in which an action is granted."""
        return areas(self.rules, action, service, self.username)

    def on(self, action: str, arn: str) -> Granted | None:
        """Give the surest grant of an action on one resource, or None."""
        return next((a.granted for a in self.areas(action) if a.holds(arn)), None)


class Graph:
    """The nodes of an account, and the places in it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._shared: dict[tuple[tuple[int, ...], int], tuple[Rules, tuple[object, ...]]] = {}
        self._admin: dict[int, bool] = {}
        self.nodes = {h.arn: self.node(h) for h in account.holders}
        self.admins = tuple(h.arn for h in account.holders if self.is_admin(self.nodes[h.arn].rules))
        self.places = Places()
        self.trusting: dict[str, list[tuple[Holder, Trusted]]] = defaultdict(list)  # by whom they name, the roles and how
        self._classify()

    def node(self, holder: Holder, *changed: str) -> Node:
        """Give a holder with its rules. A boundary that cannot be read is no limit to rely on, and the audit says so."""
        boundary = None if holder.boundary is None or holder.boundary.problems else holder.boundary
        limited = boundary is not None and not self.is_admin(self.rules_of((boundary,)))
        return Node(holder.arn, holder, self.rules_of(holder.policies, boundary), limited, changed)

    def freed(self, node: Node) -> Node:
        """Give a node without its boundary."""
        return self.node(replace(node.holder, boundary=None, boundary_arn=""), *node.changed, FREED)

    def unrestrained(self, node: Node) -> Node:
        """Give a node that has given itself all that its boundary lets it have."""
        return self.node(replace(node.holder, policies=(*node.holder.policies, EVERYTHING)), *node.changed, UNRESTRAINED)

    def joined(self, node: Node, *arns: str) -> Node:
        """Give a user that has joined some groups."""
        holder, groups = node.holder, [self.account.groups[arn] for arn in arns]
        return self.node(
            replace(
                holder,
                policies=(*holder.policies, *(p for g in groups for p in g.policies)),
                own=(*holder.own, *(arn for g in groups for arn in g.own)),
                groups=(*holder.groups, *arns),
            ),
            *node.changed,
            JOINED,
        )

    def rules_of(self, policies: tuple[Policy, ...], boundary: Policy | None = None) -> Rules:
        """Give the rules of a set of policies; holders of the same policies share them. The policies are kept, so that their ids stay theirs."""
        key = (tuple(map(id, policies)), id(boundary))
        if key not in self._shared:
            rules = Rules(policies, None if boundary is None else self.rules_of((boundary,)))
            self._shared[key] = (rules, (policies, boundary))
        return self._shared[key][0]

    def is_admin(self, rules: Rules) -> bool:
        """Whether rules make an administrator; asked once for each."""
        if id(rules) not in self._admin:
            self._admin[id(rules)] = is_admin(rules)
        return self._admin[id(rules)]

    def _classify(self) -> None:
        services = {path.passes or path.runs_as for path in paths()} - {""}
        by_name = {(a.partition, a.account, a.name): h.arn for h in self.account.holders if not h.is_user and (a := parse_arn(h.arn))}
        for holder in self.account.holders:
            self._add(USERS if holder.is_user else ROLES, holder)
            for arn in holder.own:
                self.places.add(WRITABLE, arn)
                self.places.add(("holders of", arn), holder.arn)
            for arn in holder.groups:
                self.places.add(("members of", arn), holder.arn)
            for one in trusted(holder.trust):
                for members in self._trust(one, holder, services, by_name):
                    self._add(members if one.certain else (*members, IN_DOUBT), holder)
        for arn in self.account.groups:
            self.places.add(GROUPS, arn)
        self.places.seal()

    def _add(self, name: Class, holder: Holder) -> None:
        self.places.add(name, holder.arn)
        if not self.nodes[holder.arn].limited:
            self.places.add((*name, UNLIMITED), holder.arn)

    def _trust(self, one: Trusted, role: Holder, services: set[str], by_name: dict[tuple[str, str, str], str]) -> Iterator[Class]:
        """Give the classes that a role is in by one principal of its trust; whom it names by itself is kept apart."""
        if one.kind == "Service":
            yield ("trusts", service_of(one.entry))
        elif one.entry == "*":
            yield OPEN
            yield HERE
            if one.kind == "*":
                yield from (("trusts", service) for service in sorted(services))
        elif named := self._named(one, role, by_name):
            self.trusting[named].append((role, one))
        elif _is_account(one.entry, role.arn):
            yield HERE

    def _named(self, one: Trusted, role: Holder, by_name: dict[tuple[str, str, str], str]) -> str:
        """Give the holder that a trust names by itself; a session lacks its role's path. Empty where it names none of the account."""
        arn = Principal("AWS", one.entry).role or one.entry
        parsed = parse_arn(arn)
        if arn not in self.nodes and parsed is not None and ":assumed-role/" in one.entry:
            arn = by_name.get((parsed.partition, parsed.account, parsed.name), "")
        return arn if arn in self.nodes and arn != role.arn else ""

    def named(self, node: Node) -> Iterator[Edge]:
        """A trust that names a holder, or everybody, is enough, unless the holder's policies deny it or its boundary leaves it out."""
        trusting = self.trusting.get(node.name, ())
        everybody = [members for members in (OPEN, (*OPEN, IN_DOUBT)) if members in self.places.classes]
        if not trusting and not everybody:
            return
        rules = self.rules_of((*node.holder.policies, EVERYTHING), node.holder.boundary if node.rules.ceiling else None)
        free = replace(node, rules=rules)
        for role, one in trusting:
            if grant := free.on(ASSUME, role.arn):
                yield _by_trust(role.arn, one.statement.index, certain=one.certain and grant.certain)
        for members in everybody:
            for place, _, certain in self.targets(free, (ASSUME,), members):
                yield _by_trust(place.name, -1, certain=members == OPEN and certain, without=place.without)

    def targets(
        self, node: Node, actions: tuple[str, ...], members: Class, service: str = ""
    ) -> Iterator[tuple[Place, tuple[Granted, ...], bool]]:
        """Give the parts of a class on which a holder is granted all of some actions, each with the proof and whether it is certain."""
        if members not in self.places.classes:
            return
        combined: list[tuple[Area, tuple[Granted, ...]]] = [(a, (a.granted,)) for a in node.areas(actions[0], service)]
        for action in actions[1:]:
            found = node.areas(action, service)
            combined = [(both, (*proof, a.granted)) for area, proof in combined for a in found if (both := meet(area, a)) is not None]
        for area, proof in combined:
            place = self.places.find(members, area, node.name)
            if place is not None:
                yield place, proof, all(g.certain for g in proof)

    def related(self, members: Name, how: str, others: Place) -> Class:
        """Give the class of those members who hold one of some policies, or are in one of some groups."""
        arns = tuple(arn for arn in self.places.members(others.name) if arn not in others.without)
        name = (members, how, arns)
        if name not in self.places.classes:
            found = {holder for arn in arns for holder in self.places.members((how, arn))}
            self.places.make(name, found & set(self.places.members(members)))
        return name


def _by_trust(to: Name, statement: int, *, certain: bool, without: frozenset[str] = NOBODY) -> Edge:
    words = "none" if certain else "a condition or a denial, of the trust policy or of the holder's, is in doubt"
    resource = to if isinstance(to, str) else "*"
    return Edge(path_of("sts-001"), to, certain, (Granted(ASSUME, -1, statement, resource, words, certain),), without)


def service_of(entry: str) -> str:
    """Give a service's principal without the region or the partition that it may be written with."""
    bare = entry.removesuffix(".cn")
    regional = REGIONAL.fullmatch(bare)
    return f"{regional['service']}.{regional['domain']}" if regional else bare


def _is_account(entry: str, arn: str) -> bool:
    mine, other = parse_arn(arn), parse_arn(entry)
    number = other.account if other and other.resource == "root" else entry if ACCOUNT.fullmatch(entry) else ""
    return mine is not None and number == mine.account
