"""The embedded Google Cloud project: an allow policy, service accounts and a key, in memory."""

from collections.abc import Callable

from ringfence.clouds.memory import MemoryIam
from ringfence.demo.clouds import Clouds
from ringfence.domain.binding import Binding
from ringfence.domain.google import keeper
from ringfence.domain.identity import Identity
from ringfence.domain.plan import Call
from ringfence.domain.state import Credential, FactKind, State
from ringfence.engine.ports import Reply

PROJECT = "fraud-ml-prod"
NAME = f"projects/{PROJECT}"
ANA, BO = "ana@example.com", "bo@example.com"
TRAIN, PIPELINES = (f"serviceAccount:{name}@{PROJECT}.iam.gserviceaccount.com" for name in ("train", "pipelines"))
ACCOUNT = f"projects/-/serviceAccounts/train@{PROJECT}.iam.gserviceaccount.com"  # as logs name it
KEY = "0123456789abcdef0123456789abcdef01234567"  # as the sample event names it
INCIDENTS = {"title": "in incidents", "expression": "resource.matchTag('fraud-ml/incident', 'open')"}
OWN_DATA = {"title": "its own data", "expression": "resource.name.startsWith('projects/_/buckets/fraud-train')"}
GRANTS = (
    Binding("roles/owner", f"user:{ANA}"),
    Binding("roles/resourcemanager.projectIamAdmin", "group:on-call@example.com", INCIDENTS),
    Binding("roles/aiplatform.user", TRAIN),
    Binding("roles/aiplatform.user", PIPELINES),
    Binding("roles/storage.objectViewer", TRAIN, OWN_DATA),
)
MAY_BE_TRAIN = tuple(Binding("roles/iam.serviceAccountUser", f"user:{person}") for person in (ANA, BO))


def embedded_google() -> MemoryIam:
    """Make the project: Ana owns it, people on call may write its policy in incidents only, training reads its own data."""
    keys = (Credential(FactKind.SERVICE_ACCOUNT_KEY, KEY, "Active"),)
    return MemoryIam(
        State(identity=Identity.resource(NAME, PROJECT), bindings=GRANTS, settings={}),
        State(identity=Identity.resource(ACCOUNT, PROJECT), bindings=MAY_BE_TRAIN, settings={}),
        State(identity=Identity.member(TRAIN, PROJECT, "100000000000000000001"), enabled=True, credentials=keys, settings={}),
        State(identity=Identity.member(PIPELINES, PROJECT, "100000000000000000002"), enabled=True, credentials=(), settings={}),
    )


def give(role: str, member: str, on: str = NAME) -> Callable[[Clouds], Reply]:
    """Give a member a role on the project, or on a service account of it."""
    call = Call(keeper(on), "SetIamPolicy", {"resource": on, "add": Binding(role, member).delta})
    return lambda clouds: clouds.google.call(call, "")
