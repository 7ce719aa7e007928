"""Climbs that are easy to miss or to invent: found by trying to break the graph."""

from typing import Any

import pytest
from msgspec.structs import replace

from ringfence.iam import parse
from ringfence.iam.catalogue import expand, names
from tests.support.accounts import (
    ACCOUNT,
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
    arn,
    climbs_of,
    doc,
    holder,
    of_ana,
    role,
    trust,
    user,
)

KEYS = "iam:CreateAccessKey"
OWN = arn("user", "${aws:username}")
BOB = arn("user", "bob")
TAGGING = {
    "Version": "2012-10-17",
    "Statement": [*HERE["Statement"], {**HERE["Statement"][0], "Effect": "Deny", "Action": "sts:TagSession"}],
}
ENTERED = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "NotAction": "sts:TagSession"}]}
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ana/one"
S3 = [name.split(":")[1] for name in names(expand("s3:get*"))]
CROWD = [user(f"u{n}", doc("s3:*")) for n in range(140)]
READER_OF_SECRETS = user("victim", doc("secretsmanager:GetSecretValue"))
MORE = {
    **POLICIES,
    "gives": doc(["iam:PutUserPolicy", *PASS]),
    "equal": doc(["iam:PutUserPolicy", "sts:AssumeRole"]),
    "frees": doc(["iam:PutUserPolicy", "iam:DeleteUserPermissionsBoundary"]),
    "joins": doc(["iam:AddUserToGroup", "s3:*"]),
}

