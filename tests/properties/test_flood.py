"""A flood, and a chat that is down: 40, 43, 44, 73. Time is virtual; the channel is the double of Slack's."""

import random
from datetime import timedelta

import msgspec
import pytest

from ringfence.clouds.memory import MemoryQueue, MemoryStore, MemoryThreads
from ringfence.domain.caller import Caller
from ringfence.domain.event import Actor, Event, Outcome, Source
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step, When
from ringfence.domain.record import RecordKind
from ringfence.domain.state import Fact, FactKind
from ringfence.engine.approve import Vote, vote
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.decide import decide
from ringfence.engine.judgement import Judgement, Planned, PlannedStep
from ringfence.engine.sweep import overdue, take_up, tell_again, untold
from ringfence.engine.tell import Teller
from tests.support.jobs import NOW, Clock
from tests.support.scale import cases
from tests.support.slack_double import Fault
from tests.support.workspace import Workspace, slack_settings, text_of

QUARANTINE = "arn:aws:iam::123456789012:policy/ringfence/quarantine"
MINUTE = timedelta(minutes=1)


def found(target: int, number: int, actor: str | None = None, guardrail: str = "aws-credential-exfiltration") -> Judgement:
    role = Identity.of(Kind.ROLE, f"train-{target}", "123456789012", unique_id=f"AROAEXAMPLE{target:04}")
    called = {"RoleName": role.name, "PolicyArn": QUARANTINE}
    step = Step(
        action="aws.iam.quarantine-role",
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.ATTACHED, QUARANTINE),
        before=None,
        after="attached",
        call=Call("iam", "AttachRolePolicy", called),
        inverse=Call("iam", "DetachRolePolicy", called),
    )
    said = Finding(guardrail=guardrail, severity=Severity.CRITICAL, identity=role, reason=f"finding {number}", evidence={})
    who = Actor(display=f"arn:aws:iam::123456789012:user/{actor}", type="IAMUser") if actor else None
    event = Event(source=Source.GUARDDUTY, name="x", id=f"e{number}", time=NOW, account="123456789012", actor=who)
    planned = Planned(finding=said, steps=(PlannedStep(step, When.ASK, role, (role,)),))
    return Judgement(event=event, outcome=Outcome.FINDING, reason="x", planned=(planned,))


class Town:
    """Findings come, notices are told, the minute's sweep runs; a channel that may be down."""

    def __init__(self, seed: int = 0, **approval: object) -> None:
        self.rnd, self.clock = random.Random(seed), Clock()  # noqa: S311 - repeatable on purpose
        self.space, self.settings = Workspace(self.clock), slack_settings(**approval)
        self.store, self.queue, self.threads = MemoryStore(), MemoryQueue(), MemoryThreads()
        self.fallen: list[tuple[str, float]] = []
        self.teller = Teller(self.settings, self.store, self.threads, self.space.chat, self.clock, self.fall_back)
        self.desk = Desk(self.store, self.queue, self.clock)
        self.told = 0

    def fall_back(self, notice: object, _why: str) -> None:
        self.fallen.append((msgspec.to_builtins(notice)["id"], (self.clock() - NOW).total_seconds()))

    def hear(self, judgement: Judgement) -> Job:
        (made,) = run_at_desk(decide(judgement, self.settings), self.desk)
        return made

    def tell(self) -> None:
        """Let `notify` work off what waits."""
        while self.told < len(self.queue.notices):
            self.teller.tell(self.queue.notices[self.told])
            self.told += 1

    def minute(self) -> None:
        """A minute goes by: the sweep, and what the chat is owed."""
        self.clock.time += MINUTE
        for notice in run_at_desk(untold(), self.desk):
            run_at_desk(tell_again(notice), self.desk)
        for late in run_at_desk(overdue(), self.desk):
            run_at_desk(take_up(late.id, self.settings), self.desk)
        self.tell()
        self.teller.catch_up()

    def pending(self) -> list[Job]:
        return [made for made in self.store.jobs() if made.state is JobState.PENDING]


@pytest.mark.parametrize("seed", range(3))
def test_40_500_findings_on_50_identities_in_5_minutes_make_at_most_10_messages(seed: int) -> None:
    town = Town(seed)
    wave = [(number % 50, number) for number in range(500)]
    town.rnd.shuffle(wave)
    for place, (target, number) in enumerate(wave):
        town.clock.time = NOW + timedelta(seconds=300 * place / 500)
        town.hear(found(target, number))
        town.tell()
    assert len(town.space.top) <= 10
    asked = [made.plan.target.name for made in town.pending()]
    assert sorted(asked) == sorted(f"train-{n}" for n in range(50)), "each identity is in exactly one open request"
    shown = "".join(text_of(message) for message in town.space.top)
    assert all(made.id in shown for made in town.pending()), "each can be decided from the channel"
    assert town.space.double.unsafe == []
    assert town.fallen == []


