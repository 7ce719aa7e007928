"""16: whatever of the acts is not on the trail, and whatever on the trail was not done, is listed - and nothing else."""

import copy
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from ringfence.domain.event import Event
from ringfence.domain.plan import Call
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.own_acts import small
from ringfence.engine.steps import by_hash
from ringfence.engine.trail.reconcile import LATE, reconcile
from ringfence.sources import normalise
from tests.support.cases import event_file
from tests.support.scale import cases

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
WRITER = "arn:aws:iam::123456789012:role/ringfence/ringfence-RespondRole-A1B2"
CALLS = ("DetachRolePolicy", "AttachRolePolicy", "DeleteRolePolicy")


def act(number: int, operation: str, role: str, *, time: datetime, request: str, job: str, who: str = WRITER) -> dict[str, Any]:
    """Give what CloudTrail writes about one call."""
    event = copy.deepcopy(event_file("aws/cloudtrail/AttachRolePolicy.json"))["detail"]
    name = who.rpartition("/")[2]
    issuer = {"type": "Role", "principalId": "AROAEXAMPLE", "arn": who, "accountId": "123456789012", "userName": name}
    session = f"arn:aws:sts::123456789012:assumed-role/{name}/respond"
    who_did = {"type": "AssumedRole", "principalId": "AROAEXAMPLE:respond", "arn": session, "accountId": "123456789012"}
    parameters = {"roleName": role, "policyArn" if operation != "DeleteRolePolicy" else "policyName": f"p{number}"}
    return {
        **event,
        "userIdentity": {**who_did, "sessionContext": {"sessionIssuer": issuer}},
        "eventName": operation,
        "eventTime": time.isoformat().replace("+00:00", "Z"),
        "eventID": f"event-{number}-{request}",
        "requestID": request,
        "requestParameters": parameters,
        "userAgent": f"Boto3/1.43 ringfence-job/{job}" if job else "aws-cli/2",
    }


def told(number: int, operation: str, role: str, *, time: datetime, request: str, job: str) -> list[Record]:
    """Give the intent and the outcome of one call; a lost reply names no request."""
    call = {
        "service": "iam",
        "operation": operation,
        "parameters": {"RoleName": role, "PolicyArn" if operation != "DeleteRolePolicy" else "PolicyName": f"p{number}"},
    }

    def one(kind: RecordKind, seconds: int, **data: object) -> Record:
        return Record(
            id=f"{job}.{kind}.0",
            kind=kind,
            time=time + timedelta(seconds=seconds),
            job=job,
            event_key="",
            guardrail="g",
            identity=f"arn:aws:iam::123456789012:role/{role}",
            unique_id=None,
            config_hash="c",
            step=0,
            steps=1,
            data=data,
        )

    return [
        one(RecordKind.INTENT, 0, call=call),
        one(RecordKind.OUTCOME, 2, call=call, request_id=request, changed="true" if request else "maybe"),
    ]


def events(made: list[dict[str, Any]]) -> list[Event]:
    return [event for raw in made for event in normalise(raw)]


def test_16_everything_without_a_counterpart_is_listed_and_nothing_else() -> None:
    rnd, kinds = random.Random(16), set[str]()  # noqa: S311 - no secret
    for _ in range(cases(1000)):
        made: list[dict[str, Any]] = []
        records: list[Record] = []
        unrecorded, unmade, paired = set[str](), set[str](), 0
        for number in range(rnd.randrange(1, 12)):
            kind = rnd.choice(
                ("well", "lost reply", "repeated", "vanished", "stolen", "stolen with a mark", "not made", "somebody else", "refused")
            )
            kinds.add(kind)
            operation, role, job, request = rnd.choice(CALLS), f"role-{number % 3}", f"{number:016x}", f"request-{number}"
            time = BEGIN + timedelta(minutes=number * 11, seconds=rnd.randrange(60))
            one = act(number, operation, role, time=time + timedelta(seconds=1), request=request, job=job)
            both = told(number, operation, role, time=time, request="" if kind == "lost reply" else request, job=job)
            if kind in ("well", "lost reply", "repeated"):
                made.append(one)
                records += both
                paired += 1
            if kind == "repeated":  # the client asked twice, and CloudTrail has both
                made.append(act(number, operation, role, time=time + timedelta(seconds=2), request=f"{request}-b", job=job))
                paired += 1
            if kind == "vanished":
                made.append(one)
                unrecorded.add(request)
            if kind == "stolen":
                made.append(act(number, operation, role, time=time, request=request, job=""))
                unrecorded.add(request)
            if kind == "stolen with a mark":  # of a job that did something else, or the same an hour before
                records += told(number, operation, role, time=time - timedelta(hours=1), request="", job=job)
                made.append(one)
                unrecorded.add(request)
            if kind == "not made":
                records += both
                unmade.add(request)
            if kind == "somebody else":
                made.append(act(number, operation, role, time=time, request=request, job="", who="arn:aws:iam::123456789012:role/admin"))
            if kind == "refused":
                made.append(one | {"errorCode": "AccessDenied"})
        rnd.shuffle(made)
        found = reconcile(events(made), records, BEGIN + timedelta(days=1), since=BEGIN - timedelta(hours=2))
        assert {a.request_id for a in found.unrecorded} == unrecorded
        assert {a.request_id for a in found.unmade} == unmade
        assert found.paired == paired
    assert len(kinds) == 9


