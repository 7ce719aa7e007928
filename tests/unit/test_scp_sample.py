"""The sample service control policy: nobody but Ringfence takes containment off, and nothing else is in anybody's way."""

import json

import pytest

from ringfence.iam import Policies, Principal, Request, authorize
from tests.support.cases import ROOT

FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
SCP = json.loads((ROOT / "samples/scp/protect-containment.json").read_text())
ACCOUNT = "arn:aws:iam::123456789012:"
QUARANTINE = ACCOUNT + "policy/ringfence/stack-QuarantinePolicy-1"
EVE, RESPOND = ACCOUNT + "user/eve", ACCOUNT + "role/ringfence/stack-RespondRole-1"
DEPLOY, GLASS = ACCOUNT + "role/ringfence-deploy", ACCOUNT + "role/break-glass-1"
TARGET = ACCOUNT + "role/fraud-train"


@pytest.mark.parametrize(
    ("who", "action", "resource", "context", "effect"),
    [
        (EVE, "iam:DetachRolePolicy", TARGET, {"iam:PolicyARN": QUARANTINE}, "explicitly_denied"),
        (RESPOND, "iam:DetachRolePolicy", TARGET, {"iam:PolicyARN": QUARANTINE}, "allowed"),
        (GLASS, "iam:DetachRolePolicy", TARGET, {"iam:PolicyARN": QUARANTINE}, "allowed"),
        (EVE, "iam:DetachRolePolicy", TARGET, {"iam:PolicyARN": ACCOUNT + "policy/mine"}, "allowed"),
        (EVE, "iam:DetachUserPolicy", ACCOUNT + "user/ana", {"iam:PolicyARN": QUARANTINE}, "explicitly_denied"),
        (EVE, "iam:DeleteRolePermissionsBoundary", TARGET, {"iam:PermissionsBoundary": QUARANTINE}, "explicitly_denied"),
        (EVE, "iam:DeleteRolePermissionsBoundary", TARGET, {"iam:PermissionsBoundary": ACCOUNT + "policy/mine"}, "allowed"),
        (EVE, "iam:CreatePolicyVersion", QUARANTINE, {}, "explicitly_denied"),
        (RESPOND, "iam:DeletePolicy", QUARANTINE, {}, "explicitly_denied"),
        (DEPLOY, "iam:DeletePolicy", QUARANTINE, {}, "allowed"),
        (EVE, "iam:UpdateAssumeRolePolicy", RESPOND, {}, "explicitly_denied"),
        (DEPLOY, "iam:UpdateAssumeRolePolicy", RESPOND, {}, "allowed"),
        (EVE, "iam:UpdateAssumeRolePolicy", TARGET, {}, "allowed"),
        (EVE, "iam:AttachRolePolicy", TARGET, {"iam:PolicyARN": QUARANTINE}, "allowed"),
        (EVE, "s3:GetObject", "arn:aws:s3:::b/k", {}, "allowed"),
    ],
)
def test_who_may_do_what_under_it(who: str, action: str, resource: str, context: dict[str, str], effect: str) -> None:
    request = Request(
        action=action,
        resource=resource,
        resource_account="123456789012",
        principal=Principal(kind="AWS", arn=who),
        context={"aws:PrincipalArn": who, **context},
    )
    assert authorize(request, Policies(identity=[FULL], scps=[[FULL], [FULL, SCP]])).effect == effect
