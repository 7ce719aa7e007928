"""The functions' handlers over moto: wired by their environment alone, batches that never fail for one message, refusals in words."""

import importlib
import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import boto3
import pytest

from ringfence import responding, wiring
from ringfence.clouds.aws import caller
from ringfence.clouds.aws.caller import Ballot, caller_of
from ringfence.domain.caller import Caller
from ringfence.domain.canonical import digest
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.errors import RefusedError, UpstreamError
from tests.support.aws import aws
from tests.support.cases import ROOT, event_file
from tests.support.stack import Stack
from tools.wrap_events import batch

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
VOTER = "arn:aws:iam::123456789012:user/sec"


def attach_event(event_id: str) -> dict[str, Any]:
    event = event_file("aws/cloudtrail/AttachRolePolicy.json")
    event["detail"] |= {"eventID": event_id, "eventTime": wiring.now().isoformat()}
    event["detail"]["requestParameters"] = {"roleName": "fraud-train", "policyArn": ADMIN}
    return dict(event)


def finding(role_id: str) -> dict[str, Any]:
    event = event_file("aws/guardduty/credential-exfiltration.json")
    event["detail"]["resource"]["accessKeyDetails"]["principalId"] = f"{role_id}:i-0"
    return dict(event)


def test_from_event_to_reversed_grant_to_notice(stack: Stack) -> None:
    stack.iam.attach_role_policy(RoleName="fraud-train", PolicyArn=ADMIN)
    assert stack.call("evaluate", batch(json.dumps(attach_event("e1")), 1)) == {"batchItemFailures": []}
    (job,) = stack.messages("JOBS_QUEUE")
    assert stack.call("respond", batch(job, 1)) == {"batchItemFailures": []}
    assert stack.iam.list_attached_role_policies(RoleName="fraud-train")["AttachedPolicies"] == []
    job_id = json.loads(job)["job"]
    stack.carry_out(job_id)
    found = wiring.store().job(job_id)
    assert found is not None
    assert found.state is JobState.DONE
    notices = stack.messages("NOTICES_QUEUE")
    assert [json.loads(n)["state"] for n in notices] == ["approved", "done"]
    topic = boto3.client("sns").create_topic(Name="alarms")["TopicArn"]
    os.environ["ALARM_TOPIC"] = topic
    assert stack.call("notify", batch(notices[1], 1)) == {"batchItemFailures": []}


def test_one_bad_message_never_takes_its_neighbours_along(stack: Stack) -> None:
    good, poison = batch(json.dumps(attach_event("e2")), 1), batch("not json", 2)
    broken = batch(json.dumps({"job": "ffffffffffffffff", "do": "apply"}), 3)
    records = {"Records": [*good["Records"], *poison["Records"]]}  # type: ignore[misc]  # batches hold lists
    assert stack.call("evaluate", records) == {"batchItemFailures": []}, "what is no event is judged malformed, not retried for ever"
    failed = stack.call("respond", broken)
    assert failed == {"batchItemFailures": [{"itemIdentifier": "00000000-0000-4000-9000-000000000003"}]}
    assert stack.call("respond", batch('{"job": "x", "plan": {}}', 4))["batchItemFailures"], "a plan is never taken from a message"


def test_votes_and_undo_go_by_who_sts_says_is_calling(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"good": Caller(VOTER)}
    for module in ("functions.approve.app", "functions.respond.app"):
        monkeypatch.setattr(importlib.import_module(module), "caller_of", lambda ballot, *_: said[ballot.proof])
    stack.call("evaluate", batch(json.dumps(finding(stack.role_id)), 1))
    (pending,) = wiring.store().jobs()
    assert pending.state is JobState.PENDING
    assert "error" in stack.call("approve", {"job": pending.id, "wish": "undo", "proof": "good"})
    for wish, state in (("stop", "stopped"), ("resume", "running")):
        assert stack.call("approve", {"job": "0", "wish": wish, "proof": "good"})["state"] == state
    assert "error" in stack.call("approve", {"job": pending.id, "approve": True})
    assert stack.call("approve", {"job": pending.id, "wish": "approve", "proof": "good"}) == {"job": pending.id, "state": "approved"}
    assert "error" in stack.call("approve", {"job": pending.id, "wish": "approve", "proof": "good"})
    stack.carry_out(pending.id)
    assert [p["PolicyName"] for p in stack.iam.list_attached_role_policies(RoleName="fraud-train")["AttachedPolicies"]] == ["quarantine"]
    undo = stack.call("respond", {"job": pending.id, "wish": "undo", "proof": "good"})
    assert (undo["state"], undo["call"]) == ("approved", None), "our own containment is respond's to take off"
    stack.carry_out(undo["job"])
    assert stack.iam.list_attached_role_policies(RoleName="fraud-train")["AttachedPolicies"] == []
    assert stack.call("respond", {"wish": "show", "job": undo["job"]})["state"] == "done"


