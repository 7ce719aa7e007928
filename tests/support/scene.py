"""A contained identity, and what CloudTrail remembers of it: for the tests of the persistence sweep."""

from datetime import timedelta
from typing import Any

import msgspec

from ringfence.clouds.memory import MemoryHistory, MemoryQueue, MemoryStore
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.state import Credential, FactKind, State
from ringfence.engine.commands import Desk, run_with_history
from ringfence.engine.incident import PERSISTENCE
from ringfence.engine.moves import LOOKS
from ringfence.engine.ports import Absence, Wanted
from ringfence.engine.search import search
from ringfence.settings import Settings
from tests.support.cases import settings_of
from tests.support.jobs import CONTAINMENT, NOW, ROLE, Clock, job, put_done

S = JobState
ACCOUNT = "123456789012"
EVE = Identity.of(Kind.USER, "eve", ACCOUNT, unique_id="AIDAEXAMPLEEVE")
SETTINGS = settings_of(None)
TRAIN = msgspec.structs.replace(ROLE, unique_id="AROAEXAMPLETRAIN")


def call(
    number: str, service: str, name: str, given: dict[str, Any] | None = None, reply: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A record of CloudTrail: a call by eve, unless it says otherwise."""
    who = {"type": "IAMUser", "userName": "eve", "principalId": EVE.unique_id, "accessKeyId": "AKIAEXAMPLEEVE"}
    return {
        "eventID": number,
        "eventTime": NOW.isoformat(),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "recipientAccountId": ACCOUNT,
        "userIdentity": {**who, **more.pop("who", {})},
        "requestParameters": given,
        "responseElements": reply,
        **more,
    }


def by_key(key: str) -> dict[str, Any]:
    return {"who": {"type": "AssumedRole", "userName": "", "principalId": "AROAEXAMPLE:x", "accessKeyId": key}}


def made_user(name: str, **more: Any) -> dict[str, Any]:
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    made = {"userName": name, "userId": f"AIDAEXAMPLE{name.upper()}", "arn": arn}
    return call(f"made-{name}", "iam", "CreateUser", {"userName": name}, {"user": made}, **more)


def assume(role: Identity, key: str, **more: Any) -> dict[str, Any]:
    reply = {"credentials": {"accessKeyId": key}, "assumedRoleUser": {"assumedRoleId": f"{role.unique_id}:s"}}
    listed = {"resources": [{"ARN": role.arn, "accountId": ACCOUNT, "type": "AWS::IAM::Role"}]}
    return call(f"assume-{role.name}-{key}", "sts", "AssumeRole", {"roleArn": role.arn}, reply, **{**listed, **more})


def made_key(owner: str, key: str, **more: Any) -> dict[str, Any]:
    return call(f"key-{key}", "iam", "CreateAccessKey", {"userName": owner}, {"accessKey": {"userName": owner, "accessKeyId": key}}, **more)


class Everybody:
    """A reader to whom everybody exists, by a unique id that follows from the name; but who is gone, or was made anew."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.held: tuple[str, ...] = ()
        self.keys: dict[str, tuple[str, ...]] = {"mallory": ("AKIAEXAMPLEHELD",)}
        self.anew: dict[str, str] = {}

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        assert wanted.documents == ()
        if identity.name in self.gone:
            return Absence.GONE
        number = f"{'AIDA' if identity.kind is Kind.USER else 'AROA'}EXAMPLE{identity.name.removeprefix('fraud-').upper()}"
        live = msgspec.structs.replace(identity, unique_id=self.anew.get(identity.name, number))
        keys = tuple(Credential(FactKind.ACCESS_KEY, key, "Active") for key in self.keys.get(identity.name, ()))
        return State(identity=live, attached=self.held, inline={}, credentials=keys)

    def owner(self, access_key_id: str) -> Identity | Absence:
        raise AssertionError(f"nobody asks whose {access_key_id} is")


class Scene:
    """A contained identity, and what CloudTrail remembers."""

    def __init__(self, *records: dict[str, Any], target: Identity = EVE, settings: Settings = SETTINGS, **fields: Any) -> None:
        self.settings = settings
        self.store, self.queue, self.clock = MemoryStore(), MemoryQueue(), Clock()
        self.history, self.iam = MemoryHistory(records), Everybody()
        for record in records:
            self.made(record)
        plan = msgspec.structs.replace(job(CONTAINMENT).plan, target=target)
        made = {"plan": plan, "looks": 1, "due": NOW + timedelta(seconds=LOOKS[1]), "since": NOW, **fields}
        self.root = put_done(self.store, msgspec.structs.replace(job(CONTAINMENT), **made), 0)

    @property
    def desk(self) -> Desk:
        return Desk(self.store, self.queue, self.clock)

    def made(self, record: dict[str, Any]) -> None:
        """A key that was made is there, and active."""
        key = (record.get("responseElements") or {}).get("accessKey")
        if isinstance(key, dict) and key.get("userName"):
            self.iam.keys[key["userName"]] = (*self.iam.keys.get(key["userName"], ()), key["accessKeyId"])

    def search(self) -> Job:
        return self.search_of(self.root)

    def search_of(self, job: Job) -> Job:
        return run_with_history(search(job.id, self.settings, self.history.regions), self.desk, self.history, self.iam)

    def incidents(self) -> list[Job]:
        return [found for found in self.store.jobs() if found.guardrail == PERSISTENCE]

    def incident(self) -> Job:
        """The incident itself: about the contained identity, and nothing to approve."""
        (found,) = (j for j in self.incidents() if j.plan.target == self.root.plan.target and not j.plan.steps)
        return found

    def asked(self) -> dict[str, tuple[JobState, list[str]]]:
        """By name of the target: the state of the question, and the calls that are asked about."""
        return {j.plan.target.name: (j.state, [s.call.operation for s in j.plan.steps]) for j in self.incidents() if j.plan.steps}
