"""The blast radius: how many identities the product may touch by itself, per account, guardrail, actor and property; the last administrator stays."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
import pytest

from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.census import Census
from ringfence.domain.event import Actor, Event, Outcome, Source
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Step, When
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.state import Fact, FactKind
from ringfence.engine.budget import heard_name
from ringfence.engine.judgement import Judgement, Planned, PlannedStep
from ringfence.engine.ports import Notice, Opened, Slot
from ringfence.errors import ConflictError, RefusedError
from ringfence.settings import Settings
from tests.support.cases import settings_of
from tests.support.desk import decide, vote
from tests.support.jobs import NOW

PENDING, APPROVED = JobState.PENDING, JobState.APPROVED
REVERSAL, CONTAINMENT = ActionClass.REVERSAL, ActionClass.CONTAINMENT
ANA = "arn:aws:iam::123456789012:user/ana"


def role(number: int) -> Identity:
    return Identity.of(Kind.ROLE, f"r{number}", "123456789012", unique_id=f"AROAEXAMPLE{number}")


def judgement(
    number: int,
    *,
    action_class: ActionClass = REVERSAL,
    guardrail: str = "g",
    actor: str = "eve",
    when: When = When.ACT,
    target: int | None = None,
    affects: Iterable[Identity] = (),
    people: bool = False,
) -> Judgement:
    who = role(number if target is None else target)
    step = Step(
        action="aws.iam.detach-managed-policy",
        action_class=action_class,
        fact=Fact(FactKind.ATTACHED, "arn:aws:iam::aws:policy/AdministratorAccess"),
        before="attached",
        after=None,
        call=Call("iam", "DetachRolePolicy", {"RoleName": who.name}),
        inverse=Call("iam", "AttachRolePolicy", {"RoleName": who.name}),
    )
    caused_by = Actor(display=f"arn:aws:iam::123456789012:user/{actor}", type="IAMUser") if actor else None
    event = Event(source=Source.CLOUDTRAIL, name="AttachRolePolicy", id=f"e{number}.{guardrail}", time=NOW, actor=caused_by)
    finding = Finding(guardrail=guardrail, severity=Severity.CRITICAL, identity=who, reason="a test", evidence={})
    planned = Planned(
        finding=finding, steps=(PlannedStep(step, when, finding.identity, tuple(affects) or (finding.identity,)),), people=people
    )
    return Judgement(event=event, outcome=Outcome.FINDING, reason="a test", planned=(planned,))


class Account:
    """One account's store, to which findings come."""

    def __init__(self, census: Census | None = None, **limits: int) -> None:
        plenty = {f"max_auto_actions_per_{what}": 99 for what in ("hour", "guardrail", "actor")} | {"max_open_questions_per_actor": 99}
        self.settings: Settings = msgspec.structs.replace(settings_of(None), **(plenty | limits))
        self.store, self.queue = MemoryStore(), MemoryQueue()
        if census is not None:
            self.store.keep(census)

    def hear(self, made: Judgement, now: datetime = NOW) -> Job:
        (job,) = decide(made, self.settings, self.store, self.queue, now)
        return job


def test_at_most_so_many_identities_an_hour_then_everything_asks() -> None:
    account = Account(max_auto_actions_per_hour=3)
    jobs = [account.hear(judgement(n)) for n in range(5)]
    assert [job.state for job in jobs] == [APPROVED] * 3 + [PENDING] * 2
    (breaker,) = (r for r in account.store.records(jobs[3].id) if r.kind is RecordKind.BREAKER)
    assert "3 identities an hour by reversal (3 used, 1 more wanted)" in breaker.reason
    assert [n.page for n in account.queue.notices] == [False] * 3 + [True] * 2, "an open breaker pages"
    assert account.queue.to_apply == [job.id for job in jobs[:3]]


def test_what_was_heard_is_remembered_by_property_and_job() -> None:
    account = Account()
    jobs = [account.hear(judgement(n)) for n in range(2)]
    names = [heard_name(job.plan.target, job.plan.steps[0].fact) for job in jobs]
    assert len(set(names)) == 2
    for name, job in zip(names, jobs, strict=True):
        assert name.startswith("heard:")
        assert [(slot.number, slot.job) for slot in account.store.slots(name, 9)] == [(0, job.id)]


