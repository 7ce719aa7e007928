"""Telling: a message for each incident, replaced in place, later steps in its thread, nothing lost and nothing twice."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryQueue, MemoryStore, MemoryThreads
from ringfence.domain.caller import Caller
from ringfence.domain.finding import Severity
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import NO_JOB
from ringfence.engine.approve import Vote, vote
from ringfence.engine.chat import Thread
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.moves import notice
from ringfence.engine.ports import Notice
from ringfence.engine.tell import LEASE, QUIET, Teller
from ringfence.errors import ConflictError, UpstreamError
from tests.support.jobs import CONTAINMENT, NOW, Clock, job, put
from tests.support.slack_double import Fault
from tests.support.workspace import CHANNEL, Workspace, slack_settings, text_of

ANA = Caller("slack:T0000TEAM/U0000ANA")


class Told:
    """A channel, a store, and who tells the one about the other."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.space = Workspace(self.clock)
        self.store, self.queue, self.threads = MemoryStore(), MemoryQueue(), MemoryThreads()
        self.settings = slack_settings()
        self.fallen: list[tuple[str, str]] = []
        self.teller = Teller(
            self.settings, self.store, self.threads, self.space.chat, self.clock, lambda n, why: self.fallen.append((n.id, why))
        )

    def pending(self, name: str = "0123456789abcdef") -> Job:
        made = job(CONTAINMENT, state=JobState.PENDING)
        return put(self.store, msgspec.structs.replace(made, id=name, no_say=("person eve",)))

    def approve(self, made: Job) -> Notice:
        run_at_desk(vote(Vote(job=made.id, approve=True), ANA, self.settings), Desk(self.store, self.queue, self.clock))
        found: Notice = self.queue.notices[-1]
        return found

    def fail(self, kind: str, times: int = 1, method: str = "*") -> None:
        self.space.double.faults.append(Fault(method, kind, times))


def buttons(message: Any) -> list[str]:
    return [b["action_id"] for block in message.blocks if block["type"] == "actions" for b in block["elements"]]


def test_a_question_is_one_message_and_each_later_step_stands_in_its_thread() -> None:
    told = Told()
    made = told.pending()
    told.teller.tell(notice(made, NOW, "it waits"))
    (message,) = told.space.top
    assert buttons(message) == ["approve", "deny", "mine", "details"]
    approved = told.approve(made)
    told.teller.tell(approved)
    (message,) = told.space.top
    assert buttons(message) == ["mine", "details"]
    assert "approved by ana" in text_of(message)
    assert [m.text for m in told.space.under(message.ts)] == [
        f"09:00:00 UTC, job {made.id} is approved: approved by slack:T0000TEAM/U0000ANA"
    ]
    told.teller.tell(approved)
    assert len(told.space.under(message.ts)) == 1, "a notice that arrives twice is told once"
    assert told.space.double.unsafe == []
    assert told.fallen == []


def test_two_findings_about_one_identity_share_a_message_and_the_open_question_shows() -> None:
    told = Told()
    first = told.pending()
    told.teller.tell(notice(first, NOW, "it waits"))
    second = told.pending("fedcba9876543210")
    told.teller.tell(notice(second, NOW, "it waits, too"))
    (message,) = told.space.top
    assert second.id in text_of(message)


def test_what_comes_long_after_is_another_incident() -> None:
    told = Told()
    told.teller.tell(notice(told.pending(), NOW, "it waits"))
    told.clock.time += QUIET + timedelta(seconds=1)
    told.teller.tell(notice(told.pending("fedcba9876543210"), told.clock(), "it waits"))
    assert len(told.space.top) == 2


def test_what_belongs_to_no_job_is_told_once() -> None:
    told = Told()
    news = Notice("news", NO_JOB, "sealed", Severity.LOW, "Checkpoint of the trail", "34 records <!channel>", NOW)
    for _ in range(2):
        told.teller.tell(news)
    (message,) = told.space.top
    assert message.text == "Checkpoint of the trail: 34 records &lt;!channel&gt;"


@pytest.mark.parametrize("kind", ["down", "500", "429", "timeout", "garbled", "error:internal_error"])
def test_where_the_chat_is_down_the_fallback_tells_at_once_and_the_chat_later(kind: str) -> None:
    told = Told()
    told.fail(kind)
    made = notice(told.pending(), NOW, "it waits")
    told.teller.tell(made)
    assert [name for name, _ in told.fallen] == [made.id]
    assert told.space.top == []
    told.teller.tell(made)
    assert len(told.fallen) == 1, "the fallback, too, tells once"
    assert len(told.space.top) == 1
    assert told.teller.catch_up() == 0
    assert len(told.space.top) == 1


def test_a_message_whose_reply_was_lost_is_found_and_not_posted_again() -> None:
    told = Told()
    told.fail("lost", method="chat.postMessage")
    made = told.pending()
    told.teller.tell(notice(made, NOW, "it waits"))
    assert len(told.space.top) == 1
    assert told.teller.catch_up() == 0
    assert len(told.space.top) == 1
    told.fail("lost", method="chat.postMessage")
    told.teller.tell(told.approve(made))
    assert told.teller.catch_up() == 0
    assert len(told.space.under(told.space.top[0].ts)) == 1


