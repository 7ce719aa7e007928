"""The audit of an account: an account of one cast, what each can become, and the near miss of each."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ringfence.clouds.authorization_details import Reader
from ringfence.iam import Graph, climbs
from tests.support.shell import Shell

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
        {"iam-018": ("admin", True), "iam-002": (arn("user", "bob"), True)},
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
    "its own boundary": ([user("ana", doc("*"), boundary="almost")], {"delete-user-boundary": ("admin", False)}),
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
    "a weak group": ([user("ana", doc("iam:AddUserToGroup")), holder("Group", "team", doc(DATA))], {}),
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
        {"iam-014": ("admin", True)},
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
        {"iam-016": ("admin", True)},
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
    "its own policies, as its boundary has it": ([user("ana", doc("iam:PutUserPolicy"), boundary="loose")], {}),
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
POLICIES = {
    "broken": {"Statement": []},
    "loose": doc(["iam:Put*", "s3:*"]),
    "ceiling": doc(DATA),
    "almost": doc(["s3:*", "iam:Delete*"]),
    "other": doc(DATA),
}


@pytest.mark.parametrize("name", CASES)
def test_climb(name: str) -> None:
    entries, wanted = CASES[name]
    found = climbs(Graph(Reader(snapshot(*entries, policies=POLICIES)).account()))
    mine = {c.path.id: (c.reaches, c.certain) for c in found if c.identity in (MINE, arn("role", "ana"))}
    assert mine == wanted
    assert all(c.proof for c in found)


def test_the_way_is_told() -> None:
    entries, _ = CASES["by two steps"]
    found = climbs(Graph(Reader(snapshot(*entries)).account()))
    assert next(c for c in found if c.identity == MINE).via == (arn("role", "middle"), arn("role", "top"))


def test_a_role_named_by_trust_needs_its_boundary_to_allow() -> None:
    named = role("top", doc("*"), by=trust(AWS=arn("role", "worker")))
    for boundary, wanted in (("ceiling", 0), ("", 1)):
        worker = role("worker", doc(DATA), boundary=boundary)
        assert len(climbs(Graph(Reader(snapshot(worker, named, policies=POLICIES)).account()))) == wanted


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


def whole() -> SNAPSHOT:
    """A snapshot in which everything is found."""
    found = snapshot(
        user("ana", doc("iam:CreateAccessKey"), attached=(arn("policy", "nowhere"),), UserName="ana"),
        user("eve", {}, UserName="eve"),
        BOSS,
        role("idle", CreateDate="2026-01-01T00:00:00Z", RoleLastUsed={}),
        role("busy", RoleLastUsed={"LastUsedDate": "2026-10-01T00:00:00Z"}),
        role("odd", RoleLastUsed={}),
    )
    return {**found, "Ringfence": {"ana": {"login": True, "mfa": []}, "eve": {"login": True, "mfa": ["x"]}}}


def test_command(shell: Shell) -> None:
    file = shell.write("account.json", json.dumps(whole()))
    lines = shell("audit", "--json", "--now", "2026-11-01T00:00:00Z", file)
    summary = lines[-1]["summary"]
    assert summary["identities"] == 6
    assert summary["admins"] == [arn("user", "boss")]
    assert summary["findings"] == len(lines) - 1
    assert [(e["identity"], e["path"], e["reaches"]) for e in summary["escalations"]] == [(MINE, "iam-002", "admin")]
    assert summary["escalations"][0]["proof"][0]["action"] == "iam:CreateAccessKey"
    assert summary["unused"] == [arn("role", "idle")]
    assert summary["without_mfa"] == [MINE]
    assert [line["severity"] for line in lines[:-1]] == ["critical", "high", "medium", "medium", "medium", "medium"]
    assert "is empty" in lines[3]["what"]
    shell("audit", file, "--fail-on", "critical", code=1)
    assert "iam:CreateAccessKey -> user/boss [iam-002]" in " ".join(shell.out.split())


def test_command_on_a_calm_account(shell: Shell) -> None:
    file = shell.write("calm.json", json.dumps(snapshot(user("ana", doc(DATA, "arn:aws:s3:::example")))))
    shell("audit", file, "--fail-on", "low")
    assert "nobody is administrator" in shell.out
    for data in (
        "",
        "[]",
        "3",
        '{"UserDetailList": [{"UserName": "a", "Arn": "b", "GroupList": 5}]}',
        '{"UserDetailList": [7], "RoleDetailList": null}',
    ):
        shell("audit", shell.write("bad.json", data), code=2)
        assert shell.err


def test_severities_and_many_rows(shell: Shell) -> None:
    crowd = [user(f"u{n}", doc("lambda:UpdateFunctionCode")) for n in range(50)]
    file = shell.write(
        "crowd.json",
        json.dumps(snapshot(*crowd, LAMBDA_TOP, user("v", doc("iam:CreateAccessKey", arn("user", "w"))), user("w", doc("s3:*")))),
    )
    found = {line["severity"] for line in shell("audit", "--json", file)[:-1]}
    assert found == {"high", "medium"}
    shell("audit", file)
    assert "more findings: --json has them all" in shell.out


def test_page(shell: Shell) -> None:
    evil = user("<script>", doc("iam:CreateAccessKey"))
    file = shell.write("account.json", json.dumps({**whole(), "UserDetailList": [*whole()["UserDetailList"], evil]}))
    shell("audit", file, "--html", "page.html", "--now", "2026-11-01T00:00:00Z")
    page = (shell.folder / "page.html").read_text()
    assert "<script>" not in page
    assert "user/&lt;script&gt;" in page
    assert "src=" not in page
    assert "Roles that nobody used for long" in page
    shell("audit", shell.write("calm.json", json.dumps(snapshot(user("ana")))), "--html", "calm.html")
    assert "Nobody, by policies alone" in (shell.folder / "calm.html").read_text()


def test_what_cannot_be_read_is_said(shell: Shell) -> None:
    entries = [user("ana", boundary="broken"), role("odd", by={"Statement": 7})]
    lines = shell("audit", "--json", shell.write("x.json", json.dumps(snapshot(*entries, policies=POLICIES))))
    said = [line["what"] for line in lines[:-1]]
    assert any(what.startswith("has a boundary that cannot be judged") for what in said)
    assert any(what.startswith("has a trust policy that cannot be judged") for what in said)
