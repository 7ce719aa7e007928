"""A vote counts for the plan that was shown, and a plan that was changed since ends loudly."""

import msgspec
import pytest

from ringfence.domain.caller import Caller
from ringfence.domain.job import JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.approve import SHOWN, Vote
from ringfence.engine.approve import vote as cast
from ringfence.engine.commands import run_at_desk
from ringfence.errors import RefusedError
from tests.support.jobs import job as plain
from tests.support.jobs import put
from tests.support.office import ANA, DENIES, A, B, Office, finding

S = JobState


@pytest.mark.parametrize("approve", [True, False])
def test_a_vote_counts_for_the_plan_that_was_shown(approve: bool) -> None:
    office = Office()
    asked = office.hear(finding(0, A))
    for shown, counts in (("0" * SHOWN, False), (asked.plan.digest[1 : SHOWN + 1], False), (asked.plan.digest[:SHOWN], True)):
        process = cast(Vote(job=asked.id, approve=approve, shown=shown, reason="so"), Caller(ANA), office.settings)
        if counts:
            assert run_at_desk(process, office.desk()).ended is not approve
            said = next(r for r in office.store.records(asked.id) if r.kind is RecordKind.APPROVAL_DECIDED)
            assert said.plan_digest == asked.plan.digest
            assert (said.data["reason"], said.reason) == ("so", f"{'approved' if approve else 'denied'} by {ANA}: so")
            continue
        with pytest.raises(RefusedError, match=f"another plan than the one that was shown .{shown}"):
            run_at_desk(process, office.desk())
    assert office.states() == [S.APPROVED if approve else S.DENIED]


def test_a_no_to_what_was_approved_counts_whatever_is_asked_meanwhile() -> None:
    office = Office()
    first = office.hear(finding(0, A))
    office.vote(first)
    second = office.hear(finding(1, B))
    assert office.vote(first, approve=False) is S.DENIED
    assert office.now(second).state is S.PENDING


@pytest.mark.parametrize("recorded", [True, False])
def test_a_question_whose_plan_is_not_the_one_on_record_ends_loudly(recorded: bool) -> None:
    office = Office()
    asked = office.hear(finding(0, A))
    plan, was = msgspec.structs.replace(asked.plan, steps=(B,)), asked.plan.digest[:16]
    office.store._keep(msgspec.structs.replace(asked, plan=plan))
    if not recorded:
        office.store._records.clear()
    said = f"its plan is {plan.digest[:16]}, and {was if recorded else 'none'} is on record"
    with pytest.raises(RefusedError) as refused:
        office.vote(asked)
    assert refused.value.problem == f"job {asked.id}: {said}"
    assert (office.states(), office.queue.to_apply, office.queue.notices[-1].page) == ([S.FAILED], [], True)
    assert office.queue.notices[-1].text == f"{said}: somebody wrote to the table"


@pytest.mark.parametrize(
    ("state", "changed", "undo"), [(S.DENIED, (), False), (S.RUNNING, (), True), (S.DONE, ((0, 0),), True), (S.DONE, (), False)]
)
def test_who_is_too_late_is_told_how_to_take_it_back(state: JobState, changed: tuple[tuple[int, int], ...], undo: bool) -> None:
    office = Office()
    made = put(office.store, msgspec.structs.replace(plain(DENIES, state=state), changed=changed))
    with pytest.raises(RefusedError, match=f"is {state}, not pending") as refused:
        office.vote(made)
    assert refused.value.hint.endswith(f"`ringfence undo {made.id}` takes back what it did") is undo
