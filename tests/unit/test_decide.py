"""From judgement to jobs, votes, exemptions and undo: what acts, what asks, who has a vote."""

from datetime import datetime, timedelta

import msgspec
import pytest

from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.caller import Caller
from ringfence.domain.event import Event
from ringfence.domain.job import JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.authority import authorise
from ringfence.engine.core import PUT_BACK_FOR
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.moves import UNTAKEN
from ringfence.engine.trail.agree import problems
from ringfence.errors import RefusedError
from ringfence.settings import Settings
from ringfence.sources import normalise
from tests.support.cases import counted, event_file, settings_of
from tests.support.desk import decide, open_undo, vote
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, ROLE, World, job, put

VOTER = "arn:aws:iam::123456789012:user/ana"


def pending(actor: str | None = "arn:aws:iam::123456789012:user/eve") -> tuple[MemoryStore, MemoryQueue]:
    store, queue = MemoryStore(), MemoryQueue()
    put(store, job(CONTAINMENT, state=JobState.PENDING, actor=actor))
    return store, queue


def cast(
    store: MemoryStore,
    queue: MemoryQueue,
    voter: str = VOTER,
    *,
    approve: bool = True,
    settings: Settings | None = None,
    now: datetime = NOW,
) -> JobState:
    return vote(job(CONTAINMENT).id, voter, settings or settings_of(None), store, queue, now, approve=approve).state


def test_one_approval_lets_the_job_run() -> None:
    store, queue = pending()
    assert cast(store, queue) is JobState.APPROVED
    assert queue.to_apply == [job(CONTAINMENT).id]
    (said,) = (r for r in store.records() if r.kind is RecordKind.APPROVAL_DECIDED)
    assert (said.data["voter"], said.reason) == (VOTER, f"approved by {VOTER}")
    approved = store.job(job(CONTAINMENT).id)
    assert approved is not None
    assert approved.due == NOW + UNTAKEN


def test_a_denial_ends_the_job() -> None:
    store, queue = pending()
    assert cast(store, queue, approve=False) is JobState.DENIED
    assert queue.to_apply == []
    assert (store.records()[-1].kind, store.records()[-1].reason) == (RecordKind.CLOSED, f"denied by {VOTER}")


@pytest.mark.parametrize("second", [True, False])
def test_after_a_denial_no_vote_counts(second: bool) -> None:
    store, queue = pending()
    cast(store, queue, approve=False)
    with pytest.raises(RefusedError, match="not pending"):
        cast(store, queue, approve=second)


def test_a_denial_still_counts_until_somebody_has_taken_the_job_up() -> None:
    store, queue = pending()
    cast(store, queue)
    assert cast(store, queue, approve=False) is JobState.DENIED
    assert [r.data["approve"] for r in store.records() if r.kind is RecordKind.APPROVAL_DECIDED] == [True, False]
    store, queue = pending()
    cast(store, queue)
    with pytest.raises(RefusedError, match="not pending"):
        cast(store, queue)


def test_a_vote_at_the_deadline_is_too_late_and_expired_means_no() -> None:
    store, queue = pending()
    with pytest.raises(RefusedError, match="expired"):
        cast(store, queue, now=job(CONTAINMENT).expires)
    expired = store.job(job(CONTAINMENT).id)
    assert expired is not None
    assert expired.state is JobState.EXPIRED
    assert queue.to_apply == []
    store, queue = pending()
    assert cast(store, queue, now=job(CONTAINMENT).expires - timedelta(seconds=1)) is JobState.APPROVED


@pytest.mark.parametrize(
    ("voter", "word"),
    [
        ("", "no name"),
        ("arn:aws:iam::123456789012:user/eve", "caused the event"),
        ("arn:aws:iam::123456789012:role/fraud-train", "is affected by the plan"),
        ("arn:aws:sts::123456789012:assumed-role/fraud-train/i-0", "is affected by the plan"),
        ("arn:aws:sts::123456789012:assumed-role/Fraud-Train/i-0", "is affected by the plan"),
    ],
)
def test_who_has_no_vote(voter: str, word: str) -> None:
    store, queue = pending()
    with pytest.raises(RefusedError, match=word):
        cast(store, queue, voter)
    assert queue.to_apply == []


