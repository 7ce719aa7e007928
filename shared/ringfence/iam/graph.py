"""Who may become whom in an account, and who reaches administrator.

Nodes are users, roles and classes of them (every user; every role; the roles that a service or the account may assume), so that a grant
on everything is one edge, not one for each member. An edge is a path of `paths.json` with its proof. What only the account's inventory
could tell is looked up in it; how strong a target is, too: climbing to somebody who may do nothing more is not reported.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from ringfence.domain.arn import ACCOUNT, parse_arn
from ringfence.iam.account import ASSUME, Account, Holder, trusted
from ringfence.iam.catalogue import shapes
from ringfence.iam.document import Policy
from ringfence.iam.escalation import PASSING, Path, candidates, paths
from ringfence.iam.granted import Granted, Rules
from ringfence.iam.patterns import like
from ringfence.iam.principals import Principal
from ringfence.iam.resources import OWN, Reach
from ringfence.iam.verdict import is_admin

ADMIN = "admin"
IN_DOUBT = ", in doubt"
USERS, ROLES, HERE = "every user", "every role", "roles of the account's trust"
REWRITES = ("Attach", "Put", "CreatePolicyVersion")
UNBOUND = "PermissionsBoundary"


class Edge(Struct, frozen=True, gc=False):
    """A path from a holder to an identity, a class of them, or administrator."""

    path: Path
    to: str
    certain: bool
    proof: tuple[Granted, ...]


class Climb(Struct, frozen=True, kw_only=True, gc=False):
    """A holder that reaches administrator, or an identity that may do more; `via` are the identities on the way."""

    identity: str
    path: Path
    reaches: str
    via: tuple[str, ...]
    certain: bool
    proof: tuple[Granted, ...]


class Graph:
    """The graph of an account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.holders = {h.arn: h for h in account.holders}
        self._shared: dict[tuple[tuple[int, ...], int], Rules] = {}
        self.rules = {h.arn: self.rules_of(h.policies, None if _unread(h.boundary) else h.boundary) for h in account.holders}
        self.admins = tuple(h.arn for h in account.holders if is_admin(self.rules[h.arn]))
        self.classes: dict[str, list[str]] = defaultdict(list)
        self._sets: dict[str, frozenset[str]] = defaultdict(frozenset)
        self.edges: dict[str, list[Edge]] = defaultdict(list)
        self._classify()
        known = set(self.admins)
        for holder in account.holders:
            if holder.arn not in known:
                for path in candidates(self.rules[holder.arn]):
                    self.edges[holder.arn] += _EDGES[path.kind](self, holder, path)

    def rules_of(self, policies: tuple[Policy, ...], boundary: Policy | None = None) -> Rules:
        """Give the rules of a set of policies; holders of the same policies share them."""
        key = (tuple(map(id, policies)), id(boundary))
        if key not in self._shared:
            self._shared[key] = Rules(policies, None if boundary is None else self.rules_of((boundary,)))
        return self._shared[key]

    def _classify(self) -> None:
        by_id = {path.id: path for path in paths()}
        for holder in self.account.holders:
            self.classes[USERS if holder.is_user else ROLES].append(holder.arn)
            for one in trusted(holder.trust):
                if one.kind == "Service":
                    self.classes[one.entry if one.certain else one.entry + IN_DOUBT].append(holder.arn)
                elif (named := Principal("AWS", one.entry).role or one.entry) in self.holders and named != holder.arn:
                    self._by_name(holder, named, one.statement.index, by_id["sts-001"], certain=one.certain)
                elif one.entry == "*" or _is_account(one.entry, holder.arn):
                    self.classes[HERE if one.certain else HERE + IN_DOUBT].append(holder.arn)
        for members in self.classes.values():
            members.sort()
        self._sets.update({name: frozenset(members) for name, members in self.classes.items()})

    def _by_name(self, role: Holder, arn: str, statement: int, path: Path, *, certain: bool) -> None:
        """A trust that names a holder of the account is enough, unless the holder's own policies deny it."""
        rules, holder = self.rules[arn], self.holders[arn]
        username = holder.name if holder.is_user else ""
        lost = max(r.denied(ASSUME, role.arn, username) for r in (rules, *([rules.ceiling] if rules.ceiling else [])))
        outside = rules.ceiling and not holder.is_user and rules.ceiling.on(ASSUME, role.arn) is None
        if arn in self.admins or lost is Reach.ALL or outside:
            return
        certain = certain and lost is Reach.NONE
        words = "none" if certain else "a condition or a denial, of the trust policy or of the holder's, is in doubt"
        proof = Granted(ASSUME, -1, statement, role.arn, words, certain)
        self.edges[arn].append(Edge(path, role.arn, certain, (proof,)))

    def on(self, holder: Holder, action: str, arn: str, service: str = "") -> Granted | None:
        """Give a holder's grant of an action on one resource."""
        return self.rules[holder.arn].on(action, arn, service=service, username=holder.name if holder.is_user else "")

    def all_on(self, holder: Holder, actions: Iterable[str], arn: str) -> tuple[Granted, ...]:
        """Give the grants of several actions on one resource; empty where one is missing."""
        found = [self.on(holder, action, arn) for action in actions]
        return tuple(g for g in found if g) if all(found) else ()

    def targets(self, holder: Holder, action: str, members: str, service: str = "") -> Iterator[tuple[str, Granted]]:
        """Give the class as a whole where an action is granted on everything, else the members on which it is granted."""
        grant = self.rules[holder.arn].grant(action, service=service)
        if grant is None or not self.classes[members]:
            return
        if grant.certain and not OWN.search(grant.resource):
            yield members, grant
            return
        by_pattern = self.rules[holder.arn].by_pattern(action, service)
        for found in by_pattern or ():
            place = self._place(members, found.resource)
            if place and place != holder.arn:
                yield place, found
        for arn in self.classes[members] if by_pattern is None else ():
            if arn != holder.arn and (on := self.on(holder, action, arn, service)):
                yield arn, on

    def _place(self, members: str, pattern: str) -> str:
        """Give the member or the class of members that a pattern names, empty where it names none; each is made once."""
        if "*" not in pattern and "?" not in pattern:
            return pattern if pattern in self._sets[members] else ""
        name = f"{members} like {pattern}"
        if name not in self.classes:
            everyone, start = self.classes[members], re.split(r"[*?]", pattern)[0]
            at, found = bisect_left(everyone, start), list[str]()
            while at < len(everyone) and everyone[at].startswith(start):
                if like(pattern, everyone[at], {}, variables=False):
                    found.append(everyone[at])
                at += 1
            self.classes[name] = found
        return name if self.classes[name] else ""


