"""Whatever arrives: no event takes the batch along, each ends in a record or says why not, and nothing that it claims is believed."""

import copy
import json
import random
from typing import Any

import msgspec
import pytest

from ringfence.domain.event import Event, Outcome, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.domain.state import State
from ringfence.engine.decide import UNJUDGED
from ringfence.settings import Settings
from tests.support.cases import DEPLOYMENT, EVENTS, settings_of
from tests.support.jobs import ADMIN, BY_SAGEMAKER
from tests.support.scale import cases
from tests.support.town import EVERYTHING, Town, roles

SHAPES = [json.loads(path.read_text()) for path in sorted(EVENTS.rglob("*.json"))]
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    2**70,
    1e300,
    "",
    " ",
    "x" * 4000,
    "\ud800",
    "\u202eadmin",
    [],
    {},
    [[]],
    {"a": {"b": []}},
    "210987654321",
]


def fuzzed(rnd: random.Random) -> str:
    """The body of a message: a real shape with some of its values swapped; now and then a megabyte, a thousand levels, or no JSON."""
    what = rnd.random()
    if what < 0.01:
        return rnd.choice(["", "{", "null", "[]", '"text"', "[" * 5000, json.dumps({"detail": "x" * 1_000_000})])
    raw = copy.deepcopy(rnd.choice(SHAPES))
    for _ in range(rnd.randint(1, 4)):
        place: Any = raw
        while isinstance(place, (dict, list)) and place:
            key: Any = rnd.choice(sorted(place)) if isinstance(place, dict) else rnd.randrange(len(place))
            if rnd.random() < 0.4 or not isinstance(place[key], (dict, list)):
                place[key] = copy.deepcopy(rnd.choice(ODD)) if rnd.random() < 0.9 else nested(200)
                break
            place = place[key]
    return json.dumps(raw)


def nested(depth: int) -> Any:
    made: Any = "deep"
    for _ in range(depth):
        made = {"a": [made]}
    return made


def test_every_message_ends_in_a_record_or_says_why_it_needs_none() -> None:
    rnd = random.Random(47)  # noqa: S311 - repeatable on purpose
    town = Town([msgspec.structs.replace(s, attached=(ADMIN,)) for s in roles(3)])
    outcomes: set[Outcome] = set()
    for _ in range(cases(10_000)):
        for outcome, jobs in town.message(fuzzed(rnd)):
            outcomes.add(outcome)
            assert bool(jobs) or outcome not in (Outcome.FINDING, *UNJUDGED), outcome
            for job in jobs:
                assert town.store.records(job.id)
    assert outcomes == set(Outcome), "every kind of outcome was met"


