"""Members of Google's allow policies: a closed union, parsed once and kept verbatim; what is unknown is a kind of its own, never a guess.

Forms: IAM documentation, "Principal identifiers". E-mail addresses are compared without regard to case; nothing is ever rewritten.
"""

import re
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct


class MemberKind(StrEnum):
    """What a member is."""

    USER = "user"
    SERVICE_ACCOUNT = "serviceAccount"
    GROUP = "group"
    DOMAIN = "domain"
    PRINCIPAL = "principal"  # one federated identity, or an agent
    PRINCIPAL_SET = "principalSet"
    EVERYBODY = "everybody"  # allUsers, allAuthenticatedUsers
    CONVENIENCE = "convenience"  # projectOwner and the like, of basic roles on buckets
    UNKNOWN = "unknown"


PUBLIC = ("allUsers", "allAuthenticatedUsers")
KINDS = {kind.value: kind for kind in (MemberKind.USER, MemberKind.SERVICE_ACCOUNT, MemberKind.GROUP, MemberKind.DOMAIN)}
CONVENIENCE = ("projectOwner", "projectEditor", "projectViewer")
AGENTS = re.compile(r"principal(Set)?://agents\.(global|[a-z0-9-]+)\.", re.ASCII)
# Service accounts that Google itself manages (IAM documentation, "Service agents"): nobody here may switch them off.
# Projects of Google's own in which agents live that are not called gcp-sa- and their service. Anybody may call an account service-1: the project tells.
HOMES = (
    "compute-system",
    "container-engine-robot",
    "containerregistry",
    "gcf-admin-robot",
    "serverless-robot-prod",
    "dataflow-service-producer-prod",
    "dataproc-accounts",
    "cloudcomposer-accounts",
    "gae-api-prod",
    "gcp-gae-service",
    "cloud-tpu",
    "trifacta-gcloud-prod",
    "cloud-filer",
    "firebase-rules",
    "genomics-api",
    "cloud-ml",
    "cloud-redis",
    "security-center-api",
    "sourcerepo-service-accounts",
    "gs-project-accounts",
    "bigquery-encryption",
    "cloud-bigtable",
)
SERVICE_AGENT = re.compile(
    rf"((service-(org-|folder-)?|bq-)?[0-9]+@(gcp-sa-[a-z0-9-]+|{'|'.join(HOMES)}|cloud-ml\.google\.com)\.iam\.gserviceaccount\.com"
    r"|[0-9]+@(cloudservices|cloudbuild)\.gserviceaccount\.com|[0-9]+@project\.gserviceaccount\.com"
    r"|[^@]+@(gcp-sa-[a-z0-9-]+|cloud-aiplatform|system)\.iam\.gserviceaccount\.com)",
    re.ASCII | re.IGNORECASE,
)
CONSUMER = ("gmail.com", "googlemail.com", "googlegroups.com")  # addresses of no organisation
DEFAULT_COMPUTE = re.compile(r"[0-9]+-compute@developer\.gserviceaccount\.com", re.ASCII)
OF_A_PROJECT = re.compile(r"[^@]+@([a-z][a-z0-9:.-]*)\.iam\.gserviceaccount\.com", re.ASCII)


class Member(Struct, frozen=True):
    """One member. `text` is what the policy holds, byte for byte; `id` the address or name in it; `uid` of one that was deleted."""

    text: str
    kind: MemberKind
    id: str
    deleted: bool = False
    uid: str = ""

    @property
    def domain(self) -> str:
        """The domain of an address, in lower case; empty where there is none."""
        return self.id.lower() if self.kind is MemberKind.DOMAIN else self.id.rpartition("@")[2].lower() if "@" in self.id else ""

    @property
    def home(self) -> str:
        """The project that a service account belongs to, as its address tells; empty where it does not."""
        found = OF_A_PROJECT.fullmatch(self.id) if self.kind is MemberKind.SERVICE_ACCOUNT else None
        return found[1] if found else ""

    @property
    def service_agent(self) -> bool:
        """Whether Google manages it."""
        return self.kind is MemberKind.SERVICE_ACCOUNT and SERVICE_AGENT.fullmatch(self.id) is not None

    @property
    def default_compute(self) -> bool:
        """Whether it is a project's default service account of Compute Engine, which Workbench and old jobs run as."""
        return self.kind is MemberKind.SERVICE_ACCOUNT and DEFAULT_COMPUTE.fullmatch(self.id) is not None

    @property
    def agent(self) -> bool:
        """Whether it is an AI agent's own identity."""
        return AGENTS.match(self.text) is not None


@lru_cache(maxsize=4096)
def parse_member(text: str) -> Member:
    """Parse a member; an address without its kind (a log of a person's) is unknown, and so is whatever else is of no form that is documented."""
    deleted = text.startswith("deleted:")
    body, _, query = text.removeprefix("deleted:").partition("?uid=")
    if body in PUBLIC:
        return Member(text, MemberKind.EVERYBODY, body)
    for prefix, kind in (("principal://", MemberKind.PRINCIPAL), ("principalSet://", MemberKind.PRINCIPAL_SET)):
        if body.startswith(prefix):
            return Member(text, kind, body.removeprefix(prefix), deleted, query)
    named, colon, rest = body.partition(":")
    if colon and rest and named in KINDS:
        return Member(text, KINDS[named], rest, deleted, query)
    if colon and rest and named in CONVENIENCE:
        return Member(text, MemberKind.CONVENIENCE, body)
    return Member(text, MemberKind.UNKNOWN, body, deleted, query)
