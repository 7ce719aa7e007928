"""One deployment for all that is asked of the product as deployed: to deploy it takes a minute."""

from collections.abc import Iterator

import boto3
import pytest

from tests.e2e.local import ACCOUNT, ADMIN, Box, local_aws
from tests.e2e.slack import slack_for
from tests.support.cases import ROOT


@pytest.fixture(scope="session")
def box() -> Iterator[Box]:
    with local_aws(AUTH="true") as made, slack_for(made) as (slack, parameters):
        made.slack = slack
        made.deploy(ROOT / ".aws-sam/build/template.yaml", f"RestoreRoles=arn:aws:iam::{ACCOUNT}:role/fraud-*", *parameters)
        made.functions.invoke(FunctionName=made.function("ReviewFunction"), Payload=b"{}")
        made.iam.create_user(UserName="oncall")
        made.iam.attach_user_policy(UserName="oncall", PolicyArn=ADMIN)
        key = made.iam.create_access_key(UserName="oncall")["AccessKey"]
        made.operator = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        made.iam.create_user(UserName="engineer")
        made.iam.attach_user_policy(UserName="engineer", PolicyArn=ADMIN)
        key = made.iam.create_access_key(UserName="engineer")["AccessKey"]
        mine = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        made.engineer = boto3.client("iam", **made.keys | mine)
        yield made
