"""Every feed and shape; odd, missing and hostile fields; nothing that is sent in can make parsing raise."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.domain.event import Event, Outcome, Source
from ringfence.domain.identity import Kind
from ringfence.domain.raw import moment
from ringfence.sources import normalise
from tests.support.cases import EVENTS, event_file

FILES = sorted(str(p.relative_to(EVENTS)) for p in EVENTS.rglob("*.json"))
BY_FOLDER = {
    "cloudtrail": Source.CLOUDTRAIL,
    "signin": Source.SIGNIN,
    "guardduty": Source.GUARDDUTY,
    "security_hub": Source.SECURITY_HUB,
    "audit_log": Source.GCP_AUDIT,
    "scc": Source.GCP_SCC,
    "recommender": Source.OTHER,
    "health": Source.HEALTH,
    "access_analyzer": Source.ACCESS_ANALYZER,
}


def one(raw: object) -> Event:
    (event,) = normalise(raw)
    return event


@pytest.mark.parametrize("name", FILES)
def test_every_sample_event_is_of_its_feed(name: str) -> None:
    raw = event_file(name)
    for record in raw.get("Records", [raw]):
        for event in normalise(record):
            assert event.source is BY_FOLDER[name.split("/")[1]]
            assert event.name or event.set_aside


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (None, Outcome.MALFORMED),
        ({}, Outcome.MALFORMED),
        ([], Outcome.MALFORMED),
        ("AttachRolePolicy", Outcome.MALFORMED),
        (42, Outcome.MALFORMED),
        ([1], Outcome.MALFORMED),
        ({"hello": "world"}, Outcome.UNSUPPORTED),
        ({"detail-type": "x", "detail": {}}, Outcome.UNSUPPORTED),
        ({"source": ["aws.guardduty"], "detail-type": ["GuardDuty Finding"]}, Outcome.UNSUPPORTED),
        ({"eventName": "AttachRolePolicy"}, Outcome.UNSUPPORTED),
        (
            {"source": "aws.health", "detail-type": "AWS Health Event", "detail": {"eventTypeCode": "AWS_EC2_OPERATIONAL_ISSUE"}},
            Outcome.UNSUPPORTED,
        ),
        (
            {"source": "aws.access-analyzer", "detail-type": "Access Analyzer Finding", "detail": {"status": "ACTIVE", "id": "f"}},
            Outcome.UNSUPPORTED,
        ),
        (
            {"source": "aws.access-analyzer", "detail-type": "Access Analyzer Finding", "detail": {"status": "RESOLVED", "id": "f"}},
            Outcome.IGNORED,
        ),
        ({"findingType": "ExternalAccess", "resourceType": "AWS::S3::Bucket", "status": "ACTIVE"}, Outcome.UNSUPPORTED),
        ({"schemaType": "ModelInvocationLog", "modelId": "m", "operation": "Converse"}, Outcome.UNSUPPORTED),
        ({"protoPayload": {"methodName": "SetIamPolicy", "status": {"code": 7}}}, Outcome.IGNORED),
        ({"finding": {"category": "X", "state": "INACTIVE"}}, Outcome.IGNORED),
        ({"finding": {"category": "X", "mute": "MUTED"}}, Outcome.IGNORED),
        ({"finding": {"category": "X", "securityMarks": {"marks": {"sra-remediated-event-time": "t"}}}}, Outcome.IGNORED),
        ({"jsonPayload": {"x": 1}, "logName": "projects/p/logs/threatdetection.googleapis.com%2Fdetection"}, Outcome.UNSUPPORTED),
    ],
)
def test_what_is_not_judged_says_so(raw: object, outcome: Outcome) -> None:
    event = one(raw)
    assert event.set_aside is not None
    assert event.set_aside.outcome is outcome
    assert event.set_aside.reason


def test_a_failed_call_is_ignored_as_a_denied_attempt() -> None:
    event = one(event_file("aws/cloudtrail/AttachRolePolicy-denied.json"))
    assert event.set_aside is not None
    assert event.set_aside.outcome is Outcome.IGNORED
    assert "denied attempt" in event.set_aside.reason
    assert event.subject is None


def test_a_failed_sign_in_is_ignored_though_it_names_nobody() -> None:
    event = one(event_file("aws/signin/ConsoleLogin-failure.json"))
    assert event.set_aside is not None
    assert event.set_aside.outcome is Outcome.IGNORED


def test_an_anonymised_record_without_ids_is_still_an_event() -> None:
    event = one(event_file("aws/cloudtrail/AttachRolePolicy-bare.json"))
    assert event.set_aside is None
    assert event.id == ""
    assert event.subject is not None
    assert event.subject.name == "fraud-train-nightly"


def test_the_records_of_a_delivery_file() -> None:
    first, second = event_file("aws/cloudtrail/delivery.json")["Records"]
    assert (one(first).name, one(second).name) == ("ListRoles", "GetRole")


def test_bare_and_enveloped_records_are_the_same_event() -> None:
    enveloped = event_file("aws/cloudtrail/AttachRolePolicy.json")
    assert one(enveloped) == one(enveloped["detail"])


def test_a_session_is_resolved_to_its_role_with_its_path() -> None:
    event = one(event_file("aws/signin/ConsoleLogin-federated.json"))
    assert event.actor is not None
    assert event.actor.identity is not None
    assert (
        event.actor.identity.arn
        == "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_DataScientist_0123456789abcdef"
    )
    assert event.actor.identity.unique_id == "AROAEXAMPLEAWSRES"


IDENTITIES: list[tuple[Any, Kind | None, str | None]] = [
    ({"type": "Root", "arn": "arn:aws:iam::123456789012:root", "accountId": "123456789012"}, Kind.ROOT, "arn:aws:iam::123456789012:root"),
    (
        {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/a/ana", "principalId": "AIDA1"},
        Kind.USER,
        "arn:aws:iam::123456789012:user/a/ana",
    ),
    ({"type": "IAMUser", "userName": "ana", "accountId": "123456789012"}, Kind.USER, "arn:aws:iam::123456789012:user/ana"),
    ({"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/r/s"}, Kind.ROLE, "arn:aws:sts::123456789012:assumed-role/r/s"),
    (
        {"type": "FederatedUser", "arn": "arn:aws:sts::123456789012:federated-user/x"},
        Kind.OUTSIDE,
        "arn:aws:sts::123456789012:federated-user/x",
    ),
    ({"type": "AWSService", "invokedBy": "sagemaker.amazonaws.com"}, None, "sagemaker.amazonaws.com"),
    ({"type": "AWSAccount", "accountId": "210987654321", "principalId": "AROAX:s"}, None, "AROAX:s"),
    ({"type": "IdentityCenterUser", "accountId": "123456789012"}, None, None),
    ({"type": "WebIdentityUser", "userName": "sub"}, None, "sub"),
    ({"type": "SAMLUser", "principalId": "x"}, None, "x"),
    ({"type": "Unknown"}, None, None),
    ("root", None, None),
    (None, None, None),
]


@pytest.mark.parametrize(("who", "kind", "display"), IDENTITIES)
def test_every_type_of_user_identity(who: Any, kind: Kind | None, display: str | None) -> None:
    event = one({"eventSource": "iam.amazonaws.com", "eventName": "ListRoles", "userIdentity": who})
    found = event.actor.identity if event.actor else None
    assert (found.kind if found else None) == kind
    assert (event.actor.display if event.actor else None) == display


def test_the_partition_comes_from_the_arn() -> None:
    raw = event_file("aws/cloudtrail/AttachRolePolicy.json")["detail"]
    raw["userIdentity"]["arn"] = "arn:aws-cn:iam::123456789012:user/ana"
    event = one(raw)
    assert event.subject is not None
    assert event.subject.arn.startswith("arn:aws-cn:iam::")


def test_guardduty_in_its_four_shapes_names_the_same_role() -> None:
    camel = event_file("aws/guardduty/credential-exfiltration.json")
    pascal = event_file("aws/guardduty/credential-exfiltration-pascal-case.json")
    hub = event_file("aws/security_hub/findings.json")
    found = [one(camel), one(camel["detail"]), one(pascal), one(pascal["detail"]), normalise(hub)[0], one(hub["detail"]["findings"][0])]
    assert {e.name for e in found} == {"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"}
    assert {(e.subject.arn, e.subject.unique_id) for e in found if e.subject} == {
        ("arn:aws:iam::123456789012:role/fraud-train", "AROAEXAMPLEFRAUDT")
    }
    assert {e.parameters["severity"] for e in found} == {8.0}
    assert [e.source for e in found[-2:]] == [Source.SECURITY_HUB] * 2


def test_several_findings_in_one_envelope_are_several_events() -> None:
    judged, handled, other = normalise(event_file("aws/security_hub/findings.json"))
    assert judged.set_aside is None
    assert handled.set_aside is not None
    assert handled.set_aside.outcome is Outcome.IGNORED
    assert other.set_aside is not None
    assert other.set_aside.outcome is Outcome.UNSUPPORTED


@pytest.mark.parametrize(
    "change", [{"Sample": True}, {"Title": "[SAMPLE] x"}, {"RecordState": "ARCHIVED"}, {"Workflow": {"Status": "SUPPRESSED"}}]
)
def test_handled_security_hub_findings_are_ignored(change: dict[str, Any]) -> None:
    finding = event_file("aws/security_hub/findings.json")["detail"]["findings"][0] | change
    event = one(finding)
    assert event.set_aside is not None
    assert event.set_aside.outcome is Outcome.IGNORED


def test_a_normalised_severity_is_scaled_and_a_hole_in_the_list_is_malformed() -> None:
    finding = event_file("aws/security_hub/findings.json")["detail"]["findings"][0]
    finding["Severity"] = {"Normalized": 70}
    assert one(finding).parameters["severity"] == 7.0
    first, second = normalise(
        {"detail-type": "Security Hub Findings - Imported", "source": "aws.securityhub", "detail": {"findings": [finding, 7]}}
    )
    assert first.set_aside is None
    assert second.set_aside is not None
    assert second.set_aside.outcome is Outcome.MALFORMED


@pytest.mark.parametrize(("kind", "name"), [("IAMUser", Kind.USER), ("AssumedRole", Kind.ROLE), ("Other", None)])
def test_the_actor_of_an_attack_sequence(kind: str, name: Kind | None) -> None:
    actors = [{"user": {"name": "eve", "type": kind, "uid": "AIDA1:x"}}]
    raw = {
        "type": "AttackSequence:IAM/CompromisedCredentials",
        "accountId": "123456789012",
        "service": {"detection": {"sequence": {"actors": actors}}},
    }
    found = one(raw).subject
    assert (found.kind if found else None) == name


def test_root_credentials_are_the_root_users() -> None:
    raw = {
        "type": "Policy:IAMUser/RootCredentialUsage",
        "accountId": "123456789012",
        "resource": {"accessKeyDetails": {"userType": "Root", "userName": "Root"}},
        "service": {},
    }
    found = one(raw).subject
    assert found is not None
    assert found.kind is Kind.ROOT


def test_a_finding_without_a_type_is_unsupported() -> None:
    event = one({"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {"id": "x"}})
    assert event.set_aside is not None
    assert event.set_aside.outcome is Outcome.UNSUPPORTED


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-02T09:00:00Z", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T10:00:00+01:00", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T09:00:00", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (5, None),
        (None, None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_times(text: object, time: datetime | None) -> None:
    assert moment(text) == time


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=12), children, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A real shape with some of its values swapped for anything."""
    raw = event_file(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = raw
        while isinstance(place, (dict, list)) and place:
            key = draw(st.sampled_from(sorted(place))) if isinstance(place, dict) else draw(st.integers(0, len(place) - 1))
            if draw(st.booleans()) or not isinstance(place[key], (dict, list)):
                place[key] = draw(JSON)
                break
            place = place[key]
    return raw


@given(mutated() | JSON)
@settings(max_examples=500, deadline=None)
def test_nothing_that_is_sent_in_raises(raw: Any) -> None:
    for event in normalise(raw):
        assert isinstance(event, Event)
        json.dumps(event.set_aside.reason if event.set_aside else event.name)
