"""The cases beside the actions, and plans and jobs out of them."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ringfence.actions import ACTIONS, Action, Impossible
from ringfence.domain.finding import Case, Finding, Severity, Workload
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import Plan, Step
from ringfence.domain.state import State
from ringfence.settings import DISCOVERED
from tests.support.cases import ACCOUNT, PACKAGE, load_cases, settings_of, state_of

FOLDER = PACKAGE / "actions"
SOMEBODY = Identity.of(Kind.USER, "somebody", ACCOUNT)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def file_of(action: Action) -> str:
    return action.id.replace(".", "_").replace("-", "_")


def cases_of(action: Action) -> list[dict[str, Any]]:
    return load_cases(FOLDER / f"{file_of(action)}.cases.yaml")


CASES = [(a, case) for a in ACTIONS for case in cases_of(a)]
HITTING = [(a, case) for a, case in CASES if case["kind"] == "hit" and "state" in case]


def named(cases: list[tuple[Action, dict[str, Any]]]) -> list[Any]:
    return [pytest.param(a, case, id=f"{a.id}: {case['case']}") for a, case in cases]


ALL, HITS = named(CASES), named(HITTING)
ON_AWS = named([(a, case) for a, case in HITTING if a.cloud == "aws"])


def case_of(case: dict[str, Any], state: State | None, **deployment: Any) -> tuple[Case, Finding]:
    if case.get("fill") and state is not None:
        text = "arn:aws:s3:::x" * (case["fill"] // 14)
        state = msgspec.structs.replace(
            state, inline={"big": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": text}]}}
        )
    given = case.get("identity")
    identity = state.identity if state else Identity.of(Kind(next(iter(given))), next(iter(given.values())), ACCOUNT)  # type: ignore[union-attr, arg-type]  # a case has one of both
    settings = settings_of(None, {**case.get("deployment", {}), **deployment})
    thing = identity.kind in (Kind.POLICY, Kind.TRAIL, Kind.MODEL_LOGGING, Kind.RESOURCE)
    made = Case(
        identity=SOMEBODY if thing else identity,
        event=None,
        state=None if thing else state,
        target=identity if thing else None,
        target_state=state if thing and not case.get("unread") else None,
        before=state_of(case.get("before")),
        project=DISCOVERED,
        workload=Workload.UNKNOWN,
        settings=settings,
        now=NOW,
    )
    return made, Finding(guardrail="test", severity=Severity.HIGH, identity=identity, reason="a case", evidence=case.get("evidence", {}))


def planned(action: Action, case: dict[str, Any], state: State | None, **deployment: Any) -> tuple[Step, ...]:
    steps = action.plan(*case_of(case, state, **deployment))
    assert not isinstance(steps, Impossible), steps.reason
    if "rung" not in case:
        return steps
    return (steps[0].otherwise[case["rung"] - 1], *steps[1:])  # as it runs where IAM refuses the rungs below


def job(steps: tuple[Step, ...], target: Identity, action: Action) -> Job:
    plan = Plan(target=target, affects=(target.key,), steps=steps, config_hash="test")
    return Job(
        id="j", state=JobState.APPROVED, plan=plan, action_class=action.action_class, guardrail="test", severity=Severity.HIGH, reason="a case",
        event_key="e", actor=None, created=NOW, expires=NOW,
    )  # fmt: skip
