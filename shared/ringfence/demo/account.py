"""The embedded AWS account: IAM by moto, in this process. Nothing leaves the machine, whatever the environment says."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ringfence.actions import own_documents
from ringfence.settings import Deployment

ACCOUNT = "123456789012"
NOTEBOOK = "AmazonSageMaker-ExecutionRole-20260101T120000"
AGENT = "AmazonBedrockAgentCoreRuntime-fraud"
TRAINING, SERVING, WEB = "fraud-train", "fraud-serve", "web-shop"
OWN = f"arn:aws:iam::{ACCOUNT}:policy/ringfence/"
DEPLOYMENT = Deployment(quarantine_policy=OWN + "ringfence-quarantine", require_mfa_policy=OWN + "ringfence-require-mfa")
ROLES = {
    NOTEBOOK: ("sagemaker.amazonaws.com", "data scientists' notebooks"),
    TRAINING: ("sagemaker.amazonaws.com", "nightly training"),
    SERVING: ("sagemaker.amazonaws.com", "inference endpoint"),
    AGENT: ("bedrock-agentcore.amazonaws.com", "support agent"),
    WEB: ("ec2.amazonaws.com", "another team's shop"),
}


@contextmanager
def embedded_aws() -> Iterator[Any]:
    """Give an IAM client of the embedded account; endpoints and credentials of the environment do not count inside."""
    outside = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    for key in outside:
        del os.environ[key]
    os.environ |= {
        "AWS_DEFAULT_REGION": "us-east-1",
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    from moto import mock_aws

    from ringfence.clouds.aws import clients

    fill_gaps()

    clients.iam.cache_clear()
    try:
        with mock_aws():
            iam: Any = clients.iam()
            seed(iam)
            yield iam
    finally:
        clients.iam.cache_clear()
        for key in [key for key in os.environ if key.startswith("AWS_")]:
            del os.environ[key]
        os.environ |= outside


def fill_gaps() -> None:
    """Answer the one read that moto 5.2 lacks: nobody here holds service-specific credentials."""
    from moto.core.responses import ActionResult
    from moto.iam import responses

    if not hasattr(responses.IamResponse, "list_service_specific_credentials"):
        setattr(responses.IamResponse, "list_service_specific_credentials", lambda _: ActionResult({"ServiceSpecificCredentials": []}))  # noqa: B010 - moto\'s types do not know it


def seed(iam: Any) -> None:
    """Make the account: roles of an AI project, people with and without MFA, another team's role, and our deny policies."""
    for name, (service, about) in ROLES.items():
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), Description=about)
    data = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::fraud-train/*"}],
    }
    iam.put_role_policy(RoleName=TRAINING, PolicyName="training-data", PolicyDocument=json.dumps(data))
    for user in ("ana", "bo"):
        iam.create_user(UserName=user)
        iam.create_login_profile(UserName=user, Password="Synthetic-Passw0rd!")  # noqa: S106 - of an account that lives for seconds
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="ana")["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(UserName="ana", SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321")
    for arn, document in own_documents(DEPLOYMENT).items():
        iam.create_policy(PolicyName=arn.rpartition("/")[2], Path="/ringfence/", PolicyDocument=json.dumps(document))
