"""The climbs of an account: one cast, what each can become, and the near miss of each."""

import pytest

from ringfence.clouds.authorization_details import Reader
from ringfence.iam import Graph
from tests.support.accounts import (
    ACCOUNT,
    ADMIN,
    BOSS,
    DATA,
    HERE,
    LAMBDA_TOP,
    MINE,
    NEVER,
    PASS,
    POLICIES,
    SNAPSHOT,
    TAG,
    TEAM,
    TOP,
    arn,
    climbs_of,
    doc,
    holder,
    of_ana,
    role,
    snapshot,
    trust,
    user,
)

# what ana (or, where it is a role, the first entry) holds -> (the other identities, {path: (reaches, certain)})
CASES: dict[str, tuple[list[SNAPSHOT], dict[str, tuple[str, bool]]]] = {
    "nothing": ([user("ana", doc(DATA)), TOP, BOSS], {}),
    "keys of an administrator": ([user("ana", doc("iam:CreateAccessKey")), BOSS], {"iam-002": ("admin", True)}),
    "keys of one administrator": ([user("ana", doc("iam:CreateAccessKey", arn("user", "boss"))), BOSS], {"iam-002": ("admin", True)}),
    "keys of somebody stronger": (
        [user("ana", doc("iam:CreateAccessKey", arn("user", "b*"))), user("bob", doc("s3:*"))],
        {"iam-002": (arn("user", "bob"), True)},
    ),
    "keys of nobody stronger": ([user("ana", doc(["iam:CreateAccessKey", *DATA])), user("bob", doc(DATA))], {}),
    "own keys": ([user("ana", doc("iam:CreateAccessKey", arn("user", "${aws:username}"))), BOSS], {}),
    "keys, and another's policies": (
        [user("ana", doc(["iam:CreateAccessKey", "iam:PutUserPolicy"], arn("user", "bob"))), user("bob", doc(DATA))],
        {"iam-018": ("admin", True), "iam-002": ("admin", True)},
    ),
    "keys under a denial that never holds": (
        [user("ana", doc("iam:CreateAccessKey"), doc("iam:*", effect="Deny", Condition=NEVER)), BOSS],
        {"iam-002": ("admin", True)},
    ),
    "a strong role is passed under a boundary": ([user("ana", doc(PASS), boundary="passes"), LAMBDA_TOP], {"lambda-001": ("admin", True)}),
    "a strong role is passed under a boundary in doubt": (
        [user("ana", doc(PASS), boundary="passes-in-doubt"), LAMBDA_TOP],
        {"lambda-001": ("admin", False)},
    ),
    "its boundary leaves the code out": ([user("ana", doc(PASS), boundary="passes-alone"), LAMBDA_TOP], {}),
    "trust by name under a boundary": ([user("ana", doc(DATA), boundary="loose"), role("top", doc("*"), by=trust(AWS=MINE))], {}),
    "two with the same means": (
        [
            user("ana", doc(["iam:AddUserToGroup", "iam:CreatePolicyVersion", "sts:AssumeRole"]), doc("sqs:*", effect="Deny")),
            user("bob", doc(["iam:AddUserToGroup", "iam:CreatePolicyVersion", "sts:AssumeRole"]), doc("sqs:*", effect="Deny"), doc("s3:*")),
            holder("Group", "team", doc(DATA)),
            holder("Group", "more", doc("ec2:*")),
            role("weak", doc(DATA), by=HERE, attached=(arn("policy", "ceiling"),)),
            role("top", doc(DATA), by=trust(AWS=arn("user", "boss"))),
            BOSS,
        ],
        {"iam-013": (arn("group", "more"), True), "iam-016": ("admin", True), "sts-001": ("admin", True)},
    ),
    "keys under a denial": ([user("ana", doc("iam:CreateAccessKey"), doc("iam:*", effect="Deny")), BOSS], {}),
    "keys, the administrator left out": (
        [user("ana", doc("iam:CreateAccessKey"), doc("iam:*", arn("user", "boss"), "Deny")), BOSS, user("bob", doc("s3:*"))],
        {"iam-002": (arn("user", "bob"), True)},
    ),
    "its own keys by name": ([user("ana", doc("iam:CreateAccessKey", MINE)), BOSS], {}),
    "its own policies": ([user("ana", doc("iam:PutUserPolicy", arn("user", "${aws:username}")))], {"iam-007": ("admin", True)}),
    "somebody else's policies alone": ([user("ana", doc("iam:PutUserPolicy", arn("user", "bob"))), user("bob", doc(DATA))], {}),
    "its own policies under a boundary": ([user("ana", doc("iam:*"), boundary="ceiling")], {}),
    "its own boundary": ([user("ana", doc("*"), boundary="almost")], {"delete-user-boundary": ("admin", True)}),
    "a role's boundary is not the user's": ([user("ana", doc("iam:DeleteRolePermissionsBoundary"), boundary="almost")], {}),
    "a policy that it has": (
        [user("ana", doc("iam:CreatePolicyVersion"), attached=(arn("policy", "ceiling"),))],
        {"iam-001": ("admin", True)},
    ),
    "a policy that it has not": (
        [user("ana", doc("iam:CreatePolicyVersion", arn("policy", "other"))), user("bob", attached=(arn("policy", "ceiling"),))],
        {},
    ),
    "a strong group": ([user("ana", doc("iam:AddUserToGroup")), TEAM], {"iam-013": ("admin", True)}),
    "a weak group": ([user("ana", doc(["iam:AddUserToGroup", *DATA])), holder("Group", "team", doc(DATA))], {}),
    "a group that is allowed more": (
        [user("ana", doc("iam:AddUserToGroup")), holder("Group", "team", doc(DATA))],
        {"iam-013": (arn("group", "team"), True)},
    ),
    "a group that climbs": (
        [user("ana", doc("iam:AddUserToGroup")), holder("Group", "team", doc("iam:PutUserPolicy", arn("user", "${aws:username}")))],
        {"iam-013": ("admin", True)},
    ),
    "one strong group of several": (
        [
            user("ana", doc("iam:AddUserToGroup", arn("group", "t*"))),
            TEAM,
            holder("Group", "the", doc(DATA)),
            holder("Group", "all", doc("*")),
        ],
        {"iam-013": ("admin", True)},
    ),
    "a strong group, and a denial": (
        [user("ana", doc("iam:AddUserToGroup"), doc("s3:*", effect="Deny")), TEAM],
        {"iam-013": ("admin", True)},
    ),
    "a strong group under a boundary": ([user("ana", doc("iam:AddUserToGroup"), boundary="loose"), TEAM], {"iam-013": ("admin", True)}),
    "the only group is its own": ([user("ana", doc("iam:AddUserToGroup"), GroupList=["team"]), holder("Group", "team", doc(DATA))], {}),
    "a role joins no group": ([role("ana", doc("iam:AddUserToGroup")), TEAM], {}),
    "its boundary's own policy": (
        [user("ana", doc("*"), boundary="loose")],
        {"iam-001": ("admin", True), "iam-007": ("admin", True), "replace-user-boundary": ("admin", True)},
    ),
    "its boundary's policy is AWS's": (
        [user("ana", doc("*"), PermissionsBoundary={"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"})],
        {},
    ),
    "its boundary, then its own policies": (
        [user("ana", doc(["iam:DeleteUserPermissionsBoundary", "iam:PutUserPolicy"], MINE), boundary="almost")],
        {"delete-user-boundary": ("admin", True)},
    ),
    "its boundary, for more of its own": (
        [user("ana", doc("iam:DeleteUserPermissionsBoundary", MINE), doc("ec2:*"), boundary="almost")],
        {"delete-user-boundary": (MINE, True)},
    ),
    "its boundary, for nothing more": ([user("ana", doc("iam:DeleteUserPermissionsBoundary", MINE), boundary="almost")], {}),
    "a boundary that allows everything": ([user("ana", doc("iam:PutUserPolicy", MINE), boundary="whole")], {"iam-007": ("admin", True)}),
    "keys of all but many": (
        [
            user("ana", doc("iam:CreateAccessKey"), doc("iam:*", arn("user", "u*"), "Deny")),
            *(user(f"u{n}", doc("*")) for n in range(70)),
            user("v", doc(DATA)),
        ],
        {"iam-002": (arn("user", "v"), True)},
    ),
    "keys by a tag of the holder": (
        [user("ana", doc("iam:CreateAccessKey", arn("user", "${aws:PrincipalTag/owns}"))), BOSS],
        {"iam-002": ("admin", False)},
    ),
    "keys of whom no tag of the holder names": (
        [user("ana", doc("iam:CreateAccessKey"), doc("iam:*", arn("user", "${aws:PrincipalTag/not}"), "Deny")), BOSS],
        {"iam-002": ("admin", False)},
    ),
    "only its own, by a denial of the rest": (
        [
            user(
                "ana",
                doc("iam:CreateAccessKey"),
                {"Statement": {"Effect": "Deny", "Action": "iam:*", "NotResource": arn("user", "${aws:username}")}},
            ),
            BOSS,
        ],
        {},
    ),
    "a name that a role has not": ([role("ana", doc("iam:CreateAccessKey", arn("user", "${aws:username}"))), BOSS], {}),
    "a policy of a role that it does not enter": (
        [
            user("ana", doc("iam:CreatePolicyVersion"), doc("sts:AssumeRole", arn("role", "other"))),
            role("weak", by=HERE, attached=(arn("policy", "ceiling"),)),
            role("other", by=HERE),
        ],
        {},
    ),
    "a group that it is in": (
        [user("ana", doc("iam:PutGroupPolicy"), GroupList=["team"]), holder("Group", "team")],
        {"iam-011": ("admin", True)},
    ),
    "a strong role is assumed": ([user("ana", doc("sts:AssumeRole")), role("top", doc("*"), by=HERE)], {"sts-001": ("admin", True)}),
    "by two steps": (
        [
            user("ana", doc("sts:AssumeRole", arn("role", "middle"))),
            role("middle", doc("sts:AssumeRole", arn("role", "top")), by=HERE),
            role("top", doc("*"), by=HERE),
        ],
        {"sts-001": ("admin", True)},
    ),
    "trust is missing": ([user("ana", doc("sts:AssumeRole")), TOP], {}),
    "trust under a condition": (
        [
            user("ana", doc("sts:AssumeRole")),
            role("top", doc("*"), by=trust(AWS=ACCOUNT, condition={"StringEquals": {"sts:ExternalId": "x"}})),
        ],
        {"sts-001": ("admin", False)},
    ),
    "trust of another account": ([user("ana", doc("sts:AssumeRole")), role("top", doc("*"), by=trust(AWS="210987654321"))], {}),
    "trust that denies": ([user("ana", doc("sts:AssumeRole")), role("top", doc("*"), by=trust("Deny", AWS="*"))], {}),
    "trust by name is enough": ([user("ana", doc(DATA)), role("top", doc("*"), by=trust(AWS=MINE))], {"sts-001": ("admin", True)}),
    "trust that names a session": (
        [role("ana", doc(DATA)), role("top", doc("*"), by=trust(AWS=f"arn:aws:sts::{ACCOUNT}:assumed-role/ana/one"))],
        {"sts-001": ("admin", True)},
    ),
    "what is denied is no strength": (
        [
            user("ana", doc("*"), {"Statement": [{"Effect": "Deny", "NotAction": "sts:AssumeRole", "Resource": "*"}]}),
            role("data", doc("s3:*"), by=HERE),
        ],
        {"sts-001": (arn("role", "data"), True)},
    ),
    "trust by name, denied": ([user("ana", doc("sts:*", effect="Deny")), role("top", doc("*"), by=trust(AWS=MINE))], {}),
    "trust that cannot be read": ([user("ana", doc("sts:AssumeRole")), role("top", doc("*"), by={"Statement": 7})], {}),
    "trust is rewritten": ([user("ana", doc("iam:UpdateAssumeRolePolicy")), TOP], {"iam-012": ("admin", True)}),
    "trust of a weak role is rewritten": ([user("ana", doc(["iam:UpdateAssumeRolePolicy", *DATA])), role("weak", doc(DATA))], {}),
    "a role that it enters is changed": (
        [user("ana", doc(["iam:AttachRolePolicy", "sts:AssumeRole", *DATA])), role("weak", doc(DATA), by=HERE)],
        {"iam-014": ("admin", True), "sts-001": ("admin", True)},
    ),
    "a role under a boundary is changed": (
        [user("ana", doc(["iam:AttachRolePolicy", "sts:AssumeRole", *DATA])), role("weak", doc(DATA), by=HERE, boundary="ceiling")],
        {},
    ),
    "a policy of a role that it enters": (
        [
            user("ana", doc(["iam:CreatePolicyVersion", "sts:AssumeRole", *DATA])),
            role("weak", by=HERE, attached=(arn("policy", "ceiling"),)),
        ],
        {"iam-016": ("admin", True), "sts-001": ("admin", True)},
    ),
    "a role from a template": ([user("ana", doc(["iam:AcquireRole", "sts:AssumeRole"]))], {}),
    "a strong role is passed": ([user("ana", doc(PASS)), LAMBDA_TOP], {"lambda-001": ("admin", True)}),
    "a role of another service is passed": ([user("ana", doc(PASS)), TOP], {}),
    "a weaker role is passed": ([user("ana", doc([*PASS, *DATA])), role("weak", doc(DATA), by=trust(Service="lambda.amazonaws.com"))], {}),
    "one role may be passed": ([user("ana", doc("iam:PassRole", arn("role", "weak")), doc(PASS[1:])), LAMBDA_TOP], {}),
    "to a function that exists": (
        [user("ana", doc(["lambda:UpdateFunctionCode", "lambda:InvokeFunction"])), LAMBDA_TOP],
        {"lambda-003": ("admin", False), "lambda-004": ("admin", False)},
    ),
    "no role for what exists": ([user("ana", doc("lambda:UpdateFunctionCode")), TOP], {}),
    "passed to one function's shape": (
        [user("ana", doc("iam:PassRole"), doc(PASS[1:], f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:one")), LAMBDA_TOP],
        {"lambda-001": ("admin", False)},
    ),
    "a way that leads back": (
        [
            user("ana", doc("iam:PutUserPolicy", MINE), doc("iam:CreateAccessKey", arn("user", "bob"))),
            user("bob", doc("iam:CreateAccessKey", MINE)),
        ],
        {"iam-007": ("admin", True)},
    ),
    "its own policies, as its boundary has it": (
        [user("ana", doc("iam:PutUserPolicy"), boundary="loose")],
        {"iam-007": ("admin", True)},
    ),
    "policies without keys": (
        [user("ana", doc(["iam:AttachUserPolicy", "iam:CreateAccessKey"]), doc("iam:CreateAccessKey", effect="Deny")), BOSS],
        {"iam-008": ("admin", True)},
    ),
    "the surest of several grants": (
        [user("ana", doc("iam:CreateAccessKey", arn("user", "boss")), doc("iam:CreateAccessKey", arn("user", "b*"), Condition=TAG)), BOSS],
        {"iam-002": ("admin", True)},
    ),
    "the surest of several grants, beside a denial": (
        [
            user(
                "ana",
                doc("iam:CreateAccessKey", arn("user", "boss")),
                doc("iam:CreateAccessKey", arn("user", "b*"), Condition=TAG),
                doc("iam:CreateAccessKey", arn("user", "zoe"), "Deny"),
            ),
            BOSS,
        ],
        {"iam-002": ("admin", True)},
    ),
    "a pattern that names some": (
        [
            user("ana", doc("iam:CreateAccessKey", arn("user", "b*s"))),
            BOSS,
            user("bob", doc("s3:*")),
            user("zoe", doc("iam:CreateAccessKey", arn("user", "b*s"))),
        ],
        {"iam-002": ("admin", True)},
    ),
    "a pattern that names nobody": ([user("ana", doc("iam:CreateAccessKey", arn("user", "x*"))), BOSS], {}),
    "one grant that never holds": (
        [
            user(
                "ana",
                doc("iam:CreateAccessKey", arn("user", "boss"), Condition=NEVER),
                doc("iam:CreateAccessKey", arn("user", "b*"), Condition=TAG),
            ),
            BOSS,
        ],
        {"iam-002": ("admin", False)},
    ),
    "trust by name, another role denied": (
        [user("ana", doc("sts:*", arn("role", "other"), "Deny")), role("top", doc("*"), by=trust(AWS=MINE))],
        {"sts-001": ("admin", True)},
    ),
    "trust by name, a denial in doubt": (
        [user("ana", doc("sts:*", effect="Deny", Condition=TAG)), role("top", doc("*"), by=trust(AWS=MINE))],
        {"sts-001": ("admin", False)},
    ),
    "a service's trust under a condition": (
        [
            user("ana", doc(PASS)),
            role(
                "top", doc("*"), by=trust(Service="lambda.amazonaws.com", condition={"StringEquals": {"aws:SourceAccount": "210987654321"}})
            ),
        ],
        {"lambda-001": ("admin", False)},
    ),
    "a service's trust, denied": (
        [
            user("ana", doc(PASS)),
            role(
                "top",
                doc("*"),
                by={
                    "Statement": [
                        *trust(Service="lambda.amazonaws.com")["Statement"],
                        *trust("Deny", Service="lambda.amazonaws.com")["Statement"],
                    ]
                },
            ),
        ],
        {},
    ),
    "a boundary that cannot be read": ([user("ana", doc("iam:CreateAccessKey"), boundary="broken"), BOSS], {"iam-002": ("admin", True)}),
    "two that become each other": (
        [user("ana", doc("iam:CreateAccessKey", arn("user", "bob"))), user("bob", doc("iam:CreateAccessKey", MINE))],
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_climb(name: str) -> None:
    entries, wanted = CASES[name]
    assert of_ana(entries, POLICIES) == wanted


def test_the_way_is_told() -> None:
    entries, _ = CASES["by two steps"]
    found = climbs_of(entries, {}).all()
    assert next(c for c in found if c.identity == MINE).via == (arn("role", "middle"), arn("role", "top"))


def test_a_role_named_by_trust_needs_its_boundary_to_allow() -> None:
    named = role("top", doc("*"), by=trust(AWS=arn("role", "worker")))
    for boundary, wanted in (("ceiling", 0), ("", 1)):
        worker = role("worker", doc(DATA), boundary=boundary)
        assert len(climbs_of([worker, named], POLICIES).all()) == wanted


def test_administrators() -> None:
    entries = [
        user("own", doc("*")),
        user("attached", attached=(ADMIN,)),
        user("grouped", GroupList=["admins", "no-such-group"]),
        holder("Group", "admins", attached=(ADMIN,)),
        user("bounded", attached=(ADMIN,), boundary="ceiling"),
        user("denied", doc("*", effect="Deny"), attached=(ADMIN,)),
        user("unknown", attached=(arn("policy", "nowhere"),)),
    ]
    account = Reader(snapshot(*entries, policies=POLICIES)).account()
    assert Graph(account).admins == (arn("user", "own"), arn("user", "attached"), arn("user", "grouped"))
    assert account.missing == (f"group no-such-group of {arn('user', 'grouped')}", arn("policy", "nowhere"))
