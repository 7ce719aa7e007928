"""The product as deployed: `sam build`'s output, unchanged, in a local AWS that enforces IAM on the functions' own roles.

An ordinary IAM call and nothing else sets everything off. What is not AWS here: delivery takes milliseconds, IAM is consistent at once.
"""

import json
import os
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.e2e.local import ACCOUNT, ADMIN, AWS_MANAGED, STACK, TOOLS, Box, spoiled, until
from tests.support.cases import ROOT, event_file
from tools.wrap_events import main as wrap_events

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def test_an_administrator_policy_on_an_ai_role_is_removed(box: Box) -> None:
    box.role("fraud-train", "sagemaker.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-train", PolicyArn=ADMIN)
    cold = until(lambda: ADMIN not in box.attached("fraud-train"), "AdministratorAccess is removed")
    box.role("fraud-serve", "sagemaker.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-serve", PolicyArn=ADMIN)
    warm = until(lambda: ADMIN not in box.attached("fraud-serve"), "AdministratorAccess is removed")
    print("\n" + json.dumps({"benchmark": "attach to removed, local AWS", "cold_seconds": round(cold, 2), "warm_seconds": round(warm, 2)}))
    job = box.job_of("fraud-train", "done")
    kinds = [r["kind"] for r in box.ringfence("trail", "list", "--job", job["id"])]
    assert sorted(kinds) == ["closed", "decision", "intent", "outcome", "verify"]


def test_everything_on_everything_inline_is_removed(box: Box) -> None:
    box.role("fraud-agent", "bedrock-agentcore.amazonaws.com")
    box.iam.put_role_policy(RoleName="fraud-agent", PolicyName="debug", PolicyDocument=json.dumps(EVERYTHING))
    until(lambda: not box.iam.list_role_policies(RoleName="fraud-agent")["PolicyNames"], "the inline policy is removed")


def test_a_benign_policy_and_another_projects_role_stay(box: Box) -> None:
    box.role("fraud-notebook", "sagemaker.amazonaws.com")
    box.role("web-shop", "ec2.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-notebook", PolicyArn=AWS_MANAGED + "AmazonS3ReadOnlyAccess")
    box.iam.attach_role_policy(RoleName="web-shop", PolicyArn=ADMIN)
    box.role("fraud-marker", "sagemaker.amazonaws.com")  # judged after the two: when it is done, they have been
    box.iam.attach_role_policy(RoleName="fraud-marker", PolicyArn=ADMIN)
    until(lambda: not box.attached("fraud-marker"), "the marker is removed")
    box.job_of("fraud-marker", "done")
    assert box.attached("fraud-notebook") == [AWS_MANAGED + "AmazonS3ReadOnlyAccess"]
    assert box.attached("web-shop") == [ADMIN]
    assert not [j for j in box.ringfence("jobs") if j["identity"].endswith(("/fraud-notebook", "/web-shop"))]


def leave_behind(box: Box) -> None:
    """Have the stolen session make a user, which CloudTrail remembers: before it is contained, since the search follows within a minute."""
    user = box.iam.create_user(UserName="mallory")["User"]
    made = {"userName": "mallory", "userId": user["UserId"], "arn": user["Arn"]}
    record = event_file("aws/cloudtrail/AttachRolePolicy.json")["detail"]
    box.remember(
        record
        | {"eventID": uuid.uuid4().hex, "eventName": "CreateUser", "eventTime": datetime.now(UTC).isoformat()}
        | {"requestParameters": {"userName": "mallory"}, "responseElements": {"user": made}}
        | {"userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:i-0", "accessKeyId": "ASIAEXAMPLE"}}
    )


