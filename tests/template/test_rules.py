"""The EventBridge rules of template.yaml: written from what the guardrails hear, looked after, forwarded from elsewhere."""

import json

import pytest

from ringfence.domain.event import Source
from ringfence.domain.finding import Guardrail, Trigger
from ringfence.guardrails import GUARDRAILS
from tests.support.cases import ROOT
from tests.support.template import permits, template
from tests.template.test_template import ROLES, WRITTEN
from tools import write_rules

OURS = ("OwnActs", "Canary")  # rules that no guardrail needs


def test_every_rule_is_looked_after() -> None:
    rules = {n for n, r in template().items() if r["Type"] == "AWS::Events::Rule"}
    looked_at = template()["ReviewFunction"]["Properties"]["Environment"]["Variables"]["RULES"]
    assert {name.strip("<>") for name in looked_at.split(",")} == rules
    for name in rules:
        assert permits(template(), "ReviewRole", "events:DescribeRule", f"<{name}.Arn>")


def test_no_guardrail_is_deaf() -> None:
    begun, written = (ROOT / "template.yaml").read_text().split(write_rules.BEGIN)
    assert begun
    assert written.split(write_rules.END)[0].rstrip() == write_rules.rules(), "run tools/write_rules.py"
    rules = [r["Properties"]["EventPattern"] for n, r in template().items() if r["Type"] == "AWS::Events::Rule" and n not in OURS]
    assert rules == list(write_rules.patterns().values())
    assert max(len(json.dumps(pattern, separators=(",", ":"))) for pattern in rules) <= write_rules.LONGEST
    assert all(source.startswith("aws.") for pattern in rules for source in pattern["source"]), (
        "only reserved sources, which PutEvents cannot forge"
    )


def heard(trigger: Trigger) -> bool:
    """Whether some rule lets an event of this kind through."""
    call = trigger.source is Source.CLOUDTRAIL
    sent = {
        Source.CLOUDTRAIL: (f"aws.{trigger.service}", write_rules.CALL, trigger.name),
        Source.SIGNIN: (
            "aws.signin",
            "AWS Console Sign In via CloudTrail" if trigger.name == "ConsoleLogin" else trigger.name,
            trigger.name,
        ),
        Source.GUARDDUTY: ("aws.guardduty", "GuardDuty Finding", trigger.name),
        Source.ACCESS_ANALYZER: ("aws.access-analyzer", trigger.name, ""),
        Source.HEALTH: ("aws.health", "AWS Health Event", trigger.name),
    }[trigger.source]
    for pattern in write_rules.patterns().values():
        detail = pattern.get("detail", {})
        names = detail.get("eventName") or detail.get("eventTypeCode")
        services = detail.get("eventSource", [f"{trigger.service}.amazonaws.com"])
        if sent[0] in pattern["source"] and sent[1] in pattern["detail-type"] and (names is None or sent[2] in names):
            return not call or f"{trigger.service}.amazonaws.com" in services
    return False


@pytest.mark.parametrize("guardrail", [g for g in GUARDRAILS if not g.id.startswith("gcp-")], ids=lambda g: g.id)
def test_a_rule_lets_each_trigger_of_a_guardrail_through(guardrail: Guardrail) -> None:
    for trigger in guardrail.triggers:
        assert trigger.source is Source.OTHER or heard(trigger), f"{guardrail.id} is deaf for {trigger.name}"


def test_elsewhere_than_at_home_there_are_only_rules_that_forward() -> None:
    forwarder = template(home="eu-west-1")
    at_home = {n for n, r in template().items() if r["Type"] == "AWS::Events::Rule"}
    assert forwarder.keys() == (at_home - {"Canary"}) | {"ForwardRole"}
    for name in at_home - {"Canary"}:
        (target,) = forwarder[name]["Properties"]["Targets"]
        assert target == {"Id": "home", "Arn": "arn:aws:events:eu-west-1:123456789012:event-bus/default", "RoleArn": "<ForwardRole.Arn>"}
        assert forwarder[name]["Properties"]["EventPattern"] == template()[name]["Properties"]["EventPattern"]
    (policy,) = forwarder["ForwardRole"]["Properties"]["Policies"]
    (forward,) = policy["PolicyDocument"]["Statement"]
    assert (forward["Action"], forward["Resource"]) == ("events:PutEvents", "arn:aws:events:eu-west-1:123456789012:event-bus/default")
    assert template(home="us-east-1") == template(), "the home region may be named"


def test_whatever_our_own_roles_change_is_heard() -> None:
    pattern = template()["OwnActs"]["Properties"]["EventPattern"]
    detail = pattern["detail"]
    assert pattern["source"] == [f"aws.{prefix.rstrip(':')}" for prefix in WRITTEN]
    assert detail.keys() == {"eventSource", "readOnly", "userIdentity"}, "whatever the call is"
    assert detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == [{"prefix": "arn:aws:iam::123456789012:role/ringfence/"}]
    assert {template()[role]["Properties"]["Path"] for role in ROLES} == {"/ringfence/"}
    rules = {f"<{n}.Arn>" for n, r in template().items() if r["Type"] == "AWS::Events::Rule"}
    (statement,) = template()["QueuesHearRules"]["Properties"]["PolicyDocument"]["Statement"]
    assert set(statement["Condition"]["ArnEquals"]["aws:SourceArn"]) == rules