def test_an_hour_later_there_is_room_again() -> None:
    account = Account(max_auto_actions_per_hour=2)
    states = [account.hear(judgement(n), NOW + timedelta(minutes=20 * n)).state for n in range(6)]
    assert states == [APPROVED, APPROVED, PENDING, APPROVED, APPROVED, PENDING]


def test_a_finding_that_comes_again_takes_no_second_slot() -> None:
    account = Account(max_auto_actions_per_hour=2)
    assert [account.hear(judgement(0)).state for _ in range(9)] == [APPROVED] * 9
    assert account.hear(judgement(1)).state is APPROVED
    assert account.hear(judgement(2)).state is PENDING


def test_reversals_do_not_use_up_what_containment_needs() -> None:
    account = Account(max_auto_actions_per_hour=1)
    assert account.hear(judgement(0)).state is APPROVED
    assert account.hear(judgement(1)).state is PENDING
    assert account.hear(judgement(2, action_class=CONTAINMENT)).state is APPROVED
    assert account.hear(judgement(3, action_class=CONTAINMENT)).state is PENDING, "with the breaker open containment asks, at once"


@pytest.mark.parametrize(("what", "other"), [("guardrail", {"guardrail": "h"}), ("actor", {"actor": "zoe"})])
def test_one_guardrail_and_one_actor_have_less(what: str, other: dict[str, str]) -> None:
    account = Account(None, **{f"max_auto_actions_per_{what}": 2})
    assert [account.hear(judgement(n)).state for n in range(3)] == [APPROVED, APPROVED, PENDING]
    assert account.hear(judgement(3, **other)).state is APPROVED, "baits of one do not buy another freedom"  # type: ignore[arg-type]  # texts


def test_everybody_affected_counts() -> None:
    account = Account(max_auto_actions_per_hour=5)
    assert account.hear(judgement(0, affects=[role(n) for n in range(4)])).state is APPROVED
    assert account.hear(judgement(1, affects=[role(n) for n in range(2)])).state is PENDING
    assert account.hear(judgement(2)).state is APPROVED


def test_what_goes_to_and_fro_stops_after_three_acts() -> None:
    account = Account()
    made = [account.hear(judgement(n, target=0, guardrail=f"g{n % 2}", actor=f"a{n}")) for n in range(5)]
    assert [job.state for job in made] == [APPROVED] * 3 + [PENDING, JobState.CANCELLED]
    assert "goes to and fro" in account.queue.notices[-2].text
    assert f"job {made[3].id} asks for the same" in account.store.records(made[4].id)[-1].reason


def census(*admins: int, hours: int = 1, identities: int = 10, **matching: int) -> Census:
    return Census(
        taken=NOW - timedelta(hours=hours),
        config_hash="h",
        identities=identities,
        admins=tuple(f"AROAEXAMPLE{n}" for n in admins),
        protected={},
        matching=matching,
    )


def of_google(number: int, project: str, *, people: bool = True) -> Judgement:
    """Say that somebody was granted owner of a project."""
    made, who = judgement(number, people=people), Identity.member(f"user:u{number}@example.com", project)
    (planned,) = made.planned
    (step,) = planned.steps
    target = Identity.resource(f"projects/{project}", project)
    plan = msgspec.structs.replace(planned, steps=(msgspec.structs.replace(step, target=target, affects=(who,)),))
    return msgspec.structs.replace(made, planned=(plan,))


def test_on_google_cloud_one_administrator_of_each_project_is_always_left() -> None:
    owners = {"a": ("user:u0@example.com",), "b": ("user:u1@example.com", "user:u2@example.com"), "c": ()}
    everybody = tuple(one for some in owners.values() for one in some)
    account = Account(msgspec.structs.replace(census(), admins=everybody, admins_of=owners))
    assert account.hear(of_google(0, "a")).state is PENDING, "the others own another project"
    assert [account.hear(of_google(n, "b")).state for n in (1, 2)] == [APPROVED, PENDING]
    assert account.hear(of_google(3, "c")).state is APPROVED, "it was counted, and this is nobody who owned it then"