def test_a_finding_delivered_five_times_asks_once_and_approval_leads_to_quarantine(box: Box) -> None:
    role_id = box.role("fraud-stolen", "sagemaker.amazonaws.com")
    event = event_file("aws/guardduty/credential-exfiltration.json")
    event["detail"]["resource"]["accessKeyDetails"] |= {"userName": "fraud-stolen", "principalId": f"{role_id}:i-0"}
    event["detail"]["id"] = uuid.uuid4().hex
    for count in range(5):
        event["detail"]["service"]["count"] = count + 1
        box.publish(event)
    job = box.job_of("fraud-stolen", "pending")
    time.sleep(3)
    assert len([j for j in box.ringfence("jobs") if j["identity"].endswith("/fraud-stolen")]) == 1
    assert box.attached("fraud-stolen") == []
    leave_behind(box)
    assert box.ringfence("approve", job["id"]) == [{"job": job["id"], "state": "approved"}]
    until(lambda: any("Quarantine" in arn for arn in box.attached("fraud-stolen")), "the quarantine is on")
    box.job_of("fraud-stolen", "done")
    decided = [r for r in box.ringfence("trail", "list", "--job", job["id"]) if r["kind"] == "approval_decided"]
    assert [r["data"]["voter"] for r in decided] == [f"arn:aws:iam::{ACCOUNT}:user/oncall"]
    assert box.ringfence("approve", job["id"], code=1) == [], "a second vote does not count"
    (deny,) = box.attached("fraud-stolen")
    box.iam.detach_role_policy(RoleName="fraud-stolen", PolicyArn=deny)
    assert box.attached("fraud-stolen") == [], "somebody took it off: half a minute later it is seen"


def test_what_is_heard_in_another_region_is_judged_at_home(box: Box) -> None:
    """Two stacks of one template: the second makes rules that forward and the role to do so, and nothing else."""
    box.deploy(ROOT / ".aws-sam/build/template.yaml", "Home=us-east-1", region="eu-west-1")
    abroad = box.keys | {"region_name": "eu-west-1"}
    made = boto3.client("cloudformation", **abroad).describe_stack_resources(StackName=STACK)["StackResources"]
    assert {r["ResourceType"] for r in made} == {"AWS::Events::Rule", "AWS::IAM::Role"}
    role_id = box.role("fraud-abroad", "sagemaker.amazonaws.com")
    event = event_file("aws/guardduty/credential-exfiltration.json")
    event["detail"]["resource"]["accessKeyDetails"] |= {"userName": "fraud-abroad", "principalId": f"{role_id}:i-0"}
    event["detail"] |= {"id": uuid.uuid4().hex, "region": "eu-west-1"}
    box.publish(event, region="eu-west-1")
    box.job_of("fraud-abroad", "pending")


def test_what_the_stolen_session_left_behind_is_found_and_asked_about(box: Box) -> None:
    box.functions.invoke(FunctionName=box.function("ReviewFunction"), Payload=b"{}")
    question = box.job_of("mallory", "pending", "persistence-after-containment")
    incident = box.job_of("fraud-stolen", "for-a-person", "persistence-after-containment")
    assert question["reason"] == incident["reason"]
    assert "it made the user mallory" in incident["reason"]


