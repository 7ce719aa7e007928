"""Random states on Google Cloud, and what findings about them carry."""

import random
from typing import Any

from ringfence.actions import Action, On
from ringfence.domain.binding import Binding
from ringfence.domain.finding import Case, Finding, Severity, Workload
from ringfence.domain.identity import Identity
from ringfence.domain.state import Credential, FactKind, State
from ringfence.settings import DISCOVERED
from tests.support import google_settings
from tests.support.cases import GOOGLE_PROJECT, settings_of
from tests.support.jobs import NOW

MEMBERS = (
    "user:ana@example.com",
    "user:Bo@Example.com",
    "group:ml@example.com",
    "domain:example.net",
    "allUsers",
    "allAuthenticatedUsers",
    "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com",
    "deleted:serviceAccount:old@fraud-ml-prod.iam.gserviceaccount.com?uid=100000000000000000009",
    "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/subject/repo",
    "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/*",
    "projectOwner:fraud-ml-prod",
    "somethingNew:of-tomorrow",
)
ROLES = ("roles/owner", "roles/editor", "roles/aiplatform.user", "roles/storage.objectViewer", "projects/fraud-ml-prod/roles/trainer")
CONDITIONS: tuple[dict[str, Any] | None, ...] = (
    None,
    None,
    {"title": "until", "expression": 'request.time < timestamp("2026-04-01T00:00:00Z")'},
    {"title": "tagged", "description": "d", "expression": "resource.matchTag('1/env', 'dev')"},
)


def random_binding(rnd: random.Random) -> Binding:
    return Binding(rnd.choice(ROLES), rnd.choice(MEMBERS), rnd.choice(CONDITIONS))


def random_bindings(rnd: random.Random, most: int = 12) -> tuple[Binding, ...]:
    found = [random_binding(rnd) for _ in range(rnd.randint(0, most))]
    return tuple({b.key: b for b in found}.values())


def random_account(rnd: random.Random) -> State:
    name = rnd.choice(["train", "serve", "notebook"])
    identity = Identity.member(
        f"serviceAccount:{name}@{GOOGLE_PROJECT}.iam.gserviceaccount.com", GOOGLE_PROJECT, f"1000000000000000000{rnd.randint(10, 99)}"
    )
    keys = tuple(
        Credential(FactKind.SERVICE_ACCOUNT_KEY, f"{n:040x}", rnd.choice(["Active", "Inactive"])) for n in range(rnd.randint(0, 3))
    )
    return State(identity=identity, enabled=rnd.random() < 0.8, credentials=keys, settings={})


def random_resource(rnd: random.Random) -> State:
    name = rnd.choice(["projects/fraud-ml-prod", "projects/_/buckets/fraud-train", "folders/7"])
    return State(identity=Identity.resource(name, GOOGLE_PROJECT), bindings=random_bindings(rnd), settings={})


def random_case(rnd: random.Random, action: Action) -> tuple[Case, Finding]:
    account, place = random_account(rnd), random_resource(rnd)
    keys = [c.id for c in account.credentials or ()]
    deltas = [b.delta for b in rnd.sample(place.bindings or (), min(len(place.bindings or ()), rnd.randint(0, 3)))]
    if action.id in google_settings.RANDOM:
        return google_settings.random_case(rnd, action, place.bindings or (), deltas)
    evidence = {"key": rnd.choice(keys or ["none"]), "deltas": [*deltas, random_binding(rnd).delta]}
    case = Case(
        identity=account.identity,
        event=None,
        state=account,
        target=None if action.on is On.IDENTITY else place.identity,
        target_state=None if action.on is On.IDENTITY else place,
        project=DISCOVERED,
        workload=Workload.UNKNOWN,
        settings=settings_of(None),
        now=NOW,
    )
    return case, Finding(guardrail="test", severity=Severity.HIGH, identity=account.identity, reason="a test", evidence=evidence)