def test_the_members_of_a_group_have_no_vote_on_what_they_lose_by_whatever_name() -> None:
    made = job(CONTAINMENT, state=JobState.PENDING)
    made = msgspec.structs.replace(
        made, plan=msgspec.structs.replace(made.plan, affects=("AIDAEXAMPLEBO", "arn:aws:iam::123456789012:user/zoe"))
    )
    for member in (Caller(VOTER, "AIDAEXAMPLEBO"), Caller("arn:aws:iam::123456789012:user/Zoe")):
        with pytest.raises(RefusedError, match="is affected by the plan"):
            authorise(made, member, settings_of(None))
    authorise(made, Caller(VOTER, "AIDAEXAMPLEOTHER"), settings_of(None))


def test_the_role_that_caused_the_event_has_no_vote_in_any_session() -> None:
    store, queue = pending(actor="arn:aws:iam::123456789012:role/ops")
    with pytest.raises(RefusedError, match="caused the event"):
        cast(store, queue, "arn:aws:sts::123456789012:assumed-role/ops/eve")


@pytest.mark.parametrize(
    ("voter", "counts"),
    [(VOTER, False), ("arn:aws:iam::123456789012:user/sec", True), ("arn:aws:sts::123456789012:assumed-role/approver/zoe", True)],
)
def test_where_approvers_are_named_only_they_vote(voter: str, counts: bool) -> None:
    named = settings_of(
        {"defaults": {"approval": {"approvers": ["arn:aws:iam::123456789012:user/sec", "arn:aws:iam::123456789012:role/approver"]}}}
    )
    store, queue = pending()
    if counts:
        assert cast(store, queue, voter, settings=named) is JobState.APPROVED
    else:
        with pytest.raises(RefusedError, match="no approver"):
            cast(store, queue, voter, settings=named)


def test_a_vote_on_no_job_is_refused() -> None:
    with pytest.raises(RefusedError, match="no job"):
        cast(MemoryStore(), MemoryQueue())