def found_by_guardduty(name: str, user: dict[str, str], minutes: int) -> dict[str, Any]:
    """A finding about a user, some minutes ago."""
    event = event_file(f"aws/guardduty/{name}.json")
    event["detail"]["resource"]["accessKeyDetails"] |= {"userName": user["UserName"], "principalId": user["UserId"]}
    event["detail"] |= {"id": uuid.uuid4().hex, "updatedAt": (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()}
    return dict(event)


def test_an_odd_sign_in_and_then_data_that_leaves_locks_the_user_and_tells_the_team(box: Box) -> None:
    """The story this product is told by, played on the deployed stack; the second event arrives first."""
    user = box.iam.create_user(UserName="carol")["User"]
    box.iam.attach_user_policy(UserName="carol", PolicyArn=AWS_MANAGED + "AmazonBedrockFullAccess")
    key = box.iam.create_access_key(UserName="carol")["AccessKey"]["AccessKeyId"]
    egress, odd = found_by_guardduty("s3-exfiltration", user, 2), found_by_guardduty("odd-login", user, 30)
    box.publish(egress)
    box.job_of("carol", "pending", "aws-identity-anomaly")
    assert not [j for j in box.ringfence("jobs") if j["guardrail"].startswith("pb-")], "one of the two is no chain"
    box.publish(odd)
    job = box.job_of("carol", "pending", "pb-odd-login-then-egress")
    assert "an odd sign-in, then data left" in job["reason"]
    (decided,) = [r for r in box.ringfence("trail", "list", "--job", job["id"]) if r["kind"] == "decision"]
    assert {part["name"]: part["points"] for part in decided["data"]["evidence"]["contributions"]} == {
        odd["detail"]["type"]: 3.0,
        egress["detail"]["type"]: 5.0,
    }
    box.publish(odd)
    assert box.ringfence("approve", job["id"]) == [{"job": job["id"], "state": "approved"}]
    until(lambda: any("Quarantine" in arn for arn in box.attached_to("carol")), "the quarantine is on")
    until(lambda: box.key("carol", key) == "Inactive", "and her key is off")
    box.job_of("carol", "done", "pb-odd-login-then-egress")
    assert len([j for j in box.ringfence("jobs") if j["guardrail"].startswith("pb-")]) == 1


def test_a_back_door_in_a_trust_policy_is_closed_and_opened_again_by_an_undo(box: Box) -> None:
    box.role("fraud-door", "sagemaker.amazonaws.com")
    before = box.trust("fraud-door")
    box.role("fraud-door-marker", "sagemaker.amazonaws.com")  # judged after it: then the first is remembered
    box.engineer.attach_role_policy(RoleName="fraud-door-marker", PolicyArn=ADMIN)
    until(lambda: not box.attached("fraud-door-marker"), "the marker is removed")
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"}, "Action": "sts:AssumeRole"}
    opened = {**before, "Statement": [*before["Statement"], statement]}
    box.engineer.update_assume_role_policy(RoleName="fraud-door", PolicyDocument=json.dumps(opened))
    until(lambda: box.trust("fraud-door") == before, "the trust policy is what it was")
    job = box.job_of("fraud-door", "done", "aws-trust-policy-opened")
    box.job_of("fraud-door", "pending", "aws-trust-policy-opened")  # sessions that were started meanwhile: a question
    (undone,) = box.ringfence("undo", job["id"], "--yes", "--override", "the partner is one of ours")
    assert undone["state"] == "done"
    assert box.trust("fraud-door") == opened, "to the last character"


def test_undo_puts_the_attachment_back_and_it_is_recorded_and_left_alone(box: Box) -> None:
    job = box.job_of("fraud-train", "done")
    assert box.ringfence("undo", job["id"], "--yes", code=1) == [], "what was critical is not given back without a reason"
    (undone,) = box.ringfence("undo", job["id"], "--yes", "--override", "needed for the migration")
    assert undone["state"] == "done"
    assert box.attached("fraud-train") == [ADMIN]
    kinds = [r["kind"] for r in box.ringfence("trail", "list", "--job", undone["undo"])]
    assert sorted(kinds) == ["closed", "decision", "intent", "outcome", "undo_requested", "verify"]
    box.job_of("fraud-train", "cancelled")
    assert box.attached("fraud-train") == [ADMIN], "what a person put back is not reversed by the undo's own event"


def test_the_kill_switch_stops_every_call_and_lets_it_go_on(box: Box) -> None:
    (stopped,) = box.ringfence("stop")
    assert stopped["state"] == "stopped"
    box.role("fraud-halted", "sagemaker.amazonaws.com")
    box.iam.attach_role_policy(RoleName="fraud-halted", PolicyArn=ADMIN)
    box.job_of("fraud-halted", "stopped")
    assert box.attached("fraud-halted") == [ADMIN]
    assert box.ringfence("resume") == [{"state": "running", "by": stopped["by"]}]
    box.iam.detach_role_policy(RoleName="fraud-halted", PolicyArn=ADMIN)
    box.iam.attach_role_policy(RoleName="fraud-halted", PolicyArn=ADMIN)
    until(lambda: not box.attached("fraud-halted"), "AdministratorAccess is removed again")


def test_with_faults_switched_on_the_end_is_the_same(box: Box) -> None:
    name = box.function("RespondFunction")
    variables = box.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    with spoiled(box) as proxy:
        through = {"HTTP_PROXY": proxy.url, "http_proxy": proxy.url}  # the signature is over the host, which a forward proxy keeps
        box.functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables | through})
        throttled = {"times": 2, "error": {"code": "Throttling", "status": 400, "message": "Rate exceeded"}}
        proxy.rules(
            {"service": "iam", "operation": "DetachRolePolicy", "times": 1, "response": {"abort_frac": 0}},
            {"service": "iam", "operation": "GetRole", **throttled},
            {"service": "iam", "operation": "ListAttachedRolePolicies", "times": 1, "response": {"truncate_bytes": 40}},
            {"service": "dynamodb", "operation": "TransactWriteItems", **throttled},
        )
        box.role("fraud-faulty", "sagemaker.amazonaws.com")
        box.engineer.attach_role_policy(RoleName="fraud-faulty", PolicyArn=ADMIN)
        until(lambda: not box.attached("fraud-faulty"), "AdministratorAccess is removed in spite of it all")
        job = box.job_of("fraud-faulty", "done")
        assert proxy.fired() >= 5, "the faults were in the way"
        kinds = [r["kind"] for r in box.ringfence("trail", "list", "--job", job["id"])]
        assert sorted(kinds) == ["closed", "decision", "intent", "outcome", "verify"]
        box.functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def test_what_somebody_took_off_is_on_again_until_it_is_undone(box: Box) -> None:
    until(lambda: bool(box.attached("fraud-stolen")), "the quarantine is asserted again")
    box.job_of("fraud-stolen", "done", again=True)
    first = box.job_of("fraud-stolen", "done")
    (undone,) = box.ringfence("undo", first["id"], "--yes")
    assert undone["state"] == "done"
    assert box.attached("fraud-stolen") == []


