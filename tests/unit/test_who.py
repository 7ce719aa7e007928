"""Identity resolution: the role behind a session, the person behind it, what it runs on, and what is no identity of this account."""

from typing import Any

import pytest

from ringfence.domain.identity import Kind
from ringfence.sources import normalise
from ringfence.sources.aws_cloudtrail import actor
from tests.support.cases import event_file

ROLE = {"type": "Role", "principalId": "AROAEXAMPLE", "arn": "arn:aws:iam::123456789012:role/x/fraud-train", "userName": "fraud-train"}
SSO = "AWSReservedSSO_DataScientist_0123456789abcdef"


def session(name: str, issuer: dict[str, str] = ROLE, **more: Any) -> dict[str, Any]:
    context = {"sessionIssuer": issuer, **more.pop("context", {})}
    arn = f"arn:aws:sts::123456789012:assumed-role/{issuer['userName']}/{name}"
    return {"type": "AssumedRole", "principalId": f"{issuer['principalId']}:{name}", "arn": arn, "sessionContext": context, **more}


def reserved(name: str) -> dict[str, Any]:
    path = "aws-reserved/sso.amazonaws.com/"
    return session(name, {"principalId": "AROASSO", "arn": f"arn:aws:iam::123456789012:role/{path}{SSO}", "userName": SSO})


EKS = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/0"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:score"
# what userIdentity says: kind and unique id of the identity, the person, what it runs on
CASES: dict[str, tuple[dict[str, Any], Kind | None, str | None, str, str]] = {
    "a session is its role, with path and unique id": (session("nightly"), Kind.ROLE, "AROAEXAMPLE", "", ""),
    "a source identity": (session("x", context={"sourceIdentity": "ana"}), Kind.ROLE, "AROAEXAMPLE", "ana (source identity)", ""),
    "a person of Identity Center by the session": (reserved("ana@example.com"), Kind.ROLE, "AROASSO", "ana@example.com (Identity Center)", ""),
    "on behalf of a person of Identity Center": (
        session("q", onBehalfOf={"userId": "1234", "identityStoreArn": "arn:aws:identitystore::123456789012:identitystore/d-1"}),
        Kind.ROLE, "AROAEXAMPLE", "user 1234 of Identity Center", "",
    ),
    "an instance": (session("i-0123456789abcdef0"), Kind.ROLE, "AROAEXAMPLE", "", "the instance i-0123456789abcdef0"),
    "an instance by its delivery": (session("x", context={"ec2RoleDelivery": "2.0"}), Kind.ROLE, "AROAEXAMPLE", "", "an instance"),
    "a pod identity": (
        session("eks-prod-trainer-01234567-89ab-cdef-0123-456789abcdef"), Kind.ROLE, "AROAEXAMPLE", "", "the pod trainer of the cluster prod",
    ),
    "a service account of EKS": (
        session("botocore-session-1", context={"webIdFederationData": {"federatedProvider": EKS}}), Kind.ROLE, "AROAEXAMPLE", "", "a pod of EKS",
    ),
    "a function": (session("score", inScopeOf={"credentialsIssuedTo": FUNCTION}), Kind.ROLE, "AROAEXAMPLE", "", FUNCTION),
    "a Bedrock key's user": (
        {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/BedrockAPIKey-x7q2", "principalId": "AIDAX", "accountId": "123456789012"},
        Kind.USER, "AIDAX", "", "",
    ),
    "a federated session, by the user who issued it": (
        {"type": "FederatedUser", "arn": "arn:aws:sts::123456789012:federated-user/tmp", "sessionContext": {"sessionIssuer": {"userName": "bo"}}},
        Kind.OUTSIDE, None, "the user bo (issued the session)", "",
    ),
    "a person of a SAML provider": (
        {"type": "SAMLUser", "userName": "ana", "identityProvider": "corporate"}, None, None, "ana (corporate)", "",
    ),
    "a service": ({"type": "AWSService", "invokedBy": "ssm.amazonaws.com"}, None, None, "", ""),
    "somebody of another account": (
        {"type": "AWSAccount", "principalId": "AIDAFOREIGN", "accountId": "210987654321"}, None, None, "", "",
    ),
    "root": ({"type": "Root", "arn": "arn:aws:iam::123456789012:root", "accountId": "123456789012"}, Kind.ROOT, None, "", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_who_is_behind_a_call(name: str) -> None:
    who, kind, unique_id, person, place = CASES[name]
    found = actor({"userIdentity": who})
    assert found is not None
    identity = found.identity
    assert (identity.kind if identity else None, identity.unique_id if identity else None) == (kind, unique_id)
    assert (found.human, found.runs_on) == (person, place)


def test_the_role_keeps_its_path_and_the_service_that_acted_is_named() -> None:
    found = actor({"userIdentity": {**session("x"), "invokedBy": "cloudformation.amazonaws.com", "accessKeyId": "ASIAEXAMPLE"}})
    assert found is not None
    assert found.identity is not None
    assert (found.identity.arn, found.via, found.key) == (ROLE["arn"], "cloudformation.amazonaws.com", "ASIAEXAMPLE")


@pytest.mark.parametrize("damage", [None, 7, [], {"type": 7}, {"sessionContext": 7}, {"inScopeOf": "x", "onBehalfOf": [1]}])
def test_whatever_stands_there_nothing_breaks(damage: Any) -> None:
    raw = event_file("aws/cloudtrail/AttachRolePolicy.json")
    raw["detail"]["userIdentity"] = damage
    (event,) = normalise(raw)
    assert event.name == "AttachRolePolicy"


def test_all_actors_of_an_attack_sequence_are_subjects() -> None:
    (event,) = normalise(event_file("aws/guardduty/attack-sequence.json"))
    assert event.subject is not None
    assert [i.name for i in (event.subject, *event.also)] == ["bo", "fraud-train"]
    assert event.parameters["buckets"] == ("fraud-train",)