def test_five_deliveries_of_a_finding_make_one_pending_job() -> None:
    world = World()
    world.change(
        trust={"Statement": [{"Effect": "Allow", "Principal": {"Service": ["sagemaker.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}
    )
    settings = settings_of(None)
    for count in range(1, 6):
        event = event_file("aws/guardduty/credential-exfiltration.json")
        event["detail"]["service"]["count"] = count
        event["detail"]["updatedAt"] = f"2026-03-02T09:0{count}:00.000Z"
        event["detail"]["resource"]["accessKeyDetails"]["principalId"] = f"{ROLE.unique_id}:i-0"
        (parsed,) = normalise(event)
        decide(Evaluator(settings, world.iam, census=counted).judge(parsed, NOW), settings, world.store, world.queue, NOW)
    (only,) = world.store.jobs()
    assert only.state is JobState.PENDING
    assert len(world.queue.notices) == 1


def test_a_job_whose_message_was_lost_is_sent_again_when_delivered_again() -> None:
    world = World(ADMIN)
    settings = settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]})
    event = event_file("aws/cloudtrail/AttachRolePolicy.json")
    event["detail"]["requestParameters"]["roleName"] = ROLE.name
    (parsed,) = normalise(event)
    judgement = Evaluator(settings, world.iam, census=counted).judge(parsed, NOW)
    decide(judgement, settings, world.store, world.queue, NOW)
    world.queue.to_apply.clear()
    (again,) = decide(judgement, settings, world.store, world.queue, NOW)
    assert world.queue.to_apply == [again.id]
    world.work()
    decide(judgement, settings, world.store, world.queue, NOW)
    assert world.queue.to_apply == [], "a job that has ended is not sent again"
    assert problems(world.store.jobs(), world.store.records) == ()


def test_what_a_person_put_back_is_not_reversed_again_for_a_while() -> None:
    world = World(ADMIN)
    settings = settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]})

    def deliver(event_id: str, minutes: int, actor: str = "eve") -> JobState:
        event = event_file("aws/cloudtrail/AttachRolePolicy.json")
        event["detail"]["requestParameters"]["roleName"] = ROLE.name
        event["detail"]["eventID"] = event_id
        event["detail"]["userIdentity"]["arn"] = f"arn:aws:iam::123456789012:user/{actor}"
        (parsed,) = normalise(event)
        now = NOW + timedelta(minutes=minutes)
        parsed = msgspec.structs.replace(parsed, time=now)
        made = decide(Evaluator(settings, world.iam, census=counted).judge(parsed, now), settings, world.store, world.queue, now)
        world.work()
        found = world.store.job(next(j.id for j in made if j.guardrail == "aws-admin-policy-on-ai-identity"))
        assert found is not None
        return found.state

    assert deliver("e1", 0) is JobState.DONE
    assert world.attached() == ()
    undo = open_undo(world.store.jobs()[0].id, VOTER, settings_of(None), world.store, world.queue, NOW)
    while call := world.responder.prepare(undo.id):
        world.responder.settle(undo.id, world.iam.call(call, undo.id))
    world.work()
    assert world.attached() == (ADMIN,)
    assert deliver("e2", 1, "ana") is JobState.CANCELLED, "the undo's own event"
    assert world.attached() == (ADMIN,)
    assert deliver("e2b", 2, "eve") is JobState.DONE, "nobody else profits from it"
    world.change(attached=(ADMIN,))
    assert deliver("e3", int(PUT_BACK_FOR.total_seconds() // 60) + 1) is JobState.DONE, "later it is judged like any other"
    assert world.attached() == ()


def test_who_caused_the_event_cannot_undo_the_answer_to_it() -> None:
    world = World()
    put(world.store, job(CONTAINMENT))
    world.responder.apply(job(CONTAINMENT).id)
    world.work()
    for by in ("arn:aws:iam::123456789012:user/eve", "arn:aws:sts::123456789012:assumed-role/fraud-train/i-0"):
        with pytest.raises(RefusedError, match="has no say"):
            open_undo(job(CONTAINMENT).id, by, settings_of(None), world.store, world.queue, NOW)
    assert world.queue.to_apply == []


def test_an_undo_cannot_itself_be_undone() -> None:
    world = World()
    put(world.store, job(CONTAINMENT))
    world.responder.apply(job(CONTAINMENT).id)
    world.work()
    first = open_undo(job(CONTAINMENT).id, VOTER, settings_of(None), world.store, world.queue, NOW)
    world.work()
    assert world.attached() == ()
    with pytest.raises(RefusedError, match="itself an undo"):
        open_undo(first.id, VOTER, settings_of(None), world.store, world.queue, NOW)


def test_two_people_where_the_configuration_asks_for_two() -> None:
    store, queue = MemoryStore(), MemoryQueue()
    put(store, msgspec.structs.replace(job(CONTAINMENT, state=JobState.PENDING), needs=2))
    assert cast(store, queue) is JobState.PENDING
    assert queue.to_apply == []
    with pytest.raises(RefusedError, match="already"):
        cast(store, queue)
    assert cast(store, queue, "arn:aws:iam::123456789012:user/zoe") is JobState.APPROVED
    assert queue.to_apply == [job(CONTAINMENT).id]


def test_sessions_of_one_role_are_one_person_but_people_of_identity_center_are_not() -> None:
    sso = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Security_0123/"
    store, queue = pending(actor=sso + "eve@example.com")
    with pytest.raises(RefusedError, match="caused the event"):
        cast(store, queue, sso + "eve@example.com")
    assert cast(store, queue, sso + "zoe@example.com") is JobState.APPROVED
    store, queue = pending(actor="arn:aws:sts::123456789012:assumed-role/mlops/one")
    with pytest.raises(RefusedError, match="caused the event"):
        cast(store, queue, "arn:aws:sts::123456789012:assumed-role/mlops/two")


def finding(minute: int, count: int = 1) -> Event:
    event = event_file("aws/guardduty/credential-exfiltration.json")
    event["detail"]["service"]["count"] = count
    event["detail"]["updatedAt"] = (NOW + timedelta(minutes=minute)).isoformat()
    event["detail"]["resource"]["accessKeyDetails"]["principalId"] = f"{ROLE.unique_id}:i-0"
    return normalise(event)[0]


def test_a_finding_that_goes_on_after_its_question_expired_is_asked_anew() -> None:
    world = World()
    settings = settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]})

    def deliver(event: Event, minute: int) -> list[JobState]:
        now = NOW + timedelta(minutes=minute)
        decide(Evaluator(settings, world.iam, census=counted).judge(event, now), settings, world.store, world.queue, now)
        return [j.state for j in world.store.jobs()]

    assert deliver(finding(0), 1) == [JobState.PENDING]
    assert deliver(finding(20, 2), 21) == [JobState.PENDING], "while the question stands it is asked once"
    assert deliver(finding(0), 40) == [JobState.EXPIRED], "a late duplicate is nothing new"
    assert deliver(finding(60, 3), 61) == [JobState.EXPIRED, JobState.PENDING]
    assert [n.state for n in world.queue.notices] == ["pending", "expired", "pending"]
    second = world.store.jobs()[1]
    vote(second.id, VOTER, settings, world.store, world.queue, NOW + timedelta(minutes=62), approve=True)
    world.work()
    assert deliver(finding(90, 4), 91) == [JobState.EXPIRED, JobState.DONE], "what is contained already needs no question"


