"""Conditions are judged, not skipped: always true, never true, narrowing, or unknown - each with its reason.

Judged without a request, so only what holds for *every* request is called always true. Facts: IAM User Guide, "AWS global
condition context keys" (which keys are always in the context) and "IAM JSON policy elements: Condition operators".
"""

from enum import StrEnum

from msgspec import Struct

from ringfence.iam.document import Condition


class Truth(StrEnum):
    """What a condition does to a grant."""

    ALWAYS = "always true"
    NEVER = "never true"
    NARROWING = "narrowing"
    UNKNOWN = "unknown"


class Judgement(Struct, frozen=True):
    """A truth and why."""

    truth: Truth
    reason: str


ALWAYS_PRESENT = frozenset(
    {
        "aws:principalarn",
        "aws:principalaccount",
        "aws:principaltype",
        "aws:userid",
        "aws:currenttime",
        "aws:epochtime",
        "aws:securetransport",
        "aws:requestedregion",
        "aws:viaawsservice",
        "aws:sourceip",
    }
)
EVERYTHING = frozenset({"*", "**", "arn:*", "arn:aws:*", "arn:*:*", "arn:aws:*:*", "arn:*:*:*:*:*", "arn:aws:*:*:*:*"})
ALL_ADDRESSES = frozenset({"0.0.0.0/0", "::/0"})
LIKE = frozenset({"stringlike", "arnlike", "arnequals"})
NARROW_OPERATORS = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "bool", "ipaddress", "numericequals", "binaryequals"}
)


def judge(condition: Condition) -> Judgement:
    """Judge one condition of an Allow statement."""
    operator, key, values = condition.operator, condition.key, condition.values
    qualifier, _, bare = operator.rpartition(":")
    if_exists = bare.endswith("ifexists")
    bare = bare.removesuffix("ifexists")
    named = f"{operator} {key}"
    if not values:
        return Judgement(Truth.NEVER, f"{named} has no values to match")
    if qualifier == "forallvalues":
        return Judgement(Truth.UNKNOWN, f"{named} is true whenever the key is absent")
    present = if_exists or key in ALWAYS_PRESENT
    if bare == "null":
        return _null(key, values, named)
    if bare in LIKE and EVERYTHING & set(values) and present and not qualifier:
        return Judgement(Truth.ALWAYS, f"{named} matches everything")
    if bare == "ipaddress" and ALL_ADDRESSES & set(values):
        return Judgement(Truth.ALWAYS, f"{named} holds every address")
    if bare == "bool" and key == "aws:securetransport":
        wanted = values[0].lower() == "true"
        return Judgement(Truth.ALWAYS if wanted else Truth.NEVER, f"{named}: every request to AWS is encrypted")
    if bare in NARROW_OPERATORS:
        return Judgement(Truth.NARROWING, f"{named} {'if the key is there ' if if_exists else ''}must match {', '.join(values)[:120]}")
    return Judgement(Truth.UNKNOWN, f"{named} cannot be judged without the request")


def _null(key: str, values: tuple[str, ...], named: str) -> Judgement:
    if key not in ALWAYS_PRESENT:
        return Judgement(Truth.UNKNOWN, f"{named} depends on whether the key is sent")
    wants_absent = values[0].lower() == "true"
    return Judgement(Truth.NEVER if wants_absent else Truth.ALWAYS, f"{named}: the key is in every request")


def judge_all(conditions: tuple[Condition, ...]) -> Judgement:
    """Judge the conditions of one statement together: all must hold. No condition is always true."""
    judged = [judge(condition) for condition in conditions]
    for truth in (Truth.NEVER, Truth.NARROWING, Truth.UNKNOWN):
        for judgement in judged:
            if judgement.truth is truth:
                return judgement
    return Judgement(Truth.ALWAYS, "; ".join(j.reason for j in judged) or "none")
