"""A project with everything that has settings, what the product has to read of it, and calls that change each, with their ways back."""

from typing import Any

from ringfence.clouds.gcp.reader import GoogleReader
from ringfence.clouds.gcp.writer import GoogleWriter
from ringfence.domain.identity import Identity
from ringfence.domain.plan import Call
from ringfence.domain.state import Facet, State
from ringfence.engine.ports import Reply, Wanted
from tests.support.google.server import Asked, Google

P, EVE = "projects/fraud-ml-prod", "user:eve@example.net"
BUCKET, SINK, EXCLUSION = "projects/_/buckets/fraud-train", f"{P}/sinks/security", f"{P}/exclusions/quiet"
ALL_LOGS, LOGS = "organizations/1/sinks/all", f"{P}/locations/global/buckets/security"
ROLE, CODE = f"{P}/roles/trainer", "projects/123456789012/locations/global/workloadIdentityPools/ci/providers/code"
SSO, KEY = "locations/global/workforcePools/staff/providers/sso", "projects/123456789012/locations/global/keys/0a1b"
ENDPOINT, BO = f"{P}/locations/europe-west1/endpoints/42", "user:bo@example.com"
SETTINGS, BOTH = Wanted(frozenset({Facet.SETTINGS})), Wanted(frozenset({Facet.SETTINGS, Facet.BINDINGS}))
AUDIT = [
    {"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ", "exemptedMembers": [EVE, BO]}, {"logType": "ADMIN_READ"}]},
    {"service": "bigquery.googleapis.com", "auditLogConfigs": [{"logType": "DATA_WRITE"}]},
]
TARGETS = [{"service": "generativelanguage.googleapis.com"}, {"service": "maps-backend.googleapis.com", "methods": ["GetTile"]}]
MODELS = [{"id": "1", "model": f"{P}/models/a"}, {"id": "7", "model": f"{P}/models/b", "displayName": "swapped"}]
NOISE = {"name": "noise", "filter": "severity=DEBUG", "createTime": "2026-01-01T00:00:00Z"}
LOUD = {"name": "loud", "filter": "severity=INFO", "disabled": False}


def settled() -> Google:
    """Give a project with one of each thing that has settings, in the words of its API."""
    made = Google()
    made.project("fraud-ml-prod", number="123456789012")
    made.bucket("fraud-train", "fraud-ml-prod", iamConfiguration={"uniformBucketLevelAccess": {"enabled": False}})
    made.grant(BUCKET, "roles/storage.legacyBucketReader", "allUsers")
    made.grant(BUCKET, "roles/storage.legacyBucketOwner", BO)
    made.put(SINK, destination="storage.googleapis.com/logs", filter="severity>=INFO", disabled=False, exclusions=[NOISE, LOUD])
    made.put(ALL_LOGS, destination="storage.googleapis.com/logs", includeChildren=True, createTime="2026-01-01T00:00:00Z")
    made.put(EXCLUSION, filter="resource.type=gce_instance", description="d", updateTime="2026-01-01T00:00:00Z")
    made.put(LOGS, retentionDays=30, restrictedFields=["textPayload", "jsonPayload"], analyticsEnabled=True)
    made.policies.keep(P, {"bindings": [{"role": "roles/owner", "members": [BO]}], "auditConfigs": AUDIT})
    made.role(ROLE, ["iam.serviceAccounts.actAs", "aiplatform.customJobs.create"])
    made.pool(CODE, oidc={"issuerUri": "https://issuer.example.com"})
    made.pool(SSO, disabled=True)
    made.put(KEY, displayName="chat", restrictions={"apiTargets": TARGETS, "serverKeyRestrictions": {"allowedIps": ["192.0.2.1"]}})
    made.put(ENDPOINT, displayName="fraud", deployedModels=MODELS, trafficSplit={"1": 100})
    made.put("users/bo@example.com", suspended=False, aliases=["robert@example.com"])
    return made


def place(name: str) -> Identity:
    return Identity.member(name, "fraud-ml-prod") if ":" in name.partition("/")[0] else Identity.resource(name, "fraud-ml-prod")


def reader() -> GoogleReader:
    return GoogleReader(workspace=True)


def read(name: str, wanted: Wanted = SETTINGS) -> State:
    state = reader().read(place(name), wanted)
    assert isinstance(state, State), state
    return state


def act(host: str, operation: str, name: str, **given: Any) -> Reply:
    return GoogleWriter(pause=lambda _: None, gives=True).call(Call(f"{host}.googleapis.com", operation, {"name": name, **given}), "j")


def writes(google: Google) -> list[Asked]:
    return [asked for asked in google.log if asked.verb != "GET" and not asked.method.endswith("getIamPolicy")]


