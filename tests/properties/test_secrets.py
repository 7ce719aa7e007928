"""107: nothing secret reaches the trail, a notice or a log - wherever in an event it stands. Evidence is what a guardrail names, and no more."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryArchive, MemoryIam, MemoryQueue, MemoryStore
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.trail import asff, ocsf
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.seal import seal
from ringfence.engine.trail.story import stories
from ringfence.engine.trail.verify import Verdict
from ringfence.report.trail_page import Sealed, render
from ringfence.sources import normalise
from tests.support.cases import EVENTS, counted, settings_of
from tests.support.desk import decide
from tests.support.jobs import NOW
from tests.support.trails import Signer

SECRET = "SYNTHETIC-CANARY-bPxRfiCYEXAMPLEKEY"  # noqa: S105 - it is none
NAMES = (
    "secretAccessKey",
    "sessionToken",
    "password",
    "newPassword",
    "servicePassword",
    "serviceCredentialSecret",
    "authorization",
    "token",
    "privateKey",
)
WHOLE = settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]})
FILES = sorted((EVENTS / "aws").rglob("*.json"))


def planted(value: Any) -> Any:
    """Put every secret into every object of an event: also where AWS writes none."""
    if isinstance(value, dict):
        return {**{key: planted(item) for key, item in value.items()}, **dict.fromkeys(NAMES, SECRET)}
    return [planted(item) for item in value] if isinstance(value, list) else value


def told(store: MemoryStore, queue: MemoryQueue) -> Iterator[str]:
    """Give everything that is kept, sealed, shown or sent."""
    yield from (record.bytes.decode() for record in store.records())
    yield from (msgspec.json.encode(job).decode() for job in store.jobs())
    yield from (msgspec.json.encode(notice).decode() for notice in queue.notices)
    yield from (json.dumps(asff.of_notice(notice, "123456789012", "us-east-1")) for notice in queue.notices)
    found = stories(store.records())
    yield from (json.dumps(event) for event in ocsf.events(found))
    yield render(found, Sealed("t", Verdict(verified=True), NOW))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(EVENTS).as_posix())
def test_107_no_secret_of_an_event_is_kept_shown_or_sent(path: Path) -> None:
    store, queue = MemoryStore(), MemoryQueue()
    raw = json.loads(path.read_text())
    plain, spoilt = list(normalise(raw)), list(normalise(planted(copy.deepcopy(raw))))
    assert [e.name for e in plain] == [e.name for e in spoilt]
    for event in spoilt:
        judgement = Evaluator(WHOLE, MemoryIam(), census=counted).judge(event, event.time or NOW)
        decide(judgement, WHOLE, store, queue, event.time or NOW)
    for text in told(store, queue):
        assert SECRET not in text
    if store.records():
        archive = MemoryArchive()
        seal(store, archive, Signer())
        assert not [line for line in archived(archive).records() if SECRET.encode() in line]


def test_the_secrets_are_really_there_and_something_is_told() -> None:
    judged = 0
    for path in FILES:
        raw = planted(json.loads(path.read_text()))
        assert json.dumps(raw).count(SECRET) >= len(NAMES) or isinstance(raw, list)
        judged += sum(bool(Evaluator(WHOLE, None, census=counted).judge(event, event.time or NOW).planned) for event in normalise(raw))
    assert judged > 20
