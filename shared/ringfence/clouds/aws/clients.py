"""One cached, typed client per service. `AWS_ENDPOINT_URL` and the usual AWS environment count."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_securityhub import SecurityHubClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


def config() -> "Config":
    """Few, bounded attempts: a job is tried again by its queue, not by a client that waits."""
    from botocore.config import Config

    return Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=5, read_timeout=10)


@cache
def iam() -> "IAMClient":
    """IAM."""
    import boto3

    return boto3.client("iam", config=config())


@cache
def _of(service: str, region: str) -> Any:
    import boto3

    return boto3.client(service, **({"region_name": region} if region else {}), config=config())  # type: ignore[call-overload]  # any service


def of(service: str, region: str = "") -> Any:
    """Give the client of a service in a region; IAM's is the one that everybody uses."""
    return iam() if service == "iam" else _of(service, region)


@cache
def dynamodb() -> "DynamoDBClient":
    """DynamoDB."""
    import boto3

    return boto3.client("dynamodb", config=config())


@cache
def sqs() -> "SQSClient":
    """SQS."""
    import boto3

    return boto3.client("sqs", config=config())


@cache
def sns() -> "SNSClient":
    """SNS."""
    import boto3

    return boto3.client("sns", config=config())


@cache
def cloudtrails() -> "tuple[CloudTrailClient, ...]":
    """CloudTrail where we are, where the partition keeps the events of global services, and where SEARCH_REGIONS says.

    Sources: AWS General Reference, "IAM endpoints and quotas".
    """
    import boto3

    here = boto3.client("cloudtrail", config=config())
    home = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(here.meta.partition, here.meta.region_name)
    named = [region.strip() for region in os.environ.get("SEARCH_REGIONS", "").split(",") if region.strip()]
    regions = dict.fromkeys((here.meta.region_name, home, *named))
    return (here, *(boto3.client("cloudtrail", region_name=region, config=config()) for region in list(regions)[1:]))


def regions() -> tuple[str, ...]:
    """Give the regions that are looked after: this one, that of IAM's events, and those that SEARCH_REGIONS names."""
    return tuple(client.meta.region_name for client in cloudtrails())


@cache
def events() -> "EventBridgeClient":
    """EventBridge."""
    import boto3

    return boto3.client("events", config=config())


@cache
def s3() -> "S3Client":
    """S3."""
    import boto3

    return boto3.client("s3", config=config())


@cache
def secretsmanager() -> "SecretsManagerClient":
    """Secrets Manager."""
    import boto3

    return boto3.client("secretsmanager", config=config())


@cache
def securityhub() -> "SecurityHubClient":
    """Security Hub."""
    import boto3

    return boto3.client("securityhub", config=config())


@cache
def kms() -> "KMSClient":
    """KMS."""
    import boto3

    return boto3.client("kms", config=config())


@cache
def functions() -> "LambdaClient":
    """Lambda, for the command line."""
    import boto3
    from botocore.config import Config

    # One attempt that outlasts the function: asking twice would be two votes.
    return boto3.client("lambda", config=Config(read_timeout=70, connect_timeout=5, retries={"total_max_attempts": 1}))


@cache
def cloudformation() -> "CloudFormationClient":
    """CloudFormation, for the command line."""
    import boto3

    return boto3.client("cloudformation", config=config())
