"""What other tools get wrong about IAM policies, each as a case that the judge has to get right; the tools are named in the ids."""

from collections.abc import Mapping
from typing import Any

import pytest

from ringfence.clouds.authorization_details import Reader
from ringfence.iam import Climbs, Effect, Graph, Policies, Principal, Request, Verdict, authorize, judge_policies, parse

ROLE = "arn:aws:iam::123456789012:role/holder"
TRAIN = {"Effect": "Allow", "Action": "sagemaker:CreateTrainingJob", "Resource": "*"}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def passing(service: str, resource: str = "*") -> dict[str, Any]:
    return allow("iam:PassRole", resource, Condition={"StringEquals": {"iam:PassedToService": service}})


ADMIN, CLIMBS, BROAD, OK, UNKNOWN = Verdict.ADMIN, Verdict.ESCALATION, Verdict.BROAD, Verdict.OK, Verdict.UNKNOWN
# what -> statements, verdict, whether something is certain
VERDICTS: dict[str, tuple[list[Mapping[str, Any]], Verdict, bool]] = {
    "cloudsplaining, c7n: a condition that is always true hides admin": (
        [allow("*", Condition={"StringLike": {"aws:PrincipalArn": "*"}})],
        ADMIN,
        True,
    ),
    "cloudsplaining: *:* is seen": ([allow("*:*")], ADMIN, True),
    "cloudsplaining: ? is seen": ([allow("iam:CreatePolicyVersio?")], CLIMBS, True),
    "cloudsplaining: NotResource is turned round": (
        [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::example"}],
        ADMIN,
        True,
    ),
    "cloudsplaining, c7n: *:* on arn:aws:*": ([allow("*:*", "arn:aws:*")], ADMIN, True),
    "cloudsplaining: iam:* on the account": ([allow("iam:*", "arn:aws:iam::123456789012:*")], ADMIN, True),
    "cloudsplaining: PassRole to SageMaker, with a training job": ([passing("sagemaker.amazonaws.com"), TRAIN], CLIMBS, True),
    "Prowler: PassRole to Glue, with a training job": ([passing("glue.amazonaws.com"), TRAIN], BROAD, False),
    "Prowler: PassRole of one role, of unknown strength": ([passing("sagemaker.amazonaws.com", ROLE), TRAIN], CLIMBS, False),
    "Prowler: access keys, only with MFA": (
        [allow("iam:CreateAccessKey", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})],
        CLIMBS,
        False,
    ),
    "parliament: everything is admin": ([allow("*")], ADMIN, True),
    "Prowler: an unknown action is no pass": ([allow("iam:NoSuchAction")], UNKNOWN, False),
    "Prowler: admin beside an unknown action": ([allow(["*", "iam:NoSuchAction"])], ADMIN, True),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdict(name: str) -> None:
    statements, verdict, certain = VERDICTS[name]
    judged = judge_policies([parse({"Version": "2012-10-17", "Statement": statements})])
    assert judged.verdict is verdict, judged
    assert any(e.certain for e in judged.escalations) is certain


def test_pmapper_an_address_range_of_everything_is_no_limit() -> None:
    document = {"Version": "2012-10-17", "Statement": [allow("*", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})]}
    asked = Request(
        action="iam:GetRole",
        resource=ROLE,
        principal=Principal("AWS", ROLE),
        resource_account="123456789012",
        context={"aws:SourceIp": "192.0.2.1"},
    )
    decision = authorize(asked, Policies(identity=[document]))
    assert decision.effect is Effect.ALLOWED
    assert "always true" in decision.proof[0].conditions
    assert judge_policies([parse(document)]).verdict is ADMIN


def test_pmapper_boundary_only_and_scps() -> None:
    boundary = {"Version": "2012-10-17", "Statement": [allow("*")]}
    asked = Request(action="iam:PassRole", resource=ROLE, principal=Principal("AWS", ROLE), resource_account="123456789012")
    assert authorize(asked, Policies(boundary=boundary)).effect is Effect.IMPLICITLY_DENIED
    assert authorize(asked, Policies(identity=[boundary], scps=[[boundary], []])).effect is Effect.IMPLICITLY_DENIED
    user = {
        "UserName": "bounded",
        "Arn": "arn:aws:iam::123456789012:user/bounded",
        "UserPolicyList": [],
        "PermissionsBoundary": {"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
    }
    graph = Graph(Reader({"UserDetailList": [user]}).account())
    assert graph.admins == ()
    assert Climbs(graph).all() == ()