def test_what_could_not_be_judged_is_for_a_person() -> None:
    world = World()
    settings = settings_of(None)
    (event,) = normalise(event_file("aws/guardduty/attack-sequence-without-detection.json"))
    judgement = Evaluator(settings, world.iam, census=counted).judge(event, NOW)
    (made,) = decide(judgement, settings, world.store, world.queue, NOW)
    assert made.state is JobState.FOR_A_PERSON
    assert "could not be judged" in world.queue.notices[0].text
    assert problems([made], world.store.records) == ()


def test_an_exception_that_was_used_shows_in_the_trail() -> None:
    exception = {"guardrail": "aws-credential-exfiltration", "principal": "role/fraud-train", "reason": "red team", "until": "2026-04-01"}
    settings = settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}, "exceptions": [exception]}]})
    world = World()
    (made,) = decide(Evaluator(settings, world.iam, census=counted).judge(finding(0), NOW), settings, world.store, world.queue, NOW)
    assert made.state is JobState.NOTHING_TO_DO
    assert RecordKind.EXEMPTION_USED in [r.kind for r in world.store.records()]
    assert "exempt until 2026-04-01" in world.queue.notices[-1].text
    other = settings_of(
        {
            "projects": [
                {"name": "p", "aws": {"accounts": ["*"]}},
                {"name": "q", "aws": {"accounts": ["210987654321"]}, "exceptions": [exception]},
            ]
        }
    )
    assert Evaluator(other, world.iam, census=counted).judge(finding(0), NOW).planned, "an exception of one project exempts no other"


@pytest.mark.parametrize("tamper", ["plan", "end", "intent", "order", "state", "decision"])
def test_the_audit_of_the_trail_sees(tamper: str) -> None:
    world = World(ADMIN)
    settings = settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]})
    event = event_file("aws/cloudtrail/AttachRolePolicy.json")
    event["detail"]["requestParameters"]["roleName"] = ROLE.name
    decide(Evaluator(settings, world.iam, census=counted).judge(normalise(event)[0], NOW), settings, world.store, world.queue, NOW)
    world.work()
    (done,) = [j for j in world.store.jobs() if j.state is JobState.DONE]
    records = {r.kind: r for r in world.store.records(done.id)}
    assert problems([done], lambda _: tuple(records.values())) == ()
    replace = msgspec.structs.replace
    match tamper:
        case "plan":
            records[RecordKind.OUTCOME] = replace(records[RecordKind.OUTCOME], plan_digest="0" * 64)
        case "end":
            del records[RecordKind.CLOSED]
        case "intent":
            del records[RecordKind.INTENT]
        case "order":
            records[RecordKind.INTENT] = replace(records[RecordKind.INTENT], time=NOW + timedelta(hours=1))
        case "state":
            records[RecordKind.CLOSED] = replace(records[RecordKind.CLOSED], state="failed")
        case "decision":
            del records[RecordKind.DECISION]
    assert problems([done], lambda _: tuple(records.values())) != ()