@pytest.mark.parametrize(("people", "state"), [(True, PENDING), (False, APPROVED)])
def test_a_project_that_no_census_counted_asks_about_what_people_can_use(people: bool, state: JobState) -> None:
    account = Account(msgspec.structs.replace(census(1), admins_of={"a": ("user:u1@example.com",)}))
    assert account.hear(of_google(0, "b", people=people)).state is state
    assert account.hear(of_google(0, "folders/1", people=people)).state is state
    assert account.hear(of_google(5, "a", people=people)).state is APPROVED


def test_one_administrator_is_always_left() -> None:
    account = Account(census(0, 1, 2))
    assert [account.hear(judgement(n, people=True)).state for n in (0, 1, 2)] == [APPROVED, APPROVED, PENDING]
    assert account.hear(judgement(9, people=True)).state is APPROVED, "who is no administrator does not count"
    pending = next(job for job in account.store.jobs() if job.state is PENDING)
    with pytest.raises(RefusedError, match="without an administrator"):
        vote(pending.id, ANA, account.settings, account.store, account.queue, NOW, approve=True)
    assert vote(pending.id, ANA, account.settings, account.store, account.queue, NOW, approve=False).state is JobState.DENIED


def test_an_approved_act_on_an_administrator_counts_as_well() -> None:
    account = Account(census(0, 1))
    asked = account.hear(judgement(0, when=When.ASK))
    assert vote(asked.id, ANA, account.settings, account.store, account.queue, NOW, approve=True).state is APPROVED
    assert account.hear(judgement(1, people=True)).state is PENDING


def test_members_who_are_administrators_count() -> None:
    account = Account(census(1, 2))
    assert account.hear(judgement(0, affects=[role(1), role(2)])).state is PENDING
    assert account.hear(judgement(3, affects=[role(1), role(4)])).state is APPROVED


@pytest.mark.parametrize(("hours", "people", "state"), [(23, True, APPROVED), (24, True, PENDING), (24, False, APPROVED)])
def test_without_a_fresh_census_what_people_can_use_asks(hours: int, people: bool, state: JobState) -> None:
    account = Account(census(7, 8, hours=hours))
    assert account.hear(judgement(0, people=people)).state is state
    none = Account()
    assert none.hear(judgement(0, people=people)).state is (PENDING if people else APPROVED)


@pytest.mark.parametrize(("found", "state"), [(20, APPROVED), (21, PENDING)])
def test_a_guardrail_that_finds_something_about_too_many_is_not_believed(found: int, state: JobState) -> None:
    account = Account(census(identities=100, g=found))
    assert account.hear(judgement(0)).state is state
    assert account.hear(judgement(1, guardrail="h")).state is APPROVED
    small = Account(census(identities=6, g=5))
    assert small.hear(judgement(0)).state is APPROVED, "in a small account a handful is no share"


def test_one_actor_cannot_bury_the_approvers() -> None:
    account = Account(max_open_questions_per_actor=2)
    made = [account.hear(judgement(n, when=When.ASK)) for n in range(3)]
    assert [job.state for job in made] == [PENDING, PENDING, JobState.FOR_A_PERSON]
    assert "it joins them" in account.queue.notices[-1].text
    assert account.hear(judgement(7, when=When.ASK, actor="zoe")).state is PENDING
    later = NOW + timedelta(minutes=account.settings.approval_timeout_minutes)
    assert account.hear(judgement(8, when=When.ASK), later).state is PENDING