def test_an_operator_makes_the_granting_call_between_intent_and_reading_back(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("functions.respond.app"), "caller_of", lambda *_: Caller(VOTER))
    stack.iam.attach_role_policy(RoleName="fraud-train", PolicyArn=ADMIN)
    stack.call("evaluate", batch(json.dumps(attach_event("e3")), 1))
    (job,) = [j.id for j in wiring.store().jobs()]
    stack.carry_out(job)
    asked = {"job": job, "wish": "undo", "proof": "p"}
    assert "critical" in stack.call("respond", asked)["error"], "what broke a critical guardrail is not given back without a reason"
    opened = stack.call("respond", {**asked, "override": "a false alarm"})
    assert opened["call"]["operation"] == "AttachRolePolicy"
    settle = {"job": opened["job"], "wish": "settle", "proof": "p", "step": 0, "reply": {"request_id": "x"}}
    assert "error" in stack.call("respond", {**settle, "step": 1})
    assert "error" in stack.call("respond", {**settle, "job": job})
    monkeypatch.setattr(importlib.import_module("functions.respond.app"), "caller_of", lambda *_: Caller(VOTER + "2"))
    assert "error" in stack.call("respond", settle), "who opened it has to close it"
    monkeypatch.setattr(importlib.import_module("functions.respond.app"), "caller_of", lambda *_: Caller(VOTER))
    lied = stack.call("respond", settle)
    assert lied["state"] == "verifying"
    for _ in range(3):
        stack.waited[0] += timedelta(minutes=5)
        stack.call("respond", batch(json.dumps({"job": opened["job"], "do": "verify"}), 1))
    assert stack.call("respond", {"wish": "show", "job": opened["job"]})["state"] == "not-contained", (
        "who says done without doing it is found out"
    )


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"wish": "undo"},
        {"wish": "settle", "job": "x", "reply": {}},
        {"wish": "show", "job": "x"},
        {"wish": "apply", "job": "x", "plan": {}},
        {"job": 7},
    ],
)
def test_what_an_operator_cannot_ask_is_refused_in_words(stack: Stack, event: dict[str, Any]) -> None:
    answer = stack.call("respond", event)
    assert answer["error"]
    assert answer["hint"]
    assert wiring.store().records() == ()


def test_a_reply_that_is_none_is_refused() -> None:
    with pytest.raises(RefusedError, match="none that is known"):
        responding._reply("yes")


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "https://[",
        "https://sts.s3.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-SignedHeaders=host;x-ringfence-wish&X-Amz-Expires=60",
        "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-SignedHeaders=host;x-ringfence-wish&X-Amz-Expires=\u00b2",
        "http://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-SignedHeaders=host;x-ringfence-wish&X-Amz-Expires=60",
        "https://sts.amazonaws.com.evil.example/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-SignedHeaders=host;x-ringfence-wish&X-Amz-Expires=60",
        "https://evil@198.51.100.1/?Action=GetCallerIdentity",
        "https://sts.amazonaws.com:8443/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-SignedHeaders=host;x-ringfence-wish&X-Amz-Expires=60",
        "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-SignedHeaders=host&X-Amz-Expires=60",
        "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-SignedHeaders=host;x-ringfence-wish&X-Amz-Expires=3600",
        "https://sts.amazonaws.com/?Action=AssumeRole&Version=2011-06-15&X-Amz-SignedHeaders=host;x-ringfence-wish&X-Amz-Expires=60",
        "https://sts.amazonaws.com/?Action=GetCallerIdentity&Action=AssumeRole&Version=2011-06-15&X-Amz-SignedHeaders=host;x-ringfence-wish&X-Amz-Expires=60",
        "https://sts.amazonaws.com/x?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-SignedHeaders=host;x-ringfence-wish&X-Amz-Expires=60",
    ],
)
def test_a_proof_of_another_form_is_never_sent_anywhere(proof: str) -> None:
    with pytest.raises(RefusedError):
        caller_of(Ballot("0" * 16, "approve", proof), "table", wiring.now())


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"job": "../x", "wish": "approve", "proof": ""},
        {"job": "00", "wish": "run", "proof": ""},
        {"job": "00", "wish": "deny", "proof": "x" * 9000},
    ],
)
def test_what_is_no_ballot_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="no signed request"):
        Ballot.of(event)


