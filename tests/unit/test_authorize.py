"""`authorize`: the evaluation logic, one case a rule, as data; every operator with its qualifiers; what the proof says."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.iam import Effect, Policies, Principal, Request, authorize
from ringfence.iam.document import Condition
from ringfence.iam.operators import holds
from ringfence.iam.patterns import arn_like, like

ACCOUNT, OTHER = "123456789012", "210987654321"
BUCKET = "arn:aws:s3:::example-data/set-1"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/trainer"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/trainer/run-1"
USER = f"arn:aws:iam::{ACCOUNT}:user/ana"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ANYBODY = Principal("Anonymous", "*")
SERVICE = Principal("Service", "sagemaker.amazonaws.com")
A, E, I = Effect.ALLOWED, Effect.EXPLICITLY_DENIED, Effect.IMPLICITLY_DENIED  # noqa: E741 - as in the tables below


def doc(action: str = "s3:GetObject", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """One statement; `Resource` is everything unless it is given."""
    resource = {} if "NotResource" in more else {"Resource": "*"}
    what = {} if "NotAction" in more else {"Action": action}
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, **what, **resource, **more}]}


def to(principal: Any, action: str = "s3:GetObject", **more: Any) -> dict[str, Any]:
    """A resource policy that names somebody."""
    return doc(action, Principal=principal, **more)


def ask(
    arn: str | Principal = ROLE, action: str = "s3:GetObject", resource: str = BUCKET, account: str = ACCOUNT, **context: Any
) -> Request:
    """A request by a role, user, session or another principal."""
    principal = arn if isinstance(arn, Principal) else Principal("AWS", arn)
    return Request(action=action, resource=resource, principal=principal, resource_account=account, context=context)


ALL, DENY = doc("*"), doc("*", "Deny")
NOT_ACTION, NOT_RESOURCE = doc(NotAction="iam:*"), doc(NotResource=BUCKET)
CASES: dict[str, tuple[Request, Policies, Effect]] = {
    "nothing allows": (ask(), Policies(), I),
    "an identity policy allows": (ask(), Policies(identity=[doc()]), A),
    "a denial wins": (ask(), Policies(identity=[ALL, DENY]), E),
    "a denial of another action does not": (ask(), Policies(identity=[ALL, doc("s3:PutObject", "Deny")]), A),
    "actions know no case": (ask(action="S3:getobject"), Policies(identity=[doc("s3:GET*")]), A),
    "resources do": (ask(), Policies(identity=[doc(Resource=BUCKET.upper())]), I),
    "an ARN of fewer parts is completed": (ask(), Policies(identity=[doc(Resource="arn:aws:s3")]), A),
    "and not that of another service": (ask(), Policies(identity=[doc(Resource="arn:aws:sqs")]), I),
    "an ARN of fewer parts in a resource policy is not": (ask(), Policies(resource=to({"AWS": ROLE}, Resource="arn:aws:s3")), I),
    "a boundary limits the user that a trust names": (
        ask(USER, "sts:AssumeRole", ROLE),
        Policies(boundary=doc(), resource=to({"AWS": USER}, "sts:AssumeRole")),
        I,
    ),
    "a boundary that allows it does not": (
        ask(USER, "sts:AssumeRole", ROLE),
        Policies(boundary=doc("sts:*"), resource=to({"AWS": USER}, "sts:AssumeRole")),
        A,
    ),
    "everybody, narrowed to the role by aws:PrincipalArn, is not limited by the boundary": (
        ask(SESSION, **{"aws:PrincipalArn": ROLE}),
        Policies(boundary=doc("sqs:*"), resource=to("*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})),
        A,
    ),
    "everybody without it is": (ask(SESSION), Policies(boundary=doc("sqs:*"), resource=to("*")), I),
    "NotPrincipal with Deny spares nobody who has a boundary": (
        ask(USER),
        Policies(identity=[ALL], boundary=ALL, resource=doc("*", "Deny", NotPrincipal={"AWS": [USER, ROOT]})),
        E,
    ),
    "a federated user without session policies": (ask(f"arn:aws:sts::{ACCOUNT}:federated-user/eva"), Policies(identity=[ALL]), I),
    "a federated user with them": (ask(f"arn:aws:sts::{ACCOUNT}:federated-user/eva"), Policies(identity=[ALL], session=[ALL]), A),
    "a user's name and type follow from who asks": (
        ask(USER),
        Policies(identity=[ALL, doc("*", "Deny", Condition={"StringEquals": {"aws:username": "ana", "aws:PrincipalType": "User"}})]),
        E,
    ),
    "the types of others": (
        ask(SESSION),
        Policies(identity=[doc(Condition={"StringEquals": {"aws:PrincipalType": "AssumedRole"}})]),
        A,
    ),
    "the type of the root user": (ask(ROOT), Policies(scps=[[doc(Condition={"StringEquals": {"aws:PrincipalType": "Account"}})]]), A),
    "the account of nobody": (
        ask(ANYBODY),
        Policies(resource=to("*", Condition={"StringEquals": {"aws:PrincipalAccount": "anonymous"}})),
        A,
    ),
    "integers beyond what a float holds": (
        ask(**{"s3:max-keys": "9007199254740993"}),
        Policies(identity=[doc(Condition={"NumericEquals": {"s3:max-keys": "9007199254740992"}})]),
        I,
    ),
    "a question mark is one character": (ask(), Policies(identity=[doc(Resource="arn:aws:s3:::example-data/set-?")]), A),
    "and not two": (ask(resource=BUCKET + "0"), Policies(identity=[doc(Resource="arn:aws:s3:::example-data/set-?")]), I),
    "NotAction": (ask(), Policies(identity=[NOT_ACTION]), A),
    "NotAction leaves out": (ask(action="iam:GetRole", resource=ROLE), Policies(identity=[NOT_ACTION]), I),
    "NotResource": (ask(resource="arn:aws:s3:::example-logs/x"), Policies(identity=[NOT_RESOURCE]), A),
    "NotResource leaves out": (ask(), Policies(identity=[NOT_RESOURCE]), I),
    "a document that is none": (ask(), Policies(identity=[ALL, {"Statement": "all"}]), I),
    "GetCallerIdentity is free": (ask(action="sts:GetCallerIdentity", resource="*"), Policies(identity=[DENY]), A),
    "a service's role is out of reach": (
        ask(action="iam:DeleteRole", resource=f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/X"),
        Policies(identity=[ALL]),
        E,
    ),
    "AWS's policies too": (
        ask(action="iam:CreatePolicyVersion", resource="arn:aws:iam::aws:policy/ReadOnlyAccess"),
        Policies(identity=[ALL]),
        E,
    ),
    "which may be read": (ask(action="iam:GetPolicy", resource="arn:aws:iam::aws:policy/ReadOnlyAccess"), Policies(identity=[ALL]), A),
    "a service's role may be made": (
        ask(action="iam:CreateServiceLinkedRole", resource=f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/X"),
        Policies(identity=[ALL]),
        A,
    ),
    "SCPs do not bind a service's role": (
        ask(f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/X"),
        Policies(identity=[ALL], scps=[[DENY]], rcps=[[]]),
        A,
    ),
    "the ARN tells the account": (
        ask(action="sts:AssumeRole", resource=f"arn:aws:iam::{OTHER}:role/x", account=""),
        Policies(resource=to({"AWS": ROLE}, "sts:AssumeRole")),
        I,
    ),
    "a session that is none": (ask(Principal("AWS", f"arn:aws:sts::{ACCOUNT}:assumed-role")), Policies(resource=to({"AWS": ROLE})), I),
    "other roles are not protected": (ask(action="iam:DeleteRole", resource=ROLE), Policies(identity=[ALL]), A),
    # organisation
    "every level of SCPs allows": (ask(), Policies(identity=[ALL], scps=[[ALL], [doc(), doc("ec2:*")]]), A),
    "a level that does not": (ask(), Policies(identity=[ALL], scps=[[ALL], [doc("ec2:*")]]), I),
    "an empty level": (ask(), Policies(identity=[ALL], scps=[[]]), I),
    "an SCP denies": (ask(), Policies(identity=[ALL], scps=[[ALL, DENY]]), E),
    "SCPs bind root": (ask(ROOT), Policies(scps=[[doc("ec2:*")]]), I),
    "SCPs do not bind services": (ask(SERVICE), Policies(resource=to({"Service": SERVICE.arn}), scps=[[DENY]]), A),
    "an RCP denies": (ask(), Policies(identity=[ALL], rcps=[[to("*", "*"), to("*", Effect="Deny")]]), E),
    "RCPs bind services": (ask(SERVICE), Policies(resource=to({"Service": SERVICE.arn}), rcps=[[]]), I),
    "an RCP level that allows": (ask(), Policies(identity=[ALL], rcps=[[to("*", "*")]]), A),
    # limits
    "a boundary that allows": (ask(), Policies(identity=[ALL], boundary=doc()), A),
    "a boundary that does not": (ask(), Policies(identity=[ALL], boundary=doc("ec2:*")), I),
    "a boundary gives nothing": (ask(), Policies(boundary=ALL), I),
    "a boundary denies": (ask(), Policies(identity=[ALL], boundary=DENY), E),
    "a session policy that allows": (ask(SESSION), Policies(identity=[ALL], session=[doc()]), A),
    "a session policy that does not": (ask(SESSION), Policies(identity=[ALL], session=[doc("ec2:*")]), I),
    "no session policy allows where the list is empty": (ask(SESSION), Policies(identity=[ALL], session=[]), I),
    "root needs no policy": (ask(ROOT), Policies(), A),
    "root of another account does": (ask(ROOT, account=OTHER), Policies(), I),
    # resource policies in one account
    "the resource's policy is enough": (ask(), Policies(resource=to({"AWS": ROLE})), A),
    "for a user too": (ask(USER), Policies(resource=to({"AWS": [USER]})), A),
    "everybody is somebody": (ask(USER), Policies(resource=to("*")), A),
    "the account alone is not": (ask(), Policies(resource=to({"AWS": ROOT})), I),
    "nor by its number": (ask(), Policies(resource=to({"AWS": ACCOUNT})), I),
    "the account hands on to the identity's policy": (ask(), Policies(identity=[doc()], resource=to({"AWS": ACCOUNT})), A),
    "a bare ARN names an AWS principal": (ask(), Policies(resource=to(ROLE)), A),
    "somebody else": (ask(), Policies(resource=to({"AWS": USER})), I),
    "no wildcard in a principal's ARN": (ask(), Policies(resource=to({"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"})), I),
    "a principal that is no text": (ask(), Policies(resource=to(7)), I),
    "a boundary limits what a role gets from a resource": (ask(), Policies(resource=to({"AWS": ROLE}), boundary=doc("ec2:*")), I),
    "and not what a user gets by name": (ask(USER), Policies(resource=to({"AWS": USER}), boundary=doc("ec2:*")), A),
    "nor what a session gets by name": (ask(SESSION), Policies(resource=to({"AWS": SESSION}), session=[doc("ec2:*")]), A),
    "a session's role is named": (ask(SESSION), Policies(resource=to({"AWS": ROLE})), A),
    "a session by its role is limited": (ask(SESSION), Policies(resource=to({"AWS": ROLE}), session=[doc("ec2:*")]), I),
    "a resource policy denies": (ask(), Policies(identity=[ALL], resource=to({"AWS": ROLE}, Effect="Deny")), E),
    "NotPrincipal denies everybody else": (ask(), Policies(identity=[ALL], resource=doc(effect="Deny", NotPrincipal={"AWS": USER})), E),
    "NotPrincipal leaves out who and whose account are named": (
        ask(),
        Policies(identity=[ALL], resource=doc(effect="Deny", NotPrincipal={"AWS": [ROLE, ROOT]})),
        A,
    ),
    "NotPrincipal has to name a session, its role and its account": (
        ask(SESSION),
        Policies(identity=[ALL], resource=doc(effect="Deny", NotPrincipal={"AWS": [SESSION, ROOT]})),
        E,
    ),
    "NotPrincipal of a service": (ask(SERVICE), Policies(resource=doc(NotPrincipal={"Service": SERVICE.arn})), I),
    "NotPrincipal allows others": (ask(USER), Policies(resource=doc(NotPrincipal={"AWS": ROLE})), A),
    # what needs the resource's policy
    "a key needs its policy": (ask(action="kms:Decrypt", resource=KEY), Policies(identity=[ALL]), I),
    "a key's policy hands on to IAM": (
        ask(action="kms:Decrypt", resource=KEY),
        Policies(identity=[ALL], resource=to({"AWS": ROOT}, "kms:*")),
        A,
    ),
    "a key's policy is enough": (ask(action="kms:Decrypt", resource=KEY), Policies(resource=to({"AWS": ROLE}, "kms:*")), A),
    "trust is needed": (ask(USER, "sts:AssumeRole", ROLE), Policies(identity=[ALL]), I),
    "trust by name is enough": (ask(USER, "sts:AssumeRole", ROLE), Policies(resource=to({"AWS": USER}, "sts:AssumeRole")), A),
    # two accounts
    "across accounts both are needed": (ask(account=OTHER), Policies(identity=[ALL]), I),
    "and the resource alone is not enough": (ask(account=OTHER), Policies(resource=to({"AWS": ROLE})), I),
    "both": (ask(account=OTHER), Policies(identity=[ALL], resource=to({"AWS": ROOT})), A),
    # others
    "anybody": (ask(ANYBODY), Policies(resource=to("*")), A),
    "anybody is an AWS star too": (ask(ANYBODY), Policies(resource=to({"AWS": "*"})), A),
    "nobody without a policy": (ask(ANYBODY), Policies(identity=[ALL]), I),
    "anybody is no role": (ask(ANYBODY), Policies(resource=to({"AWS": ROLE})), I),
    "a service by its name": (ask(SERVICE), Policies(resource=to({"Service": SERVICE.arn})), A),
    "another service": (ask(SERVICE), Policies(resource=to({"Service": "ec2.amazonaws.com"})), I),
    "a provider": (ask(Principal("Federated", "sso.example.com")), Policies(resource=to({"Federated": "sso.example.com"})), A),
    # variables and conditions
    "a variable in a resource": (
        ask(**{"aws:username": "set-1"}),
        Policies(identity=[doc(Resource="arn:aws:s3:::example-data/${aws:username}")]),
        A,
    ),
    "a variable without a value": (ask(), Policies(identity=[doc(Resource="arn:aws:s3:::example-data/${aws:username}")]), I),
    "a condition that holds": (
        ask(**{"aws:PrincipalTag/team": "ml"}),
        Policies(identity=[doc(Condition={"StringEquals": {"aws:principaltag/TEAM": "ml"}})]),
        A,
    ),
    "a condition that does not": (ask(), Policies(identity=[doc(Condition={"StringEquals": {"aws:PrincipalTag/team": "ml"}})]), I),
    "an operator that does not exist never allows": (
        ask(),
        Policies(identity=[doc(Condition={"StringIs": {"aws:PrincipalArn": ROLE}})]),
        I,
    ),
    "and never lifts a denial": (ask(), Policies(identity=[ALL, doc(effect="Deny", Condition={"StringIs": {"aws:PrincipalArn": "x"}})]), E),
    "a session's principal is its role": (
        ask(SESSION),
        Policies(identity=[doc(Condition={"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/trainer"}})]),
        A,
    ),
    "other partitions": (
        ask("arn:aws-cn:iam::123456789012:role/r", resource="arn:aws-cn:s3:::example/x"),
        Policies(identity=[doc(Resource="arn:aws-cn:s3:::example/*")]),
        A,
    ),
    "without a resource's account it is the principal's": (ask(account=""), Policies(identity=[doc()]), A),
    "a principal that is no ARN": (ask(Principal("AWS", "nobody")), Policies(resource=to({"AWS": ROLE})), I),
}


@pytest.mark.parametrize("name", CASES)
def test_rule(name: str) -> None:
    request, policies, effect = CASES[name]
    decision = authorize(request, policies)
    assert decision.effect is effect, decision
    assert decision.proof


def test_proof_names_the_statements_and_their_conditions() -> None:
    policy = doc(Condition={"StringLike": {"aws:PrincipalArn": "*"}}, Sid="Read")
    decision = authorize(ask(), Policies(identity=[doc("ec2:*"), policy], boundary=ALL, scps=[[ALL]]))
    assert [(p.policy, p.statement) for p in decision.proof] == [("identity[1]", 0), ("boundary", 0), ("scps[0]", 0)]
    assert decision.proof[0].reason == "Allow Read"
    assert decision.proof[0].conditions == "held for this request (always true in general)"
    broken = authorize(ask(), Policies(identity=[ALL, {}]))
    assert broken.proof[0].policy == "identity[1]"
    assert "is empty" in broken.proof[0].reason


# operator -> (a value of the policy, a request value that it matches, one that it does not)
OPERATORS: dict[str, tuple[str, str, str]] = {
    "StringEquals": ("ml", "ml", "ML"),
    "StringEqualsIgnoreCase": ("ml", "ML", "mx"),
    "StringLike": ("m*", "ml", "lm"),
    "ArnEquals": (f"arn:aws:iam::{ACCOUNT}:role/team/*", ROLE, USER),
    "ArnLike": ("arn:aws:iam::*:role/*", ROLE, "arn:aws:iam::1:2:role/x"),
    "Bool": ("true", "true", "false"),
    "BinaryEquals": ("bWw=", "bWw=", "bWx="),
    "IpAddress": ("192.0.2.0/24", "192.0.2.7", "198.51.100.7"),
    "NumericEquals": ("10", "10.0", "11"),
    "NumericLessThan": ("10", "9.5", "10"),
    "NumericLessThanEquals": ("10", "10", "10.1"),
    "NumericGreaterThan": ("10", "11", "10"),
    "NumericGreaterThanEquals": ("10", "10", "ten"),
    "DateEquals": ("2026-01-01T00:00:00Z", "1767225600", "2026-01-02"),
    "DateLessThan": ("2026-01-02", "2026-01-01T10:00:00+00:00", "2026-01-02"),
    "DateLessThanEquals": ("2026-01-02T00:00:00Z", "2026-01-02", "2027"),
    "DateGreaterThan": ("2026-01-02", "2027", "2026-01-01"),
    "DateGreaterThanEquals": ("2026-01-02", "2026-01-02", "soon"),
}
NEGATED = {
    **{f"{kind}Not{rest}": f"{kind}{rest}" for kind in ("String", "Arn") for rest in ("Equals", "Like")},
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}


def held(operator: str, values: tuple[str, ...], **context: tuple[str, ...]) -> bool | None:
    """Whether an operator on the key `k` holds."""
    return holds(Condition(operator.lower(), "k", values), context, variables=True)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator(operator: str) -> None:
    wanted, hit, miss = OPERATORS[operator]
    assert held(operator, (wanted,), k=(hit,)) is True
    assert held(operator, (wanted,), k=(miss,)) is False
    assert held(operator, (wanted,)) is False
    assert held(f"{operator}IfExists", (wanted,)) is True
    assert held(f"{operator}IfExists", (wanted,), k=(miss,)) is False
    assert held(f"ForAnyValue:{operator}", (wanted,), k=(miss, hit)) is True
    assert held(f"ForAnyValue:{operator}", (wanted,), k=(miss,)) is False
    assert held(f"ForAnyValue:{operator}", (wanted,)) is False
    assert held(f"ForAllValues:{operator}", (wanted,), k=(miss, hit)) is False
    assert held(f"ForAllValues:{operator}", (wanted,), k=(hit,)) is True
    assert held(f"ForAllValues:{operator}", (wanted,)) is True
    assert held(operator, (), k=(hit,)) is False


@pytest.mark.parametrize("operator", NEGATED)
def test_negated_operator(operator: str) -> None:
    wanted, hit, miss = OPERATORS[NEGATED[operator]]
    assert held(operator, (wanted,), k=(hit,)) is False
    assert held(operator, (wanted,), k=(miss,)) is True
    assert held(operator, (wanted,)) is True
    assert held(f"ForAnyValue:{operator}", (wanted,)) is False
    assert held(f"ForAnyValue:{operator}", (wanted,), k=(hit, miss)) is True
    assert held(f"ForAllValues:{operator}", (wanted,), k=(hit, miss)) is False


def test_null_and_what_does_not_exist() -> None:
    assert held("Null", ("true",)) is True
    assert held("Null", ("false",)) is False
    assert held("Null", ("true",), k=("x",)) is False
    assert held("Null", ("false",), k=("x",)) is True
    assert held("StringIs", ("x",), k=("x",)) is None
    assert held("ForSome:StringEquals", ("x",), k=("x",)) is None
    assert held("IpAddress", ("nowhere",), k=("192.0.2.1",)) is False


def test_variables() -> None:
    context = {"aws:username": ("ana*",), "many": ("a", "b")}
    assert like("home/${aws:UserName}/*", "home/ana*/x", context, variables=True)
    assert not like("home/${aws:username}/*", "home/anabel/x", context, variables=True), "a value is literal"
    assert like("${missing, 'all'}", "all", context, variables=True)
    assert not like("${missing, all}", "all", context, variables=True), "a default is quoted"
    assert not like("${many, 'all'}", "all", context, variables=True), "a key with several values has no variable"
    assert like("${*}${?}${$}", "*?$", context, variables=True)
    assert like("${aws:username}", "${aws:username}", context, variables=False), "before 2012-10-17 it is text"
    assert held("StringEquals", ("${missing}",), k=("x",)) is False
    assert held("StringEqualsIgnoreCase", ("${missing}",), k=("x",)) is False
    assert not arn_like("arn:aws:iam::${missing}:role/x", ROLE, context, variables=True)
    assert not arn_like("role", ROLE, context, variables=True)
    assert arn_like("arn:aws:iam::*:role/team/*", ROLE, context, variables=True)
    assert not arn_like("arn:*:role/team/*", ROLE, context, variables=True), "a wildcard stays within its part"


NAMES = st.sampled_from(["s3:GetObject", "s3:Get*", "s3:*", "*", "iam:PassRole", "i?m:*"])
RESOURCES = st.sampled_from(["*", BUCKET, "arn:aws:s3:::example-data/*", ROLE, "arn:aws:s3:::other/*"])


@st.composite
def statements(draw: st.DrawFn) -> Mapping[str, Any]:
    """A statement over few names, so that they meet."""
    return {"Effect": draw(st.sampled_from(["Allow", "Deny"])), "Action": draw(NAMES), "Resource": draw(RESOURCES)}


@given(st.lists(statements(), min_size=1, max_size=5), statements())
def test_a_denial_more_never_allows_and_an_allow_more_never_takes(found: list[Mapping[str, Any]], extra: Mapping[str, Any]) -> None:
    def allowed(entries: list[Mapping[str, Any]]) -> bool:
        return authorize(ask(), Policies(identity=[{"Statement": entries}])).effect is A

    assert not (allowed([*found, {**extra, "Effect": "Deny"}]) and not allowed(found))
    assert not (allowed(found) and not allowed([*found, {**extra, "Effect": "Allow"}]))