CASES: dict[str, tuple[list[SNAPSHOT], dict[str, tuple[str, bool]]]] = {
    "a denial of another action in the trust": (
        [user("ana", doc("sts:AssumeRole")), role("top", doc("*"), by=TAGGING)],
        {"sts-001": ("admin", True)},
    ),
    "a trust that leaves another action out": (
        [user("ana", doc("sts:AssumeRole")), role("top", doc("*"), by=ENTERED)],
        {"sts-001": ("admin", True)},
    ),
    "all that its boundary lets it have": (
        [user("ana", doc("iam:PutUserPolicy", MINE), boundary="gives"), LAMBDA_TOP],
        {"iam-007": ("admin", True)},
    ),
    "and then the boundary itself": ([user("ana", doc("iam:PutUserPolicy", MINE), boundary="frees")], {"iam-007": ("admin", True)}),
    "a role that it changes and passes": (
        [user("ana", doc(["iam:PutRolePolicy", *PASS, *DATA])), role("weak", doc(DATA), by=trust(Service="lambda.amazonaws.com"))],
        {"lambda-001": ("admin", True)},
    ),
    "a user that it changes and signs in as": (
        [user("ana", doc(["iam:PutUserPolicy", "iam:CreateLoginProfile", *DATA], [BOB, "*"][:1]), doc(DATA)), user("bob", doc(DATA))],
        {"iam-004": ("admin", True)},
    ),
    "a group that it changes and joins": (
        [user("ana", doc(["iam:PutGroupPolicy", "iam:AddUserToGroup", *DATA])), holder("Group", "team", doc(DATA))],
        {"iam-013": ("admin", True)},
    ),
    "a user by the policies of its group": (
        [user("ana", doc(["iam:PutGroupPolicy", KEYS, *DATA])), user("bob", GroupList=["team"]), holder("Group", "team", doc(DATA))],
        {"iam-002": ("admin", True)},
    ),
    "a user by a policy that it holds": (
        [user("ana", doc(["iam:CreatePolicyVersion", KEYS, *DATA])), user("bob", attached=(arn("policy", "ceiling"),))],
        {"iam-002": ("admin", True)},
    ),
    "a user under a boundary is not made administrator": (
        [user("ana", doc(["iam:PutUserPolicy", KEYS, *DATA], BOB), doc(DATA)), user("bob", doc(DATA), boundary="ceiling")],
        {},
    ),
    "an action of users changes no role": (
        [role("ana", doc(["iam:PutUserPolicy", "sts:AssumeRole"])), role("data", doc("s3:*"), by=HERE)],
        {"sts-001": (arn("role", "data"), True)},
    ),
    "an action of roles changes no user": (
        [user("ana", doc([KEYS, "iam:PutRolePolicy"])), user("bob", doc("s3:*"))],
        {"iam-002": (BOB, True)},
    ),
    "a longer name than its own": ([user("ana", doc("iam:PutUserPolicy", MINE + "?*"))], {}),
    "a denial of longer names": (
        [user("ana", doc("iam:PutUserPolicy"), doc("iam:PutUserPolicy", MINE + "?*", "Deny"))],
        {"iam-007": ("admin", True)},
    ),
    "an empty group opens nothing": (
        [user("ana", doc(["iam:AddUserToGroup", "sts:AssumeRole"])), holder("Group", "empty"), role("top", doc("*"), by=HERE)],
        {"sts-001": ("admin", True)},
    ),
    "a boundary that equals the policies": (
        [user("ana", doc(["iam:PutUserPolicy", "sts:AssumeRole"]), boundary="equal"), role("top", doc("*"), by=HERE)],
        {"sts-001": ("admin", True)},
    ),
    "the dangerous one of many groups": (
        [
            user("ana", doc("iam:AddUserToGroup")),
            *(holder("Group", f"g{n}", doc(["s3:*", "ec2:*"])) for n in range(12)),
            holder("Group", "zz", doc("iam:PutUserPolicy", OWN)),
        ],
        {"iam-013": ("admin", True)},
    ),
    "the one group that its denials leave something of": (
        [
            user("ana", doc("iam:AddUserToGroup"), doc("s3:*", effect="Deny")),
            *(holder("Group", f"g{n}", doc("s3:*")) for n in range(10)),
            holder("Group", "zz", doc("ec2:RunInstances")),
        ],
        {"iam-013": (arn("group", "zz"), True)},
    ),
    "two groups that open a path together": (
        [user("ana", doc("iam:AddUserToGroup")), holder("Group", "a", doc(PASS[0])), holder("Group", "b", doc(PASS[1:])), LAMBDA_TOP],
        {"iam-013": ("admin", True)},
    ),
    "everything of a service, written as an ARN": (
        [user("ana", doc("sts:AssumeRole"), doc("s3:*", "arn:aws:s3:::*")), role("data", doc("s3:*"), by=HERE)],
        {},
    ),
    "one edge of several to the same class": (
        [
            user(
                "ana",
                doc(KEYS),
                doc(KEYS, BOB, "Deny"),
                doc("iam:CreateLoginProfile", Condition=TAG),
                doc("iam:PutUserPolicy", BOB),
                doc(DATA),
            ),
            user("bob", doc(DATA)),
            user("carl", doc(DATA)),
        ],
        {"iam-004": ("admin", False)},
    ),
    "a certain way beside one in doubt": (
        [
            user("ana", doc("sts:AssumeRole", arn("role", "middle"))),
            role("middle", doc("sts:AssumeRole", arn("role", "data")), by=HERE),
            role(
                "data",
                doc("s3:*"),
                by={
                    "Version": "2012-10-17",
                    "Statement": [
                        *trust(AWS=arn("role", "middle"), condition={"StringEquals": {"sts:ExternalId": "x"}})["Statement"],
                        *HERE["Statement"],
                    ],
                },
            ),
        ],
        {"sts-001": (arn("role", "data"), True)},
    ),
    "a trust that denies everybody": (
        [
            user("ana", doc("sts:AssumeRole")),
            role("top", doc("*"), by={"Version": "2012-10-17", "Statement": [*HERE["Statement"], *trust("Deny", AWS="*")["Statement"]]}),
        ],
        {},
    ),
    "what never holds is no strength": (
        [user("ana", doc("sts:AssumeRole"), doc("s3:*", Condition=NEVER)), role("data", doc("s3:*"), by=HERE)],
        {"sts-001": (arn("role", "data"), True)},
    ),
    "everything is more than a part": (
        [user("ana", doc("sts:AssumeRole"), doc("s3:*", "arn:aws:s3:::ana/*")), role("data", doc("s3:*"), by=HERE)],
        {"sts-001": (arn("role", "data"), True)},
    ),
    "one in a crowd": ([user("ana", doc([KEYS, "s3:*"])), *CROWD, READER_OF_SECRETS], {"iam-002": (arn("user", "victim"), True)}),
    "the strongest of many kinds": (
        [user("ana", doc(KEYS)), *(user(f"u{n}", doc([f"s3:{a}" for a in S3[: n + 1]])) for n in range(40))],
        {"iam-002": (arn("user", "u39"), True)},
    ),
    "somebody stronger behind somebody weaker": (
        [
            user("ana", doc("sts:AssumeRole", arn("role", "middle"))),
            role("middle", doc("sts:AssumeRole", arn("role", "data")), by=HERE),
            role("data", doc("s3:*"), by=HERE),
        ],
        {"sts-001": (arn("role", "data"), True)},
    ),
    "trust by name, once the boundary is gone": (
        [user("ana", doc("iam:DeleteUserPermissionsBoundary", MINE), boundary="almost"), role("top", doc("*"), by=trust(AWS=MINE))],
        {"delete-user-boundary": ("admin", True)},
    ),
    "a role that trusts everybody": ([user("ana", doc(DATA)), role("top", doc("*"), by=trust(AWS="*"))], {"sts-001": ("admin", True)}),
    "a role that trusts everybody under a condition": (
        [user("ana", doc(DATA)), role("top", doc("*"), by=trust(AWS="*", condition={"StringEquals": {"sts:ExternalId": "x"}}))],
        {"sts-001": ("admin", False)},
    ),
    "a role that trusts everybody, services too": (
        [
            user("ana", doc(PASS), doc("sts:*", effect="Deny")),
            role(
                "top",
                doc("*"),
                by={"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]},
            ),
        ],
        {"lambda-001": ("admin", True)},
    ),
    "a service of another partition or region": (
        [user("ana", doc(PASS)), role("top", doc("*"), by=trust(Service=["lambda.amazonaws.com.cn", "lambda.eu-west-1.amazonaws.com"]))],
        {"lambda-001": ("admin", True)},
    ),
    "a session of a role with a path": (
        [{**role("ana", doc(DATA)), "Arn": arn("role", "team/ana")}, role("top", doc("*"), by=trust(AWS=SESSION))],
        {"sts-001": ("admin", True)},
    ),
    "patterns that spell another class": (
        [
            user("aaa", doc(KEYS, [f"<{arn('user', 'b*')}> or <x*>"])),
            user(
                "ana",
                doc(KEYS),
                {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:*", "NotResource": [arn("user", "b*"), "x*"]}},
            ),
            BOSS,
        ],
        {"iam-002": ("admin", True)},
    ),
    "a service named like a user": (
        [
            user("ana", doc(KEYS, arn("user", "boss"))),
            user("boss", doc(DATA)),
            role("x", doc("s3:*"), by=trust(Service=arn("user", "boss"))),
        ],
        {"iam-002": (arn("user", "boss"), True)},
    ),
    "an old document knows no variables: a denial": (
        [user("ana", doc("iam:PutUserPolicy"), {"Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": OWN}})],
        {"iam-007": ("admin", True)},
    ),
    "an old document knows no variables: a grant": (
        [user("ana", {"Statement": {"Effect": "Allow", "Action": "iam:PutUserPolicy", "Resource": OWN}})],
        {},
    ),
    "a group's own keys": (
        [user("ana", doc("iam:AddUserToGroup")), holder("Group", "team", doc(KEYS, OWN)), BOSS],
        {"iam-013": (arn("group", "team"), True)},
    ),
    "a group's policy that names the one who joins": (
        [user("ana", doc("iam:AddUserToGroup")), holder("Group", "team", doc("iam:PutUserPolicy", MINE))],
        {"iam-013": ("admin", True)},
    ),
    "a group together with what the one who joins has": (
        [user("ana", doc("iam:AddUserToGroup"), doc(PASS[0])), holder("Group", "team", doc(PASS[1:])), LAMBDA_TOP],
        {"iam-013": ("admin", True)},
    ),
    "a group, joined by one whose denial stands against it": (
        [
            user(
                "ana", doc("iam:AddUserToGroup"), doc(["iam:Put*", "iam:Attach*", "iam:Create*", "iam:Update*", "iam:Set*"], effect="Deny")
            ),
            TEAM,
        ],
        {"iam-013": (arn("group", "team"), True)},
    ),
    "a group under a boundary": (
        [user("ana", doc("iam:AddUserToGroup"), boundary="joins"), TEAM],
        {"iam-013": (arn("group", "team"), True)},
    ),
    "a credential for some services only": (
        [user("ana", doc("iam:CreateServiceSpecificCredential")), BOSS],
        {"service-credential-create": (arn("user", "boss"), True)},
    ),
    "a credential for services that nobody may use": (
        [user("ana", doc("iam:CreateServiceSpecificCredential")), user("bob", doc("s3:*"))],
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_climb(name: str) -> None:
    entries, wanted = CASES[name]
    assert of_ana(entries, MORE) == wanted


def test_what_a_change_adds_is_of_that_change_however_often_it_is_asked() -> None:
    climbs = climbs_of([user("ana"), BOSS], {})
    ana = climbs.graph.account.holders[0]
    for _ in range(20):
        for action, wanted in (("s3:*", 0), (KEYS, 1)):
            assert len(climbs.added(replace(ana, policies=(parse(doc(action)),)))) == wanted


def test_many_patterns_under_many_patterns() -> None:
    roles = [arn("role", f"r{n}") for n in range(200)]
    policies = {"same": doc(["iam:AttachRolePolicy", "sts:AssumeRole"], roles)}
    ana: Any = user("ana", doc(["iam:AttachRolePolicy", "sts:AssumeRole"], roles), boundary="same")
    found = climbs_of([ana, role("r7", doc(DATA), by=HERE)], policies).all()
    assert {c.path.id for c in found} == {"iam-014", "sts-001"}