SAID: dict[str, dict[str, Any]] = {
    BUCKET: {"publicAccessPrevention": {"value": "inherited"}, "acl": {"allUsers": "READER"}},
    SINK: {
        "sink": {
            "destination": "storage.googleapis.com/logs",
            "filter": "severity>=INFO",
            "exclusions": [{"name": "loud", "filter": "severity=INFO"}, {"name": "noise", "filter": "severity=DEBUG"}],
        }
    },
    ALL_LOGS: {"sink": {"destination": "storage.googleapis.com/logs", "includeChildren": True}},
    EXCLUSION: {"exclusion": {"filter": "resource.type=gce_instance", "description": "d"}},
    LOGS: {"bucket": {"retentionDays": 30, "restrictedFields": ["jsonPayload", "textPayload"]}, "deleted": {"deleted": False}},
    P: {"audit": {"allServices DATA_READ": [BO, EVE], "allServices ADMIN_READ": [], "bigquery.googleapis.com DATA_WRITE": []}},
    ROLE: {"permissions": {"includedPermissions": ["aiplatform.customJobs.create", "iam.serviceAccounts.actAs"], "stage": "GA"}},
    CODE: {"disabled": {"disabled": False}},
    SSO: {"disabled": {"disabled": True}},
    KEY: {"key": {"deleted": False}, "restrictions": {"apiTargets": TARGETS, "serverKeyRestrictions": {"allowedIps": ["192.0.2.1"]}}},
    ENDPOINT: {"traffic": {"trafficSplit": {"1": 100}}, "deployed": {"1": f"{P}/models/a", "7": f"{P}/models/b"}},
    BO: {"suspended": {"suspended": False}},
}


# What is asked about, the call and the call back, each with what it says.
CHANGES: list[tuple[str, str, tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]] = [
    (BUCKET, "storage", ("PatchBucket", {"value": "enforced"}), ("PatchBucket", {"value": "inherited"})),
    (BUCKET, "storage", ("PatchBucketAcl", {"remove": {"allUsers": "READER"}}), ("PatchBucketAcl", {"add": {"allUsers": "READER"}})),
    (BUCKET, "storage", ("PatchBucketAcl", {"add": {"allUsers": "WRITER"}}), ("PatchBucketAcl", {"add": {"allUsers": "READER"}})),
    (SINK, "logging", ("UpdateSink", {"destination": "d", "description": "e"}), ("UpdateSink", SAID[SINK]["sink"])),
    (ALL_LOGS, "logging", ("UpdateSink", {"destination": "d", "disabled": True}), ("UpdateSink", SAID[ALL_LOGS]["sink"])),
    (SINK, "logging", ("DeleteSink", {}), ("CreateSink", SAID[SINK]["sink"])),
    (EXCLUSION, "logging", ("UpdateExclusion", {"filter": "a=1"}), ("UpdateExclusion", SAID[EXCLUSION]["exclusion"])),
    (EXCLUSION, "logging", ("DeleteExclusion", {}), ("CreateExclusion", SAID[EXCLUSION]["exclusion"])),
    (LOGS, "logging", ("UpdateBucket", {"retentionDays": 400, "description": "e"}), ("UpdateBucket", SAID[LOGS]["bucket"])),
    (LOGS, "logging", ("DeleteBucket", {}), ("UndeleteBucket", {})),
    (
        P,
        "cloudresourcemanager",
        ("SetAuditConfig", {"add": {"allServices DATA_READ": [BO], "x.googleapis.com DATA_READ": []}}),
        ("SetAuditConfig", {"add": {"allServices DATA_READ": [BO, EVE]}, "remove": ["x.googleapis.com DATA_READ"]}),
    ),
    (ROLE, "iam", ("UpdateRole", {"includedPermissions": ["logging.sinks.get"], "stage": "BETA"}), ("UpdateRole", SAID[ROLE]["permissions"])),
    (CODE, "iam", ("UpdateWorkloadIdentityPoolProvider", {"disabled": True}), ("UpdateWorkloadIdentityPoolProvider", {"disabled": False})),
    (SSO, "iam", ("UpdateWorkforcePoolProvider", {"disabled": False}), ("UpdateWorkforcePoolProvider", {"disabled": True})),
    (KEY, "apikeys", ("UpdateKey", {"apiTargets": TARGETS[1:]}), ("UpdateKey", SAID[KEY]["restrictions"])),
    (KEY, "apikeys", ("DeleteKey", {}), ("UndeleteKey", {})),
    (ENDPOINT, "aiplatform", ("UpdateEndpoint", {"trafficSplit": {"1": 50, "7": 50}}), ("UpdateEndpoint", {"trafficSplit": {"1": 100}})),
    (ENDPOINT, "aiplatform", ("UpdateEndpoint", {"trafficSplit": {}}), ("UpdateEndpoint", {"trafficSplit": {"1": 100}})),
    (BO, "admin", ("PatchUser", {"suspended": True}), ("PatchUser", {"suspended": False})),
]  # fmt: skip
IDS = [f"{there[0]} and {back[0]}" for _, _, there, back in CHANGES]


def called(name: str) -> str:
    return name.replace("user:", "users/")
