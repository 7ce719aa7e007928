"""From a finding to a question in Slack, a signed click and the quarantine, through the functions over moto; and what is turned away."""

import json
import os
from datetime import timedelta
from typing import Any

import boto3
import msgspec
import pytest

from ringfence import wiring
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.tell import LEASE
from ringfence.errors import UpstreamError
from tests.support.slack_double import Fault
from tests.support.slack_requests import Signed, click, command, function_url_event, submission
from tests.support.stack import Stack
from tests.support.workspace import API, CHANNEL, Workspace, slack_settings, text_of
from tests.unit.test_functions import finding
from tools.wrap_events import batch

SECRET = "synthetic-signing-secret"  # noqa: S105 - of no app
TOKEN = "xoxb-synthetic"  # noqa: S105 - of no app


class InSlack:
    """A deployed stack with a channel."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = stack
        self.space = Workspace(wiring.now)
        secrets = boto3.client("secretsmanager")
        for name, text in (("SLACK_SIGNING_SECRET", SECRET), ("SLACK_TOKEN", TOKEN)):
            os.environ[name] = secrets.create_secret(Name=name, SecretString=text)["ARN"]
        os.environ["SLACK_API"] = API
        chosen = slack_settings()
        known = msgspec.structs.replace(
            wiring.settings(),
            slack=chosen.slack,
            people=chosen.people,
            approvers=chosen.approvers,
            escalation=chosen.escalation,
            config_hash="with-slack",
        )
        monkeypatch.setattr(wiring, "settings", lambda: known)
        plain = wiring.chat()
        plain._send = self.space.send
        monkeypatch.setattr(wiring, "chat", lambda: plain)

    def question(self) -> Job:
        """A finding, judged, asked and told."""
        self.stack.call("evaluate", batch(json.dumps(finding(self.stack.role_id)), 1))
        (pending,) = wiring.store().jobs()
        assert pending.state is JobState.PENDING
        self.told()
        return pending

    def told(self) -> None:
        for number, body in enumerate(self.stack.messages("NOTICES_QUEUE")):
            assert self.stack.call("notify", batch(body, number)) == {"batchItemFailures": []}

    def press(self, action: str, user: str = "U0000ANA", secret: str = SECRET, **more: Any) -> Signed:
        (message,) = self.space.top
        (found,) = [e for b in message.blocks if b["type"] == "actions" for e in b["elements"] if e["action_id"] == action]
        given = {"trigger_id": self.space.double.trigger(), "value": found["value"], **more}
        return click(secret, wiring.now(), user=user, channel=CHANNEL, message_ts=message.ts, action_id=action, block_id="decide", **given)

    def send(self, signed: Signed) -> dict[str, Any]:
        return self.stack.call("approve", function_url_event(signed))

    def policies(self) -> list[str]:
        listed = self.stack.iam.list_attached_role_policies(RoleName="fraud-train")["AttachedPolicies"]
        return [str(p["PolicyName"]) for p in listed]

    def state(self, job: Job) -> JobState:
        found = wiring.store().job(job.id)
        assert found is not None
        return found.state


@pytest.fixture
def slack(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> InSlack:
    return InSlack(stack, monkeypatch)


def test_a_signed_click_leads_to_the_quarantine_once_and_a_forged_one_to_nothing(slack: InSlack) -> None:
    job = slack.question()
    forged = slack.send(slack.press("approve", secret="somebody else's"))  # noqa: S106 - of no app
    assert (forged["statusCode"], slack.state(job)) == (401, JobState.PENDING)
    signed = slack.press("approve")
    assert slack.send(signed)["statusCode"] == 200
    assert slack.state(job) is JobState.APPROVED
    slack.stack.carry_out(job.id)
    assert (slack.state(job), slack.policies()) == (JobState.DONE, ["quarantine"])
    before = len(wiring.store().records())
    assert slack.send(signed)["statusCode"] == 200
    assert len(wiring.store().records()) == before, "the same click again changes nothing"
    slack.told()
    (message,) = slack.space.top
    assert "approved by ana" in text_of(message)
    assert len(slack.space.under(message.ts)) >= 2
    assert slack.space.double.unsafe == []


def test_a_denial_asks_why_and_the_reason_stays_on_record(slack: InSlack) -> None:
    job = slack.question()
    slack.send(slack.press("deny"))
    assert slack.state(job) is JobState.PENDING, "the form comes first"
    (form,) = slack.space.double.views
    values = {"reason": {"reason": {"type": "plain_text_input", "value": "a drill"}}}
    answer = slack.send(
        submission(
            SECRET, wiring.now(), user="U0000ANA", callback_id=form["callback_id"], private_metadata=form["private_metadata"], values=values
        )
    )
    assert json.loads(answer["body"])["response_action"] == "update"
    assert slack.state(job) is JobState.DENIED
    (said,) = [r for r in wiring.store().records(job.id) if r.kind is RecordKind.APPROVAL_DECIDED]
    assert said.data["reason"] == "a drill"


def test_a_vote_whose_message_was_lost_is_told_by_the_sweep(slack: InSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between the vote's commit and its message loses nothing."""
    job = slack.question()

    def lost(*_: object) -> None:
        raise UpstreamError("the queue is gone", "")

    with monkeypatch.context() as broken:
        for send in ("jobs", "notice"):
            broken.setattr(wiring.queue(), send, lost)
        assert slack.send(slack.press("approve"))["statusCode"] == 200
    assert slack.state(job) is JobState.APPROVED
    assert slack.stack.messages("JOBS_QUEUE") == []
    slack.stack.waited[0] += timedelta(minutes=4)
    slack.stack.call("review", {})
    assert json.loads(slack.stack.messages("JOBS_QUEUE")[0])["job"] == job.id
    slack.told()
    assert "approved by ana" in text_of(slack.space.top[0])


def test_with_slack_down_sns_tells_and_the_minutes_call_posts_later(slack: InSlack) -> None:
    os.environ["ALARM_TOPIC"] = boto3.client("sns").create_topic(Name="alarms")["TopicArn"]
    slack.space.double.faults.append(Fault("*", "down", 3))
    job = slack.question()
    assert slack.space.top == []
    slack.stack.waited[0] += LEASE
    assert slack.stack.call("notify", {"detail-type": "Scheduled Event"})["owed"] in (0, 1)
    slack.space.double.faults.clear()
    assert slack.stack.call("notify", {}) == {"owed": 0}
    assert job.id in text_of(slack.space.top[0])


def test_the_kill_switch_and_the_status_from_a_command(slack: InSlack) -> None:
    slack.question()

    def typed(text: str, user: str = "U0000ANA") -> str:
        signed = command(SECRET, wiring.now(), user=user, channel=CHANNEL, text=text, trigger_id=slack.space.double.trigger())
        said: str = json.loads(slack.send(signed)["body"])["text"]
        return said

    assert "1 wait for a decision" in typed("status")
    assert typed("stop", "U0000ZOE").startswith("stopped"), "the people of the escalation may stop"
    assert "no approver" in typed("resume", "U0000ZOE")
    assert typed("resume").startswith("running")
    assert "status | stop" in typed("whatever")


def test_without_slack_the_url_answers_nothing(stack: Stack) -> None:
    signed = click(
        SECRET,
        wiring.now(),
        user="U0000ANA",
        channel=CHANNEL,
        message_ts="1.1",
        action_id="approve",
        block_id="x",
        value="a b",
        trigger_id="1",
    )
    assert stack.call("approve", function_url_event(signed)) == {"statusCode": 404, "body": ""}
    assert stack.call("notify", {}) == {"owed": 0}
