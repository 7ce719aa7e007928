"""Conditions are judged, not skipped: always true, never true, narrowing, or unknown - each with its reason.

Judged without a request, so only what holds for *every* request is called always true. Facts: IAM User Guide, "AWS global
condition context keys" (which keys are always in the context) and "IAM JSON policy elements: Condition operators".
"""

from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

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
PARTITIONS = (
    "*",
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-eusc",
)  # botocore's partitions.json
EVERYTHING = frozenset({"*", "**", "arn:*", *(f"arn:{p}{rest}" for p in PARTITIONS for rest in (":*", ":*:*", ":*:*:*:*"))})
LIKE = frozenset({"stringlike", "arnlike", "arnequals"})
NARROW_OPERATORS = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "bool", "ipaddress", "numericequals", "binaryequals"}
)
ADDRESS = "aws:sourceip"  # absent from requests through a VPC endpoint
MFA_AGE = "aws:multifactorauthage"
HOLDER = ("aws:principal", "aws:userid", "aws:username", "aws:viaawsservice")  # may be true of every request of the holder


def judge(condition: Condition) -> Judgement:
    """Judge one condition of an Allow statement."""
    operator, key, values = condition.operator, condition.key, condition.values
    qualifier, _, bare = operator.rpartition(":")
    if_exists = bare.endswith("ifexists")
    bare = bare.removesuffix("ifexists")
    named = f"{operator} {key}"
    if not values:
        never = not qualifier and not if_exists and "not" not in bare
        return Judgement(Truth.NEVER if never else Truth.UNKNOWN, f"{named} has no values to match")
    if qualifier == "forallvalues":
        return Judgement(Truth.UNKNOWN, f"{named} is true whenever the key is absent")
    if bare == "null":
        return _null(key, values, named)
    if not qualifier and (if_exists or key in ALWAYS_PRESENT) and _everything(bare, key, values):
        return Judgement(Truth.ALWAYS, f"{named} matches everything")
    if bare == "bool" and key == "aws:securetransport":
        never = "true" not in {value.lower() for value in values}
        return Judgement(Truth.NEVER if never else Truth.UNKNOWN, f"{named}: every request to AWS is encrypted")
    if if_exists and key not in ALWAYS_PRESENT:
        return Judgement(Truth.UNKNOWN, f"{named} is true wherever the key is absent")
    if key.startswith(HOLDER) and not key.startswith("aws:principaltag/"):
        return Judgement(Truth.UNKNOWN, f"{named} may be true of every request of the holder")
    if bare in NARROW_OPERATORS or (bare.startswith("numericless") and key == MFA_AGE):
        return Judgement(Truth.NARROWING, f"{named} must match {', '.join(values)[:120]}")
    return Judgement(Truth.UNKNOWN, f"{named} cannot be judged without the request")


def _everything(bare: str, key: str, values: tuple[str, ...]) -> bool:
    """Whether the values, of which one has to match, match whatever the key holds."""
    if bare in LIKE:
        return any(set(value) == {"*"} or value == "?*" or (key.endswith("arn") and value in EVERYTHING) for value in values)
    if bare == "bool":
        wanted = {value.lower() for value in values}
        return wanted >= {"true", "false"} or (key == "aws:securetransport" and "true" in wanted)
    return bare == "ipaddress" and _every_address(values)


def _every_address(values: tuple[str, ...]) -> bool:
    """Whether networks together hold every IPv4 or every IPv6 address."""
    networks = []
    for value in values:
        try:
            networks.append(ip_network(value, strict=False))
        except ValueError:
            continue  # no network: it matches nothing
    by_version = ([n for n in networks if isinstance(n, IPv4Network)], [n for n in networks if isinstance(n, IPv6Network)])
    return any(n.prefixlen == 0 for n in collapse_addresses(by_version[0])) or any(
        n.prefixlen == 0 for n in collapse_addresses(by_version[1])
    )


def _null(key: str, values: tuple[str, ...], named: str) -> Judgement:
    wanted = {value.lower() for value in values}
    if wanted >= {"true", "false"}:
        return Judgement(Truth.ALWAYS, f"{named} holds with the key and without")
    if key in ALWAYS_PRESENT and key != ADDRESS:
        return Judgement(Truth.NEVER if "true" in wanted else Truth.ALWAYS, f"{named}: the key is in every request")
    if key == MFA_AGE and "false" in wanted:
        return Judgement(Truth.NARROWING, f"{named}: only with MFA")
    return Judgement(Truth.UNKNOWN, f"{named} depends on whether the key is sent")


@lru_cache(maxsize=16384)
def judge_all(conditions: tuple[Condition, ...]) -> Judgement:
    """Judge the conditions of one statement together: all must hold. No condition is always true."""
    judged = [judge(condition) for condition in conditions]
    for truth in (Truth.NEVER, Truth.NARROWING, Truth.UNKNOWN):
        for judgement in judged:
            if judgement.truth is truth:
                return judgement
    return Judgement(Truth.ALWAYS, "; ".join(j.reason for j in judged) or "none")


def judge_denial(conditions: tuple[Condition, ...]) -> Judgement:
    """Judge the conditions of a Deny: what holds of most requests only, and so counts as always true of an Allow, is in doubt here.

    An address may be missing or of the other version; an ARN operator wants all six parts of an ARN.
    """
    judged = judge_all(conditions)
    for condition in conditions if judged.truth is Truth.ALWAYS else ():
        if condition.key == ADDRESS or "arn" in condition.operator:
            return Judgement(Truth.UNKNOWN, f"{condition.operator} {condition.key} may fail for some requests")
    return judged