def test_what_cloudtrail_may_yet_deliver_is_not_missing() -> None:
    records = told(1, "DetachRolePolicy", "role", time=BEGIN, request="r", job="0" * 16)
    assert reconcile([], records, BEGIN + LATE, since=BEGIN).unmade == ()
    (missing,) = reconcile([], records, BEGIN + LATE + timedelta(seconds=1), since=BEGIN).unmade
    assert (missing.call, missing.on, missing.record) == ("DetachRolePolicy", "arn:aws:iam::123456789012:role/role", records[0].id)
    assert reconcile([], records, BEGIN + timedelta(days=1), since=BEGIN + timedelta(seconds=1)).unmade == ()


def test_a_record_that_cannot_be_read_explains_nothing() -> None:
    (intent, _) = told(1, "DetachRolePolicy", "role", time=BEGIN, request="r", job="0" * 16)
    spoilt = [
        Record(**{**{f: getattr(intent, f) for f in intent.__struct_fields__}, "data": data})
        for data in ({}, {"call": 7}, {"call": {"parameters": 7}})
    ]
    made = events([act(1, "DetachRolePolicy", "role", time=BEGIN, request="r", job="0" * 16)])
    for record in spoilt:
        assert len(reconcile(made, [record], BEGIN).unrecorded) == 1


LONG_AFTER = BEGIN + timedelta(days=1)
ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
DENY = ALLOW.replace("Allow", "Deny")


def with_document(said: object, made: str, minutes: float = 0.1, changed: str = "true", *, closed: bool = True) -> tuple[int, int]:
    """One intent to put a policy, and one call; give how many were paired, and how many were not recorded."""
    intent, outcome = told(1, "PutRolePolicy", "r", time=BEGIN, request="", job="0" * 16)
    call = {"service": "iam", "operation": "PutRolePolicy", "parameters": {"RoleName": "r", "PolicyName": "p", "PolicyDocument": said}}
    both = [msgspec.structs.replace(r, data={**r.data, "call": call, "changed": changed}) for r in (intent, outcome)]
    event = act(1, "PutRolePolicy", "r", time=BEGIN + timedelta(minutes=minutes), request="x", job="0" * 16)
    event["requestParameters"] = {"roleName": "r", "policyName": "p", "policyDocument": made}
    found = reconcile(events([event]), both if closed else both[:1], LONG_AFTER)
    return found.paired, len(found.unrecorded)


def test_a_mark_explains_only_what_was_meant() -> None:
    by_digest = by_hash(Call("iam", "PutRolePolicy", {"PolicyDocument": DENY + " " * 1000})).get("parameters", {})["PolicyDocument"]
    assert with_document(DENY, DENY.replace(":", ": ")) == (1, 0), "spelt in another way"
    assert with_document(by_digest, DENY) == (1, 0)
    assert with_document(DENY, ALLOW) == with_document(by_digest, ALLOW) == (0, 1), "another document"
    assert with_document(DENY, DENY, changed="false") == (0, 1), "the trail says that it was refused"
    assert with_document(DENY, DENY, minutes=19, closed=False) == (1, 0)
    assert with_document(DENY, DENY, minutes=21, closed=False) == (0, 1), "no call takes that long"


def test_names_within_a_parameter_are_written_small_too() -> None:
    selectors = [{"ReadWriteType": "All", "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::b/"]}]}]
    intent, outcome = told(1, "PutEventSelectors", "r", time=BEGIN, request="r", job="0" * 16)
    call = {"service": "cloudtrail", "operation": "PutEventSelectors", "parameters": {"TrailName": "t", "EventSelectors": selectors}}
    both = [msgspec.structs.replace(r, data={**r.data, "call": call}) for r in (intent, outcome)]
    event = act(1, "PutEventSelectors", "r", time=BEGIN, request="r", job="0" * 16) | {"eventSource": "cloudtrail.amazonaws.com"}
    event["requestParameters"] = {"trailName": "t", "eventSelectors": small(selectors)}
    assert reconcile(events([event]), both, LONG_AFTER).paired == 1


def test_what_an_operator_put_back_with_their_own_credentials_is_not_missed() -> None:
    intent, outcome = told(1, "AttachRolePolicy", "r", time=BEGIN, request="theirs", job="0" * 16)
    asked = msgspec.structs.replace(intent, id="u", kind=RecordKind.UNDO_REQUESTED, data={"of": "x"})
    plan = msgspec.structs.replace(intent, id="d", kind=RecordKind.DECISION, data={"plan": {"steps": [{"class": "reversal"}]}})
    assert reconcile([], [plan, asked, intent, outcome], LONG_AFTER, since=BEGIN).unmade == ()
    assert len(reconcile([], [plan, intent, outcome], LONG_AFTER, since=BEGIN).unmade) == 1


def test_only_what_both_sides_reach_is_compared() -> None:
    records = told(1, "DetachRolePolicy", "r", time=BEGIN, request="r", job="0" * 16)
    later = events([act(2, "DetachRolePolicy", "r", time=BEGIN + timedelta(days=9), request="later", job="")])
    assert reconcile(later, records, LONG_AFTER).unmade == (), "the files begin after it"
    assert len(reconcile(later, records, LONG_AFTER).unrecorded) == 1
    assert reconcile(later, records, LONG_AFTER, until=BEGIN).unrecorded == (), "the trail ends before it"
    assert reconcile([], records, LONG_AFTER, since=BEGIN, complete=False).unmade == ()
    elsewhere = events(
        [
            act(3, "DetachRolePolicy", "r", time=BEGIN, request="z", job="", who=WRITER.replace("123456789012", "210987654321"))
            | {"recipientAccountId": "210987654321"}
        ]
    )
    assert reconcile(elsewhere, records, LONG_AFTER).unrecorded == (), "another account has its own trail"
