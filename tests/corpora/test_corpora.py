"""Other people's events through `check --json`: no crash, the right source, failed calls and handled findings set aside.

The corpora lie beside the repository, or where RINGFENCE_CORPORA says; where they are absent, these tests skip. Only this file reads them.
"""

import json
import os
import tempfile
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ringfence.cli.main import root
from tests.support.cases import ROOT

PLACE = Path(os.environ.get("RINGFENCE_CORPORA", ROOT.parent / "shared" / "corpora"))
FEEDS = ("cloudtrail", "signin", "guardduty", "access_analyzer", "ai", "gcp_audit", "scc")
CATALOGUES = ("traildiscover_catalog.json", "finding_types_catalog.json")
HEARD = ("cloudtrail", "signin", "guardduty")
WHOLE = "version: 1\ndefaults: {mode: graduated}\nprojects:\n  - {name: whole, aws: {accounts: ['*']}, gcp: {projects: ['*']}}\n"

pytestmark = pytest.mark.skipif(not PLACE.is_dir(), reason=f"no corpora in {PLACE.name}: set RINGFENCE_CORPORA")


def files() -> list[Path]:
    return sorted(p for feed in FEEDS for p in (PLACE / feed).rglob("*.json*") if p.name not in CATALOGUES)


def records(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    found = json.loads(text)
    return found if isinstance(found, list) else [found]


@lru_cache(maxsize=1)
def judged() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "whole.yaml"
        config.write_text(WHOLE)
        done = CliRunner().invoke(root, ["--json", "--config", str(config), "check", *map(str, files())], standalone_mode=False)
    assert done.exception is None
    return [json.loads(line) for line in done.output.splitlines()]


def test_one_answer_for_each_event_in_order() -> None:
    wanted = [(str(path), i) for path in files() for i in range(len(records(path)))]
    got = list(dict.fromkeys((line["file"], line["index"]) for line in judged()))
    assert got == wanted
    outcomes = Counter(line["outcome"] for line in judged())
    print(f"\ncorpora: {len(wanted)} events: {dict(sorted(outcomes.items()))}")


def why_set_aside(event: dict[str, Any]) -> bool:
    """Whether the corpus is plain about an event that must not be acted on."""
    detail = event["detail"] if isinstance(event.get("detail"), dict) else event
    service: dict[str, Any] = detail.get("service") or detail.get("Service") or {}
    extra = service.get("additionalInfo") or service.get("AdditionalInfo") or {}
    failed = bool(detail.get("errorCode")) and "eventName" in detail and "eventSource" in detail
    return failed or bool(isinstance(extra, dict) and (extra.get("sample") or extra.get("Sample"))) or service.get("archived") is True


def test_failed_calls_samples_and_archived_findings_are_ignored() -> None:
    first: dict[tuple[str, int], dict[str, Any]] = {}
    for line in judged():
        first.setdefault((line["file"], line["index"]), line)
    checked = 0
    for path in files():
        for index, event in enumerate(records(path)):
            if isinstance(event, dict) and why_set_aside(event):
                checked += 1
                assert first[str(path), index]["outcome"] == "ignored", (path.name, index)
    assert checked > 200


def test_findings_that_others_have_handled_are_ignored() -> None:
    handled = [line for line in judged() if "/scc/" in line["file"] and "remediated" in line["file"]]
    assert len(handled) == 8
    assert {line["outcome"] for line in handled} == {"ignored"}


def test_of_the_feeds_that_are_heard_almost_nothing_is_unsupported() -> None:
    heard = [line for line in judged() if Path(line["file"]).relative_to(PLACE).parts[0] in HEARD]
    unsupported = [line for line in heard if line["outcome"] in ("unsupported", "malformed")]
    for line in unsupported:
        print(f"\n{Path(line['file']).name}[{line['index']}] {line['reason']}")
    assert len(unsupported) / len(heard) <= 0.02
    assert all(line["reason"] for line in unsupported)


def test_nothing_but_a_reversal_acts_in_graduated_mode() -> None:
    steps = [s for line in judged() for f in line["findings"] for s in f["steps"]]
    assert steps
    assert {s["class"] for s in steps if s["when"] == "act"} == {"reversal"}
    assert all(s["inverse"] for s in steps)


PAYLOADS = PLACE.parent / "gcp" / "payloads"


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="no payloads of Google Cloud beside the corpora")
def test_every_payload_of_google_cloud_is_of_its_feed() -> None:
    """Real audit logs and findings, in every shape that occurs: each is recognised, and none ends anything but well."""
    paths = sorted(p for folder in ("audit", "scc", "synthetic") for p in (PAYLOADS / folder).rglob("*.json"))
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "whole.yaml"
        config.write_text(WHOLE)
        done = CliRunner().invoke(root, ["--json", "--config", str(config), "check", *map(str, paths)], standalone_mode=False)
    assert done.exception is None
    lines = [json.loads(line) for line in done.output.splitlines()]
    wrong = {(Path(line["file"]).name, line["source"]) for line in lines if line["source"] not in ("gcp.audit", "gcp.scc")}
    print(
        f"\npayloads: {len(lines)} events of {len(paths)} files: {dict(Counter(line['outcome'] for line in lines))}; of no feed: {len(wrong)}"
    )
    assert sorted(wrong) == []
    assert Counter(line["outcome"] for line in lines)["malformed"] == 0
