"""Votes: nobody involved ever decides, so many people have to as are asked for, and what was approved is what runs, or nothing does."""

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.actions import ACTIONS
from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.caller import Caller
from ringfence.domain.canonical import canonical, digest
from ringfence.domain.event import Actor
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Plan, Step
from ringfence.domain.record import RecordKind
from ringfence.domain.state import Fact, FactKind, State
from ringfence.engine.approve import Vote, vote
from ringfence.engine.authority import authorise, involved, who
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.ports import Reply
from ringfence.engine.respond import Responder
from ringfence.engine.trail.agree import problems
from ringfence.errors import RefusedError
from ringfence.settings import Person, Settings
from tests.properties.test_round_trips import planned
from tests.support.actions import job as job_of
from tests.support.cases import OWN_POLICIES, settings_of
from tests.support.jobs import CONTAINMENT, NOW, REVERSAL, ROLE, Clock, job, put, work
from tests.support.scale import cases

S, replace = JobState, msgspec.structs.replace
ACCOUNT = "123456789012"
ANA = Caller(f"arn:aws:iam::{ACCOUNT}:user/ana")


# 30: nobody who is involved -----------------------------------------------------------------------------------------------------------

USERS = [Identity.of(Kind.USER, f"u{n}", ACCOUNT, unique_id=f"AIDAEXAMPLE{n}") for n in range(6)]
ROLES = [Identity.of(Kind.ROLE, f"r{n}", ACCOUNT, unique_id=f"AROAEXAMPLE{n}") for n in range(6)]
PROJECTS = ("fraud", "vision", "")


class Human:
    """A human being: the identities that are theirs alone, and what the configuration says of them."""

    def __init__(self, rnd: random.Random, number: int, mine: list[Identity]) -> None:
        self.mine = mine
        owns = tuple(rnd.sample([f"arn:aws:iam::*:{k}/{n}" for k in ("role", "user") for n in ("*3", "?4", "x*")], rnd.choice([0, 0, 1])))
        self.person = Person(
            name=f"p{number}",
            chat=tuple(f"slack:T1/U{number}{n}" for n in range(rnd.randint(0, 2))),
            cloud=tuple(alias for identity in mine for alias in _aliases(rnd, identity)),
            owns=owns,
            owned_projects=tuple(rnd.sample(PROJECTS[:2], rnd.choice([0, 0, 1]))),
        )

    def has_a_part(self, actor: Identity | None, affected: list[Identity], project: str) -> bool:
        """Whether they caused it, are affected by it or own it."""
        owned = [i for i in affected if any(_fits(i, glob) for glob in self.person.owns)]
        return bool(actor in self.mine or set(affected) & set(self.mine) or owned or project in self.person.owned_projects)

    def names(self, rnd: random.Random) -> list[Caller]:
        """Every name by which they can ask."""
        callers = [Caller(name) for name in self.person.chat]
        for identity in self.mine:
            session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{identity.name}/{rnd.choice(['x', 'ana', str(rnd.random())])}"
            callers.append(Caller(session if identity.kind is Kind.ROLE else identity.arn, rnd.choice(["", identity.unique_id or ""])))
        return callers


def _aliases(rnd: random.Random, identity: Identity) -> list[str]:
    """The ways to write an identity down."""
    plain = identity.arn.replace(f":{identity.kind}/", f":{identity.kind}/a/path/")
    shouted = identity.arn.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace(f":{identity.kind.upper()}/", f":{identity.kind}/")
    ways = [identity.arn, plain, shouted]
    return [rnd.choice(ways), *([identity.unique_id] if identity.unique_id and rnd.random() < 0.3 else [])]


def _fits(identity: Identity, glob: str) -> bool:
    kind, _, end = glob.rpartition(":")[2].partition("/")
    return identity.kind == kind and identity.name.endswith(end[-1]) and not end.startswith("x")


def asked_about(rnd: random.Random, actor: Identity | None, affected: list[Identity], project: str, settings: Settings) -> Job:
    """The question, as `decide` opens it."""
    name = None if actor is None else actor.arn if actor.kind is Kind.USER else f"arn:aws:sts::{ACCOUNT}:assumed-role/{actor.name}/s"
    step = rnd.choice([CONTAINMENT, REVERSAL])
    plan = Plan(target=affected[0], affects=tuple(i.key for i in affected), steps=(step,), config_hash="test")
    made = replace(job(step, state=S.PENDING, actor=name), plan=plan, project=project)
    return replace(made, no_say=involved(who_did(name, actor), affected, project, settings))


