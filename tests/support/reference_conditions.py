"""Conditions, wildcards and variables of the reference evaluator: plain, and written from AWS's documentation alone.

UG is the IAM User Guide; "operators" is its page "IAM JSON policy elements: Condition operators", "variables" its page "Variables and tags".
"""

import ipaddress
import re
from datetime import datetime
from typing import Any

Values = list[str]
# A literal `*` or `?` of a policy, and of a request, so that no wildcard is mistaken for it.
LITERAL = str.maketrans({"*": "\ue000", "?": "\ue001"})


def condition(operator: str, wanted: list[str | None], have: Values) -> bool:
    """Whether one operator holds for one key; a wanted value is None where a variable of it has no value."""
    qualifier, _, name = operator.rpartition(":")
    # UG operators: "use either true (the key doesn't exist - it is null) or false (the key exists and its value is not null)."
    if name == "Null":
        return any((w == "true") == (have == []) for w in wanted)
    # UG operators: "If the key is not present, evaluate the condition element as true."
    if name.endswith("IfExists"):
        if have == []:
            return True
        name = name[: -len("IfExists")]
    negated = "Not" in name
    positive = name.replace("Not", "", 1)
    # UG variables: "When you use a variable with no value in the condition element of an IAM policy, IAM JSON policy elements:
    # Condition operators like StringEquals or StringLike do not match"; "Inverted condition operators like StringNotEquals or
    # StringNotLike do match against a null value".
    matches = [any(w is not None and compare(positive, w, h) for w in wanted) for h in have]
    # UG "Single-valued vs. multivalued context keys": "It also returns true if there are no context keys in the request."
    if qualifier == "ForAllValues":
        return all(m != negated for m in matches)
    # The same page: "For no matching context key or if the key does not exist, the condition returns false." UG operators, of
    # ForAnyValue:StringNotEquals: "At least one context key value in the request must NOT match any of values in the context key".
    if qualifier == "ForAnyValue":
        return any(m != negated for m in matches)
    # UG operators: "If the policy condition requires that the key is not matched, such as StringNotLike or ArnNotLike, and the right
    # key is not present, the condition is true." UG "Conditions with multiple context keys or values": "those values are evaluated
    # using a logical NOR."
    return not any(matches) if negated else any(matches)


def compare(name: str, wanted: str, have: str) -> bool:
    """UG operators, one section for each type."""
    if name in ("StringEquals", "BinaryEquals"):  # "Exact matching, case sensitive"; "compares ... byte for byte"
        return wanted.translate(LITERAL) == have.translate(LITERAL)
    if name == "StringEqualsIgnoreCase":  # "Exact matching, ignoring case"
        return wanted.translate(LITERAL).lower() == have.translate(LITERAL).lower()
    if name == "StringLike":  # "The values can include multi-character match wildcards (*) and single-character match wildcards (?)"
        return glob(wanted, have)
    if name in ("ArnEquals", "ArnLike"):  # "Each of the six colon-delimited components of the ARN is checked separately"
        left, right = wanted.split(":", 5), have.split(":", 5)
        return len(left) == len(right) == 6 and all(glob(a, b) for a, b in zip(left, right, strict=True))
    if name == "Bool":  # "comparing a key to true or false"
        return wanted == have and have in ("true", "false")
    if name == "IpAddress":  # "The value must be in the standard CIDR format"
        return _address(wanted, have)
    return _ordered(name, wanted, have)


def _address(wanted: str, have: str) -> bool:
    try:
        return ipaddress.ip_address(have) in ipaddress.ip_network(wanted)
    except ValueError:
        return False


def _ordered(name: str, wanted: str, have: str) -> bool:
    """Numbers, "comparing a key to an integer or decimal value", and dates, "W3C implementations of the ISO 8601 date formats"."""
    kind = "Numeric" if name.startswith("Numeric") else "Date"
    read = _number if kind == "Numeric" else _date
    a, b = read(have), read(wanted)
    if a is None or b is None:
        return False
    return {
        "Equals": a == b,
        "LessThan": a < b,
        "LessThanEquals": a <= b,
        "GreaterThan": a > b,
        "GreaterThanEquals": a >= b,
    }[name.removeprefix(kind)]


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None


def _date(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if "T" in text else None
    except ValueError:
        return None


def glob(pattern: str, text: str) -> bool:
    """UG "Resource": "An asterisk (*) represents any combination of characters, and a question mark (?) represents any single character." """
    return _glob(pattern, text.translate(LITERAL))


def _glob(pattern: str, text: str) -> bool:
    if pattern == "":
        return text == ""
    if pattern[0] == "*":
        return any(_glob(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return text != "" and pattern[0] in ("?", text[0]) and _glob(pattern[1:], text[1:])


def fill(pattern: str, context: dict[str, Values], policy: dict[str, Any]) -> str | None:
    """Fill in the variables of a pattern; None where one has no value.

    UG variables: "If you don't include the Version element and set it to an appropriate version date, variables like ${aws:username} are
    treated as literal strings in the policy."
    """
    if policy.get("Version") != "2012-10-17":
        return pattern
    found = ""
    while (start := pattern.find("${")) >= 0:
        end = pattern.index("}", start)
        value = _value(pattern[start + 2 : end], context)
        if value is None:
            return None
        found, pattern = found + pattern[:start] + value, pattern[end + 1 :]
    return found + pattern


def _value(inside: str, context: dict[str, Values]) -> str | None:
    # UG variables: "${*} - use where you need an * (asterisk) character. ${?} - use where you need a ? (question mark) character.
    # ${$} - use where you need a $ (dollar sign) character."
    if inside in ("*", "?", "$"):
        return inside.translate(LITERAL)
    key, _, default = inside.partition(", ")
    have = context.get(key.lower(), [])
    # UG variables: "You can use any single-valued condition key as a variable. You can't use a multivalued condition key as a variable."
    if len(have) > 1:
        return None
    # UG variables: "To add a default value to a variable, surround the default value with single quotes (' ')".
    return have[0].translate(LITERAL) if have else default.strip("'") if default else None
