"""`authorize` against the plain reference: 20,000 random policy sets and requests, and each condition operator in every circumstance.

The generator is a seeded one, so that a difference can be looked at again; hypothesis varies the seed beyond the fixed ones. Not generated,
because AWS does not say what happens: an ARN operator with a plain `*`, wildcards in the value of a variable, NotPrincipal with Allow,
a root user across accounts.
"""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.iam import Policies, Principal, Request, authorize
from ringfence.iam.document import Condition
from ringfence.iam.operators import holds
from tests.support import reference_conditions
from tests.support import reference_iam as reference

A, B = "123456789012", "210987654321"
ROOT = f"arn:aws:iam::{A}:root"
ROLE, USER, LINKED = (
    f"arn:aws:iam::{A}:role/trainer",
    f"arn:aws:iam::{A}:user/ana",
    f"arn:aws:iam::{A}:role/aws-service-role/x.amazonaws.com/linked",
)
SESSION, FEDERATED = f"arn:aws:sts::{A}:assumed-role/trainer/one", f"arn:aws:sts::{A}:federated-user/eva"
SERVICE, PROVIDER = "sagemaker.amazonaws.com", f"arn:aws:iam::{A}:oidc-provider/issuer.example.com"
CALLERS = [
    *[("AWS", arn) for arn in (ROLE, USER, SESSION) for _ in range(2)],
    *[("AWS", arn) for arn in (ROOT, FEDERATED, LINKED) for _ in range(2)],
    *[(kind, name) for kind, name in (("Service", SERVICE), ("Federated", PROVIDER), ("Anonymous", "*")) for _ in range(3)],
]
KEY, GOAL = f"arn:aws:kms:eu-west-1:{A}:key/one", f"arn:aws:iam::{A}:role/goal"
ACTIONS = [
    "s3:GetObject",
    "s3:Get*",
    "S3:getobject",
    "s3:*",
    "*",
    "*",
    "s3:PutObject",
    "s3:?etObject",
    "kms:*",
    "kms:Decrypt",
    "sts:AssumeRole",
    "sts:*",
]
RESOURCES = [
    "*",
    "*",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::data/ana/1",
    "arn:aws:s3:::data/${aws:username}/*",
    "arn:aws:s3:::data/${aws:PrincipalTag/team}/?",
    "arn:aws:s3:::data/${aws:PrincipalTag/team, 'bob'}/1",
    "arn:aws:s3:::data/${AWS:USERNAME, 'ana'}/*",
    "arn:aws:s3:::data/${k:String}/1",
    "arn:aws:s3:::data/*/${*}",
    "arn:aws:s3:::data/*/${?}${$}",
    "arn:aws:s3:::DATA/*",
    "arn:aws:s3",
    "arn:*:data/?na/1",
]
# action -> the resources that are asked for
ASKED = {
    "s3:GetObject": ["arn:aws:s3:::data/ana/1", "arn:aws:s3:::data/bob/1", "arn:aws:s3:::data/ana/*", "arn:aws:s3:::data/ana/?$"],
    "s3:PutObject": ["arn:aws:s3:::data/ana/1"],
    "kms:Decrypt": [KEY],
    "sts:AssumeRole": [GOAL],
    "sts:GetCallerIdentity": ["*"],
}
PRINCIPALS: list[Any] = [
    "*",
    "*",
    "*",
    {"AWS": "*"},
    {"AWS": ROLE},
    {"AWS": SESSION},
    {"AWS": FEDERATED},
    {"AWS": [USER, ROLE]},
    {"AWS": A},
    {"AWS": ROOT},
    {"AWS": B},
    {"Service": SERVICE},
    {"Service": "lambda.amazonaws.com", "AWS": ROOT},
    {"Federated": PROVIDER},
    {"Federated": PROVIDER, "Service": SERVICE},
]
NOT_PRINCIPALS: list[Any] = [
    {"AWS": [USER, ROOT]},
    {"AWS": [ROLE, A]},
    {"AWS": [SESSION, ROLE, ROOT]},
    {"AWS": [SESSION, ROOT]},
    {"AWS": USER},
    {"Service": SERVICE},
]
# values by type: each list has what others of it match, and what they do not
VALUES = {
    "String": ["ml", "ML", "m*", "m?", "x"],
    "Arn": [ROLE, USER, f"arn:aws:iam::{A}:role/*", "arn:aws:iam::*:user/an?", "none"],
    "Numeric": ["1", "2", "2.0", "-3", "x"],
    "Date": ["2025-06-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-06-01T02:00:00+02:00", "x"],
    "Bool": ["true", "false"],
    "Ip": ["192.0.2.0/24", "198.51.100.0/24", "0.0.0.0/0", "x"],
    "Binary": ["bWw=", "bWx="],
}
ADDRESSES = ["192.0.2.1", "198.51.100.1", "203.0.113.1"]
ORDERS = ["LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
OPERATORS = {
    "String": [f"String{n}{o}" for n in ("", "Not") for o in ("Equals", "EqualsIgnoreCase", "Like")],
    "Arn": [f"Arn{n}{o}" for n in ("", "Not") for o in ("Equals", "Like")],
    "Numeric": ["NumericEquals", "NumericNotEquals", *(f"Numeric{o}" for o in ORDERS)],
    "Date": ["DateEquals", "DateNotEquals", *(f"Date{o}" for o in ORDERS)],
    "Bool": ["Bool"],
    "Ip": ["IpAddress", "NotIpAddress"],
    "Binary": ["BinaryEquals"],
}
REACH, TRIES = 100, 50_000
QUALIFIERS = ["", "ForAnyValue:", "ForAllValues:"]


def values(rnd: random.Random, kind: str) -> list[str]:
    """Nothing, one or two values that a request may send."""
    return rnd.sample(ADDRESSES if kind == "Ip" else VALUES[kind], rnd.choice([0, 1, 2]))


def a_condition(rnd: random.Random) -> dict[str, Any]:
    """One condition; the key's name tells its type."""
    kind = rnd.choice(list(OPERATORS))
    operator = rnd.choice(QUALIFIERS) + rnd.choice(OPERATORS[kind]) + rnd.choice(["", "IfExists"])
    if rnd.random() < 0.15:
        return {rnd.choice(["ArnLike", "ArnEquals"]): {"aws:PrincipalArn": rnd.choice([ROLE, USER, f"arn:aws:iam::{A}:*"])}}
    if rnd.random() < 0.15:
        name = rnd.choice(["StringEquals", "StringLike", "StringNotEquals", "StringNotLike"])
        return {name: {"k:String": rnd.choice(["${aws:username}", "${aws:PrincipalTag/team, 'ml'}", "${k:String}", "m${*}"])}}
    if rnd.random() < 0.1:
        return {"Null": {f"k:{kind}": rnd.choice(["true", "false"])}}
    return {operator: {rnd.choice([f"k:{kind}", f"K:{kind.upper()}"]): rnd.sample(VALUES[kind], rnd.choice([1, 2]))}}


def a_policy(rnd: random.Random, *, principal: bool = False) -> dict[str, Any]:
    """A document of one to three statements."""
    statements = []
    for _ in range(rnd.choice([1, 1, 2, 3])):
        statement: dict[str, Any] = {"Effect": "Deny" if rnd.random() < (0.4 if principal else 0.15) else "Allow"}
        statement["NotAction" if rnd.random() < 0.1 else "Action"] = rnd.sample(ACTIONS, rnd.choice([1, 2]))
        statement["NotResource" if rnd.random() < 0.1 else "Resource"] = rnd.choice(RESOURCES)
        if principal and statement["Effect"] == "Deny" and rnd.random() < 0.3:
            statement["NotPrincipal"] = rnd.choice(NOT_PRINCIPALS)
        elif principal:
            statement["Principal"] = rnd.choice(PRINCIPALS)
        if rnd.random() < 0.4:
            statement["Condition"] = a_condition(rnd)
        statements.append(statement)
    return {"Version": rnd.choice(["2012-10-17", "2012-10-17", "2008-10-17"]), "Statement": statements}


def maybe(rnd: random.Random, *, principal: bool = False) -> dict[str, Any] | None:
    """A document, or none."""
    return a_policy(rnd, principal=principal) if rnd.random() < 0.4 else None


def levels(rnd: random.Random, *, principal: bool) -> list[list[dict[str, Any]]]:
    """No organisation mostly, else two levels, of which the first allows all."""
    full: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*", **({"Principal": "*"} if principal else {})}
    return [[{"Statement": [full]}], [a_policy(rnd, principal=principal)]] if rnd.random() < 0.3 else []


def a_case(rnd: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """A request and its policies, for the reference."""
    kind, principal = rnd.choice(CALLERS)
    context = {f"k:{kind}": found for kind in OPERATORS if (found := values(rnd, kind))}
    if principal == USER:
        context["aws:username"] = ["ana"]
    if rnd.random() < 0.5:
        context["aws:PrincipalTag/team"] = [rnd.choice(["ana", "bob"])]
    action = rnd.choice([*list(ASKED)[:1] * 5, *ASKED])
    elsewhere = kind == "AWS" and principal != ROOT and rnd.random() < 0.3
    request = {
        "action": action,
        "resource": rnd.choice(ASKED[action]),
        "kind": kind,
        "principal": principal,
        "resource_account": B if elsewhere else A,
        "context": context,
    }
    policies = {
        "identity": [a_policy(rnd) for _ in range(rnd.choice([0, 1, 2]))],
        "boundary": maybe(rnd),
        "session": [a_policy(rnd)] if ":sts:" in principal and rnd.random() < 0.5 else None,
        "resource": a_policy(rnd, principal=True) if rnd.random() < 0.7 else None,
        "scps": levels(rnd, principal=False),
        "rcps": levels(rnd, principal=True),
    }
    return request, policies


def ours(request: dict[str, Any], policies: dict[str, Any]) -> str:
    """What the product says."""
    asked = Request(
        action=request["action"],
        resource=request["resource"],
        principal=Principal(request["kind"], request["principal"]),
        resource_account=request["resource_account"],
        context=request["context"],
    )
    return str(authorize(asked, Policies(**policies)).effect)


def test_20_000_random_policy_sets_and_requests() -> None:
    rnd, outcomes = random.Random(20_000), Counter[tuple[str, str]]()  # noqa: S311 - no secret
    for number in range(20_000):
        request, policies = a_case(rnd)
        wanted = reference.decide(request, policies)
        assert ours(request, policies) == wanted, f"case {number}: {request} {policies}"
        outcomes[request["principal"], wanted] += 1
    for caller in {arn for _, arn in CALLERS}:
        seen = [outcomes[caller, effect] for effect in (reference.ALLOWED, reference.EXPLICIT, reference.IMPLICIT)]
        assert min(seen) > REACH, f"the generator hardly reaches {caller}: {seen}"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**64))