def test_a_shared_message_follows_what_becomes_of_its_incidents() -> None:
    town = Town()
    jobs = [town.hear(found(n, n)) for n in range(12)]
    town.tell()
    shared = town.space.top[-1]
    assert "4 identities at once, 4 wait" in text_of(shared)
    run_at_desk(vote(Vote(job=jobs[10].id, approve=False), Caller("slack:T0000TEAM/U0000ANA"), town.settings), town.desk)
    town.tell()
    assert "4 identities at once, 3 wait" in text_of(town.space.top[-1])


def test_more_than_a_shared_message_holds_are_counted_in_it() -> None:
    town = Town()
    for n in range(60):
        town.hear(found(n, n))
    town.tell()
    assert len(town.space.top) == 10
    assert "4 more: `ringfence jobs`" in text_of(town.space.top[-1])


@pytest.mark.parametrize("seed", range(cases(1000)))
def test_43_whatever_slack_does_each_question_is_posted_once_and_nobody_waits_for_more_than_two_minutes(seed: int) -> None:
    town = Town(seed)
    kinds = ("down", "500", "429", "lost", "timeout", "garbled", "error:internal_error")
    made = [town.hear(found(n, n)) for n in range(town.rnd.randint(1, 4))]
    for _ in range(town.rnd.randint(1, 12)):
        method = town.rnd.choice(("*", "chat.postMessage", "conversations.info", "conversations.history", "chat.update"))
        town.space.double.faults.append(Fault(method, town.rnd.choice(kinds), town.rnd.randint(1, 3)))
    town.tell()
    for _ in range(3):
        town.minute()
    reached = {name for name, at in town.fallen if at <= 120}
    posted = "".join(text_of(message) for message in town.space.top)
    assert all(job.id in posted or f"{job.id}.0" in reached for job in made)
    town.space.double.faults.clear()
    for _ in range(3):
        town.minute()
    assert len(town.space.top) == len(made), "each once, now that Slack is back"
    assert len({name for name, _ in town.fallen}) == len(town.fallen), "the fallback told nothing twice"


def test_44_with_slack_down_for_a_day_nothing_is_done_everything_expires_and_a_signed_vote_counts() -> None:
    town = Town()
    town.space.double.faults.append(Fault("*", "down", 10**9))
    jobs = [town.hear(found(n, n)) for n in range(5)]
    town.tell()
    assert len(town.fallen) == 5
    signed = Caller("arn:aws:iam::123456789012:user/ana")
    assert run_at_desk(vote(Vote(job=jobs[0].id, approve=True), signed, town.settings), town.desk).state is JobState.APPROVED
    assert town.queue.to_apply == [jobs[0].id]
    for _ in range(24 * 60):
        town.minute()
    ends = [stored.state for job in jobs[1:] if (stored := town.store.job(job.id))]
    assert ends == [JobState.EXPIRED] * 4
    assert set(town.queue.to_apply) == {jobs[0].id}, "nothing else was ever sent to be done"
    closed = [r for r in town.store.records() if r.kind is RecordKind.CLOSED and r.state == JobState.EXPIRED]
    assert len(closed) == 4
    paged = {n.job for n in town.queue.notices if n.page and n.state == JobState.EXPIRED}
    assert paged == {job.id for job in jobs[1:]}, "an expired question pages"
    town.space.double.faults.clear()
    town.minute()
    assert len(town.space.top) == 5, "and stands in the channel when Slack is back"


@pytest.mark.parametrize("seed", range(cases(1000)))
def test_73_one_actor_has_no_more_than_so_many_questions_open(seed: int) -> None:
    town = Town(seed)
    limit = town.settings.max_open_questions_per_actor
    critical = town.rnd.random() < 0.5
    for number in range(town.rnd.randint(limit, 40)):
        made = found(town.rnd.randrange(30), number, actor="eve")
        if not critical:
            planned = made.planned[0]
            lesser = msgspec.structs.replace(planned, finding=msgspec.structs.replace(planned.finding, severity=Severity.HIGH))
            made = msgspec.structs.replace(made, planned=(lesser,))
        town.clock.time += timedelta(seconds=town.rnd.randrange(20))
        town.hear(made)
        assert len(town.pending()) <= limit
        town.tell()


def test_what_is_critical_is_never_buried_under_what_is_not() -> None:
    """Eight lesser incidents leave room for a grave one; many more, and it stands first in their message, with its deciders called."""
    town = Town()
    for n in range(60):
        lesser = found(n, n)
        (planned,) = lesser.planned
        low = msgspec.structs.replace(planned, finding=msgspec.structs.replace(planned.finding, severity=Severity.LOW))
        town.hear(msgspec.structs.replace(lesser, planned=(low,)))
    town.tell()
    critical = [town.hear(found(100 + n, 100 + n)) for n in range(6)]
    town.tell()
    shown = [text_of(message) for message in town.space.top]
    assert len(shown) <= 10
    assert all(any(job.id in text for text in shown) for job in critical)
    assert sum(text.startswith("CRITICAL") for text in (message.text for message in town.space.top)) == 4
    assert any("U0000ANA" in text and "identities at once" in text for text in shown)
    town.clock.time += 16 * MINUTE
    town.minute()
    reminded = [m for top in town.space.top for m in town.space.under(top.ts) if "Please decide" in text_of(m)]
    assert len(reminded) >= len(critical)
