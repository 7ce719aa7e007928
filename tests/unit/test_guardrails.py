"""Every case of every guardrail; near misses differ from their hit in one field; no condition can be negated unseen."""

import ast
import copy
import types
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringfence import guardrails
from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.event import Outcome
from ringfence.domain.finding import Guardrail
from ringfence.guardrails import GUARDRAILS
from tests.support.cases import PACKAGE, evaluator, inputs, judge, load_cases, settings_of
from tests.support.desk import decide

FOLDER = PACKAGE / "guardrails"
KINDS = {"hit", "near-miss", "exempt", "fixed", "malformed"}
EXPECTED = {
    "hit": {Outcome.FINDING},
    "near-miss": {Outcome.QUIET},
    "quiet": {Outcome.QUIET},
    "exempt": {Outcome.QUIET, Outcome.IGNORED},
    "fixed": {Outcome.QUIET},
    "held": {Outcome.IGNORED},
    "ignored": {Outcome.IGNORED},
    "unknown": {Outcome.NEEDS_STATE},
    "malformed": {Outcome.NEEDS_STATE, Outcome.UNSUPPORTED, Outcome.MALFORMED, Outcome.QUIET},
}


def path_of(guardrail: Guardrail) -> Path:
    return FOLDER / f"{guardrail.id.replace('-', '_')}.py"


def cases_of(guardrail: Guardrail) -> list[dict[str, Any]]:
    return load_cases(path_of(guardrail).with_suffix(".cases.yaml"))


CASES = [(g, case) for g in GUARDRAILS for case in cases_of(g)]


def named(*kinds: str) -> list[Any]:
    return [pytest.param(g, case, id=f"{g.id}: {case['case']}") for g, case in CASES if not kinds or case["kind"] in kinds]


def problem(case: dict[str, Any], guardrail: Guardrail) -> str:
    """Say what is wrong with the judgement of a case; empty when it is right."""
    judgement = judge(case, guardrail)
    if judgement.outcome not in EXPECTED[case["kind"]]:
        return f"{judgement.outcome}: {judgement.reason}"
    if (want := case.get("reason")) and want.lower() not in judgement.reason.lower():
        return f"the reason lacks {want!r}: {judgement.reason}"
    for planned in judgement.planned:
        if "severity" in case and planned.finding.severity != case["severity"]:
            return f"severity {planned.finding.severity}"
        if wrong := {
            key: planned.finding.evidence.get(key)
            for key, want in case.get("evidence", {}).items()
            if planned.finding.evidence.get(key) != want
        }:
            return f"evidence {wrong}"
        got = [f"{p.when} {p.step.call.operation}" for p in planned.steps]
        if "steps" in case and got != case["steps"]:
            return f"steps {got}"
    return ""


@pytest.mark.parametrize(("guardrail", "case"), named())
def test_case(guardrail: Guardrail, case: dict[str, Any]) -> None:
    assert problem(case, guardrail) == ""


@pytest.mark.parametrize(("guardrail", "case"), named("near-miss"))
def test_a_near_miss_differs_from_its_hit_in_one_field(guardrail: Guardrail, case: dict[str, Any]) -> None:
    (hit,) = [c for c in cases_of(guardrail) if c["case"] == case["of"]]
    assert hit["kind"] == "hit"
    mine, its = inputs(case), inputs(hit)
    parents = {_field(key) for key in mine.keys() | its.keys() if mine.get(key, "<absent>") != its.get(key, "<absent>")}
    assert len(parents) == 1, parents


def _field(path: str) -> str:
    """A condition or a list that is there or not is one field, however many leaves it has."""
    return path.split("[", 1)[0] if ".Condition." not in path else path.split(".Condition.", 1)[0]


@pytest.mark.parametrize("guardrail", GUARDRAILS, ids=lambda g: g.id)
def test_every_guardrail_has_every_kind_of_case(guardrail: Guardrail) -> None:
    assert {case["kind"] for case in cases_of(guardrail)} >= KINDS


