"""The canary: whichever link of the way is broken, the sweep fails within two periods, and its alarm goes off."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from ringfence import wiring
from ringfence.domain.job import JobState
from ringfence.engine.canary import LATE, PERIOD
from ringfence.errors import UpstreamError
from tests.support.shell import Shell
from tests.support.stack import Stack
from tools.wrap_events import batch

CANARY = json.dumps({"source": "ringfence.canary"})


def sing(stack: Stack, *, evaluate: bool = True, respond: bool = True) -> None:
    """A period passes, and its canary comes through as far as the functions work."""
    stack.waited[0] += PERIOD
    if evaluate:
        assert stack.call("evaluate", batch(CANARY, 1)) == {"batchItemFailures": []}
    for message in stack.messages("JOBS_QUEUE") if respond else ():
        assert stack.call("respond", batch(message, 1)) == {"batchItemFailures": []}


def fails_within(stack: Stack, periods: int, **broken: bool) -> str:
    """Say with which words the sweep fails, once a link is broken; empty where it does not within some periods."""
    for _ in range(periods + 1):
        sing(stack, **broken)
        try:
            stack.call("review", {})
        except UpstreamError as error:
            return str(error)
    return ""


def test_while_everything_works_nobody_hears_of_it(stack: Stack) -> None:
    assert fails_within(stack, 12) == ""
    jobs = wiring.store().jobs()
    assert [job.state for job in jobs] == [JobState.NOTHING_TO_DO] * 13
    assert stack.call("evaluate", batch(CANARY, 1)) == {"batchItemFailures": []}
    assert len(wiring.store().jobs()) == 13, "one a period, however often it is delivered"


@pytest.mark.parametrize("broken", ["evaluate", "respond"])
def test_a_canary_that_does_not_come_through_is_missed_within_two_periods(stack: Stack, broken: str) -> None:
    assert fails_within(stack, 3) == ""
    assert "Canaries failed" in fails_within(stack, LATE, **{broken: False})


def test_a_stack_that_never_heard_one_is_noticed_once_it_is_old_enough(stack: Stack) -> None:
    stack.call("review", {})
    assert "Canaries failed" in fails_within(stack, LATE + 1, evaluate=False)


def test_a_stack_that_was_just_made_is_not_blamed(stack: Stack) -> None:
    for _ in range(int((LATE + 1) * PERIOD / timedelta(minutes=5))):
        stack.call("review", {})
        stack.waited[0] += timedelta(minutes=5)


def table_gone(stack: Stack) -> None:
    stack.dynamodb.delete_table(TableName="t")


def rule_off(stack: Stack) -> None:
    stack.events.disable_rule(Name="iam-changes")


def rule_gone(stack: Stack) -> None:
    stack.events.delete_rule(Name="iam-changes")


@pytest.mark.parametrize("break_it", [table_gone, rule_off, rule_gone])
def test_a_broken_link_that_can_be_seen_fails_the_sweep_at_once(stack: Stack, break_it: Callable[[Stack], None]) -> None:
    stack.call("review", {})
    break_it(stack)
    with pytest.raises(UpstreamError, match="failed"):
        stack.call("review", {})


def test_canaries_are_not_told_and_not_listed(stack: Stack, monkeypatch: pytest.MonkeyPatch, shell: Shell) -> None:
    sing(stack)
    monkeypatch.setenv("ALARM_TOPIC", "arn:aws:sns:us-east-1:123456789012:t")
    monkeypatch.setattr("functions.notify.app.clients", None)  # publishing would fail
    (notice,) = stack.messages("NOTICES_QUEUE")
    assert stack.call("notify", batch(notice, 1)) == {"batchItemFailures": []}
    monkeypatch.setattr("ringfence.cli.jobs.store_of", lambda _: wiring.store())
    assert shell("jobs", "--json") == []
    assert [line["guardrail"] for line in shell("jobs", "--canaries", "--json")] == ["canary"]
