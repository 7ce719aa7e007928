"""One of Google's allow policies among others, with all that is known of where it hangs."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ringfence.iam import Problem, Verdict
from ringfence.iam.google import Around, Judged, judge
from ringfence.iam.google.allow import parse
from ringfence.iam.google.verdict import RANK


class Placed(Struct, frozen=True):
    """A policy among others, with those above it; judged for the members that it names itself.

    What else is known of where it hangs: custom roles, deny policies, the project's number; which policies above it nobody could read, and
    what is to be said besides.
    """

    document: Mapping[str, Any]
    above: tuple[object, ...]
    custom: Mapping[str, tuple[str, ...]] = {}
    denials: tuple[object, ...] = ()
    number: str = ""
    unread: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def judge_placed(placed: Placed, around: Around) -> Judged:
    """Judge a policy with all that is known of where it hangs. Where a policy above it is not, it is never fine: its members may hold more."""
    members = {text for binding in parse(placed.document).bindings for text in binding.members}
    around = msgspec.structs.replace(
        around,
        inherited=placed.above,
        custom={**placed.custom, **around.custom},
        denials=(*placed.denials, *around.denials),
        number=placed.number,
    )
    judged = judge(placed.document, around, members=members)
    least = Verdict.UNKNOWN if placed.unread else Verdict.OK
    return msgspec.structs.replace(
        judged,
        verdict=max(judged.verdict, least, key=RANK.__getitem__),
        problems=(*judged.problems, *placed.unread),
        notes=(*judged.notes, *placed.notes),
    )