@pytest.mark.parametrize(("guardrail", "case"), named("hit"))
def test_a_duplicate_has_the_effect_of_one(guardrail: Guardrail, case: dict[str, Any]) -> None:
    store, queue = MemoryStore(), MemoryQueue()
    judgement = judge(case, guardrail)
    now = datetime(2026, 3, 2, 9, 1, tzinfo=UTC)
    settings = settings_of(case.get("settings"))
    first = decide(judgement, settings, store, queue, now)
    again = decide(judgement, settings, store, queue, now + timedelta(hours=6))
    assert [j.id for j in again] == [j.id for j in first]
    assert len(store.jobs()) == len(first) >= 1
    assert [n.state for n in queue.notices if n.state != "expired"] == [j.state for j in first]


def test_every_file_is_registered() -> None:
    files = {p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_")}
    assert files == {g.id.replace("-", "_") for g in GUARDRAILS}
    assert {p.name.removesuffix(".cases.yaml") for p in FOLDER.glob("*.yaml")} == files


class Negate(ast.NodeTransformer):
    """Negates the n-th condition of a module."""

    def __init__(self, n: int) -> None:
        self.n, self.seen, self.at = n, -1, 0

    def _turn(self, test: ast.expr) -> ast.expr:
        self.seen += 1
        if self.seen != self.n:
            return test
        self.at = test.lineno
        return ast.copy_location(ast.UnaryOp(ast.Not(), test), test)

    def visit_If(self, node: ast.If) -> ast.AST:
        node.test = self._turn(node.test)
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        node.test = self._turn(node.test)
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        node.values = [self._turn(value) for value in node.values]
        return self.generic_visit(node)


# Conditions whose negation changes nothing that can be seen, each with its reason.
EQUIVALENT = {
    "if event is None": "the engine makes no case without an event yet; the type asks for the line",
    "if event is None or case.identity.kind is not Kind.USER": "as above, its first half",
    "if event is None or case.identity.kind is not Kind.ROLE": "as above, its first half",
}


def mutants(guardrail: Guardrail) -> Iterator[tuple[int, str, Guardrail]]:
    """Give each mutant of a guardrail: its line, the line's text, and the guardrail."""
    source = path_of(guardrail).read_text()
    tree = ast.parse(source)
    n = 0
    while True:
        turn = Negate(n)
        mutated = ast.fix_missing_locations(turn.visit(copy.deepcopy(tree)))
        if turn.seen < n:
            return
        module = types.ModuleType(guardrail.id)
        exec(compile(mutated, f"<{guardrail.id} mutant {n}>", "exec"), module.__dict__)  # noqa: S102 - our own source, mutated
        yield turn.at, source.splitlines()[turn.at - 1].strip(), module.GUARDRAIL
        n += 1


@pytest.mark.parametrize("guardrail", GUARDRAILS, ids=lambda g: g.id)
def test_no_condition_can_be_negated_unseen(guardrail: Guardrail) -> None:
    cases, survivors, count = cases_of(guardrail), [], 0
    for line, text, mutant in mutants(guardrail):
        count += 1
        if not any(_breaks(case, mutant) for case in cases) and text.rstrip(":") not in EQUIVALENT:
            survivors.append(f"line {line}: {text}")
    assert count > 0, "the mutator found nothing to negate"
    assert survivors == []


def _breaks(case: dict[str, Any], mutant: Guardrail) -> bool:
    try:
        return problem(case, mutant) != ""
    except Exception:  # noqa: BLE001 - a mutant that crashes is seen, whatever it raises
        return True


def test_the_package_lists_what_it_exports() -> None:
    assert tuple(sorted(GUARDRAILS, key=lambda g: g.id)) == guardrails.GUARDRAILS


def test_the_evaluator_of_a_case_hears_its_guardrail() -> None:
    (first, *_) = GUARDRAILS
    assert evaluator({"event": "aws/cloudtrail/AttachRolePolicy.json"}, first).index
