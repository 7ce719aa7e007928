"""The configuration: right defaults, errors with line, field and what was meant, compiled the same for the same file."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from ringfence.config import compile_settings, load, parse
from ringfence.errors import ConfigError
from ringfence.settings import Environment, Mode, Settings
from tests.support.cases import ROOT, TODAY

SAMPLES = sorted((ROOT / "samples" / "config").glob("*.yaml"))


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "ringfence.yaml", TODAY)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 1\nprojets: []\n", ["ringfence.yaml:2", "projets", "did you mean `projects`"]),
        ("version: 1\ndefaults:\n  mod: strict\n", [":3", "defaults.mod", "`mode`"]),
        ("version: 1\ndefaults:\n  mode: strickt\n", [":3", "defaults.mode", "'strickt'"]),
        ("version: [1\n", ["not YAML"]),
        ("version: 1\nversion: 1\n", [":2", "given twice"]),
        ("- 1\n", [":1", "list"]),
        ("version: 2\n", [":1", "version"]),
        ("{}\n", ["version: is missing"]),
        ("", ["version: is missing"]),
        ("version: 1\nprojects:\n  - name: a\n", [":3", "needs a scope"]),
        ("version: 1\nprojects:\n  - aws: {accounts: ['*']}\n", ["projects.0.name: is missing"]),
        ("version: 1\nprojects:\n  - name: a\n    aws:\n      accounts: [123]\n", [":5", "accounts"]),
        ("version: 1\nprojects:\n  - name: a\n    aws: {roles: {trainng: [x]}}\n", ["roles"]),
        ("version: 1\nguardrails: {aws-admin-policy-on-ai-identy: {mode: strict}}\n", ["did you mean `aws-admin-policy-on-ai-identity`"]),
        ("version: 1\nguardrails: {zzz: {mode: strict}}\n", ["no such guardrail"]),
        (
            "version: 1\nprojects:\n  - name: a\n    aws: {accounts: ['*']}\n    exceptions:\n      - {guardrail: g, principal: p, reason: r, until: 2027-03-02}\n",
            [":6", "180 days"],
        ),
        (
            "version: 1\nprojects:\n  - name: a\n    aws: {accounts: ['*']}\n    exceptions:\n      - {guardrail: g, principal: p, until: 2026-03-09}\n",
            [":6", "reason: is missing"],
        ),
        ("version: 1\nprojects:\n  - {name: a, aws: {accounts: ['*']}}\n  - {name: b, aws: {accounts: ['*']}}\n", [":4", "claimed by a"]),
        (
            "version: 1\nprojects:\n  - {name: a, aws: {tags: {t: x}}}\n  - {name: b, aws: {tags: {t: x}}}\n",
            [":4", "tags t=x", "claimed by a"],
        ),
        ("version: 1\nx: &a [*a]\n", ["ringfence.yaml"]),
    ],
)
def test_what_is_wrong_is_named_with_line_and_field(text: str, words: list[str]) -> None:
    said = problem(text)
    for word in words:
        assert word in said


def test_every_problem_is_named_at_once() -> None:
    said = problem("version: 1\ndefaults: {mode: x, fresh_window_minutes: 0}\nnope: 1\n")
    assert said.count("ringfence.yaml:") == 3


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "no.yaml", TODAY)
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "bad.yaml", TODAY)


def test_the_defaults_are_the_built_in_settings() -> None:
    compiled = compile_settings(parse("version: 1\n", "x", TODAY).config)
    assert msgspec.structs.replace(compiled, config_hash="built-in", code_hash="") == Settings()
    assert len(compiled.code_hash) == 64
    assert compiled.mode is Mode.OBSERVE


def test_the_hash_names_the_content() -> None:
    one, same, other = (
        compile_settings(parse(t, "x", TODAY).config)
        for t in ("version: 1\n", "# a comment\nversion: 1\n", "version: 1\ndefaults: {mode: strict}\n")
    )
    assert one.config_hash == same.config_hash != other.config_hash


def test_compiled_settings_survive_their_json() -> None:
    text = "version: 1\ndefaults: {mode: strict}\nprojects:\n  - {name: a, environment: sandbox, aws: {roles: {training: [x]}}, exceptions: [{guardrail: g, principal: p, reason: r, until: 2026-03-09}]}\n"
    compiled = compile_settings(parse(text, "x", TODAY).config)
    assert msgspec.json.decode(msgspec.json.encode(compiled), type=Settings) == compiled
    (project,) = compiled.projects
    assert project.environment is Environment.SANDBOX
    assert not project.whole_accounts
    (exemption,) = compiled.exemptions
    assert datetime(2026, 3, 9, 23, 59, 59, tzinfo=UTC) < exemption.until < datetime(2026, 3, 10, tzinfo=UTC)


def test_asking_without_approvers_warns() -> None:
    assert parse("version: 1\ndefaults: {mode: graduated}\n", "x", TODAY).warnings
    assert parse("version: 1\nguardrails: {aws-credential-exfiltration: {mode: strict}}\n", "x", TODAY).warnings
    assert not parse(
        "version: 1\ndefaults: {mode: graduated, approval: {approvers: ['arn:aws:iam::123456789012:user/a']}}\n", "x", TODAY
    ).warnings
    assert not parse("version: 1\n", "x", TODAY).warnings


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_every_sample_is_right(path: Path) -> None:
    assert load(path, datetime.now(UTC).date()).config.projects is not None


def test_there_are_samples() -> None:
    assert len(SAMPLES) >= 2


@pytest.mark.parametrize(
    ("actor", "guardrail", "fine"), [(6, 8, True), (8, 8, False), (9, 8, False), (7, 8, True), (6, 1, True), (6, 0, True)]
)
def test_one_actor_cannot_use_up_the_budget_of_a_guardrail(actor: int, guardrail: int, *, fine: bool) -> None:
    text = f"version: 1\ndefaults: {{max_auto_actions_per_actor: {actor}, max_auto_actions_per_guardrail: {guardrail}}}\n"
    if fine:
        assert parse(text, "x", TODAY).config.defaults.max_auto_actions_per_actor == actor
    else:
        assert f"max_auto_actions_per_actor ({actor}) must be below" in problem(text)
