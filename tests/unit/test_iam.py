"""The first part of the policy judge: documents, conditions, wide grants."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.iam import admin_grants, parse, wildcard_grants
from ringfence.iam.conditions import Truth, judge, judge_all
from ringfence.iam.document import Condition

SERVICES, DATA = ("s3", "iam", "kms", "sts"), ("s3:getobject", "kms:decrypt")


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def admin(*statements: dict[str, Any]) -> bool:
    return bool(admin_grants(parse(document(*statements))))


def wide(*statements: dict[str, Any]) -> bool:
    return bool(wildcard_grants(parse(document(*statements)), SERVICES, DATA))


NOT_IAM = {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}
ADMINS: list[list[dict[str, Any]]] = [
    [allow()],
    [allow("*:*")],
    [allow("**")],
    [allow("iam:*")],
    [allow("IAM:*")],
    [allow("iam:Put*")],
    [allow("iam:CreatePolicyVersio?")],
    [allow("i?m:*")],
    [allow(["s3:GetObject", "iam:AttachRolePolicy"])],
    [allow(resource="arn:aws:*")],
    [allow(resource=["arn:aws:s3:::b", "*"])],
    [allow("iam:*", "arn:aws:iam::*:*")],
    [allow("iam:*", "arn:aws:iam::123456789012:*")],
    [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b"}],
    [NOT_IAM],
    [allow(Condition={"StringLike": {"aws:PrincipalArn": "*"}})],
    [allow(Condition={"IpAddress": {"aws:SourceIp": ["0.0.0.0/0"]}})],
    [allow(Condition={"Bool": {"aws:SecureTransport": "true"}})],
    [allow(Condition={"Null": {"aws:PrincipalArn": "false"}})],
    [allow(Condition={"StringNotEquals": {"aws:PrincipalTag/x": "y"}})],
    [allow(), {"Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::123456789012:role/x"}],
    [allow("iam:PutRolePolicy", "arn:aws:iam::*:role/*")],
    [allow("iam:PutUserPolicy", ["arn:aws:iam::123456789012:user/*"])],
    [allow("iam:CreatePolicyVersion", "arn:aws:iam::*:policy/*")],
    [allow(), {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}],
]
NOT_ADMINS: list[list[dict[str, Any]]] = [
    [allow("s3:*")],
    [allow("iam:Get*")],
    [allow("iam:PutRolePolicy", "arn:aws:iam::*:user/*")],
    [{"Effect": "Allow", "NotAction": "*", "Resource": "*"}],
    [{"Effect": "Allow", "Action": "*", "NotResource": "*"}],
    [allow("iam:*", "arn:aws:iam::123456789012:role/x")],
    [allow(resource="arn:aws:s3:::*")],
    [allow(Condition={"StringEquals": {"aws:PrincipalTag/team": "ml"}})],
    [allow(Condition={"StringEquals": {"aws:x": []}})],
    [allow(Condition={"Bool": {"aws:SecureTransport": "false"}})],
    [allow(), {"Effect": "Deny", "Action": "*", "Resource": "*"}],
    [allow(), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}],
    [allow("iam:*"), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}],
    [NOT_IAM, {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}],
    [{"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}],
    [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
    [{"Effect": "Allow", "Action": "*", "Principal": "*"}],
]


@pytest.mark.parametrize("statements", ADMINS, ids=json.dumps)
def test_administrators_in_every_spelling(statements: list[dict[str, Any]]) -> None:
    assert admin(*statements)


@pytest.mark.parametrize("statements", NOT_ADMINS, ids=json.dumps)
def test_who_is_no_administrator(statements: list[dict[str, Any]]) -> None:
    assert not admin(*statements)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("s3:*", "arn:aws:s3:::b/*"), True),
        (allow("S3:**"), True),
        (allow("?ms:*"), True),
        (allow("dynamodb:*"), False),
        (allow("kms:?*"), True),
        (allow("kms:Decrypt", "arn:aws:kms:*:*:key/*"), True),
        (allow("kms:Decrypt", "arn:aws:kms:*:*:key/1"), False),
        ({"Effect": "Allow", "NotAction": "*", "Resource": "*"}, False),
        ({"Effect": "Allow", "NotAction": ["s3:*", "iam:*", "kms:*", "sts:*"], "Resource": "*"}, False),
        (allow("s3:GetObject"), True),
        (allow("s3:Get*"), True),
        (allow("s3:GetObject", "arn:aws:s3:::*/*"), True),
        (allow("s3:GetObject", "arn:aws:s3:::b/*"), False),
        (allow("s3:ListBucket"), False),
        (allow("kms:Decrypt", Condition={"StringEquals": {"kms:ViaService": "s3"}}), False),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::b"}, True),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, False),
    ],
)
def test_wide_grants(statement: dict[str, Any], expected: bool) -> None:
    assert wide(statement) is expected


def test_a_grant_carries_its_proof() -> None:
    (grant,) = admin_grants(parse(document(allow("s3:List*"), allow(Condition={"StringLike": {"aws:PrincipalArn": "*"}}))))
    assert (grant.statement, grant.action, grant.resource) == (1, "*", "*")
    assert grant.conditions.startswith("always true")


@pytest.mark.parametrize(
    ("operator", "key", "values", "truth"),
    [
        ("StringLike", "aws:PrincipalArn", ("*",), Truth.ALWAYS),
        ("StringLike", "aws:PrincipalTag/x", ("*",), Truth.NARROWING),
        ("StringLikeIfExists", "aws:PrincipalTag/x", ("*",), Truth.ALWAYS),
        ("ArnLike", "aws:PrincipalArn", ("arn:aws:*",), Truth.ALWAYS),
        ("ForAnyValue:StringLike", "aws:TagKeys", ("x",), Truth.NARROWING),
        ("ForAllValues:StringLike", "aws:TagKeys", ("*",), Truth.UNKNOWN),
        ("Null", "aws:PrincipalArn", ("true",), Truth.NEVER),
        ("Null", "aws:PrincipalArn", ("false",), Truth.ALWAYS),
        ("Null", "aws:MultiFactorAuthAge", ("false",), Truth.NARROWING),
        ("Null", "aws:MultiFactorAuthAge", ("true",), Truth.UNKNOWN),
        ("Null", "aws:x", ("true", "false"), Truth.ALWAYS),
        ("NumericLessThan", "aws:MultiFactorAuthAge", ("3600",), Truth.NARROWING),
        ("Bool", "aws:SecureTransport", ("false", "true"), Truth.ALWAYS),
        ("StringEqualsIfExists", "ec2:Region", ("x",), Truth.UNKNOWN),
        ("StringEquals", "aws:PrincipalAccount", ("123456789012",), Truth.UNKNOWN),
        ("StringEquals", "aws:PrincipalTag/team", ("ml",), Truth.NARROWING),
        ("StringLike", "aws:userid", ("?*",), Truth.ALWAYS),
        ("Bool", "aws:ViaAWSService", ("false",), Truth.UNKNOWN),
        ("IpAddress", "aws:SourceIp", ("0.0.0.0/1", "128.0.0.0/1"), Truth.ALWAYS),
        ("IpAddress", "aws:SourceIp", ("::/0", "nonsense"), Truth.ALWAYS),
        ("StringEquals", "aws:x", (), Truth.NEVER),
        ("Bool", "aws:MultiFactorAuthPresent", ("true",), Truth.NARROWING),
        ("IpAddress", "aws:SourceIp", ("192.0.2.0/24",), Truth.NARROWING),
        ("DateLessThan", "aws:CurrentTime", ("2030-01-01T00:00:00Z",), Truth.UNKNOWN),
        ("StringNotLike", "aws:PrincipalArn", ("x",), Truth.UNKNOWN),
    ],
)
def test_conditions(operator: str, key: str, values: tuple[str, ...], truth: Truth) -> None:
    found = judge(Condition(operator.lower(), key.lower(), values))
    assert found.truth is truth
    assert found.reason


def test_conditions_hold_together() -> None:
    always = Condition("stringlike", "aws:principalarn", ("*",))
    unknown = Condition("datelessthan", "aws:currenttime", ("2030-01-01T00:00:00Z",))
    narrowing = Condition("stringequals", "aws:resourceaccount", ("123456789012",))
    assert judge_all(()).truth is Truth.ALWAYS
    assert judge_all((always, unknown)).truth is Truth.UNKNOWN
    assert judge_all((always, unknown, narrowing)).truth is Truth.NARROWING


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (None, "document"),
        ([], "document"),
        ({}, "document"),
        ("", "document"),
        ("{", "document"),
        ("\ud800", "document"),
        (
            {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"A": {"b": [[[[[[[[[[[1]]]]]]]]]]]}}}]},
            "document",
        ),
        ({"Version": "2012-10-17"}, "Statement"),
        ({"Statement": []}, "Statement"),
        ({"Statement": ["x"]}, "Statement[0]"),
        ({"Statement": [{"Effect": "allow", "Action": "*", "Resource": "*"}]}, "Statement[0].Effect"),
        ({"Statement": [{"Effect": "Allow", "Resource": "*"}]}, "Statement[0]"),
        ({"Statement": [{"Effect": "Allow", "Action": [], "Resource": "*"}]}, "Statement[0].Action"),
        ({"Statement": [{"Effect": "Allow", "Action": [1], "Resource": "*"}]}, "Statement[0].Action"),
        ({"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}]}, "Statement[0]"),
        ({"Statement": [{"Effect": "Allow", "Action": "*", "Ressource": "*"}]}, "Statement[0].Ressource"),
        ({"Statement": [allow(Condition=[])]}, "Statement[0].Condition"),
        ({"Statement": [allow(Condition={"StringLike": "x"})]}, "Statement[0].Condition.StringLike"),
        ({"Statement": [allow(Condition={"StringLike": {"k": {}}})]}, "Statement[0].Condition.StringLike.k"),
    ],
)
def test_what_is_no_policy_says_what_is_wrong_and_where(given: Any, where: str) -> None:
    policy = parse(given)
    assert where in {p.where for p in policy.problems}
    assert not admin_grants(policy)


@pytest.mark.parametrize(
    "form",
    [
        lambda d: d,
        json.dumps,
        lambda d: quote(json.dumps(d)),
        lambda d: (
            quote(json.dumps(d))
            .lower()
            .replace("statement", "Statement")
            .replace("effect", "Effect")
            .replace("allow", "Allow")
            .replace("action", "Action")
            .replace("resource", "Resource")
            .replace("condition", "Condition")
            .replace("bool", "Bool")
        ),
        lambda d: "\ufeff" + json.dumps({**d, "Id": "\ud800"}),
        lambda d: {**d, "Statement": d["Statement"][0]},
    ],
)
def test_a_document_in_every_form(form: Any) -> None:
    policy = parse(form(document(allow(Condition={"Bool": {"aws:SecureTransport": True}}))))
    assert policy.problems == ()
    assert admin_grants(policy)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=9), c, max_size=3),
    max_leaves=8,
)
STATEMENT = st.fixed_dictionaries(
    {},
    optional={
        "Effect": st.sampled_from(["Allow", "Deny", "x"]),
        "Action": JSON,
        "NotAction": JSON,
        "Resource": JSON,
        "Condition": JSON,
        "Sid": JSON,
    },
)


@given(JSON | st.fixed_dictionaries({"Statement": st.lists(STATEMENT, max_size=3) | JSON}))
def test_nothing_makes_the_judge_raise(given: Any) -> None:
    policy = parse(given)
    assert policy.statements or policy.problems
    admin_grants(policy)
    wildcard_grants(policy, SERVICES, DATA)


@given(st.lists(st.sampled_from([s for statements in ADMINS + NOT_ADMINS for s in statements]), min_size=1, max_size=4))
def test_a_denial_never_allows_more(statements: list[dict[str, Any]]) -> None:
    if admin(*statements, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}):
        assert admin(*statements)