def _unread(boundary: Policy | None) -> bool:
    """Whether a boundary cannot be read: then it is no limit that anybody should rely on, and the audit says so."""
    return boundary is not None and bool(boundary.problems)


def _is_account(entry: str, arn: str) -> bool:
    mine, other = parse_arn(arn), parse_arn(entry)
    number = other.account if other and other.resource == "root" else entry if ACCOUNT.fullmatch(entry) else ""
    return mine is not None and number == mine.account


def _permissions(graph: Graph, holder: Holder, path: Path) -> Iterator[Edge]:
    """What the holder can change about itself: with a boundary above, only the boundary."""
    action, kind = path.actions[0], next((s.rsplit(":", 1)[-1].split("/")[0] for s in shapes(path.actions[0]).required), "")
    if UNBOUND in action:
        freed = holder.boundary is not None and is_admin(graph.rules_of(holder.policies))
        if not freed or (kind == "user") != holder.is_user:
            return
    elif holder.boundary is not None:
        return
    groups = graph.account.groups
    mine = (holder.arn,) if (kind == "user") == holder.is_user else ()
    own = {"policy": holder.own, "group": holder.groups, "user": mine, "role": mine}.get(kind, ())
    joins = action.endswith("AddUserToGroup")
    for arn in [g for g in groups if g not in holder.groups] if joins else own:
        grant = graph.on(holder, action, arn)
        if grant is not None and (not joins or is_admin(graph.rules_of(groups[arn].policies))):
            yield Edge(path, ADMIN, path.certain and grant.certain, (grant,))
            return


def _credentials(graph: Graph, holder: Holder, path: Path) -> Iterator[Edge]:
    """Whose credentials the holder can make: whoever it can change as well becomes administrator."""
    for target, grant in graph.targets(holder, path.actions[0], USERS):
        others = list(path.actions[1:])
        rewrites = any(a.split(":")[1].startswith(REWRITES) for a in path.actions)
        for user in graph.classes[target] if others and target in graph.classes else [target]:
            more = graph.all_on(holder, others, user)
            if len(more) == len(others) and user != holder.arn:
                proof = (grant, *more)
                yield Edge(path, ADMIN if rewrites else user, all(g.certain for g in proof), proof)
                if rewrites:
                    return


def _assume(graph: Graph, holder: Holder, path: Path) -> Iterator[Edge]:
    """Which roles the holder can enter by trust, or by rewriting it; a role that it can change as well becomes administrator."""
    retrusts = "iam:UpdateAssumeRolePolicy" in path.actions
    change = next((a for a in path.actions if a.split(":")[1].startswith(REWRITES)), None)
    enters = "iam:UpdateAssumeRolePolicy" if retrusts else ASSUME
    if set(path.actions) - {enters, change}:
        return  # AcquireRole and AssumeRoot reach what is not in the account's inventory
    for members, sure in ((ROLES, True),) if retrusts else ((HERE, True), (HERE + IN_DOUBT, False)):
        for target, grant in graph.targets(holder, enters, members):
            if change is None:
                yield Edge(path, target, sure and grant.certain, (grant,))
                continue
            for role in graph.classes.get(target, [target]):
                on = graph.holders[role].own if change.endswith("PolicyVersion") else (role,)
                changed = next((g for arn in on if (g := graph.on(holder, change, arn))), None)
                if changed is not None and role != holder.arn and graph.holders[role].boundary is None:
                    yield Edge(path, ADMIN, sure and grant.certain and changed.certain, (changed, grant))
                    return


def _pass(graph: Graph, holder: Holder, path: Path) -> Iterator[Edge]:
    """Which roles the holder can hand to a service that runs its code or acts for it."""
    rules = graph.rules[holder.arn]
    others = [rules.grant(a, on=path.on.get(a, "")) for a in path.actions if a != PASSING]
    if not all(others):
        return
    more = tuple(g for g in others if g)
    for members, sure in ((path.passes, True), (path.passes + IN_DOUBT, False)):
        for target, grant in graph.targets(holder, PASSING, members, path.passes):
            yield Edge(path, target, sure and path.certain and grant.certain and all(g.certain for g in more), (grant, *more))


def _existing(graph: Graph, holder: Holder, path: Path) -> Iterator[Edge]:
    """Which roles what runs already may have: never certain, since a snapshot of IAM does not list what runs."""
    rules = graph.rules[holder.arn]
    proof = tuple(g for a in path.actions if (g := rules.grant(a, on=path.on.get(a, ""))))
    for members in (path.runs_as, path.runs_as + IN_DOUBT):
        if len(proof) == len(path.actions) and graph.classes[members]:
            yield Edge(path, members, certain=False, proof=proof)


_EDGES = {"permissions": _permissions, "credentials": _credentials, "assume": _assume, "pass": _pass, "existing": _existing}