def who_did(name: str | None, actor: Identity | None) -> Actor | None:
    return None if name is None else Actor(display=name, type="IAMUser", identity=actor)


def test_30_nobody_who_is_involved_ever_decides() -> None:
    rnd = random.Random(30)  # noqa: S311 - repeatable on purpose
    refused = let = 0
    for _ in range(cases(1000)):
        pool = rnd.sample(USERS + ROLES, 12)
        humans = [Human(rnd, n, pool[n * 2 : n * 2 + rnd.randint(1, 2)]) for n in range(5)]
        people = tuple(h.person for h in humans)
        named = tuple(p.name for p in people) if rnd.random() < 0.7 else ()
        settings = Settings(people=people, approvers=named)
        actor, project = rnd.choice([None, *pool]), rnd.choice(PROJECTS)
        affected = rnd.sample(pool, rnd.choice([1, 1, 2, 3]))
        store, queue = MemoryStore(), MemoryQueue()
        asked = put(store, asked_about(rnd, actor, affected, project, settings))
        for human, voter in [(h, name) for h in humans for name in h.names(rnd)]:
            part = human.has_a_part(actor, affected, project)
            if part or (voter.in_chat and not named):
                with pytest.raises(RefusedError):
                    run_at_desk(vote(Vote(job=asked.id, approve=True), voter, settings), Desk(store, queue, lambda: NOW))
                assert (store.job(asked.id), queue.to_apply) == (asked, [])
                refused += part
            else:
                authorise(asked, voter, settings)
                let += 1
    assert min(refused, let) > cases(1000), "both were tried"


# 31: k of n ---------------------------------------------------------------------------------------------------------------------------


def test_31_so_many_people_have_to_approve_as_are_asked_for() -> None:
    rnd = random.Random(31)  # noqa: S311 - repeatable on purpose
    twice = 0
    for _ in range(cases(2000)):
        humans = [Human(rnd, n, [USERS[n], ROLES[n]]) for n in range(4)]
        settings = Settings(people=tuple(h.person for h in humans), approvers=tuple(h.person.name for h in humans))
        store, queue, needs = MemoryStore(), MemoryQueue(), rnd.randint(1, 3)
        asked = put(store, replace(job(CONTAINMENT, state=S.PENDING), needs=needs))
        counted = list[int]()
        for _ in range(12):
            human = rnd.randrange(4)
            voter = rnd.choice(humans[human].names(rnd))
            before = store.job(asked.id)
            try:
                after = run_at_desk(vote(Vote(job=asked.id, approve=True), voter, settings), Desk(store, queue, lambda: NOW))
            except RefusedError:
                assert human in counted or len(counted) == needs
                assert store.job(asked.id) == before
                twice += 1
                continue
            assert human not in counted
            counted.append(human)
            assert after.approvals == tuple(f"person p{n}" for n in counted)
            assert (after.state is S.APPROVED, len(queue.to_apply)) == (len(counted) == needs, int(len(counted) == needs))
        told = [r for r in store.records(asked.id) if r.kind is RecordKind.APPROVAL_DECIDED]
        assert len({who(str(r.data["voter"]), settings) for r in told}) == len(told) == len(counted)
    assert twice > cases(2000)


# 33 to 36: what was approved ----------------------------------------------------------------------------------------------------------


class Hand:
    """An approved job and the account that it is about; every call is written down before it is made, and may be followed by a change."""

    def __init__(self, state: State, asked: Job) -> None:
        self.iam = MemoryIam(state, policies=OWN_POLICIES)
        self.store, self.queue, self.clock = MemoryStore(), MemoryQueue(), Clock()
        self.responder = Responder(settings_of(None), self.store, self.queue, self.iam, self, self.clock)
        self.calls: list[bytes] = []
        self.then: dict[int, State] = {}  # after so many calls the identity is this
        self.asked = put(self.store, asked)

    def call(self, call: Call, job_id: str) -> Reply:
        self.calls.append(canonical(msgspec.to_builtins(call)))
        reply = self.iam.call(call, job_id)
        self.drift(self.then.get(len(self.calls)))
        return reply

    def drift(self, state: State | None) -> None:
        if state is not None:
            ((place, _),) = self.iam.states.items()
            self.iam.states[place] = state

    @property
    def state(self) -> State:
        (state,) = self.iam.states.values()
        return state

    def approve(self) -> None:
        run_at_desk(vote(Vote(job=self.asked.id, approve=True), ANA, settings_of(None)), Desk(self.store, self.queue, self.clock))

    def run(self) -> Job:
        work(self.queue, self.responder, self.clock)
        ended = self.store.job(self.asked.id)
        assert ended is not None
        return ended