def test_a_vote_that_is_not_signed_for_it_does_not_count(box: Box) -> None:
    for proof in (
        "",
        "https://sts.amazonaws.com/?Action=GetCallerIdentity",
        f"{box.url}/?Action=GetCallerIdentity&Version=2011-06-15",
        "http://127.0.0.1:9/",
    ):
        reply = box.functions.invoke(
            FunctionName=box.function("ApproveFunction"), Payload=json.dumps({"job": "0" * 16, "wish": "approve", "proof": proof})
        )
        assert "error" in json.loads(reply["Payload"].read()), proof


def test_nobody_can_forge_an_event_of_iam(box: Box) -> None:
    entry = {"Source": "aws.iam", "DetailType": "AWS API Call via CloudTrail", "Detail": "{}"}
    assert box.events.put_events(Entries=[entry])["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"


def test_the_built_handler_takes_every_sample_event_in_a_process_of_its_own(box: Box, tmp_path: Path) -> None:
    wrap_events(tmp_path)
    name = next(f for f in box.functions.list_functions()["Functions"] if "EvaluateFunction" in f["FunctionName"])
    env = (
        box.env
        | name["Environment"]["Variables"]
        | {"PYTHONPATH": f"{ROOT / '.aws-sam/build/RingfenceLayer/python'}:{ROOT / 'functions/evaluate'}"}
        | {"PYTHONPYCACHEPREFIX": str(tmp_path / "compiled")}  # compiled once, and what was built stays as it is
    )
    code = "import json, sys, app; print('ANSWER ' + json.dumps(app.handler(json.load(open(sys.argv[1])), None)))"

    def said(path: Path) -> str:
        command: list[str | Path] = [TOOLS / "box/bin/python", "-c", code, path]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        return "" if 'ANSWER {"batchItemFailures": []}' in done.stdout else f"{path.name}: {done.stdout[-800:]}{done.stderr[-800:]}"

    paths = sorted(tmp_path.glob("*.json"))
    assert len(paths) > 20
    with ThreadPoolExecutor(os.cpu_count()) as at_once:  # as Lambda runs them
        assert [wrong for wrong in at_once.map(said, paths) if wrong] == []
