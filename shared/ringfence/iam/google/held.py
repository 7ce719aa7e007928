"""What each member holds: its own grants, those it has with everybody, and what a combination of them opens - with the proof.

Permissions of one member count together over all its bindings, since a path may need two; those of everybody and of its domain too.
Groups, pools and other sets are judged as one member each: who is in them is not known here.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from ringfence.domain.identity import folded
from ringfence.domain.member import Member, MemberKind, parse_member
from ringfence.iam.google.paths import Need, Path, opened
from ringfence.iam.google.roles import PermissionSet, name_of

ADDRESSED = (MemberKind.USER, MemberKind.SERVICE_ACCOUNT, MemberKind.GROUP, MemberKind.DOMAIN)
ALL, SIGNED_IN = "allUsers", "allAuthenticatedUsers"


class Grant(Struct, frozen=True, gc=False):
    """One binding as one of its members has it."""

    binding: int
    role: str
    resource: str
    held: PermissionSet
    conditions: str
    wide: bool  # reaches everything of a project
    certain: bool  # wide, and under no condition that may fail
    inherited: bool


class Granted(Struct, frozen=True, gc=False):
    """One permission of a proof: by which binding of the policy of which resource, and how surely."""

    permission: str
    binding: int
    role: str
    resource: str
    conditions: str
    inherited: bool
    certain: bool


class Opened(Struct, frozen=True, gc=False):
    """A path that a set of grants opens."""

    path: Path
    certain: bool
    proof: tuple[Granted, ...]


class Holding(Struct):
    """A member with its grants. `shared`: of everybody, of its domain, or by Google: they complete a path, and open none alone."""

    text: str
    member: Member
    own: list[Grant] = []
    shared: list[Grant] = []
    unknown: list[str] = []
    roles: set[str] = set()


def key_of(text: str) -> str:
    """Give what a member goes by: addresses without regard to case."""
    return folded(text) if parse_member(text).kind in ADDRESSED else text


def share(holdings: dict[str, Holding]) -> None:
    """Give each member what it has with everybody and with its domain."""
    for holding in holdings.values():
        member = holding.member
        if member.kind is not MemberKind.EVERYBODY:
            holding.shared += _of(holdings, SIGNED_IN)
        if member.id != ALL:
            holding.shared += _of(holdings, ALL)
        if member.kind is MemberKind.USER and not member.deleted:
            holding.shared += _of(holdings, f"domain:{member.domain}")


def _of(holdings: dict[str, Holding], key: str) -> list[Grant]:
    return holdings[key].own if key in holdings else []


class Powers(Struct, frozen=True):
    """What some grants amount to after what is denied: the paths, and the permissions by which a member stands where it does."""

    opened: tuple[Opened, ...]
    sure: PermissionSet  # its own, wide, certain
    wide: PermissionSet  # its own, wide


class _Sum(Struct, frozen=True, gc=False):
    """What some grants hold together: anywhere, widely, for certain."""

    held: PermissionSet
    wide: PermissionSet
    sure: PermissionSet


def powers(own: Sequence[Grant], shared: Sequence[Grant], surely: PermissionSet, perhaps: PermissionSet) -> Powers:
    """Weigh a member's grants against what is denied surely, and perhaps; a path counts where a grant of its own is among the needed."""
    mine = _sum(own, surely, perhaps)
    every, grants = (_sum((*own, *shared), surely, perhaps), (*own, *shared)) if shared else (mine, own)
    needs = [need for need in opened(every.held) if (need.all | need.any) & mine.held]
    # What somebody does with what he has is no news on one bucket or endpoint: that is what narrow grants are for.
    kept = [n for n in needs if not n.path.misuse or n in opened(every.wide)]
    weighed = _Weighed(grants, perhaps)
    return Powers(tuple(weighed.path(need, every) for need in kept), mine.sure, mine.wide)


def _sum(grants: Iterable[Grant], surely: PermissionSet, perhaps: PermissionSet) -> _Sum:
    held, wide, sure = 0, 0, 0
    for grant in grants:
        held |= grant.held
        wide |= grant.held if grant.wide else 0
        sure |= grant.held if grant.certain else 0
    return _Sum(held & ~surely, wide & ~surely, sure & ~perhaps)


class _Weighed:
    """Grants, asked for the best proof of each permission once."""

    def __init__(self, grants: Sequence[Grant], perhaps: PermissionSet) -> None:
        self.grants = sorted(grants, key=_rank) if len(grants) > 1 else grants
        self.perhaps = perhaps
        self.best: dict[PermissionSet, Granted] = {}

    def path(self, need: Need, every: _Sum) -> Opened:
        """Give a path with its proof: all that it needs, and of its alternatives the surest."""
        bits = need.each
        if need.any:
            some = need.any & every.sure or need.any & every.held
            bits = (*bits, some & -some)
        proof = tuple([self.proof(bit) for bit in bits])
        certain = need.path.certain and not need.path.inferred and all(g.certain for g in proof)
        return Opened(need.path, certain, proof)

    def proof(self, bit: PermissionSet) -> Granted:
        """Give the surest grant of a permission; of two that are as sure, the one from above, which stays when the other is taken away."""
        if bit not in self.best:
            grant = next(g for g in self.grants if g.held & bit)
            doubt = bool(bit & self.perhaps)
            words = f"{grant.conditions}; a denial may take it away" if doubt else grant.conditions
            certain = grant.certain and not doubt
            self.best[bit] = Granted(name_of(bit), grant.binding, grant.role, grant.resource, words, grant.inherited, certain)
        return self.best[bit]


def _rank(grant: Grant) -> tuple[bool, bool, str, str, str, int]:
    return (not grant.certain, not grant.inherited, grant.resource, grant.role, grant.conditions, grant.binding)
