"""From a GuardDuty finding to a question in Slack, a signed click on the deployed function URL, the quarantine and its verification.

First among the tests of the stack: after a dozen incidents within five minutes a question shares its message with others.
"""

import json
import time
import uuid

import pytest

from tests.e2e.local import Box, until
from tests.e2e.slack import send
from tests.support.cases import event_file

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def stolen(box: Box, role: str) -> str:
    """Have GuardDuty find that a role's credentials are used elsewhere; give the job that waits."""
    role_id = box.role(role, "sagemaker.amazonaws.com")
    event = event_file("aws/guardduty/credential-exfiltration.json")
    event["detail"]["resource"]["accessKeyDetails"] |= {"userName": role, "principalId": f"{role_id}:i-0"}
    event["detail"]["id"] = uuid.uuid4().hex
    box.publish(event)
    return str(box.job_of(role, "pending")["id"])


def test_a_signed_click_quarantines_once_and_a_forged_one_is_turned_away(box: Box) -> None:
    slack = box.slack
    job = stolen(box, "fraud-click")
    until(lambda: slack.about(job) is not None, "the question is in the channel")
    message = slack.about(job)
    assert "ml-test" in str(message.blocks)
    forged = slack.press(message, "approve", secret="somebody else's")  # noqa: S106 - of no app
    assert send(box, forged)[0] == 401
    assert send(box, slack.press(message, "approve", user="U0000OLGA"))[0] == 200, "its owner is told no, to them alone"
    assert box.attached("fraud-click") == []
    signed = slack.press(message, "approve")
    begun = time.monotonic()
    status, _ = send(box, signed)
    took = time.monotonic() - begun
    assert status == 200
    contained = until(lambda: any("Quarantine" in arn for arn in box.attached("fraud-click")), "the quarantine is on")
    print("\n" + json.dumps({"benchmark": "click, local AWS", "answer_seconds": round(took, 2), "contained_seconds": round(contained, 2)}))
    box.job_of("fraud-click", "done")
    records = box.ringfence("trail", "list", "--job", job)
    assert send(box, signed)[0] == 200
    time.sleep(1)
    after = box.ringfence("trail", "list", "--job", job)
    assert [r["id"] for r in after if r["kind"] == "approval_decided"] == [r["id"] for r in records if r["kind"] == "approval_decided"]
    (decided,) = [r for r in after if r["kind"] == "approval_decided"]
    assert decided["data"]["voter"] == "slack:T0000TEAM/U0000CALL"
    until(lambda: "approved by oncall" in str(slack.about(job).blocks), "the message shows how it ended")
    assert slack.double.unsafe == []


def test_a_job_that_is_denied_in_the_chat_changes_nothing(box: Box) -> None:
    slack = box.slack
    job = stolen(box, "fraud-denied")
    until(lambda: slack.about(job) is not None, "the question is in the channel")
    send(box, slack.press(slack.about(job), "deny"))
    until(lambda: bool(slack.double.views), "the form is open")
    assert box.job_of("fraud-denied", "pending")["id"] == job
    box.ringfence("deny", job, "--reason", "a drill")
    box.job_of("fraud-denied", "denied")
    assert box.attached("fraud-denied") == []