def test_a_signed_wish_is_of_the_form_that_is_taken() -> None:
    with aws(managed=False):
        ballot = caller.sign("0123456789abcdef", "approve", "table")
    caller._check(ballot.proof, wiring.now())
    with pytest.raises(RefusedError, match="bound to this wish"):
        caller._check(ballot.proof, wiring.now() + timedelta(seconds=62))
    assert ballot.header("table") == "0123456789abcdef approve table"


@pytest.mark.parametrize(
    ("body", "arn"),
    [
        (
            f"<R xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><G><UserId>AROAEXAMPLE:ana</UserId><Arn>{VOTER}</Arn></G></R>".encode(),
            VOTER,
        ),
        (b"<R/>", None),
        (b"<", None),
    ],
)
def test_the_reply_of_sts_names_the_caller_or_nobody(body: bytes, arn: str | None) -> None:
    if arn:
        assert caller._caller(body) == Caller(arn, "AROAEXAMPLE")
    else:
        with pytest.raises(UpstreamError):
            caller._caller(body)


def test_a_quiet_event_imports_no_aws_client_and_evaluate_makes_none() -> None:
    code = (
        "import sys, app; "
        "assert not {'boto3', 'botocore.session', 'pydantic', 'yaml', 'click'} & sys.modules.keys(), 'imported too early'; "
        "import json; from tools.wrap_events import batch; "
        "app.handler(batch(open(sys.argv[1]).read(), 1), None); "
        "assert 'boto3' not in sys.modules, 'a quiet event made a client'; print('fine')"
    )
    env = os.environ | {
        "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions/evaluate'}:{ROOT}",
        "POWERTOOLS_METRICS_NAMESPACE": "Ringfence",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, ROOT / "events/aws/cloudtrail/CreateTrainingJob.json"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith("fine\n"), done.stderr


def test_the_sweep_sends_again_buries_the_dead_and_counts_the_account(stack: Stack) -> None:
    dead = [stack.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("events-dead", "jobs-dead")]
    os.environ["DEAD_LETTERS"] = ",".join(dead)
    stack.iam.attach_role_policy(RoleName="fraud-train", PolicyArn=ADMIN)
    stack.call("evaluate", batch(json.dumps(attach_event("e1")), 1))
    stack.messages("JOBS_QUEUE")  # lost
    (lost,) = wiring.store().jobs()
    nothing = dict.fromkeys(("ToldAgain", "TakenUp", "Searched", "DeadLetters"), 0)
    assert stack.call("review", {}) == {**nothing, "Censuses": 1, "Loaded": 1, "Sealing": 1, "Canaries": 1}
    stack.waited[0] += timedelta(minutes=6)  # by then the queue does not take the message for a duplicate any more
    assert stack.call("review", {})["TakenUp"] == 1
    stack.sqs.send_message(QueueUrl=dead[0], MessageBody=json.dumps(attach_event("e2")))
    stack.sqs.send_message(QueueUrl=dead[0], MessageBody="not json")
    for body in ({"job": lost.id, "do": "apply"}, {"job": "ffff", "do": "apply"}):
        stack.sqs.send_message(QueueUrl=dead[1], MessageBody=json.dumps(body))
    assert stack.call("review", {})["DeadLetters"] == 4
    assert sorted(job.state for job in wiring.store().jobs()) == [JobState.FAILED, JobState.FOR_A_PERSON, JobState.FOR_A_PERSON]
    assert stack.call("review", {})["DeadLetters"] == 0
    census = wiring.store().census()
    assert census is not None
    assert (census.identities, census.matching) == (0, {}), "everybody is younger than a day"


def test_one_dead_letter_that_cannot_be_buried_does_not_keep_the_others_from_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = stack.sqs.create_queue(QueueName="events-dead")["QueueUrl"]
    os.environ["DEAD_LETTERS"] = f"https://sqs.us-east-1.amazonaws.com/123456789012/nowhere,{dead}"
    for body in ("poison", "mute", json.dumps(attach_event("e2"))):
        stack.sqs.send_message(QueueUrl=dead, MessageBody=body)

    def read_event(body: str) -> object:
        if body == "poison":
            raise RuntimeError("a defect of ours")
        if body == "mute":
            raise UpstreamError("the table does not answer")
        return json.loads(body)

    monkeypatch.setattr("ringfence.chores.read_event", read_event)
    with pytest.raises(UpstreamError, match="DeadLetters failed"):
        stack.call("review", {})
    reasons = {job.event_key: job.reason for job in wiring.store().jobs()}
    assert reasons.keys() == {f"other:dead:{digest('poison')}", "aws.cloudtrail:e2"}
    assert "cannot be read even now" in reasons[f"other:dead:{digest('poison')}"]
    stack.waited[0] += timedelta(minutes=2)
    left = stack.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]
    assert int(left["ApproximateNumberOfMessagesNotVisible"]) == 1, "what could not be recorded stays"


