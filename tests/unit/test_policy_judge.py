"""The verdict on documents: cases as data, near misses beside their hits; the catalogue and the paths that it stands on."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.iam import Effect, Judged, Policies, Principal, Request, Verdict, authorize, judge_policies, parse, paths
from ringfence.iam.catalogue import expand, shapes
from ringfence.iam.granted import Rules

ANYWHERE = "arn:aws:iam::123456789012:"
LAMBDA = ["lambda:CreateFunction", "lambda:InvokeFunction"]
PASS_LAMBDA = ["iam:PassRole", *LAMBDA]
TAG = {"StringEquals": {"aws:PrincipalTag/team": "ml"}}
ALWAYS = {"StringLike": {"aws:PrincipalArn": "*"}}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """One Allow."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """One Deny."""
    return {**allow(action, resource, **more), "Effect": "Deny"}


def passed_to(*services: str, operator: str = "StringEquals") -> dict[str, Any]:
    """PassRole to some services only."""
    return {operator: {"iam:PassedToService": list(services)}}


def judge(*statements: Mapping[str, Any]) -> Judged:
    """Judge one document."""
    return judge_policies([parse({"Version": "2012-10-17", "Statement": list(statements)})])


def ids(judged: Judged, *, certain: bool) -> set[str]:
    """The ids of the paths that are, or are not, certain."""
    return {e.path.id for e in judged.escalations if e.certain is certain}


# name -> statements, verdict, certain paths among others, paths in doubt among others, paths that must not be there
CASES: dict[str, tuple[list[dict[str, Any]], Verdict, set[str], set[str], set[str]]] = {
    "everything": ([allow("*")], Verdict.ADMIN, {"iam-001", "lambda-001"}, set(), set()),
    "everything, by two wildcards": ([allow("*", "*?")], Verdict.ADMIN, {"iam-001"}, set(), set()),
    "data in every bucket, by two wildcards": ([allow("s3:GetObject", "arn:aws:s3:::?*")], Verdict.BROAD, set(), set(), set()),
    "a function in some region of some account": (
        [allow(["lambda:UpdateFunctionCode", "lambda:InvokeFunction"], "arn:aws:lambda:*:function:one")],
        Verdict.ESCALATION,
        set(),
        {"lambda-004"},
        set(),
    ),
    "a denial with a letter that only looks like one": (
        [allow("iam:CreateAccessKey"), deny("iam:CreateAccess\u212aey")],
        Verdict.ESCALATION,
        {"iam-002"},
        set(),
        set(),
    ),
    "all of IAM": ([allow("iam:*")], Verdict.ADMIN, {"iam-001"}, set(), {"lambda-001"}),
    "all of IAM in the account": ([allow("iam:*", ANYWHERE + "*")], Verdict.ADMIN, {"iam-001"}, set(), set()),
    "all of IAM, one lever denied": ([allow("*"), deny("iam:PutRolePolicy")], Verdict.ESCALATION, {"iam-001"}, set(), {"iam-005"}),
    "all of IAM denied": ([allow("iam:*"), deny("iam:*")], Verdict.OK, set(), set(), {"iam-001"}),
    "all of IAM under a condition": ([allow("iam:*", Condition=TAG)], Verdict.ESCALATION, set(), {"iam-001"}, set()),
    "NotAction": ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], Verdict.ADMIN, {"iam-001"}, set(), set()),
    "NotAction without IAM": (
        [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
        Verdict.ESCALATION,
        {"sts-001"},
        set(),
        {"iam-001"},
    ),
    "NotResource": ([{"Effect": "Allow", "Action": "iam:*", "NotResource": "arn:aws:s3:::x"}], Verdict.ADMIN, {"iam-001"}, set(), set()),
    "NotResource with a hole": (
        [{"Effect": "Allow", "Action": "iam:CreatePolicyVersion", "NotResource": ANYWHERE + "policy/prod-*"}],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "NotResource of all": (
        [{"Effect": "Allow", "Action": "iam:CreatePolicyVersion", "NotResource": ANYWHERE + "policy/*"}],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "NotResource of everything": ([{"Effect": "Allow", "Action": "iam:*", "NotResource": "*"}], Verdict.OK, set(), set(), {"iam-001"}),
    "a denial in another account": (
        [allow("iam:*"), deny("iam:*", "arn:aws:iam::210987654321:*")],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "two resources, one denied": (
        [allow("iam:CreateAccessKey", [ANYWHERE + "user/a", ANYWHERE + "user/b"]), deny("iam:*", ANYWHERE + "user/a")],
        Verdict.ESCALATION,
        set(),
        {"iam-002"},
        set(),
    ),
    "oneself and somebody else": (
        [allow("iam:CreateAccessKey", [ANYWHERE + "user/${aws:username}", ANYWHERE + "user/b"])],
        Verdict.ESCALATION,
        set(),
        {"iam-002"},
        set(),
    ),
    "a role named like the user": (
        [allow("iam:PassRole", ANYWHERE + "role/${aws:username}-x"), allow(LAMBDA)],
        Verdict.ESCALATION,
        set(),
        {"lambda-001"},
        set(),
    ),
    "a denial of one optional kind": (
        [allow("ssm:StartSession"), deny("ssm:StartSession", "arn:aws:ssm:*:*:document/*")],
        Verdict.ESCALATION,
        set(),
        {"ssm-001"},
        set(),
    ),
    "AWS's own policies": ([allow("iam:CreatePolicyVersion", "arn:aws:iam::aws:policy/*")], Verdict.ESCALATION, set(), {"iam-001"}, set()),
    "a denial for every address": (
        [allow("iam:*"), deny("iam:*", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "an address that is missing": (
        [allow("iam:*", Condition={"Null": {"aws:SourceIp": "true"}})],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "encrypted, among others": (
        [allow("iam:*", Condition={"ForAnyValue:Bool": {"aws:SecureTransport": "true"}})],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "nothing that must not match": (
        [allow("iam:*", Condition={"StringNotEquals": {"aws:RequestedRegion": []}})],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "PassRole in China": (
        [allow("iam:PassRole", Condition=passed_to("lambda.amazonaws.com.cn")), allow(LAMBDA)],
        Verdict.ESCALATION,
        {"lambda-001"},
        set(),
        set(),
    ),
    "data of all but one bucket": (
        [{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::x/*"}],
        Verdict.BROAD,
        set(),
        set(),
        set(),
    ),
    "no resource": ([{"Effect": "Allow", "Action": "*"}], Verdict.UNKNOWN, set(), set(), set()),
    "the policy of a resource": ([allow("s3:GetObject", "arn:aws:s3:::x/*", Principal="*")], Verdict.UNKNOWN, set(), set(), set()),
    "longer than any ARN": ([allow("iam:CreateAccessKey", ANYWHERE + "user/" + "*?" * 4000)], Verdict.UNKNOWN, set(), set(), set()),
    "many wildcards": ([allow("s3:*?*?*?*?*?*?*?*?*?*?!")], Verdict.UNKNOWN, set(), set(), set()),
    "one policy": ([allow("iam:CreatePolicyVersion", ANYWHERE + "policy/one")], Verdict.ESCALATION, set(), {"iam-001"}, set()),
    "a bucket is no policy": ([allow("iam:CreatePolicyVersion", "arn:aws:s3:::one")], Verdict.OK, set(), set(), {"iam-001"}),
    "a role is passed": ([allow(PASS_LAMBDA)], Verdict.ESCALATION, {"lambda-001"}, set(), set()),
    "in two statements": ([allow("iam:PassRole"), allow(LAMBDA)], Verdict.ESCALATION, {"lambda-001"}, set(), set()),
    "a role is not passed": ([allow(LAMBDA)], Verdict.OK, set(), set(), {"lambda-001"}),
    "to that service": (
        [allow("iam:PassRole", Condition=passed_to("lambda.amazonaws.com")), allow(LAMBDA)],
        Verdict.ESCALATION,
        {"lambda-001"},
        set(),
        set(),
    ),
    "to another service": (
        [allow("iam:PassRole", Condition=passed_to("ec2.amazonaws.com")), allow(LAMBDA)],
        Verdict.OK,
        set(),
        set(),
        {"lambda-001"},
    ),
    "a denial to that service": (
        [allow(PASS_LAMBDA), deny("iam:PassRole", Condition=passed_to("lambda.amazonaws.com"))],
        Verdict.BROAD,
        set(),
        set(),
        {"lambda-001"},
    ),
    "a denial to all but that service": (
        [allow(PASS_LAMBDA), deny("iam:PassRole", Condition=passed_to("lambda.amazonaws.com", operator="StringNotEquals"))],
        Verdict.ESCALATION,
        {"lambda-001"},
        set(),
        set(),
    ),
    "one role, of unknown strength": (
        [allow("iam:PassRole", ANYWHERE + "role/one"), allow(LAMBDA)],
        Verdict.ESCALATION,
        set(),
        {"lambda-001"},
        set(),
    ),
    "a denial of a part": (
        [allow("iam:CreatePolicyVersion"), deny("iam:*", ANYWHERE + "policy/prod")],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "a denial under a condition": (
        [allow("iam:CreatePolicyVersion"), deny("iam:*", Condition=TAG)],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "a denial that always holds": (
        [allow("iam:CreatePolicyVersion"), deny("iam:*", Condition=ALWAYS)],
        Verdict.OK,
        set(),
        set(),
        {"iam-001"},
    ),
    "a denial that never holds": (
        [allow("iam:CreatePolicyVersion"), deny("iam:*", Condition={"Bool": {"aws:SecureTransport": "false"}})],
        Verdict.ESCALATION,
        {"iam-001"},
        set(),
        set(),
    ),
    "a denial of all but a part": (
        [allow("iam:CreatePolicyVersion"), {"Effect": "Deny", "Action": "iam:*", "NotResource": ANYWHERE + "policy/mine"}],
        Verdict.ESCALATION,
        set(),
        {"iam-001"},
        set(),
    ),
    "a denial of just what is granted": (
        [allow("iam:CreatePolicyVersion", ANYWHERE + "policy/one"), deny("iam:*", ANYWHERE + "policy/*")],
        Verdict.OK,
        set(),
        set(),
        {"iam-001"},
    ),
    "always true": ([allow("iam:CreatePolicyVersion", Condition=ALWAYS)], Verdict.ESCALATION, {"iam-001"}, set(), set()),
    "never true": (
        [allow("iam:CreatePolicyVersion", Condition={"Bool": {"aws:SecureTransport": "false"}})],
        Verdict.OK,
        set(),
        set(),
        {"iam-001"},
    ),
    "own keys": ([allow("iam:CreateAccessKey", ANYWHERE + "user/${aws:username}")], Verdict.OK, set(), set(), {"iam-002"}),
    "own policies": ([allow("iam:PutUserPolicy", ANYWHERE + "user/${aws:username}")], Verdict.ESCALATION, {"iam-007"}, set(), set()),
    "a role from a template": ([allow(["iam:AcquireRole", "sts:AssumeRole"])], Verdict.ESCALATION, {"acquire-role"}, set(), set()),
    "an action on a resource that nobody documents": (
        [allow(["iam:AcquireRole", "sts:AssumeRole"], ANYWHERE + "role/*")],
        Verdict.ESCALATION,
        {"sts-001"},
        {"acquire-role"},
        set(),
    ),
    "a boundary taken away": ([allow("iam:DeleteRolePermissionsBoundary")], Verdict.ESCALATION, set(), {"delete-role-boundary"}, set()),
    "a shell on instances": ([allow("ssm:StartSession", "arn:aws:ec2:*:*:instance/*")], Verdict.ESCALATION, {"ssm-001"}, set(), set()),
    "PassRole alone": ([allow("iam:PassRole")], Verdict.BROAD, set(), set(), {"lambda-001"}),
    "data of one bucket": ([allow("s3:GetObject", "arn:aws:s3:::example/*")], Verdict.OK, set(), set(), set()),
    "data of every bucket": ([allow("s3:GetObject")], Verdict.BROAD, set(), set(), set()),
    "data of every bucket, narrowed": ([allow("s3:GetObject", Condition=TAG)], Verdict.OK, set(), set(), set()),
    "data of every bucket, denied": ([allow("s3:GetObject"), deny("s3:*")], Verdict.OK, set(), set(), set()),
    "every secret by its shape": (
        [allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:123456789012:secret:*")],
        Verdict.BROAD,
        set(),
        set(),
        set(),
    ),
    "a whole service": ([allow("sns:*")], Verdict.BROAD, set(), set(), set()),
    "a whole service of reads": ([allow("pricing:*")], Verdict.OK, set(), set(), set()),
    "an unknown action": ([allow("s3:GetObjct")], Verdict.UNKNOWN, set(), set(), set()),
    "an unknown service": ([allow("nosuch*:*")], Verdict.UNKNOWN, set(), set(), set()),
    "all of an unknown service": ([allow("nosuch:*")], Verdict.UNKNOWN, set(), set(), set()),
    "no service": ([allow("GetObject")], Verdict.UNKNOWN, set(), set(), set()),
}


@pytest.mark.parametrize("name", CASES)
def test_verdict(name: str) -> None:
    statements, verdict, certain, doubted, never = CASES[name]
    judged = judge(*statements)
    assert judged.verdict is verdict, judged
    assert certain <= ids(judged, certain=True)
    assert doubted <= ids(judged, certain=False)
    assert not never & (ids(judged, certain=True) | ids(judged, certain=False))
    assert certain or not ids(judged, certain=True)


def test_proof_and_risks() -> None:
    judged = judge(
        allow("s3:GetObject", Sid="data"),
        allow("IAM:passrole", Condition=ALWAYS),
        allow("lambda:*"),
        allow(["bedrock:Invoke*", "s3:PutBucketPolicy"]),
    )
    proof = next(e for e in judged.escalations if e.path.id == "lambda-001").proof
    assert [(g.action, g.statement, g.resource, g.conditions) for g in proof] == [
        ("iam:PassRole", 1, "*", "always true"),
        ("lambda:CreateFunction", 2, "*", "none"),
        ("lambda:InvokeFunction", 2, "*", "none"),
    ]
    assert judged.risks.data_access == ("s3:GetObject",)
    assert {"iam:PassRole", "s3:PutBucketPolicy", "lambda:AddPermission"} <= set(judged.risks.resource_exposure)
    assert {"bedrock:InvokeModel", "bedrock:InvokeAgent"} <= set(judged.risks.ai)
    assert judge(allow(["s3:GetObjct", "*:Get*"])).unknown_actions == ("s3:GetObjct",)
    doubt = judge(allow("iam:CreatePolicyVersion", Condition=TAG), deny("iam:*", ANYWHERE + "policy/prod")).escalations[0]
    assert doubt.proof[0].conditions.startswith("narrowing: ")
    assert doubt.proof[0].conditions.endswith("; a denial takes a part away")
    passing = judge(allow("iam:PassRole", Condition=passed_to("lambda.amazonaws.com")), allow(LAMBDA)).escalations[0]
    assert passing.proof[0].conditions == "holds for lambda.amazonaws.com"


def test_policies_count_together() -> None:
    first, second = ({"Statement": [allow(a)]} for a in ("iam:PassRole", LAMBDA))
    judged = judge_policies([parse(first), parse(second)])
    assert [(g.policy, g.statement) for g in next(e for e in judged.escalations if e.path.id == "lambda-001").proof] == [
        (0, 0),
        (1, 0),
        (1, 0),
    ]
    broken = judge_policies([parse(first), parse({})])
    assert (broken.verdict, broken.problems[0].what) == (Verdict.UNKNOWN, "is empty")


def test_the_catalogue_knows_every_action_of_a_path() -> None:
    lacking = [(p.id, a) for p in paths() for a in p.actions if not expand(a)]
    assert not lacking
    assert len({p.id for p in paths()}) == len(paths())
    assert all(p.description and p.source and p.kind in ("permissions", "credentials", "assume", "pass", "existing") for p in paths())
    assert all(("iam:PassRole" in p.actions) == bool(p.passes) for p in paths())
    assert all(shape in shapes(action).every for p in paths() for action, shape in p.on.items()), "the shape is one of the action's"


@pytest.mark.parametrize("path", paths(), ids=lambda p: p.id)
def test_a_path_needs_each_of_its_actions(path: Any) -> None:
    assert path.id in ids(judge(allow(list(path.actions))), certain=path.certain)
    for gone in path.actions if len(path.actions) > 1 else ():
        rest = judge(allow([a for a in path.actions if a != gone]))
        assert path.id not in ids(rest, certain=True) | ids(rest, certain=False)
    elsewhere = judge(allow(list(path.actions), "arn:aws:sqs:us-east-1:123456789012:queue"))
    assert path.id not in ids(elsewhere, certain=True)


PATTERNS = st.sampled_from(["iam:*", "iam:Pass*", "iam:PassRole", "s3:*", "*", "iam:Get*"])
EFFECTS = st.sampled_from(["Allow", "Deny"])


@given(
    st.lists(
        st.builds(lambda effect, action: {"Effect": effect, "Action": action, "Resource": "*"}, EFFECTS, PATTERNS), min_size=1, max_size=4
    )
)
def test_permission_sets_agree_with_authorize(statements: list[dict[str, Any]]) -> None:
    document = {"Version": "2012-10-17", "Statement": statements}
    rules = Rules([parse(document)])
    role = "arn:aws:iam::123456789012:role/r"
    for action in ("iam:PassRole", "iam:GetRole", "iam:PutRolePolicy"):
        asked = Request(action=action, resource=role, principal=Principal("AWS", role), resource_account="123456789012")
        allowed = authorize(asked, Policies(identity=[document])).effect is Effect.ALLOWED
        assert (rules.grant(action) is not None) == allowed
