"""From policies to members: which grants each has, by which binding of which policy, under which condition, and who made them.

A binding whose condition is over grants nothing. One whose condition may fail, whose principal was deleted (it comes back when it is
restored), or whose condition a read below version 3 left out, grants, but not for certain. The role that Google gives its own agent is
taken for Google's even where the facts do not know it yet: new services bring new ones.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ringfence.domain.member import CONSUMER, Member, MemberKind, parse_member
from ringfence.iam.conditions import Truth
from ringfence.iam.google.agents import Setter, is_agent, numbers_of, setter
from ringfence.iam.google.allow import Allow, Binding
from ringfence.iam.google.conditions import judge
from ringfence.iam.google.held import Grant, Holding, key_of, share
from ringfence.iam.google.roles import Custom, holds

HIDDEN = "a condition that was left out"
EMPTY = "a condition without an expression"
DELETED = "a deleted principal"
NOT_ITS_OWN = "an agent of Google's, with an agent's role that is not known to be its own"


class Around(Struct, frozen=True, kw_only=True):
    """What is known beside a policy. All of it may be missing.

    `inherited`: allow policies of the folders and the organization above, each with its resource or as it is. `custom`: custom roles.
    `denials`: deny policies of IAM v2 that are attached to the resource or above it. `at`: the time, with its zone; without it
    whatever depends on the time is in doubt. `domains`, `projects`: whose addresses and service accounts are no outsiders. `number`: of
    the project, by which its service agents are known.
    """

    inherited: Sequence[object] = ()
    custom: Custom = {}
    denials: Sequence[object] = ()
    at: datetime | None = None
    domains: Collection[str] = frozenset()
    projects: Collection[str] = frozenset()
    number: str = ""


class Gathered(Struct, frozen=True):
    """The members by their keys, and what Google granted."""

    holdings: Mapping[str, Holding]
    by_google: tuple[str, ...]


def gather(policies: Sequence[tuple[Allow, bool]], around: Around) -> Gathered:
    """Sort the grants of policies by members; each policy with whether it is inherited."""
    holdings: dict[str, Holding] = {}
    by_google: set[str] = set()
    numbers = frozenset({around.number}) if around.number else numbers_of(_granted(policies))
    for policy, inherited in policies:
        for binding in policy.bindings:
            held, (grants, certain, words) = holds(binding.role, around.custom), _conditions(binding, around.at)
            if not grants:
                continue
            wide = policy.level.wide
            grant = Grant(
                binding.index, binding.role, policy.resource, (held or 0) & policy.reach, words, wide, wide and certain, inherited
            )
            for text in binding.members:
                holding = _holding(holdings, text)
                who = setter(holding.member, binding.role, policy.level, numbers)
                if who is Setter.GOOGLE:
                    by_google.add(f"{text}: {binding.role}")
                    holding.shared.append(grant)
                elif held is None:
                    holding.unknown.append(binding.role)
                else:
                    holding.own.append(_of(grant, holding.member, who))
                holding.roles.add(binding.role)
    share(holdings)
    return Gathered(holdings, tuple(sorted(by_google)))


def _granted(policies: Sequence[tuple[Allow, bool]]) -> Iterator[tuple[Member, str]]:
    return ((parse_member(text), binding.role) for policy, _ in policies for binding in policy.bindings for text in binding.members)


def _conditions(binding: Binding, now: datetime | None) -> tuple[bool, bool, str]:
    """Say of a binding whether it grants, whether surely, and under which condition."""
    if binding.hidden:
        return True, False, HIDDEN
    if binding.condition is None:
        return True, True, "none"
    truth = judge(binding.condition, now).truth
    words = str(Truth.ALWAYS) if truth is Truth.ALWAYS else binding.condition or EMPTY
    return truth is not Truth.NEVER, truth is Truth.ALWAYS, words


def _holding(holdings: dict[str, Holding], text: str) -> Holding:
    """Give the entry of a member; of the ways to spell its address, the first by the alphabet is shown."""
    found = holdings.setdefault(key_of(text), Holding(text, parse_member(text)))
    found.text = min(found.text, text)
    return found


def _of(grant: Grant, member: Member, who: Setter) -> Grant:
    """Give a grant as a member has it."""
    why = DELETED if member.deleted else NOT_ITS_OWN if who is Setter.DOUBT else ""
    if not why:
        return grant
    return replace(grant, certain=False, conditions=why if grant.conditions == "none" else f"{grant.conditions}; {why}")


def outside(member: Member, around: Around) -> bool:
    """Whether a member is the public, or surely of another organization: a consumer's address, or one of no domain or project of ours."""
    if member.kind is MemberKind.EVERYBODY or member.domain in CONSUMER:
        return True
    if member.kind in (MemberKind.USER, MemberKind.GROUP, MemberKind.DOMAIN):
        return bool(around.domains) and member.domain not in around.domains
    return bool(around.projects) and bool(member.home) and not is_agent(member) and member.home not in around.projects
