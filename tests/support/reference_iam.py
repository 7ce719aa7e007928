"""A second evaluator of IAM requests: slow and plain, written from AWS's documentation alone, sharing no code with the product.

Each rule names the page it stands on: UG is the IAM User Guide, ORG the Organizations User Guide. Small on purpose: users and roles,
no sessions, no services; `tests/unit/test_authorize.py` has those case by case.
"""

import ipaddress
import re
from datetime import datetime
from typing import Any

ALLOWED, EXPLICIT, IMPLICIT = "allowed", "explicitly_denied", "implicitly_denied"
Values = list[str]


def decide(request: dict[str, Any], policies: dict[str, Any]) -> str:
    """UG "Policy evaluation logic": all policies are read; an explicit deny in any of them ends it; what nothing allows is denied."""
    rcps, scps = policies["rcps"], policies["scps"]
    around = [p for level in [*rcps, *scps] for p in level]
    single = [p for p in (policies["boundary"], policies["resource"]) if p is not None]
    for policy in [*around, *policies["identity"], *single]:
        if says(policy, "Deny", request):
            return EXPLICIT
    # ORG "SCP evaluation" and "RCP evaluation": an Allow is needed at every level from the root to the account.
    for level in [*rcps, *scps]:
        if not any(says(p, "Allow", request) for p in level):
            return IMPLICIT
    by_identity = any(says(p, "Allow", request) for p in policies["identity"])
    within = policies["boundary"] is None or says(policies["boundary"], "Allow", request)
    by_resource = policies["resource"] is not None and says(policies["resource"], "Allow", request)
    # UG "Cross-account policy evaluation logic": the request needs an Allow in both accounts.
    if request["resource_account"] != request["account"]:
        return ALLOWED if by_identity and within and by_resource else IMPLICIT
    # UG "Permissions boundaries": identity policies count within the boundary.
    if by_identity and within:
        return ALLOWED
    # UG "Policy evaluation for requests within a single account": a resource policy that names the principal is enough by itself;
    # one that names the account only hands on to identity policies. A boundary limits it for a role, not for a user.
    direct = policies["resource"] is not None and says(policies["resource"], "Allow", request, directly=True)
    return ALLOWED if direct and (within or ":user/" in request["principal"]) else IMPLICIT


def says(policy: dict[str, Any], effect: str, request: dict[str, Any], *, directly: bool = False) -> bool:
    """Whether a policy has a statement with an effect that applies to the request."""
    return any(s["Effect"] == effect and applies(s, request, policy, directly=directly) for s in policy["Statement"])


def applies(statement: dict[str, Any], request: dict[str, Any], policy: dict[str, Any], *, directly: bool) -> bool:
    """UG "JSON policy elements": a statement applies where principal, action, resource and every condition match."""
    if "Principal" in statement and not _principal(statement["Principal"], request, directly=directly):
        return False
    # UG "Action": names know no case. UG "NotAction", "NotResource": everything but what is listed.
    action = request["action"].lower()
    if "Action" in statement and not any(glob(p.lower(), action) for p in _list(statement["Action"])):
        return False
    if "NotAction" in statement and any(glob(p.lower(), action) for p in _list(statement["NotAction"])):
        return False
    variables = policy.get("Version") == "2012-10-17"
    named = [fill(p, request["context"]) if variables else p for p in _list(statement.get("Resource", statement.get("NotResource")))]
    if any(p is not None and glob(p, request["resource"]) for p in named) != ("Resource" in statement):
        return False
    # UG "Condition": all conditions have to hold.
    block = statement.get("Condition", {})
    return all(condition(op, _list(values), context_of(key, request)) for op, keys in block.items() for key, values in keys.items())


def _principal(principal: Any, request: dict[str, Any], *, directly: bool) -> bool:
    """UG "Principal": everybody, the ARN itself, or its account by root ARN or number."""
    entries = ["*"] if principal == "*" else _list(principal["AWS"])
    account = [] if directly else [request["account"], f"arn:aws:iam::{request['account']}:root"]
    return any(entry in ("*", request["principal"], *account) for entry in entries)


def context_of(key: str, request: dict[str, Any]) -> Values:
    """UG "Condition": names of keys know no case."""
    return next((v for k, v in request["context"].items() if k.lower() == key.lower()), [])


def condition(operator: str, wanted: Values, have: Values) -> bool:
    """UG "Condition operators" and "Set operators for multivalued context keys"."""
    qualifier, _, name = operator.rpartition(":")
    # "Null": true when the key must not be there.
    if name == "Null":
        return any((w == "true") == (have == []) for w in wanted)
    if name.endswith("IfExists"):
        if have == []:
            return True  # "if the key is not present, evaluate the condition element as true"
        name = name[: -len("IfExists")]
    negated = "Not" in name
    positive = name.replace("Not", "", 1)
    matches = [any(compare(positive, w, h) for w in wanted) for h in have]
    if qualifier == "ForAllValues":
        return all(m != negated for m in matches)  # also "if there are no keys in the request"
    if qualifier == "ForAnyValue":
        return any(m != negated for m in matches)
    return not any(matches) if negated else any(matches)


def compare(name: str, wanted: str, have: str) -> bool:
    """UG "Condition operators", one section for each type."""
    if name in ("StringEquals", "BinaryEquals"):
        return wanted == have
    if name == "StringEqualsIgnoreCase":
        return wanted.lower() == have.lower()
    if name == "StringLike":
        return glob(wanted, have)
    if name in ("ArnEquals", "ArnLike"):  # "each of the six colon-delimited components is checked separately"
        left, right = wanted.split(":", 5), have.split(":", 5)
        return len(left) == len(right) == 6 and all(glob(a, b) for a, b in zip(left, right, strict=True))
    if name == "Bool":
        return wanted == have and have in ("true", "false")
    if name == "IpAddress":
        try:
            return ipaddress.ip_address(have) in ipaddress.ip_network(wanted)
        except ValueError:
            return False
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
    """UG "Resource": `*` is any number of characters, `?` exactly one."""
    if pattern == "":
        return text == ""
    if pattern[0] == "*":
        return any(glob(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return text != "" and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


def fill(pattern: str, context: dict[str, Values]) -> str | None:
    """UG "Policy variables": the request's value; without one the statement does not match."""
    if "${aws:username}" not in pattern:
        return pattern
    have = context.get("aws:username", [])
    return pattern.replace("${aws:username}", have[0]) if len(have) == 1 else None


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