def question(rnd: random.Random) -> Hand:
    """A question with the plan of some action for something random."""
    action = rnd.choice(ACTIONS)
    state, steps = planned(rnd, action)
    return Hand(state, replace(job_of(steps, state.identity, action), state=S.PENDING, expires=NOW + timedelta(minutes=30)))


def test_33_what_is_called_is_what_was_approved_to_the_byte() -> None:
    rnd = random.Random(33)  # noqa: S311 - repeatable on purpose
    called = 0
    for _ in range(cases(2000)):
        hand = question(rnd)
        hand.approve()
        ended = hand.run()
        (decided,) = (r for r in hand.store.records(ended.id) if r.kind is RecordKind.DECISION)
        shown = decided.data["plan"]
        assert digest(shown) == decided.plan_digest == hand.asked.plan.digest
        made = [n for n, _ in ended.changed]
        assert hand.calls == [canonical(shown["steps"][n]["call"]) for n in made]
        assert made == sorted(set(made)), "in their order, each once"
        called += len(made)
    assert called > cases(2000) // 2


def documents(name: str, what: str = "s3:GetObject") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Sid": name, "Effect": "Allow", "Action": what, "Resource": "*"}]}


INLINE = {f"i{n}": documents(f"i{n}") for n in range(4)}
HELD = State(identity=ROLE, attached=(), inline=INLINE, credentials=(), boundary=None, trust=documents("trust"))


def inline_step(name: str, action_class: ActionClass) -> Step:
    given, text = {"RoleName": ROLE.name, "PolicyName": name}, msgspec.json.encode(INLINE[name]).decode()
    return Step(
        action="aws.iam.delete-inline-policy",
        action_class=action_class,
        fact=Fact(FactKind.INLINE, name),
        before=digest(INLINE[name]),
        after=None,
        call=Call("iam", "DeleteRolePolicy", given),
        inverse=Call("iam", "PutRolePolicy", {**given, "PolicyDocument": text}),
    )


def several(rnd: random.Random, action_class: ActionClass) -> Hand:
    steps = tuple(inline_step(name, action_class) for name in rnd.sample(sorted(INLINE), rnd.randint(1, 4)))
    return Hand(HELD, job(*steps, state=S.PENDING))


def drifted(rnd: random.Random, state: State) -> State:
    """The same identity after somebody changed something, or another one of its name."""
    inline = dict(state.inline or {})
    for name in rnd.sample(sorted(inline), rnd.randint(0, len(inline))):
        if rnd.random() < 0.7:
            inline[name] = documents(name, f"s3:{rnd.random()}")
        else:
            del inline[name]
    attached = ("arn:aws:iam::aws:policy/ReadOnlyAccess",) if rnd.random() < 0.3 else ()
    identity = replace(ROLE, unique_id="AROAEXAMPLENEW") if rnd.random() < 0.1 else state.identity
    return replace(state, inline=inline, attached=attached, identity=identity)


def stands(step: Step, state: State) -> bool:
    """Whether a step finds what it was planned for, or nothing to do."""
    return state.identity.unique_id == ROLE.unique_id and state.value(step.fact) in (step.before, None)


def test_34_a_reversal_of_what_drifted_since_is_stale_and_calls_nothing() -> None:
    rnd = random.Random(34)  # noqa: S311 - repeatable on purpose
    stale = 0
    for _ in range(cases(5000)):
        hand = several(rnd, ActionClass.REVERSAL)
        hand.approve()
        hand.drift(drifted(rnd, HELD))
        at_first = hand.state
        wrong = [n for n, step in enumerate(hand.asked.plan.steps) if not stands(step, at_first)]
        due = [s for s in hand.asked.plan.steps[: wrong[0] if wrong else None] if at_first.value(s.fact) is not None]
        ended = hand.run()
        assert hand.calls == [canonical(msgspec.to_builtins(s.call)) for s in due], "nothing from the first drift on"
        if wrong:
            assert ended.state is (S.PARTIAL if due else S.STALE)
        if wrong and not due:
            stale += 1
            assert hand.state == at_first
        assert problems([ended], hand.store.records) == ()
    assert stale > cases(5000) // 10