@pytest.mark.parametrize(("where", "value"), [("account", "210987654321"), ("region", "eu-west-1")])
def test_an_envelope_that_contradicts_its_record_is_told_and_not_judged(where: str, value: str) -> None:
    raw = json.loads((EVENTS / "aws/cloudtrail/AttachRolePolicy.json").read_text())
    town = Town(roles(1))
    for forged, outcome in ((raw, Outcome.QUIET), ({**raw, where: value}, Outcome.MALFORMED)):
        forged["detail"]["requestParameters"] = {"roleName": "train-0", "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}
        ((found, jobs),) = town.message(json.dumps(forged))
        assert found is outcome
        assert [job.state for job in jobs] == ([JobState.FOR_A_PERSON] if outcome is Outcome.MALFORMED else [])


def test_what_an_event_claims_is_no_fact_of_the_plan() -> None:
    """Only what was read again is in a plan: an event that names what is not there plans nothing, whatever else it says."""
    rnd = random.Random(93)  # noqa: S311 - repeatable on purpose
    planned = 0
    for number in range(cases(5000)):
        town = Town(roles(2))
        place = rnd.choice(sorted(town.iam.states, key=str))
        state = town.iam.states[place]
        really = rnd.random() < 0.5
        if really:
            town.iam.states[place] = msgspec.structs.replace(state, attached=(ADMIN,), inline={"debug": EVERYTHING})
        inline = rnd.random() < 0.5
        claimed = {"policyName": "debug", "policyDocument": {**EVERYTHING, "Id": f"forged-{number}"}} if inline else {"policyArn": ADMIN}
        event = Event(
            source=Source.CLOUDTRAIL,
            name="PutRolePolicy" if inline else "AttachRolePolicy",
            id=f"e{number}",
            time=town.clock.time,
            account="123456789012",
            subject=state.identity,
            parameters={**claimed, "boundary": "forged", "tags": ["forged"]},
        )
        _, jobs = town.judged(event)
        for job in jobs:
            planned += bool(job.plan.steps)
            assert "forged" not in msgspec.json.encode(job.plan).decode(), "the document that was read, not the one that was told"
            now = town.iam.states[place]
            assert all(step.before == now.value(step.fact) for step in job.plan.steps)
        assert really or not [job for job in jobs if job.plan.steps]
    assert planned > 0


ACCOUNT = "123456789012"
PROTECTED = [
    Identity.of(Kind.USER, "break-glass", ACCOUNT, unique_id="AIDAEXAMPLEGLASS"),
    Identity.of(Kind.USER, "sec", ACCOUNT, unique_id="AIDAEXAMPLESEC"),  # an approver
    Identity.of(Kind.ROLE, "OrganizationAccountAccessRole", ACCOUNT, unique_id="AROAEXAMPLEORG"),
    Identity.of(Kind.ROLE, "never-me", ACCOUNT, unique_id="AROAEXAMPLENEVER"),  # under never_touch
    Identity(Kind.ROLE, f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x/AWSServiceRoleForX", "AWSServiceRoleForX", ACCOUNT, unique_id="AROAEXAMPLESLR"),
    Identity(Kind.ROLE, f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_X_1", "AWSReservedSSO_X_1", ACCOUNT, unique_id="AROAEXAMPLESSO"),
    Identity(Kind.ROLE, DEPLOYMENT.own_roles[0], "respond", ACCOUNT, unique_id="AROAEXAMPLEOWN"),
]  # fmt: skip


def guarded(rnd: random.Random) -> Settings:
    """A configuration of any mode, in which everything belongs to a project."""
    config = {
        "defaults": {"mode": rnd.choice(["graduated", "strict"]), "approval": {"approvers": [f"arn:aws:iam::{ACCOUNT}:user/sec"]}},
        "never_touch": [f"arn:aws:iam::{ACCOUNT}:role/never-me", *rnd.choice([[], ["arn:aws:iam::*:role/other-*"]])],
        "projects": [{"name": "p", "aws": {"accounts": ["*"]}}],
    }
    return settings_of(config)


def adversarial(rnd: random.Random, number: int, target: Identity) -> str:
    """An event about a protected identity, in one of the forms that an attacker can bring about."""
    name = "".join(rnd.choice([c.lower(), c.upper()]) for c in target.name) if rnd.random() < 0.3 else target.name
    kind = target.kind.value
    if rnd.random() < 0.4:
        raw = json.loads((EVENTS / "aws/guardduty/credential-exfiltration.json").read_text())
        raw["detail"]["id"] = f"f{number}"
        who = {"userName": name, "principalId": f"{target.unique_id}:s", "userType": "AssumedRole" if kind == "role" else "IAMUser"}
        raw["detail"]["resource"]["accessKeyDetails"] |= who if rnd.random() < 0.8 else {**who, "principalId": "AROAEXAMPLEFORGED:s"}
        return json.dumps(raw)
    raw = json.loads((EVENTS / "aws/cloudtrail/AttachRolePolicy.json").read_text())
    group = rnd.random() < 0.2
    verb = "Group" if group else kind.title()
    given = {f"{verb[:1].lower()}{verb[1:]}Name": "staff" if group else name, "policyArn": ADMIN}
    raw["detail"] |= {"eventID": f"e{number}", "eventName": f"Attach{verb}Policy", "requestParameters": given}
    raw["detail"]["eventTime"] = rnd.choice(["2026-03-02T09:00:00Z", "2026-03-02T08:59:00Z", "2020-01-01T00:00:00Z", "no time"])
    return json.dumps(raw)


def test_nobody_of_the_protected_set_is_ever_touched() -> None:
    rnd = random.Random(64)  # noqa: S311 - repeatable on purpose
    touched = 0
    for chunk in range(cases(50_000) // 50):
        people = tuple(i for i in PROTECTED if i.kind is Kind.USER)
        states = [
            State(
                identity=i,
                trust=BY_SAGEMAKER,
                attached=(ADMIN,),
                inline={},
                documents={},
                credentials=(),
                login=True,
                tags={"ai-project": "x"},
            )
            for i in PROTECTED
        ]
        staff = Identity.of(Kind.GROUP, "staff", ACCOUNT, unique_id="AGPAEXAMPLE")
        group = State(identity=staff, attached=(ADMIN,), inline={}, documents={}, credentials=(), members=people)
        town = Town([*states, group, *roles(1)], guarded(rnd))
        if rnd.random() < 0.5:
            town.count()
        for number in range(50):
            town.message(adversarial(rnd, chunk * 50 + number, rnd.choice(PROTECTED)))
            for job in list(town.queue.to_apply):
                town.responder.apply(job)
            town.queue.to_apply.clear()
        assert town.iam.calls == []
        place = next(p for p in town.iam.states if p[1] == "train-0")
        town.iam.states[place] = msgspec.structs.replace(town.iam.states[place], attached=(ADMIN,))
        town.message(adversarial(random.Random(1), 10**6 + chunk, town.iam.states[place].identity))  # noqa: S311 - as above
        touched += bool(town.store.jobs())
    assert touched, "an ordinary identity is judged all the same"
