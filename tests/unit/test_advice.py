"""Unsupported is an answer: each type of identity that IAM cannot change here has a typed outcome, the right place to act, and a page."""

import botocore.session
import pytest
from botocore import xform_name

from ringfence.actions import ACTIONS
from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.arn import parse_arn
from ringfence.domain.event import Actor, Event, Outcome, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.domain.plan import Call
from ringfence.engine.advice import ELSEWHERE, SUPPORTED, by_hand, elsewhere, outside
from ringfence.engine.judgement import Judgement
from ringfence.engine.protect import protected
from tests.support.cases import settings_of
from tests.support.desk import decide
from tests.support.jobs import NOW

# CloudTrail User Guide, "CloudTrail userIdentity element": every value of `type`.
TYPES = (
    "Root", "IAMUser", "AssumedRole", "Role", "FederatedUser", "Directory", "AWSAccount", "AWSService", "Unknown", "IdentityCenterUser",
    "SAMLUser", "WebIdentityUser",
)  # fmt: skip


def decided(user_type: str, *, as_actor: bool = False) -> tuple[JobState, MemoryQueue]:
    store, queue = MemoryStore(), MemoryQueue()
    actor = Actor(display=None, type=user_type) if as_actor else None
    event = Event(source=Source.GUARDDUTY, name="X", id="e", time=NOW, actor=actor, parameters={} if as_actor else {"user_type": user_type})
    judgement = Judgement(event=event, outcome=Outcome.NEEDS_STATE, reason="it does not name an identity")
    (job,) = decide(judgement, settings_of(None), store, queue, NOW)
    return job.state, queue


@pytest.mark.parametrize("user_type", TYPES)
@pytest.mark.parametrize("as_actor", [True, False])
def test_every_type_has_its_outcome(user_type: str, as_actor: bool) -> None:
    state, queue = decided(user_type, as_actor=as_actor)
    if user_type in SUPPORTED:
        assert state is JobState.FOR_A_PERSON
        assert elsewhere(user_type) == ""
    else:
        assert state is JobState.UNSUPPORTED
        assert ELSEWHERE[user_type] in queue.notices[0].text
        assert queue.notices[0].page


def test_a_type_that_nobody_knows_is_unknown() -> None:
    assert elsewhere("Martian") == ELSEWHERE["Unknown"]
    assert elsewhere("") == ""


def test_every_advice_is_reached() -> None:
    assert ELSEWHERE.keys() | SUPPORTED == set(TYPES)


@pytest.mark.parametrize(
    ("arn", "word"),
    [
        ("arn:aws:sts::123456789012:federated-user/x", "who issued it"),
        ("arn:aws:iam::123456789012:saml-provider/x", "SAML provider"),
        ("arn:aws:iam::123456789012:oidc-provider/x", "web identity provider"),
        ("arn:aws:identitystore:::user/x", "Identity Center"),
        ("arn:aws:iam::123456789012:instance-profile/x", "own directory or account"),
    ],
)
def test_where_to_act_follows_from_the_arn(arn: str, word: str) -> None:
    parsed = parse_arn(arn)
    assert parsed is not None
    assert word in outside(parsed)
    assert word in (protected(Identity(Kind.OUTSIDE, arn, "x", "123456789012"), settings_of(None), None) or "")


@pytest.mark.parametrize(("account", "word"), [("210987654321", "another account"), ("123456789012", None)])
def test_who_belongs_to_another_account_is_out_of_reach(account: str, word: str | None) -> None:
    for kind in (Kind.USER, Kind.ROLE, Kind.GROUP):
        found = protected(Identity.of(kind, "x", account, unique_id="X"), settings_of(None), None)
        assert found is None if word is None else word in (found or "")


def test_switches_parts_and_regions_are_written_as_the_aws_cli_takes_them() -> None:
    call = Call("cloudtrail", "UpdateTrail", {"Name": "main", "IsMultiRegionTrail": True, "EnableLogFileValidation": False}, "us-east-1")
    assert (
        by_hand(call)
        == "aws cloudtrail update-trail --name main --is-multi-region-trail --no-enable-log-file-validation --region us-east-1"
    )
    assert by_hand(Call("bedrock", "Put", {"loggingConfig": {"a": 1}})) == """aws bedrock put --logging-config '{"a": 1}'"""


def test_the_command_by_hand_is_the_one_of_the_aws_cli() -> None:
    """The AWS CLI names operations and parameters by botocore's own rule."""
    session = botocore.session.get_session()
    for permission in {p.action for action in ACTIONS if action.cloud == "aws" for p in action.writes} - {"iam:PassRole"}:
        service, _, operation = permission.partition(":")
        model = session.get_service_model(service)
        shape = model.operation_model(operation).input_shape
        assert shape is not None
        members = list(shape.members)
        words = by_hand(Call(service, operation, dict.fromkeys(members, "v"))).split()
        assert words[:3] == ["aws", service, xform_name(operation, "-")]
        assert words[3::2] == [f"--{xform_name(name, '-')}" for name in members]
    assert (
        by_hand(Call("iam", "PutRolePolicy", {"PolicyDocument": '{"a": 1}'})) == """aws iam put-role-policy --policy-document '{"a": 1}'"""
    )
