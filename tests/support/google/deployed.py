"""The functions of Google Cloud under functions-framework, in this process, over the tests' Google: topics and tasks are carried by hand."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import functions_framework
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from ringfence import wiring_gcp
from ringfence.settings import Settings
from tests.support.google.ports import BUCKET, JOBS, LATER, NOTICES, Ports, pointed
from tests.support.google.server import Google

FUNCTIONS = Path(__file__).parents[3] / "functions"
ACCOUNT = "push@fraud-ml-prod.iam.gserviceaccount.com"
AUDIENCE = "https://ringfence.example.com"
OWN = "respond@ringfence-prod.iam.gserviceaccount.com"
NAMES = ("evaluate", "respond", "approve", "notify", "seal", "review")
CACHED = (
    "settings",
    "gate",
    "store",
    "threads",
    "archive",
    "signer",
    "queue",
    "signing",
    "chat",
    "desk",
    "reader",
    "evaluator",
    "responder",
)


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


class Deployed:
    """Six functions, and what lies between them."""

    def __init__(self, google: Google, clock: Clock) -> None:
        self.google, self.clock, self.ports = google, clock, Ports(google)
        create: Callable[..., Any] = functions_framework.create_app
        self.apps = {name: create("main", str(FUNCTIONS / f"gcp_{name}" / "main.py")) for name in NAMES}

    def token(self, **changes: Any) -> str:
        """Give a token of the account that pushes, with changes to what it says."""
        issuer = self.ports.issuer
        return issuer.token({**issuer.claims(AUDIENCE, ACCOUNT, self.clock.time), **changes})

    def post(self, name: str, body: object, headers: Mapping[str, str] | None = None, token: str | None = "") -> int:
        """Call a function; give the status that it answers."""
        signed = self.token() if token == "" else token
        told = {"Content-Type": "application/json", **({"Authorization": f"Bearer {signed}"} if signed else {}), **(headers or {})}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with self.apps[name].test_client() as client:
            return int(client.post("/", data=raw, headers=told).status_code)

    def push(self, name: str, data: object, form: str = "push", message_id: str = "1", **more: Any) -> int:
        """Push a message to a function: as Pub/Sub does, or wrapped as a CloudEvent."""
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        body: dict[str, Any] = {
            "message": {
                "data": base64.b64encode(raw).decode(),
                "messageId": message_id,
                "publishTime": "2026-03-02T09:00:01Z",
                "attributes": {},
            },
            "subscription": "projects/fraud-ml-prod/subscriptions/events",
        }
        kind = "google.cloud.pubsub.topic.v1.messagePublished"
        event = {
            "specversion": "1.0",
            "id": message_id,
            "type": kind,
            "source": "//pubsub.googleapis.com/projects/fraud-ml-prod/topics/events",
        }
        if form == "structured":
            told = {"Content-Type": "application/cloudevents+json"}
            return self.post(name, {**event, "datacontenttype": "application/json", "data": body}, told, **more)
        return self.post(name, body, {f"ce-{key}": value for key, value in event.items()} if form == "binary" else {}, **more)

    def carry(self, minutes: int = 20) -> None:
        """Carry messages and tasks between the functions, for some minutes of the clock."""
        end = self.clock.time + timedelta(minutes=minutes)
        while True:
            for topic, name in ((JOBS, "respond"), (NOTICES, "notify")):
                for message, data in self.ports.pubsub.taken(topic):
                    assert self.push(name, data, message_id=message["messageId"]) == 204
            if self.ports.pubsub.topics[JOBS] or self.ports.pubsub.topics[NOTICES]:
                continue
            waiting = [datetime.fromisoformat(task["scheduleTime"]) for task in self.ports.tasks.queues[LATER].values()]
            if not waiting or min(waiting) > end:
                return
            self.clock.time = max(self.clock.time, min(waiting))
            for task in self.ports.tasks.due(LATER):
                assert self.post("respond", base64.b64decode(task["httpRequest"]["body"])) == 204


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings, **environment: str) -> Iterator[Deployed]:
    """Deploy with these settings; whatever the wiring remembered is forgotten before and afterwards."""
    compiled, clock, google = tmp_path / "compiled.json", Clock(), Google()
    compiled.write_bytes(msgspec.json.encode(settings))
    monkeypatch.setattr(wiring_gcp, "COMPILED", compiled)
    monkeypatch.setattr(wiring_gcp, "now", clock)
    google.clock = clock
    google.denials.unsupported = set()
    given = {
        "GOOGLE_CLOUD_PROJECT": "fraud-ml-prod",
        "MODE": "graduated",
        "JOBS_TOPIC": JOBS,
        "NOTICES_TOPIC": NOTICES,
        "LATER_QUEUE": LATER,
        "RESPOND_URL": AUDIENCE,
        "PUSH_ACCOUNT": ACCOUNT,
        "AUDIENCE": AUDIENCE,
        "ARCHIVE": BUCKET,
        "ORIGIN": "ringfence.example.com/fraud",
        "OWN_ACCOUNTS": OWN,
        **environment,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    _forget()
    with pointed(google):
        made = Deployed(google, clock)
        monkeypatch.setenv("SEAL_KEY", made.ports.kms.make("trail", ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)))
        google.project("fraud-ml-prod", number="456")
        google.account("fraud-ml-prod", "train")
        yield made
    _forget()


def _forget() -> None:
    for name in CACHED:
        getattr(wiring_gcp, name).cache_clear()