def test_34_containment_goes_on_in_spite_of_drift_and_says_so() -> None:
    rnd = random.Random(341)  # noqa: S311 - repeatable on purpose
    went_on = 0
    for _ in range(cases(5000)):
        hand = several(rnd, ActionClass.CONTAINMENT)
        hand.approve()
        hand.drift(drifted(rnd, HELD))
        at_first = hand.state
        steps = hand.asked.plan.steps if at_first.identity == ROLE else ()
        due = [s for s in steps if at_first.value(s.fact) is not None]
        ended = hand.run()
        assert hand.calls == [canonical(msgspec.to_builtins(s.call)) for s in due]
        told = {r.step: r for r in hand.store.records(ended.id) if r.kind is RecordKind.INTENT}
        for number, step in enumerate(steps):
            found = at_first.value(step.fact)
            if found not in (step.before, None):
                went_on += 1
                assert f"it drifted to {found}: containment goes on" in told[number].reason
                assert told[number].data["found"] == found
        assert ended.state is (S.DONE if at_first.identity == ROLE else S.STALE)
    assert went_on > cases(5000) // 4


def test_36_drift_between_the_steps_of_a_reversal_stops_the_rest() -> None:
    rnd = random.Random(36)  # noqa: S311 - repeatable on purpose
    stopped = 0
    for _ in range(cases(5000)):
        hand = several(rnd, ActionClass.REVERSAL)
        steps = hand.asked.plan.steps
        after = rnd.randint(1, len(steps))
        left = {name: text for name, text in INLINE.items() if name not in [s.fact.key for s in steps[:after]]}
        new = hand.then[after] = drifted(rnd, replace(HELD, inline=left))
        wrong = next((n for n in range(after, len(steps)) if not stands(steps[n], new)), None)
        hand.approve()
        ended = hand.run()
        due = [n for n, s in enumerate(steps[:wrong]) if n < after or new.value(s.fact) is not None]
        assert hand.calls == [canonical(msgspec.to_builtins(steps[n].call)) for n in due]
        if wrong is None:
            continue
        stopped += 1
        assert ended.state is (S.PARTIAL if new.identity == ROLE else S.STALE), "of who is gone nothing is done any more"
        assert ended.changed == tuple((n, 0) for n in due), "what is done, for the undo"
        assert hand.queue.notices[-1].page or new.identity != ROLE
        assert problems([ended], hand.store.records) == ()
    assert stopped > cases(5000) // 5


# 35: a plan that somebody changed in the table ----------------------------------------------------------------------------------------


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every field of a plan, at whatever depth."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def mutated(rnd: random.Random, value: Any) -> Any:
    """Another value of about the same shape."""
    if isinstance(value, dict):
        return {**value, "Extra": "x"} if not value or rnd.random() < 0.5 else {k: v for k, v in value.items() if k != next(iter(value))}
    if isinstance(value, list):
        return value[:-1] if value and rnd.random() < 0.5 else [*value, *(value[-1:] or ["x"])]
    if isinstance(value, str):
        others = [*ActionClass, *FactKind, *Kind]
        return (
            rnd.choice([other for other in others if other != value])
            if value in others
            else value[:-1] + ("y" if value[-1:] == "x" else "x")
        )
    return not value if isinstance(value, bool) else "x" if value is None else value + 1


def tampered(rnd: random.Random, plan: Plan, place: tuple[Any, ...]) -> Plan | None:
    """The plan with one field changed; None where what came of it cannot even be read from the table."""
    written = at = msgspec.json.decode(msgspec.json.encode(plan))
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = mutated(rnd, at[place[-1]])
    try:
        return msgspec.convert(written, Plan)
    except msgspec.ValidationError:
        return None


def _refused(hand: Hand) -> str:
    """Why a vote was refused."""
    with pytest.raises(RefusedError) as refused:
        hand.approve()
    return refused.value.problem


def test_35_a_plan_that_somebody_changed_is_neither_approved_nor_carried_out() -> None:
    rnd = random.Random(35)  # noqa: S311 - repeatable on purpose
    tried = 0
    while tried < cases(5000):
        hand = question(rnd)
        before, late = hand.state, rnd.random() < 0.5
        for place in rnd.sample(every := places(msgspec.json.decode(msgspec.json.encode(hand.asked.plan)))[1:], min(len(every), 12)):
            plan = tampered(rnd, hand.asked.plan, place)
            if plan is None or plan == hand.asked.plan:
                continue
            again = Hand(before, hand.asked)
            if late:
                again.approve()
            found = again.store._jobs[hand.asked.id]
            again.store._keep(replace(found, plan=plan))
            noticed = late or not _refused(again).endswith("has no say in it")
            assert (again.run().state, again.calls, again.state) == (S.FAILED if noticed else S.PENDING, [], before), place
            assert again.queue.to_apply == []
            if noticed:
                told = again.queue.notices[-1]
                assert told.page, place
                assert "somebody wrote to the table" in told.text
            tried += 1
