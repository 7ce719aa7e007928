"""Random settings on Google Cloud, as they are and as they were, and what findings about them carry."""

import random
from collections.abc import Callable
from typing import Any

from ringfence.actions import Action, On
from ringfence.domain.binding import Binding
from ringfence.domain.finding import Case, Finding, Severity, Workload
from ringfence.domain.identity import Identity
from ringfence.domain.state import State
from ringfence.settings import DISCOVERED
from tests.support.cases import GOOGLE_PROJECT, settings_of
from tests.support.jobs import NOW

type Settings = dict[str, dict[str, Any]]
type Made = tuple[str, Settings, Settings, dict[str, Any]]  # what it is called, how it is and was set, and the evidence

PERMISSIONS = ("iam.serviceAccounts.actAs", "aiplatform.customJobs.create", "storage.buckets.setIamPolicy", "logging.sinks.get")
TARGETS = ("generativelanguage.googleapis.com", "aiplatform.googleapis.com", "maps-backend.googleapis.com", "translate.googleapis.com")
LOGS = [f"{service} {kind}" for service in ("allServices", "bigquery.googleapis.com") for kind in ("DATA_READ", "DATA_WRITE", "ADMIN_READ")]
PEOPLE = ("user:ana@example.com", "user:bo@example.com", "user:eve@example.net")


def some[T](rnd: random.Random, items: tuple[T, ...] | list[T], least: int = 0) -> list[T]:
    return rnd.sample(items, rnd.randint(least, len(items)))


def bucket(rnd: random.Random) -> Made:
    entities = {"allUsers": "READER", "allAuthenticatedUsers": "WRITER", "user-bo@example.com": "OWNER"}
    acl = {entity: entities[entity] for entity in some(rnd, list(entities))}
    value = rnd.choice(["inherited", "inherited", "enforced"])
    now: Settings = {"publicAccessPrevention": {"value": value}, **({"acl": acl} if acl else {})}
    return "projects/_/buckets/fraud-train", now, {}, {}


def sink(rnd: random.Random) -> Settings:
    document = {
        "destination": f"storage.googleapis.com/{rnd.choice(['one', 'two'])}",
        **({"filter": rnd.choice(["severity>=ERROR", "severity>=INFO"])} if rnd.random() < 0.7 else {}),
        **({"disabled": True} if rnd.random() < 0.3 else {}),
        **({"exclusions": [{"name": "quiet", "filter": "resource.type=x"}]} if rnd.random() < 0.3 else {}),
    }
    return {"sink": document} if rnd.random() < 0.8 else {}


def exclusion(rnd: random.Random) -> Settings:
    return {"exclusion": {"filter": rnd.choice(["a=1", "a=2"]), "description": "d"}} if rnd.random() < 0.8 else {}


def log_bucket(rnd: random.Random) -> Settings:
    fields = {"restrictedFields": ["jsonPayload"]} if rnd.random() < 0.5 else {}
    return {
        "bucket": {"retentionDays": rnd.choice([1, 30, 400]), **({"locked": True} if rnd.random() < 0.1 else {}), **fields},
        "deleted": {"deleted": rnd.random() < 0.3},
    }


def audit(rnd: random.Random) -> Settings:
    found = {name: sorted(some(rnd, PEOPLE)) for name in some(rnd, LOGS)}
    return {"audit": found} if found else {}


def logging(rnd: random.Random) -> Made:
    name, make = rnd.choice(
        [
            ("projects/fraud-ml-prod/sinks/security", sink),
            ("projects/fraud-ml-prod/exclusions/quiet", exclusion),
            ("projects/fraud-ml-prod/locations/global/buckets/_Default", log_bucket),
            ("projects/fraud-ml-prod", audit),
        ]
    )
    service, _, kind = rnd.choice(LOGS).partition(" ")
    exempted = {"exemptedMember": rnd.choice(PEOPLE)} if rnd.random() < 0.5 else {}
    evidence: dict[str, Any] = {"audit": [{"service": service, "logType": kind, **exempted}]}
    evidence |= {name: True for name in ("disabled", "deleted") if rnd.random() < 0.3}
    if rnd.random() < 0.5:
        evidence["exclusion"] = {"filter": "a=1"}
    return name, make(rnd), make(rnd) if rnd.random() < 0.7 else {}, evidence


def role(rnd: random.Random) -> Made:
    def permissions() -> Settings:
        return {"permissions": {"includedPermissions": sorted(some(rnd, PERMISSIONS)), "stage": rnd.choice(["GA", "ALPHA"])}}

    evidence = {"added": some(rnd, PERMISSIONS)}
    return "projects/fraud-ml-prod/roles/trainer", permissions(), permissions() if rnd.random() < 0.5 else {}, evidence


def provider(rnd: random.Random) -> Made:
    names = ("projects/1/locations/global/workloadIdentityPools/ci/providers/code", "locations/global/workforcePools/staff/providers/sso")
    return rnd.choice(names), {"disabled": {"disabled": rnd.random() < 0.5}}, {}, {}


def api_key(rnd: random.Random) -> Made:
    targets = [{"service": service} for service in some(rnd, TARGETS)]
    restrictions = {
        **({"apiTargets": targets} if targets else {}),
        **({"serverKeyRestrictions": {"allowedIps": ["192.0.2.1"]}} if rnd.random() < 0.5 else {}),
    }
    now: Settings = {"key": {"deleted": rnd.random() < 0.2}, **({"restrictions": restrictions} if restrictions else {})}
    return "projects/123456/locations/global/keys/0a1b", now, {}, {}


def endpoint(rnd: random.Random) -> Made:
    def split() -> Settings:
        return {"traffic": {"trafficSplit": rnd.choice([{}, {"1": 100}, {"2": 100}, {"1": 50, "2": 50}])}}

    deployed = {"deployed": {"1": "a", "2": "b"}} if rnd.random() < 0.8 else {}
    return "projects/fraud-ml-prod/locations/europe-west1/endpoints/42", {**split(), **deployed}, split(), {}


def user(rnd: random.Random) -> Made:
    return f"user:{rnd.choice(['bo', 'Ana'])}@example.com", {"suspended": {"suspended": rnd.random() < 0.5}}, {}, {}


RANDOM: dict[str, Callable[[random.Random], Made]] = {
    "gcp.apikeys.contain": api_key,
    "gcp.federation.disable": provider,
    "gcp.iam.restore-role": role,
    "gcp.logging.restore": logging,
    "gcp.storage.close-bucket": bucket,
    "gcp.vertex.undo-deploy": endpoint,
    "gcp.workspace.suspend-user": user,
}


def random_case(rnd: random.Random, action: Action, bindings: tuple[Binding, ...], deltas: list[dict[str, Any]]) -> tuple[Case, Finding]:
    name, now, before, evidence = RANDOM[action.id](rnd)
    person = action.on is On.IDENTITY
    identity = Identity.member(name if person else "user:eve@example.net", GOOGLE_PROJECT)
    place = None if person else Identity.resource(name, GOOGLE_PROJECT)
    case = Case(
        identity=identity,
        event=None,
        state=State(identity=identity, settings=now) if person else None,
        target=place,
        target_state=State(identity=place, settings=now, bindings=bindings) if place else None,
        before=State(identity=place, settings=before) if place and before else None,
        project=DISCOVERED,
        workload=Workload.UNKNOWN,
        settings=settings_of(None, {"workspace": True}),
        now=NOW,
    )
    told = {**evidence, "deltas": deltas}
    return case, Finding(guardrail="test", severity=Severity.HIGH, identity=identity, reason="a test", evidence=told)
