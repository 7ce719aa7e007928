"""Targets that are no identities: what is read of policies, trails and Bedrock's logging, changed by the actions and undone, on moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import msgspec
import pytest

from ringfence.actions import ACTIONS, Action, Impossible
from ringfence.clouds.aws.reader import AwsReader
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.domain.finding import Case, Finding, Severity, Workload
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.state import State
from ringfence.engine.memory import kept
from ringfence.engine.ports import Absence
from ringfence.settings import DISCOVERED
from tests.support.actions import NOW, SOMEBODY
from tests.support.aws import aws, customer_policy
from tests.support.cases import ACCOUNT, settings_of
from tests.unit.test_actions import WHOLE, round_trip

BY_ID = {action.id: action for action in ACTIONS}
WIDE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRAIL = Identity.thing(Kind.TRAIL, f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main")
LOGGING = Identity.thing(Kind.MODEL_LOGGING, f"arn:aws:bedrock:us-east-1:{ACCOUNT}:model-invocation-logging")
DATA: Any = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::fraud-train/"]}
LOGGED = {"s3Config": {"bucketName": "fraud-logs", "keyPrefix": ""}, "textDataDeliveryEnabled": True}


@pytest.fixture
def iam() -> Iterator[Any]:
    with aws(managed=False) as client:
        yield client


def seen(target: Identity | None) -> State:
    assert target is not None
    state = AwsReader().read(target, WHOLE)
    assert isinstance(state, State)
    return state


def there_and_back(action: Action, target: Identity, before: State, evidence: dict[str, Any] | None = None) -> None:
    """Plan against what was, carry it out, and take it back."""
    now = seen(target)
    case = Case(
        identity=SOMEBODY, event=None, state=None, target=now.identity, target_state=now, before=kept(before), project=DISCOVERED,
        workload=Workload.UNKNOWN, settings=settings_of(None), now=NOW,
    )  # fmt: skip
    finding = Finding(guardrail="test", severity=Severity.HIGH, identity=SOMEBODY, reason="a test", evidence=evidence or {})
    steps = action.plan(case, finding)
    assert not isinstance(steps, Impossible), steps.reason
    round_trip(action, steps, now.identity, AwsReader(), AwsWriter())


def test_a_policy_goes_back_to_the_version_that_was_the_default(iam: Any) -> None:
    arn = customer_policy(iam, "ml/p")
    target = Identity.thing(Kind.POLICY, arn)
    assert target is not None
    before = seen(target)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(WIDE), SetAsDefault=True)
    assert seen(target).default_version == "v2"
    there_and_back(BY_ID["aws.iam.rollback-policy-version"], before.identity, before)
    assert seen(target).default_version == "v2", "and the wide version stays, as evidence"


@pytest.fixture
def trail(iam: Any) -> Identity:
    assert iam
    assert TRAIL is not None
    boto3.client("s3").create_bucket(Bucket="trail-logs")
    client = boto3.client("cloudtrail")
    client.create_trail(Name="main", S3BucketName="trail-logs", IsMultiRegionTrail=True)
    client.put_event_selectors(
        TrailName="main", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [DATA]}]
    )
    client.start_logging(Name="main")
    return TRAIL


def stop(client: Any) -> None:
    client.stop_logging(Name="main")


def narrow(client: Any) -> None:
    client.update_trail(Name="main", IsMultiRegionTrail=False)
    client.put_event_selectors(
        TrailName="main", EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "DataResources": []}]
    )


def delete(client: Any) -> None:
    client.delete_trail(Name="main")


@pytest.mark.parametrize("harm", [stop, narrow, delete])
def test_a_trail_is_put_back_as_it_was(trail: Identity, harm: Any) -> None:
    before = seen(trail)
    assert set(before.settings or ()) == {"logging", "trail", "selectors"}
    harm(boto3.client("cloudtrail"))
    assert seen(trail).settings != before.settings
    there_and_back(BY_ID["aws.cloudtrail.restore-logging"], trail, before)


def test_without_a_snapshot_a_stopped_trail_is_started(trail: Identity) -> None:
    stop(boto3.client("cloudtrail"))
    nothing = msgspec.structs.replace(seen(trail), settings=None)
    there_and_back(BY_ID["aws.cloudtrail.restore-logging"], trail, nothing, {"stopped": True})


def test_the_trails_of_the_account_are_listed_where_they_are_at_home(trail: Identity) -> None:
    assert list(AwsReader().trails(ACCOUNT, "us-east-1")) == [trail]
    assert list(AwsReader().trails("210987654321", "us-east-1")) == []


@pytest.mark.parametrize("changed", [None, {"s3Config": {"bucketName": "elsewhere", "keyPrefix": ""}, "textDataDeliveryEnabled": False}])
def test_the_logging_of_model_invocations_is_put_back(iam: Any, changed: dict[str, Any] | None) -> None:
    assert iam
    assert LOGGING is not None
    bedrock = boto3.client("bedrock")
    for bucket in ("fraud-logs", "elsewhere"):
        boto3.client("s3").create_bucket(Bucket=bucket)
    assert seen(LOGGING).settings == {}
    bedrock.put_model_invocation_logging_configuration(loggingConfig=LOGGED)
    before = seen(LOGGING)
    assert set(before.settings or ()) == {"configuration"}
    if changed is None:
        bedrock.delete_model_invocation_logging_configuration()
    else:
        bedrock.put_model_invocation_logging_configuration(loggingConfig=changed)
    there_and_back(BY_ID["aws.bedrock.restore-invocation-logging"], LOGGING, before)


def test_whose_access_key_it_is(iam: Any) -> None:
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    owner = AwsReader().owner(key)
    assert isinstance(owner, Identity)
    assert owner.name == "u"


@pytest.mark.usefixtures("iam")
@pytest.mark.parametrize("key", ["", "AKIAEXAMPLE", "ÄÖ" * 10, "x" * 129, "AKIA EXAMPLE 000000"])
def test_what_is_no_id_of_a_key_has_no_owner(key: str) -> None:
    assert AwsReader().owner(key) is Absence.NOT_KNOWN
