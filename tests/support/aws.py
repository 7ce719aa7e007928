"""An IAM by moto in this process, filled where moto has gaps, with one lock less to think about: tests use one thread."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import botocore.session
from moto import mock_aws
from moto.core import responses as core
from moto.core.responses import ActionResult
from moto.iam import models, responses

from ringfence.clouds.aws import clients
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.state import Document, FactKind, State
from tests.support.cases import OWN_POLICIES
from tests.support.template import template

MANAGED = "arn:aws:iam::aws:policy/"


AWS_OWN = (
    "AdministratorAccess",
    "AmazonBedrockFullAccess",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSageMakerCanvasAIServicesAccess",
    "AmazonSageMakerFullAccess",
    "IAMFullAccess",
    "IAMReadOnlyAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
)


class ServiceCredentials:
    """Service-specific credentials, which moto 5.2 lacks; kept per user, for as long as a mock lives."""

    held: dict[str, dict[str, dict[str, Any]]] = {}  # noqa: RUF012 - emptied by every mock

    @staticmethod
    def create(self: Any) -> ActionResult:  # noqa: PLW0211 - becomes a method of moto's
        user, service = self._get_param("UserName"), self._get_param("ServiceName")
        number = sum(len(c) for c in ServiceCredentials.held.values())
        made = {
            "ServiceSpecificCredentialId": f"ACCAEXAMPLE{number:09d}",
            "UserName": user,
            "ServiceName": service,
            "Status": "Active",
            "ServiceUserName": user,
        }
        ServiceCredentials.held.setdefault(user, {})[made["ServiceSpecificCredentialId"]] = made
        return ActionResult({"ServiceSpecificCredential": made})

    @staticmethod
    def list_(self: Any) -> ActionResult:  # noqa: PLW0211 - becomes a method of moto's
        return ActionResult({"ServiceSpecificCredentials": list(ServiceCredentials.held.get(self._get_param("UserName"), {}).values())})

    @staticmethod
    def update(self: Any) -> ActionResult:  # noqa: PLW0211 - becomes a method of moto's
        held = ServiceCredentials.held[self._get_param("UserName")]
        held[self._get_param("ServiceSpecificCredentialId")]["Status"] = self._get_param("Status")
        return ActionResult({})


@cache
def aws_own() -> dict[str, Any]:
    """Read them, once."""
    every = json.loads(getattr(models, "aws_managed_policies_data"))  # noqa: B009 - moto exports it by use
    return {name: every[name] for name in AWS_OWN}


def managed_policies(backend: Any) -> list[Any]:
    """Give a backend those of AWS's own policies that tests attach: moto reads 1,582 of them, and every snapshot would list them all."""
    if "MOTO_IAM_LOAD_MANAGED_POLICIES" not in os.environ:
        return []
    make_one = models.AWSManagedPolicy.from_data
    return [make_one(name, backend.account_id, backend.region_name, data) for name, data in aws_own().items()]


setattr(models.IAMBackend, "_init_aws_policies", managed_policies)  # noqa: B010 - a method of moto's
# Each mock has a session of its own, which would read the descriptions of the services anew: two thirds of what a client costs.
setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))  # noqa: B010 - mypy sees another type

setattr(responses.IamResponse, "create_service_specific_credential", ServiceCredentials.create)  # noqa: B010 - moto's types do not know it
setattr(responses.IamResponse, "list_service_specific_credentials", ServiceCredentials.list_)  # noqa: B010 - moto's types do not know it
setattr(responses.IamResponse, "update_service_specific_credential", ServiceCredentials.update)  # noqa: B010 - moto's types do not know it
# With every call moto goes through all members of a class to find the operations; they stay the same.
setattr(core, "method_names_from_class", cache(getattr(core, "method_names_from_class")))  # noqa: B009, B010 - moto exports it by use


@contextmanager
def aws(*, managed: bool = True) -> Iterator[Any]:
    """Give an IAM client of an empty account; `managed` loads AWS's own policies (a second)."""
    outside = {key: value for key, value in os.environ.items() if key.startswith(("AWS_", "MOTO_"))}
    for key in outside:
        del os.environ[key]
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
    if managed:
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    ServiceCredentials.held.clear()
    forget()
    try:
        with mock_aws():
            yield clients.iam()
    finally:
        forget()
        for key in [key for key in os.environ if key.startswith(("AWS_", "MOTO_"))]:
            del os.environ[key]
        os.environ |= outside


def forget() -> None:
    """Drop the cached clients: each mock has its own."""
    for getter in (
        clients.iam,
        clients.dynamodb,
        clients.sqs,
        clients.sns,
        clients.functions,
        clients.cloudformation,
        clients.cloudtrails,
        clients.events,
        clients._of,
    ):
        getter.cache_clear()


def make(iam: Any, state: State) -> Identity:
    """Make an identity in moto as a state describes it, and give it with its unique id. Boundaries of users are beyond moto."""
    name, kind = state.identity.name, state.identity.kind
    verb = {Kind.ROLE: "role", Kind.USER: "user", Kind.GROUP: "group"}[kind]
    key = f"{kind.value.title()}Name"
    trust = state.trust or {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    more = {"AssumeRolePolicyDocument": json.dumps(trust)} if kind is Kind.ROLE else {}
    made = getattr(iam, f"create_{verb}")(**{key: name}, **more)[kind.value.title()]
    for arn in state.attached or ():
        if not arn.startswith(MANAGED):
            arn = customer_policy(iam, arn, (state.documents or {}).get(arn))  # noqa: PLW2901 - moto gives it an ARN
        getattr(iam, f"attach_{verb}_policy")(**{key: name, "PolicyArn": arn})
    for policy, document in (state.inline or {}).items():
        getattr(iam, f"put_{verb}_policy")(**{key: name, "PolicyName": policy, "PolicyDocument": json.dumps(document)})
    if kind is Kind.USER:
        _user(iam, state)
    found = Identity.from_arn(made["Arn"], made[f"{kind.value.title()}Id"])
    assert found is not None
    return found


def customer_policy(iam: Any, arn: str, document: Document | None = None) -> str:
    """Make a customer-managed policy with the path and name of an ARN (or of a bare name)."""
    path, _, name = arn.rpartition(":policy/")[2].rpartition("/")
    own = next((d for known, d in OWN_POLICIES.items() if known.endswith(f":policy/{arn.rpartition(':policy/')[2]}")), None)
    other = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
    text = json.dumps(document or own or other)
    return str(iam.create_policy(PolicyName=name, Path=f"/{path}/" if path else "/", PolicyDocument=text)["Policy"]["Arn"])


def _user(iam: Any, state: State) -> None:
    name = state.identity.name
    if state.login:
        iam.create_login_profile(UserName=name, Password="Synthetic-Passw0rd!")  # noqa: S106 - synthetic
    for credential in state.credentials or ():
        if credential.kind is FactKind.ACCESS_KEY:
            made = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
            iam.update_access_key(UserName=name, AccessKeyId=made, Status=credential.status)
        elif credential.kind is FactKind.SERVICE_CREDENTIAL:
            made = iam.create_service_specific_credential(UserName=name, ServiceName="bedrock.amazonaws.com")["ServiceSpecificCredential"]
            iam.update_service_specific_credential(
                UserName=name, ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"], Status=credential.status
            )


def make_table(name: str, resource: str = "Table") -> None:
    """Make a table - of jobs and trail, unless another is named - as the template describes it."""
    import boto3

    described = template()[resource]["Properties"]
    known = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    boto3.client("dynamodb").create_table(TableName=name, **{key: described[key] for key in known if key in described})
