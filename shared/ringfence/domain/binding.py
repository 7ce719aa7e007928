"""One grant in an allow policy of Google Cloud: a role, one member, and the condition under which it holds.

Bindings of a policy are told apart by role *and* condition (IAM documentation, "Policies"): the same role may be bound with and without one.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ringfence.domain.canonical import canonical
from ringfence.domain.google import ADDRESS
from ringfence.domain.member import MemberKind, parse_member

ADDRESSES = ("user:", "serviceAccount:", "group:", "domain:")


class Binding(Struct, frozen=True):
    """A role for one member, verbatim. `condition` is None where it always holds."""

    role: str
    member: str
    condition: Mapping[str, Any] | None = None

    @property
    def key(self) -> str:
        """What tells bindings apart, in words: role, member as it is compared, and condition. No name of a role holds a blank."""
        condition = plain(self.condition)
        return f"{self.role} for {comparable(self.member)}" + (f" if {canonical(condition).decode()}" if condition else "")

    @property
    def delta(self) -> dict[str, Any]:
        """The binding as a call tells it."""
        return {"role": self.role, "member": self.member, **({} if self.condition is None else {"condition": dict(self.condition)})}


def comparable(member: str) -> str:
    """Write a member as IAM compares it: addresses know no case. What is written to a policy is never rewritten so."""
    return member.lower() if member.removeprefix("deleted:").startswith(ADDRESSES) else member


def same_member(name: str, member: str) -> bool:
    """Whether a name means a member: as a policy writes it, or by its address alone, as logs and people do."""
    return comparable(name) == comparable(member) or (":" not in name and "@" in name and name.lower() == parse_member(member).id.lower())


def bound_to(bound: str, member: str) -> bool:
    """Whether a policy's member is somebody, also where they were deleted since: IAM writes `deleted:` before them and `?uid=` behind."""
    alive = bound.removeprefix("deleted:").partition("?uid=")[0] if bound.startswith("deleted:") else bound
    return comparable(alive) == comparable(member)


def plain(condition: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give a condition without what is empty in it: logs and policies differ there."""
    kept = {key: value for key, value in (condition or {}).items() if value not in ("", None)}
    return kept or None


def bindings_of(policy: Mapping[str, Any]) -> Iterator[Binding]:
    """Give the bindings of an allow policy, member by member. What is of no form that is documented is passed over: it grants nothing."""
    listed = policy.get("bindings")
    for entry in listed if isinstance(listed, (list, tuple)) else ():
        role, members = (entry.get("role"), entry.get("members")) if isinstance(entry, Mapping) else (None, None)
        condition = entry.get("condition") if isinstance(entry, Mapping) else None
        if not isinstance(role, str) or not isinstance(members, (list, tuple)):
            continue
        for member in members:
            if isinstance(member, str):
                yield Binding(role, member, plain(condition) if isinstance(condition, Mapping) else None)


def binding_of(delta: Mapping[str, Any]) -> Binding:
    """Read a binding as a log or a call tells it."""
    condition = delta.get("condition")
    return Binding(str(delta["role"]), str(delta["member"]), plain(condition) if isinstance(condition, Mapping) else None)


def applied(policy: Mapping[str, Any], binding: Binding, *, add: bool) -> dict[str, Any] | None:
    """Give an allow policy with one binding more, or one less; None where it is so already.

    Everything else stays as it is, what is not understood included. A binding without members goes; a new one is put at the end, and makes a
    policy with a condition one of version 3.
    """
    listed: list[Any] = [*(policy.get("bindings") or ())]
    wanted = comparable(binding.member)
    same = [n for n, entry in enumerate(listed) if _same(entry, binding)]
    held = [n for n in same if any(isinstance(m, str) and comparable(m) == wanted for m in listed[n].get("members") or ())]
    if bool(held) == add:
        return None
    if not add:
        for n in held:
            left = [m for m in listed[n]["members"] if not isinstance(m, str) or comparable(m) != wanted]
            listed[n] = {**listed[n], "members": left}
        gone = {n for n in held if not listed[n]["members"]}
        return {**policy, "bindings": [entry for n, entry in enumerate(listed) if n not in gone]}
    if same:
        listed[same[0]] = {**listed[same[0]], "members": [*(listed[same[0]].get("members") or ()), binding.member]}
    else:
        condition = {} if binding.condition is None else {"condition": dict(binding.condition)}
        listed.append({"role": binding.role, "members": [binding.member], **condition})
    return {**policy, "bindings": listed}


def _same(entry: object, binding: Binding) -> bool:
    if not isinstance(entry, Mapping) or entry.get("role") != binding.role:
        return False
    condition = entry.get("condition")
    return plain(condition if isinstance(condition, Mapping) else None) == plain(binding.condition)


def held_by(bindings: Iterable[Binding], member: str) -> tuple[Binding, ...]:
    """Give what a member holds itself: groups that it may be in are not known."""
    return tuple(b for b in bindings if comparable(b.member) == comparable(member))


def address_of(member: str) -> str:
    """Give the address of a service account; empty for any other member."""
    parsed = parse_member(member)
    return parsed.id if parsed.kind is MemberKind.SERVICE_ACCOUNT and not parsed.deleted and ADDRESS.fullmatch(parsed.id) else ""
