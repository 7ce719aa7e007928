"""What `evaluate` does with a judgement: what is fine is remembered, what was found is not, and both are carried on."""

from typing import Any

import pytest

from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.state import State
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.hear import hear
from ringfence.engine.memory import kept
from ringfence.sources import normalise
from tests.support.cases import counted, event_file, settings_of, state_of
from tests.support.jobs import NOW

SETTINGS = settings_of({"projects": [{"name": "fraud", "aws": {"accounts": ["123456789012"]}}]})
OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
CLOSED: dict[str, Any] = {"role": "fraud-train", "trusted_by": "sagemaker.amazonaws.com"}


class Account:
    """A role whose trust somebody changes, and what is remembered of it."""

    def __init__(self) -> None:
        self.store, self.queue = MemoryStore(), MemoryQueue()
        self.desk = Desk(self.store, self.queue, lambda: NOW)

    def changed_to(self, given: dict[str, Any], number: int) -> list[str]:
        """Give the calls that follow from a change of the role's trust."""
        state = state_of(given)
        assert state is not None
        evaluator = Evaluator(SETTINGS, MemoryIam(state), census=counted, before=self.store.before)
        raw = event_file("aws/cloudtrail/UpdateAssumeRolePolicy.json")
        raw["detail"] |= {"eventID": f"e{number}", "eventTime": NOW.isoformat()}
        (event,) = normalise(raw)
        jobs = run_at_desk(hear(evaluator.judge(event, NOW), evaluator, SETTINGS), self.desk)
        return [step.call.operation for job in jobs for step in job.plan.steps]


def test_what_was_found_is_not_remembered_as_fine() -> None:
    account = Account()
    opened = {"role": "fraud-train", "trust": OPEN}
    assert account.changed_to(opened, 1) == ["AttachRolePolicy"], "what was before is not known yet"
    assert account.changed_to(CLOSED, 2) == []
    assert account.changed_to(opened, 3) == ["UpdateAssumeRolePolicy", "AttachRolePolicy"]
    assert account.changed_to(opened, 4)[0] == "UpdateAssumeRolePolicy", "the open document did not become what was before"
    role = state_of(CLOSED)
    assert role is not None
    remembered = account.store.before(role.identity)
    assert remembered is not None
    assert remembered.trust == role.trust


THING = Identity.of(Kind.GROUP, "g", "123456789012")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({**CLOSED, "attached": ["p"], "boundary": "b"}, {"trust", "boundary"}),
        ({"user": "u", "boundary": "b"}, {"boundary"}),
        ({"policy": "p", "default": "v2", "versions": {"v1": {"a": 1}, "v2": {"b": 2}}}, {"default_version", "versions"}),
        ({"trail": "main", "settings": {"logging": {"IsLogging": True}}}, {"settings"}),
        ({"group": "g"}, None),
        ({"policy": "p", "default": "v3", "versions": {"v1": {"a": 1}}}, None),
        ({"policy": "p", "default": "v1", "versions": None}, None),
        ({"trail": "main", "settings": None}, None),
    ],
)
def test_of_a_state_only_that_is_kept_which_can_be_put_back(given: dict[str, Any], wanted: set[str] | None) -> None:
    state = state_of(given)
    assert state is not None
    found = kept(state)
    if wanted is None:
        assert found is None
        return
    assert found is not None
    plain = State(identity=state.identity)
    assert {name for name in State.__struct_fields__ if getattr(found, name) != getattr(plain, name)} == wanted
    assert found.versions is None or list(found.versions) == [state.default_version], "of a policy the default version alone"