def test_one_chore_that_fails_does_not_keep_the_others_from_being_done(stack: Stack) -> None:
    os.environ["DEAD_LETTERS"] = "https://sqs.us-east-1.amazonaws.com/123456789012/nowhere"
    with pytest.raises(UpstreamError, match="DeadLetters failed"):
        stack.call("review", {})
    assert wiring.store().census() is not None


@pytest.mark.parametrize(
    ("failures", "slept", "raises"), [(0, [], False), (1, [1.0], False), (2, [1.0, 4.0], False), (3, [1.0, 4.0], True)]
)
def test_what_the_cloud_does_not_answer_is_done_again_a_little_later(failures: int, slept: list[float], raises: bool) -> None:
    pauses: list[float] = []
    left = [failures]

    def do() -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise UpstreamError("no answer")
        return "done"

    if raises:
        with pytest.raises(UpstreamError):
            responding.patiently(do, sleep=pauses.append)
    else:
        assert responding.patiently(do, sleep=pauses.append) == "done"
    assert pauses == slept


def test_with_each_census_it_is_remembered_how_things_are_and_looked_who_has_no_mfa(stack: Stack) -> None:
    boto3.client("s3").create_bucket(Bucket="trail-logs-example")
    cloudtrail = boto3.client("cloudtrail")
    trail = cloudtrail.create_trail(Name="main", S3BucketName="trail-logs-example")["TrailARN"]
    stack.iam.create_user(UserName="scientist")
    stack.iam.create_login_profile(UserName="scientist", Password="Ex4mple-only!")  # noqa: S106 - nobody's
    stack.iam.attach_user_policy(UserName="scientist", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    stack.waited[0] += timedelta(hours=25)  # the days of grace are over
    assert stack.call("review", {})["Censuses"] == 1
    (asked,) = [job for job in wiring.store().jobs() if job.guardrail == "aws-human-without-mfa"]
    assert (asked.plan.target.name, asked.state) == ("scientist", JobState.PENDING)
    role = wiring.store().before(Identity.of(Kind.ROLE, "fraud-train", "123456789012", unique_id=stack.role_id))
    assert role is not None
    assert role.trust is not None
    target = Identity.thing(Kind.TRAIL, trail)
    assert target is not None
    assert wiring.store().before(target) is None, "a trail that does not log is nothing to go back to"
    cloudtrail.start_logging(Name="main")
    stack.waited[0] += timedelta(hours=7)
    assert stack.call("review", {})["Censuses"] == 1
    remembered = wiring.store().before(target)
    assert remembered is not None
    boto3.client("s3").create_bucket(Bucket="elsewhere-example")
    cloudtrail.update_trail(Name="main", S3BucketName="elsewhere-example")
    stack.waited[0] += timedelta(hours=7)
    assert stack.call("review", {})["Censuses"] == 1
    assert wiring.store().before(target) == remembered, "what differs is no census's to call fine"


def test_what_cannot_be_remembered_keeps_nobody_from_being_looked_at(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise UpstreamError("a region does not answer")

    monkeypatch.setattr("ringfence.look_after.remember", refused)
    stack.iam.create_user(UserName="scientist")
    stack.iam.create_login_profile(UserName="scientist", Password="Ex4mple-only!")  # noqa: S106 - nobody's
    stack.iam.attach_user_policy(UserName="scientist", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    stack.waited[0] += timedelta(hours=25)
    with pytest.raises(UpstreamError, match="Censuses failed"):
        stack.call("review", {})
    assert [job.plan.target.name for job in wiring.store().jobs() if job.guardrail == "aws-human-without-mfa"] == ["scientist"]
