"""An account in memory with the product in it: grants are made, heard or lost, judged, decided and carried out, counted and approved."""

import random
from collections.abc import Iterable
from typing import Any

import msgspec

from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.event import Actor, Event, Outcome, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.state import State
from ringfence.edge import read_event
from ringfence.engine.census import standing, take, unheard
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.decide import UNJUDGED
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.judgement import Judgement
from ringfence.engine.respond import Responder
from ringfence.iam import Account
from ringfence.settings import Settings
from ringfence.sources import normalise
from tests.support.cases import OWN_POLICIES, settings_of
from tests.support.desk import decide, vote
from tests.support.jobs import ADMIN, BY_SAGEMAKER, Clock, work

SETTINGS = msgspec.structs.replace(
    settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]}),
    max_auto_actions_per_hour=99,
    max_auto_actions_per_guardrail=99,
    max_auto_actions_per_actor=99,
    max_guardrail_share_percent=100,
)
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
HARMLESS = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
READS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]}
ANA, EVE = "arn:aws:iam::123456789012:user/ana", "arn:aws:iam::123456789012:user/eve"


class Town:
    """An account whose grants are heard or lost, and the product in it."""

    def __init__(self, states: Iterable[State], settings: Settings = SETTINGS) -> None:
        self.settings = settings
        self.iam = MemoryIam(*states, policies={**OWN_POLICIES, HARMLESS: READS})
        self.store, self.queue, self.clock = MemoryStore(), MemoryQueue(), Clock()
        self.evaluator = Evaluator(settings, self.iam, census=self.store.census)
        self.responder = Responder(settings, self.store, self.queue, self.iam, self.iam, self.clock)
        self.count()  # the first minute is over

    def grant(self, rnd: random.Random, number: int) -> Event:
        """Somebody gives a role something; give the event of it."""
        place = rnd.choice(sorted(self.iam.states, key=str))
        state = self.iam.states[place]
        parameters: dict[str, Any]
        if rnd.random() < 0.6:
            policy = rnd.choice([ADMIN, HARMLESS])
            self.iam.states[place] = msgspec.structs.replace(state, attached=tuple(dict.fromkeys((*(state.attached or ()), policy))))
            name, parameters = "AttachRolePolicy", {"policyArn": policy}
        else:
            self.iam.states[place] = msgspec.structs.replace(state, inline={**(state.inline or {}), "debug": EVERYTHING})
            name, parameters = "PutRolePolicy", {"policyName": "debug", "policyDocument": EVERYTHING}
        return Event(
            source=Source.CLOUDTRAIL,
            name=name,
            id=f"e{number}",
            time=self.clock.time,
            account="123456789012",
            actor=Actor(display=EVE, type="IAMUser"),
            subject=state.identity,
            parameters=parameters,
        )

    def hear(self, event: Event) -> None:
        """Judge an event, decide, and carry out what acts."""
        self.judged(event)
        work(self.queue, self.responder, self.clock)

    def judged(self, event: Event) -> tuple[Judgement, tuple[Job, ...]]:
        """Judge an event and decide, as `evaluate` does."""
        judgement = self.evaluator.judge(event, self.clock.time)
        kept = judgement.planned or judgement.held or judgement.exempted or judgement.own or judgement.outcome in UNJUDGED
        jobs = decide(judgement, self.settings, self.store, self.queue, self.clock.time) if kept else ()
        return judgement, jobs

    def message(self, body: str) -> list[tuple[Outcome, tuple[Job, ...]]]:
        """Take a message's body as `evaluate` does; give what became of each event in it."""
        told = [self.judged(event) for event in normalise(read_event(body))]
        return [(judgement.outcome, jobs) for judgement, jobs in told]

    def count(self) -> None:
        """Take a census; what stands and was never heard is asked about."""
        previous = self.store.census()
        states = list(self.iam.states.values())
        found = standing(states, lambda event: self.evaluator.judge(event, self.clock.time))
        taken = take(Account(holders=(), groups={}, missing=()), states, self.settings, previous, found, lambda _: True, self.clock.time)
        for judgement in (n.judgement for n in run_at_desk(unheard(found, previous), Desk(self.store, self.queue, self.clock))):
            decide(judgement, self.settings, self.store, self.queue, self.clock.time)
        self.store.keep(taken)

    def approve(self) -> int:
        """Somebody approves whatever is asked; give how much that was."""
        asked = [job for job in self.store.jobs() if job.state is JobState.PENDING]
        for job in asked:
            vote(job.id, ANA, self.settings, self.store, self.queue, self.clock.time, approve=True)
        work(self.queue, self.responder, self.clock)
        return len(asked)


def roles(count: int) -> list[State]:
    """Give roles of an AI account."""
    named = [Identity.of(Kind.ROLE, f"train-{n}", "123456789012", unique_id=f"AROAEXAMPLE{n}") for n in range(count)]
    return [State(identity=r, trust=BY_SAGEMAKER, attached=(), inline={}, documents={}, credentials=()) for r in named]
