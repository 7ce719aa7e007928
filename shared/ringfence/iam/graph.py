"""Who may become whom in an account, and who reaches administrator.

Nodes are users, roles, groups and classes of them (every user; every role; the roles that a service or the account may assume), so that a
grant on everything is one edge, not one for each member. An edge is a path of `paths.json` with its proof. What only the account's
inventory could tell is looked up in it; how strong a target is, too: climbing to somebody who may do nothing more is not reported.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import reduce
from itertools import product
from operator import or_

from msgspec import Struct
from msgspec.structs import replace

from ringfence.domain.arn import ACCOUNT, parse_arn
from ringfence.iam.account import ASSUME, Account, Holder, Trusted, trusted
from ringfence.iam.areas import areas
from ringfence.iam.catalogue import ActionSet
from ringfence.iam.document import Policy, parse
from ringfence.iam.escalation import Path, path_of
from ringfence.iam.granted import Granted, Rules
from ringfence.iam.places import NOBODY, Place, Places
from ringfence.iam.principals import Principal
from ringfence.iam.verdict import is_admin

ADMIN = "admin"
USERS, ROLES, GROUPS, HERE = "every user", "every role", "every group", "roles of the account's trust"
UNLIMITED, IN_DOUBT = ", without a boundary", ", in doubt"
WRITABLE = "policies that the account manages"
BY_TRUST = parse({"Statement": {"Effect": "Allow", "Action": ASSUME, "Resource": "*"}})  # what a trust gives to whom it names


class Edge(Struct, frozen=True, gc=False):
    """A path from a holder to an identity, a class of them but for some, or administrator; to itself where it only gets rid of its boundary."""

    path: Path
    to: str
    certain: bool
    proof: tuple[Granted, ...]
    without: frozenset[str] = NOBODY


class Node(Struct, frozen=True):
    """A user, a role, or what a group makes of whoever joins it. `limited`: whatever it gives itself, its boundary stays above."""

    name: str
    holder: Holder
    rules: Rules
    limited: bool = False

    @property
    def username(self) -> str:
        """The name that policy variables take; a role has none."""
        return self.holder.name if self.holder.is_user else ""

    def on(self, action: str, arn: str) -> Granted | None:
        """Give the surest grant of an action on one resource, or None."""
        return next((a.granted for a in areas(self.rules, action, username=self.username) if a.holds(arn)), None)


class Graph:
    """The nodes of an account, and the places in it; edges are drawn by `ringfence.iam.edges`."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._shared: dict[tuple[tuple[int, ...], int], Rules] = {}
        self._admin: dict[int, bool] = {}
        self._together: dict[str, ActionSet] = {}
        self.nodes = {h.arn: self.node(h) for h in account.holders}
        self.nodes.update({g.arn: self._joined(g.arn) for g in account.groups.values()})
        self.admins = tuple(h.arn for h in account.holders if self.is_admin(self.nodes[h.arn].rules))
        self.places = Places()
        self.named: dict[str, list[Edge]] = defaultdict(list)
        self._classify()

    def node(self, holder: Holder) -> Node:
        """Give a holder with its rules. A boundary that cannot be read is no limit to rely on, and the audit says so."""
        boundary = None if holder.boundary is None or holder.boundary.problems else holder.boundary
        limited = boundary is not None and not self.is_admin(self.rules_of((boundary,)))
        return Node(holder.arn, holder, self.rules_of(holder.policies, boundary), limited)

    def freed(self, node: Node) -> Node:
        """Give a node without its boundary."""
        return self.node(replace(node.holder, boundary=None))

    def _joined(self, arn: str) -> Node:
        """Give what a group makes of a user that joins it, by the group's policies alone; `*` stands for the user's name."""
        group = self.account.groups[arn]
        policies, anybody = group.policies, f"{arn.partition(':group/')[0]}:user/*"
        user = Holder(arn=anybody, name="*", is_user=True, policies=policies, own=group.own, groups=(arn,))
        return Node(arn, user, self.rules_of(policies))

    def rules_of(self, policies: tuple[Policy, ...], boundary: Policy | None = None) -> Rules:
        """Give the rules of a set of policies; holders of the same policies share them."""
        key = (tuple(map(id, policies)), id(boundary))
        if key not in self._shared:
            self._shared[key] = Rules(policies, None if boundary is None else self.rules_of((boundary,)))
        return self._shared[key]

    def is_admin(self, rules: Rules) -> bool:
        """Whether rules make an administrator; asked once for each."""
        if id(rules) not in self._admin:
            self._admin[id(rules)] = is_admin(rules)
        return self._admin[id(rules)]

    def _classify(self) -> None:
        for holder in self.account.holders:
            self._add(USERS if holder.is_user else ROLES, holder)
            for arn in () if holder.is_user else holder.own:
                self.places.add(WRITABLE, arn)
                self.places.add(_holding(arn), holder.arn)
            for one in trusted(holder.trust):
                if one.kind == "Service":
                    self._add(one.entry if one.certain else one.entry + IN_DOUBT, holder)
                elif named := self._named(one, holder):
                    self._by_name(holder, named, one)
                elif one.entry == "*" or _is_account(one.entry, holder.arn):
                    self._add(HERE if one.certain else HERE + IN_DOUBT, holder)
        for arn in self.account.groups:
            self.places.add(GROUPS, arn)
        self.places.seal()

    def _add(self, name: str, holder: Holder) -> None:
        self.places.add(name, holder.arn)
        if not self.nodes[holder.arn].limited:
            self.places.add(name + UNLIMITED, holder.arn)

    def _named(self, one: Trusted, holder: Holder) -> str:
        """Give the holder of the account that a trust names by itself, empty where it names none."""
        arn = Principal("AWS", one.entry).role or one.entry
        return arn if arn in self.nodes and arn != holder.arn else ""

    def _by_name(self, role: Holder, arn: str, one: Trusted) -> None:
        """A trust that names a holder of the account is enough, unless its policies deny it or its boundary leaves it out."""
        if arn in self.admins:
            return
        node = self.nodes[arn]
        rules = self.rules_of((*node.holder.policies, BY_TRUST), node.holder.boundary if node.rules.ceiling else None)
        grant = replace(node, rules=rules).on(ASSUME, role.arn)
        if grant is None:
            return
        certain = one.certain and grant.certain
        words = "none" if certain else "a condition or a denial, of the trust policy or of the holder's, is in doubt"
        proof = Granted(ASSUME, -1, one.statement.index, role.arn, words, certain)
        self.named[arn].append(Edge(path_of("sts-001"), role.arn, certain, (proof,)))

    def targets(
        self, node: Node, actions: tuple[str, ...], members: str, service: str = ""
    ) -> Iterator[tuple[Place, tuple[Granted, ...], bool]]:
        """Give the parts of a class on which a holder is granted all of some actions, each with the proof and whether it is certain."""
        if members not in self.places.classes:
            return
        for combined in product(*(areas(node.rules, action, service, node.username) for action in actions)):
            place = self.places.find(members, combined, node.name)
            if place is not None:
                yield place, tuple(a.granted for a in combined), all(a.granted.certain for a in combined)

    def together(self, name: str) -> ActionSet:
        """Give the actions that somebody of a class is allowed on something."""
        if name not in self._together:
            self._together[name] = reduce(or_, {self.nodes[arn].rules.allowed for arn in self.places.members(name)}, 0)
        return self._together[name]

    def holding(self, members: str, policies: Place) -> str:
        """Give the class of those roles in a class that hold one of some policies."""
        arns = [arn for arn in self.places.members(policies.name) if arn not in policies.without]
        name = f"{members} with {' or '.join(arns)}"
        if name not in self.places.classes:
            holders = {role for arn in arns for role in self.places.members(_holding(arn))}
            self.places.make(name, holders & set(self.places.members(members)))
        return name


def _holding(arn: str) -> str:
    return f"roles that hold {arn}"


def _is_account(entry: str, arn: str) -> bool:
    mine, other = parse_arn(arn), parse_arn(entry)
    number = other.account if other and other.resource == "root" else entry if ACCOUNT.fullmatch(entry) else ""
    return mine is not None and number == mine.account
