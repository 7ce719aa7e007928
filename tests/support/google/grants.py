"""A project with one training account, its key and its owner, and what reads, changes and plans there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from ringfence.actions import ACTIONS, Impossible
from ringfence.clouds.gcp.reader import GoogleReader
from ringfence.clouds.gcp.writer import GoogleWriter
from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job
from ringfence.domain.plan import Call
from ringfence.domain.state import Facet, State
from ringfence.engine.ports import Reply, Wanted
from ringfence.engine.respond import Responder
from tests.support.actions import case_of, job
from tests.support.cases import settings_of
from tests.support.desk import open_undo
from tests.support.google.ports import pointed
from tests.support.google.server import Asked, Google
from tests.support.jobs import NOW, Clock, put, work

P, RM, IAM = "projects/fraud-ml-prod", "cloudresourcemanager.googleapis.com", "iam.googleapis.com"
TRAIN = "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"
ANA, BO, EVE = "user:ana@example.com", "user:bo@example.com", "user:eve@example.net"
NIGHT = {"title": "night", "expression": "request.time.getHours('Europe/Berlin') < 6"}
ALL = Wanted(frozenset({Facet.BINDINGS, Facet.SETTINGS, Facet.KEYS}))
BY_ID = {action.id: action for action in ACTIONS}


@contextmanager
def fraud() -> Iterator[Google]:
    made = Google()
    made.project("fraud-ml-prod", number="123456789012")
    made.account("fraud-ml-prod", "train")
    made.key("train@fraud-ml-prod.iam.gserviceaccount.com", "0123456789abcdef0123456789abcdef01234567")
    made.grant(P, "roles/owner", ANA)
    made.denials.unsupported = set()  # each test says what its Google cannot deny
    with pointed(made):
        yield made


def writer() -> GoogleWriter:
    return GoogleWriter(pause=lambda _: None, gives=True)


def change(verb: str, role: str, member: str, condition: dict[str, str] | None = None, resource: str = P, host: str = RM) -> Reply:
    delta = {"role": role, "member": member, **({"condition": condition} if condition else {})}
    return writer().call(Call(host, "SetIamPolicy", {"resource": resource, verb: delta}), "j")


def member(text: str, unique_id: str | None = None) -> Identity:
    return Identity.member(text, "fraud-ml-prod", unique_id)


def project() -> Identity:
    return Identity.resource(P, "fraud-ml-prod")


def read(identity: Identity, wanted: Wanted = ALL, deny_at: str = "") -> State:
    state = GoogleReader(deny_at).read(identity, wanted)
    assert isinstance(state, State), state
    return state


def writes(google: Google) -> list[Asked]:
    return [asked for asked in google.log if asked.method.endswith("setIamPolicy")]


class Played:
    """One plan carried out against the tests' Google, and undone."""

    def __init__(self, action: str, state: State, evidence: dict[str, Any], before: State | None = None, **deployment: Any) -> None:
        made, finding = case_of({"evidence": evidence}, state, **deployment)
        steps = BY_ID[action].plan(msgspec.structs.replace(made, before=before), finding)
        assert not isinstance(steps, Impossible), steps.reason
        self.store, self.queue, self.clock = MemoryStore(), MemoryQueue(), Clock()
        self.reader = GoogleReader(deployment.get("deny_at", ""), workspace=deployment.get("workspace", False))
        self.settings = settings_of(None, deployment)
        self.responder = Responder(self.settings, self.store, self.queue, self.reader, writer(), self.clock)
        put(self.store, job(steps, state.identity, BY_ID[action]))

    def run(self) -> Job:
        self.responder.apply("j")
        work(self.queue, self.responder, self.clock)
        done = self.store.job("j")
        assert done is not None
        return done

    def undo(self) -> Job:
        undo = open_undo("j", "operator", self.settings, self.store, self.queue, NOW)
        while call := self.responder.prepare(undo.id):
            self.responder.settle(undo.id, writer().call(call, undo.id))
        work(self.queue, self.responder, self.clock)
        done = self.store.job(undo.id)
        assert done is not None
        return done


def plain(state: State) -> State:
    return msgspec.structs.replace(state, bindings=None if state.bindings is None else tuple(sorted(state.bindings, key=lambda b: b.key)))