def test_where_somebody_takes_the_slot_meanwhile_it_is_counted_again() -> None:
    account = Account(max_auto_actions_per_hour=2)
    plain = account.store.open

    def raced(job: Job, records: Iterable[Record], notices: Iterable[Notice] = (), claims: Iterable[Slot] = ()) -> Opened:
        account.store.open = plain  # type: ignore[method-assign]  # only once
        account.hear(judgement(1))
        return plain(job, records, notices, claims)

    account.store.open = raced  # type: ignore[method-assign]  # a race
    assert account.hear(judgement(0)).state is APPROVED
    assert [s.number for s in account.store.slots("account:123456789012:reversal", 9)] == [1, 0]
    account.store.open = lambda *_: Opened.TAKEN  # type: ignore[method-assign]  # somebody is always faster
    waiting = list(account.queue.to_apply)
    with pytest.raises(ConflictError, match="at once"):
        account.hear(judgement(2))
    assert account.queue.to_apply == waiting, "commit first, then send"


@pytest.mark.parametrize(
    ("actor", "named", "when", "limit"),
    [
        ("eve", "user/eve/123456789012", When.ACT, "max_auto_actions_per_actor"),
        ("", "what AROAEXAMPLE7 does", When.ACT, "max_auto_actions_per_actor"),
        ("eve", "user/eve/123456789012", When.ASK, "max_open_questions_per_actor"),
    ],
)
def test_who_used_a_budget_up_is_named_and_somebody_is_paged(actor: str, named: str, when: When, limit: str) -> None:
    account = Account(None, **{limit: 1})
    for number in range(3):
        account.hear(
            judgement(number, actor=actor, when=when, target=number if when is When.ASK else 7)
        )  # one identity is asked about once
    assert f"because of {named}" in account.queue.notices[-1].text
    assert account.queue.notices[-1].page


def test_findings_that_name_no_actor_do_not_share_a_budget() -> None:
    account = Account(None, max_auto_actions_per_actor=1, max_open_questions_per_actor=1)
    assert [account.hear(judgement(n, actor="")).state for n in range(3)] == [APPROVED] * 3
    assert [account.hear(judgement(n, actor="", when=When.ASK)).state for n in range(3, 6)] == [PENDING] * 3


def test_the_containment_of_something_critical_is_not_crowded_out_by_other_questions() -> None:
    account = Account(None, max_open_questions_per_actor=2)
    for number in range(5):
        account.hear(judgement(number, when=When.ASK))
    for number in range(5, 8):
        high = judgement(number, when=When.ASK, action_class=CONTAINMENT)
        found = msgspec.structs.replace(high.planned[0].finding, severity=Severity.HIGH)
        account.hear(msgspec.structs.replace(high, planned=(msgspec.structs.replace(high.planned[0], finding=found),)))
    critical = account.hear(judgement(9, when=When.ASK, action_class=CONTAINMENT))
    assert critical.state is PENDING
    assert account.hear(judgement(10, when=When.ASK)).state is JobState.FOR_A_PERSON


def test_an_administrator_counts_once_however_often_somebody_acts_on_them() -> None:
    account = Account(census(0, 1))
    assert account.hear(judgement(0, target=0)).state is APPROVED
    assert account.hear(judgement(1, target=0, action_class=CONTAINMENT)).state is APPROVED
    asked = account.hear(judgement(2, target=1))
    assert asked.state is PENDING
    with pytest.raises(RefusedError, match="without an administrator"):
        vote(asked.id, ANA, account.settings, account.store, account.queue, NOW, approve=True)
    assert [slot.whom for slot in account.store.slots(f"admins:{census(0, 1).taken.isoformat()}", 9)] == [("AROAEXAMPLE0",)]


def test_an_old_census_still_keeps_the_last_administrator() -> None:
    account = Account(census(0, hours=30))
    asked = account.hear(judgement(0, target=0, when=When.ASK))
    with pytest.raises(RefusedError, match="without an administrator"):
        vote(asked.id, ANA, account.settings, account.store, account.queue, NOW, approve=True)


def test_a_small_account_believes_at_most_the_blast_radius() -> None:
    at_most = settings_of(None).max_blast_radius
    for found, state in ((at_most, APPROVED), (at_most + 1, PENDING)):
        account = Account(census(identities=6, g=found))
        assert account.hear(judgement(0)).state is state
