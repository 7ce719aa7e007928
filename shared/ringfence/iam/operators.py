"""Condition operators of a request: every type, with IfExists, ForAllValues, ForAnyValue and Null.

Rules (IAM User Guide, "IAM JSON policy elements: Condition operators", "Set operators for multivalued context keys", "Single-valued
vs. multivalued context keys"):
- several values of a condition are alternatives; a negated operator holds when none of them matches;
- without the key a condition does not hold, except IfExists, negated operators, ForAllValues, and `Null: true`;
- ForAllValues: every value of the request matches (none to match holds); ForAnyValue: at least one does.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any

from ringfence.iam.document import Condition
from ringfence.iam.patterns import Context, arn_like, like, literal

type Test = Callable[[str, str, Context, bool], bool]  # value of the policy, value of the request, context, variables


def holds(condition: Condition, context: Context, *, variables: bool) -> bool | None:
    """Say whether a condition holds for a request; None for an operator that does not exist."""
    qualifier, _, bare = condition.operator.rpartition(":")
    present = context.get(condition.key, ())
    if bare == "null":
        return any((value.lower() == "true") == (not present) for value in condition.values)
    if_exists = bare.endswith("ifexists")
    name = bare.removesuffix("ifexists")
    negated = name not in TESTS and name in NEGATED
    test = TESTS.get(NEGATED[name] if negated else name)
    if test is None or qualifier not in ("", "forallvalues", "foranyvalue"):
        return None
    if not present:
        return if_exists or qualifier == "forallvalues" or (negated and not qualifier)

    def one(value: str) -> bool:
        return any(test(wanted, value, context, variables) for wanted in condition.values) != negated

    if qualifier == "foranyvalue":
        return any(map(one, present))
    if qualifier == "forallvalues" or negated:
        return all(map(one, present))
    return any(map(one, present))


def _equals(wanted: str, value: str, context: Context, variables: bool) -> bool:  # noqa: FBT001 - of the type Test
    return literal(wanted, context, variables=variables) == value


def _equals_ignore_case(wanted: str, value: str, context: Context, variables: bool) -> bool:  # noqa: FBT001 - as above
    found = literal(wanted, context, variables=variables)
    return found is not None and found.lower() == value.lower()


def _like(wanted: str, value: str, context: Context, variables: bool) -> bool:  # noqa: FBT001 - as above
    return like(wanted, value, context, variables=variables)


def _arn(wanted: str, value: str, context: Context, variables: bool) -> bool:  # noqa: FBT001 - as above
    return arn_like(wanted, value, context, variables=variables)


def _bool(wanted: str, value: str, _context: Context, _variables: bool) -> bool:  # noqa: FBT001 - as above
    return wanted.lower() == value.lower() and value.lower() in ("true", "false")


def _binary(wanted: str, value: str, _context: Context, _variables: bool) -> bool:  # noqa: FBT001 - as above
    return wanted == value


def _address(wanted: str, value: str, _context: Context, _variables: bool) -> bool:  # noqa: FBT001 - as above
    try:
        return ip_address(value) in ip_network(wanted, strict=False)
    except ValueError:
        return False  # one of them is no address: it matches nothing


def number(text: str) -> Decimal | None:
    """Read a number, exactly; None for whatever is none."""
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?|[+-]?\.[0-9]+", text, re.ASCII) else None


def date(text: str) -> float | None:
    """Read a W3C date (a year, a month, a day or a time) or seconds since 1970, as seconds; None for whatever is none."""
    partial = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2}))?", text, re.ASCII)
    if partial is None and (seconds := number(text)) is not None:
        return float(seconds)
    try:
        found = datetime.fromisoformat(f"{partial[1]}-{partial[2] or '01'}-01" if partial else text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _ordered[T: (float, Decimal)](read: Callable[[str], T | None], compare: Callable[[T, T], bool]) -> Test:
    def test(wanted: str, value: str, _context: Context, _variables: bool) -> bool:  # noqa: FBT001 - as above
        left, right = read(value), read(wanted)
        return left is not None and right is not None and compare(left, right)

    return test


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda a, b: a == b,
    "lessthan": lambda a, b: a < b,
    "lessthanequals": lambda a, b: a <= b,
    "greaterthan": lambda a, b: a > b,
    "greaterthanequals": lambda a, b: a >= b,
}
TESTS: dict[str, Test] = {
    "stringequals": _equals,
    "stringequalsignorecase": _equals_ignore_case,
    "stringlike": _like,
    "arnequals": _arn,
    "arnlike": _arn,
    "bool": _bool,
    "binaryequals": _binary,
    "ipaddress": _address,
    **{f"numeric{name}": _ordered(number, compare) for name, compare in ORDERS.items()},
    **{f"date{name}": _ordered(date, compare) for name, compare in ORDERS.items()},
}
NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
}
