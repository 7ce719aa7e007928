"""What `evaluate` does with a judgement: what is fine is remembered, what was found is not, and both are carried on."""

from datetime import timedelta
from typing import Any

import pytest

from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.state import State
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.hear import hear
from ringfence.engine.memory import kept
from ringfence.sources import normalise
from tests.support.cases import DEPLOYMENT, counted, event_file, settings_of, state_of
from tests.support.jobs import NOW

PROJECT: dict[str, Any] = {"projects": [{"name": "fraud", "aws": {"accounts": ["123456789012"]}}]}
OPEN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
CLOSED: dict[str, Any] = {"role": "fraud-train", "trusted_by": "sagemaker.amazonaws.com"}


class Account:
    """A role whose trust somebody changes, and what is remembered of it."""

    def __init__(self, configuration: dict[str, Any] = PROJECT) -> None:
        self.settings = settings_of(configuration)
        self.store, self.queue = MemoryStore(), MemoryQueue()
        self.desk = Desk(self.store, self.queue, lambda: NOW)

    def changed_to(self, given: dict[str, Any], number: int, call: str = "UpdateAssumeRolePolicy", **more: str) -> list[str]:
        """Give the calls that follow from a change of the role, which is of its trust where nothing else is said."""
        state = state_of(given)
        assert state is not None
        evaluator = Evaluator(self.settings, MemoryIam(state), census=counted, before=self.store.before)
        raw = event_file("aws/cloudtrail/UpdateAssumeRolePolicy.json")
        raw["detail"] |= {"eventID": f"e{number}", "eventTime": NOW.isoformat(), "eventName": call}
        raw["detail"]["requestParameters"] |= {"roleName": "fraud-train", **more}
        (event,) = normalise(raw)
        jobs = run_at_desk(hear(evaluator.judge(event, NOW), evaluator, self.settings), self.desk)
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


def test_what_is_harmless_vouches_for_nothing_else() -> None:
    """A role is opened, and something harmless is attached to it at once: that this is fine says nothing of the trust policy."""
    account = Account()
    assert account.changed_to(CLOSED, 1) == []
    narrow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::fraud/*"}]}
    policy = "arn:aws:iam::123456789012:policy/narrow"
    opened = {"role": "fraud-train", "trust": OPEN, "attached": [policy], "documents": {policy: narrow}}
    assert account.changed_to(opened, 2, "AttachRolePolicy", policyArn=policy) == []
    assert account.changed_to(opened, 3)[0] == "UpdateAssumeRolePolicy", "it is still put back"


def test_an_exception_makes_nothing_fine() -> None:
    exempt = {
        "guardrail": "aws-trust-policy-opened",
        "principal": "arn:aws:iam::123456789012:role/fraud-train",
        "reason": "a test",
        "until": "2026-04-01",
    }
    account = Account({"projects": [{**PROJECT["projects"][0], "exceptions": [exempt]}]})
    assert account.changed_to({"role": "fraud-train", "trust": OPEN}, 1) == []
    role = state_of(CLOSED)
    assert role is not None
    assert account.store.before(role.identity) is None


@pytest.mark.parametrize(
    ("first", "then", "kept_one"),
    [
        (None, "arn:aws:iam::123456789012:policy/new", None),  # a first boundary is for a census to remember
        ("arn:aws:iam::123456789012:policy/old", DEPLOYMENT.quarantine_boundary, "arn:aws:iam::123456789012:policy/old"),
        ("arn:aws:iam::123456789012:policy/old", "arn:aws:iam::123456789012:policy/named", "arn:aws:iam::123456789012:policy/named"),
    ],
)
def test_which_boundary_is_remembered(first: str | None, then: str, kept_one: str | None) -> None:
    project = {"name": "fraud", "aws": {"accounts": ["123456789012"], "require_boundary": ["*policy/named", "*policy/new"]}}
    account = Account({"projects": [project]})
    role = state_of({**CLOSED, "boundary": first})
    assert role is not None
    account.store.remember(role, NOW - timedelta(hours=1))
    assert account.changed_to({**CLOSED, "boundary": then}, 1, "PutRolePermissionsBoundary", permissionsBoundary=then) == []
    remembered = account.store.before(role.identity)
    assert remembered is not None
    assert remembered.boundary == kept_one


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
        ({"resource": "projects/p/sinks/s", "settings": {"sink": {"destination": "d"}}}, {"settings"}),
        ({"resource": "projects/p/datasets/d", "settings": None, "bindings": []}, {"bindings"}),
        (
            {"resource": "projects/_/buckets/b", "settings": {}, "bindings": [{"role": "roles/viewer", "member": "allUsers"}]},
            {"bindings", "settings"},
        ),
        ({"resource": "projects/p/locations/l/models/1", "settings": None}, None),
        ({"member": "user:bo@example.com", "bindings": []}, None),
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
