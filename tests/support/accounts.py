"""Snapshots of accounts for the judge: identities with inline documents, as IAM's API gives them. Synthetic."""

from collections.abc import Iterable, Mapping
from typing import Any

from ringfence.clouds.authorization_details import Reader
from ringfence.iam import Climbs, Graph

ACCOUNT = "123456789012"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
DATA = ["s3:GetObject", "s3:ListBucket"]
SNAPSHOT = dict[str, Any]


def arn(kind: str, name: str) -> str:
    """An ARN of the account."""
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"


def doc(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """A document of one statement."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}


def trust(effect: str = "Allow", condition: Mapping[str, Any] | None = None, **principal: Any) -> dict[str, Any]:
    """A trust policy."""
    statement = {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", **({"Condition": condition} if condition else {})}
    return {"Version": "2012-10-17", "Statement": [statement]}


def holder(kind: str, name: str, *documents: Any, attached: tuple[str, ...] = (), boundary: str = "", **more: Any) -> SNAPSHOT:
    """A user, role or group with inline documents and attached policies."""
    found = {
        f"{kind}Name": name,
        "Arn": arn(kind.lower(), name),
        f"{kind}PolicyList": [{"PolicyName": f"p{n}", "PolicyDocument": d} for n, d in enumerate(documents)],
        "AttachedManagedPolicies": [{"PolicyName": a.rsplit("/", 1)[-1], "PolicyArn": a} for a in attached],
        **more,
    }
    return {**found, "PermissionsBoundary": {"PermissionsBoundaryArn": arn("policy", boundary)}} if boundary else found


def user(name: str, *documents: Any, **more: Any) -> SNAPSHOT:
    return holder("User", name, *documents, **more)


def role(name: str, *documents: Any, by: Any = None, **more: Any) -> SNAPSHOT:
    return holder("Role", name, *documents, **more, AssumeRolePolicyDocument=by or trust(Service="ec2.amazonaws.com"))


def snapshot(*entries: SNAPSHOT, policies: Mapping[str, Any] | None = None) -> SNAPSHOT:
    """A snapshot as IAM's API gives it."""
    lists = {f"{kind}DetailList": [e for e in entries if f"{kind}Name" in e] for kind in ("User", "Role", "Group")}
    managed = [
        {
            "Arn": arn("policy", name),
            "PolicyVersionList": [{"Document": {}, "IsDefaultVersion": False}, {"Document": d, "IsDefaultVersion": True}],
        }
        for name, d in (policies or {}).items()
    ]
    return {**lists, "Policies": managed}


TOP = role("top", doc("*"))
BOSS = user("boss", doc("*"))
HERE = trust(AWS=f"arn:aws:iam::{ACCOUNT}:root")
PASS = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]
LAMBDA_TOP = role("lambda-top", doc("*"), by=trust(Service="lambda.amazonaws.com"))
TEAM = holder("Group", "team", doc("*"))
TAG, NEVER = {"StringEquals": {"aws:PrincipalTag/team": "ml"}}, {"Bool": {"aws:SecureTransport": "false"}}
MINE = arn("user", "ana")
POLICIES = {
    "broken": {"Statement": []},
    "loose": doc(["iam:Put*", "s3:*", "iam:CreatePolicyVersion", "iam:AddUserToGroup"]),
    "whole": doc("*"),
    "passes": doc(PASS),
    "passes-in-doubt": {"Statement": [*doc(PASS[1:])["Statement"], *doc(PASS[0], Condition=TAG)["Statement"]]},
    "passes-alone": doc(PASS[0]),
    "ceiling": doc(DATA),
    "almost": doc(["s3:*", "iam:Delete*"]),
    "other": doc(DATA),
}


def climbs_of(entries: Iterable[SNAPSHOT], policies: Mapping[str, Any]) -> Climbs:
    """The climbs of an account."""
    return Climbs(Graph(Reader(snapshot(*entries, policies=policies)).account()))


def of_ana(entries: Iterable[SNAPSHOT], policies: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
    """What ana climbs to, user or role, by path: whom it reaches, and whether surely."""
    found = climbs_of(entries, policies).all()
    assert all(c.proof for c in found)
    return {c.path.id: (c.reaches, c.certain) for c in found if c.identity.endswith("/ana")}