@pytest.mark.parametrize("dies_after", range(1, 12))
def test_a_death_between_any_two_steps_loses_and_doubles_nothing(dies_after: int) -> None:
    """A crash between the vote's commit and its message included: the notice is delivered again."""
    told = Told()
    made = told.pending()
    told.teller.tell(notice(made, NOW, "it waits"))
    approved = told.approve(made)
    calls = [0]
    plain_put, plain_handle = told.threads.put, told.space.double.handle

    def counted(do: Any) -> Any:
        def doing(*given: Any) -> Any:
            calls[0] += 1
            if calls[0] == dies_after:
                raise KeyboardInterrupt
            return do(*given)

        return doing

    told.threads.put = counted(plain_put)  # type: ignore[method-assign]  # a worker that dies
    told.space.double.handle = counted(plain_handle)  # type: ignore[method-assign]  # the same
    try:
        told.teller.tell(approved)
    except KeyboardInterrupt:
        told.threads.put, told.space.double.handle = plain_put, plain_handle  # type: ignore[method-assign]
        told.clock.time += LEASE + timedelta(seconds=1)
        told.teller.tell(approved)
    assert told.teller.catch_up() == 0
    (message,) = told.space.top
    assert "approved by ana" in text_of(message)
    assert len(told.space.under(message.ts)) == 1


def test_two_at_once_post_one_message() -> None:
    told = Told()
    first, second = told.pending(), told.pending("fedcba9876543210")
    plain = told.space.double.handle
    raced: list[str] = []

    def racing(method: str, headers: Mapping[str, str], body: bytes) -> Any:
        if method == "chat.postMessage" and not raced:
            raced.append(method)
            told.teller.tell(notice(second, NOW, "it waits, too"))  # another worker, while the first one posts
        return plain(method, headers, body)

    told.space.double.handle = racing  # type: ignore[method-assign]  # a race
    told.teller.tell(notice(first, NOW, "it waits"))
    assert len(told.space.top) == 1
    assert second.id in text_of(told.space.top[0]), "what came meanwhile is shown by whoever was at it"


def test_a_notice_of_a_job_that_is_not_there_yet_is_tried_again() -> None:
    told = Told()
    with pytest.raises(UpstreamError, match="there is no job"):
        told.teller.tell(notice(job(CONTAINMENT), NOW, "x"))


def test_where_somebody_is_always_faster_the_notice_is_tried_again() -> None:
    told = Told()

    def faster(thread: Thread) -> None:
        raise ConflictError("taken", "")

    told.threads.put = faster  # type: ignore[method-assign]  # somebody is always faster
    with pytest.raises(UpstreamError, match="at once"):
        told.teller.tell(notice(told.pending(), NOW, "x"))


def test_the_days_checkpoint_comes_with_what_the_day_brought() -> None:
    told = Told()
    told.teller.tell(notice(told.pending(), NOW, "it waits"))
    told.teller.tell(Notice("checkpoint.2026-03-02", NO_JOB, "sealed", Severity.LOW, "Checkpoint", "keep this\n\norigin\n34\nroot", NOW))
    shown = told.space.top[-1].blocks[0]["elements"][0]["elements"][0]["text"]
    assert shown.splitlines()[-1] == "Incidents of the last 24 hours: 1 pending. `ringfence jobs` lists them."
    assert "\norigin\n34\nroot\n" in shown, "a checkpoint can be copied as it is"


def test_a_message_that_somebody_deleted_is_posted_anew() -> None:
    told = Told()
    made = told.pending()
    told.teller.tell(notice(made, NOW, "it waits"))
    told.space.double.messages[CHANNEL].clear()
    told.teller.tell(told.approve(made))
    (message,) = told.space.top
    assert "approved by ana" in text_of(message)
    assert len(told.space.under(message.ts)) == 1


def test_a_message_that_is_found_again_shows_how_things_stand_now() -> None:
    told = Told()
    told.fail("lost", method="chat.postMessage")
    made = told.pending()
    told.teller.tell(notice(made, NOW, "it waits"))
    told.approve(made)
    assert told.teller.catch_up() == 0
    assert buttons(told.space.top[0]) == ["mine", "details"], "nobody can press what is decided"


def test_what_went_wrong_is_not_hidden_by_what_came_later() -> None:
    told = Told()
    bad = put(told.store, msgspec.structs.replace(job(CONTAINMENT, state=JobState.NOT_CONTAINED), id="b" * 16))
    fine = msgspec.structs.replace(job(CONTAINMENT, state=JobState.NOTHING_TO_DO), id="c" * 16, severity=Severity.LOW)
    for made in (bad, put(told.store, fine)):
        told.teller.tell(notice(made, NOW, "so it ended"))
    (message,) = told.space.top
    assert "not-contained" in text_of(message)
    assert "1 more jobs about this identity" in text_of(message)


def test_a_reminder_calls_by_name_in_the_thread() -> None:
    told = Told()
    made = told.pending()
    told.teller.tell(notice(made, NOW, "it waits"))
    told.teller.tell(msgspec.structs.replace(notice(made, NOW, "half of the time is over", page=True), id="reminder"))
    (reminder,) = told.space.under(told.space.top[0].ts)
    assert "Please decide" in text_of(reminder)
    assert "U0000ANA" in text_of(reminder)


def test_whether_the_chat_has_it_is_said() -> None:
    told = Told()
    made = told.pending()
    assert told.teller.tell(notice(made, NOW, "it waits"))
    told.fail("down")
    assert not told.teller.tell(told.approve(made))
    told.fail("down", 99)
    told.clock.time += LEASE
    assert told.teller.catch_up() == 1
