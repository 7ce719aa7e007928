"""Votes over one table, many at once: a vote that comes again counts once, two people count both, and each of them once."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec

from ringfence.clouds.aws.store import DynamoStore
from ringfence.clouds.memory import MemoryQueue
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import Record, RecordKind
from ringfence.engine.trail.agree import problems
from ringfence.errors import ConflictError, RefusedError
from ringfence.settings import Person
from tests.strict.aws import strict_aws
from tests.support.aws import make_table
from tests.support.cases import settings_of
from tests.support.desk import vote
from tests.support.jobs import CONTAINMENT, NOW, job, put
from tests.support.scale import cases

S = JobState
WRITERS, TIMES = 8, 100
PEOPLE = tuple(
    Person(name=n, chat=(f"slack:T1/U{n}", f"slack:T1/U{n}2"), cloud=(f"arn:aws:iam::123456789012:user/{n}",)) for n in ("ANA", "BO")
)
SETTINGS = msgspec.structs.replace(settings_of(None), people=PEOPLE, approvers=("ANA", "BO"))


class Table:
    """A table with one question, and who votes on it."""

    def __init__(self, number: int, needs: int) -> None:
        make_table(f"t{number}")
        self.store, self.queue = DynamoStore(f"t{number}"), MemoryQueue()
        self.asked = put(self.store, msgspec.structs.replace(job(CONTAINMENT, state=S.PENDING), needs=needs))

    def vote(self, voter: str, *, approve: bool = True) -> str:
        """Vote, again where somebody else was faster; say what became of it."""
        while True:
            try:
                return str(vote(self.asked.id, voter, SETTINGS, self.store, self.queue, NOW, approve=approve).state)
            except ConflictError:
                continue
            except RefusedError as error:
                return error.problem

    def at_once(self, votes: Sequence[Callable[[], str]]) -> Counter[str]:
        with ThreadPoolExecutor(WRITERS) as pool:
            return Counter(one.result() for one in [pool.submit(one) for one in votes])

    @property
    def job(self) -> Job:
        found = self.store.job(self.asked.id)
        assert found is not None
        return found

    @property
    def decided(self) -> list[Record]:
        return [r for r in self.store.records(self.asked.id) if r.kind is RecordKind.APPROVAL_DECIDED]


def test_24_the_same_vote_a_hundred_times_is_one_transition_and_one_record() -> None:
    with strict_aws():
        for number in range(cases(50)):
            approve = number % 2 == 0
            table = Table(number, needs=1)
            said = table.at_once([partial(table.vote, "slack:T1/UANA", approve=approve)] * TIMES)
            state = S.APPROVED if approve else S.DENIED
            assert said == {str(state): 1, f"job {table.asked.id} is {state}, not pending": TIMES - 1}
            assert (table.job.state, table.job.version, len(table.decided)) == (state, 1, 1)
            assert table.queue.to_apply == [table.asked.id] * approve
            assert problems([table.job], table.store.records) == ()


def test_25_two_people_at_once_count_both_and_each_of_them_once() -> None:
    with strict_aws():
        for number in range(cases(300)):
            table = Table(number, needs=2)
            names = [name for person in PEOPLE for name in (*person.chat, *person.cloud, person.chat[0])]
            said = table.at_once([partial(table.vote, name) for name in names])
            assert (said["pending"], said["approved"]) == (1, 1)
            assert (table.job.state, table.job.version) == (S.APPROVED, 2)
            assert sorted(table.job.approvals) == ["person ANA", "person BO"]
            assert sorted(r.id for r in table.decided) == [f"{table.asked.id}.{RecordKind.APPROVAL_DECIDED}.{n}" for n in (1, 2)]
            assert table.queue.to_apply == [table.asked.id], "sent once"
            assert problems([table.job], table.store.records) == ()


def test_26_yes_and_no_at_once_are_a_no_or_a_yes_before_it_and_nothing_runs_after_a_no() -> None:
    with strict_aws():
        for number in range(cases(300)):
            table = Table(number, needs=1)
            both = [partial(table.vote, PEOPLE[n % 2].cloud[0], approve=n % 2 == 0) for n in range(WRITERS)]
            table.at_once(both)
            assert table.job.state is S.DENIED, "a no counts until somebody has taken the job up"
            answers = [r.data["approve"] for r in sorted(table.decided, key=lambda r: r.id)]
            assert answers in ([False], [True, False])
            assert problems([table.job], table.store.records) == ()