def test_random_policy_sets_and_requests(seed: int) -> None:
    request, policies = a_case(random.Random(seed))  # noqa: S311 - as above
    assert ours(request, policies) == reference.decide(request, policies)


def circumstances(kind: str, operator: str) -> list[tuple[int, bool]]:
    """How many values a request may send, and what may come out; without the key there is one outcome.

    Two of two booleans (or of our two binaries) are all there are: only for ForAllValues can they fail to match.
    """
    always = kind in ("Bool", "Binary") and "ForAllValues" not in operator
    return [(1, True), (1, False), (2, True), *([] if always else [(2, False)])]


@pytest.mark.parametrize("kind", OPERATORS)
def test_every_operator_in_every_circumstance_comes_out_both_ways(kind: str) -> None:
    rnd = random.Random(kind)  # noqa: S311 - as above
    for operator in (q + o + e for q in QUALIFIERS for o in OPERATORS[kind] for e in ("", "IfExists")):
        seen = Counter[tuple[int, bool]]()
        goal = circumstances(kind, operator)
        while min(seen[g] for g in goal) < REACH or seen[0, True] + seen[0, False] < REACH:
            wanted, have = rnd.sample(VALUES[kind], rnd.choice([1, 2])), values(rnd, kind)
            found = reference_conditions.condition(operator, [*wanted], have)
            condition = Condition(operator.lower(), "k", tuple(wanted))
            assert holds(condition, {"k": tuple(have)} if have else {}, variables=True) is found, (operator, wanted, have)
            seen[len(have), found] += 1
            assert seen.total() < TRIES, f"{operator}: the generator does not reach {[g for g in goal if seen[g] < REACH]}"
