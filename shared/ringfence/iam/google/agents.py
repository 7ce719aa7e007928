"""What Google itself grants: the role of its own service agent, the accounts of its own services, the legacy roles of a bucket.

Such a grant is listed, and is no finding. The same role granted to anybody else is one: whoever has it can do what the agent can.
Facts: IAM documentation, "Service agents"; Cloud Storage documentation, "IAM roles for Cloud Storage", legacy roles. As known in 2026-11,
not checked against the live pages: an agent whose role is not known to be its own leaves the grant in doubt.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from ringfence.domain.member import Member, MemberKind
from ringfence.iam.google.allow import Level

ROLE = re.compile(r"roles/([a-z0-9]+)[a-z0-9_]*\.[a-z0-9.]*serviceagent", re.ASCII | re.IGNORECASE)
AGENT = re.compile(
    r"service-(org-|folder-)?([0-9]+)@([a-z0-9-]+(?:\.google\.com)?)(?:\.[a-z0-9-]+-system)?\.iam\.gserviceaccount\.com", re.ASCII
)
BUILT_IN = re.compile(r"([0-9]+)@(cloudservices|cloudbuild)\.gserviceaccount\.com", re.ASCII)
BUILT_IN_ROLES = {"cloudservices": "roles/editor", "cloudbuild": "roles/cloudbuild.builds.builder"}
LEGACY = re.compile(r"roles/storage\.legacy(Bucket|Object)(Owner|Reader|Writer)", re.ASCII)
OF_AGENTS = "gcp-sa-"
# Google's own projects of agents that are not called after their service. All others are gcp-sa- and the service, or go on from there.
HOMES: dict[str, tuple[str, ...]] = {
    "appengine": ("gcp-gae-service",),
    "appengineflex": ("gae-api-prod",),
    "batch": ("gcp-sa-cloudbatch",),
    "cloudconfig": ("gcp-sa-config",),
    "cloudfunctions": ("gcf-admin-robot",),
    "cloudtpu": ("cloud-tpu",),
    "clouddeploymentmanager": ("gcp-sa-deploymentmanager",),
    "composer": ("cloudcomposer-accounts",),
    "compute": ("compute-system",),
    "container": ("container-engine-robot",),
    "containerregistry": ("containerregistry",),
    "dataflow": ("dataflow-service-producer-prod",),
    "dataprep": ("trifacta-gcloud-prod",),
    "dataproc": ("dataproc-accounts",),
    "file": ("cloud-filer",),
    "firebaserules": ("firebase-rules",),
    "genomics": ("genomics-api",),
    "ml": ("cloud-ml.google.com", "cloud-ml"),
    "privilegedaccessmanager": ("gcp-sa-pam",),
    "redis": ("cloud-redis",),
    "run": ("serverless-robot-prod",),
    "securitycenter": ("security-center-api",),
    "serverless": ("serverless-robot-prod",),
    "sourcerepo": ("sourcerepo-service-accounts",),
}
GOOGLES = frozenset(home for homes in HOMES.values() for home in homes)


class Setter(StrEnum):
    """Who seems to have made a grant."""

    GOOGLE = "google"
    DOUBT = "doubt"  # an agent of Google's, with an agent's role that is not known to be its own
    SOMEBODY = "somebody"


class _Agent(Struct, frozen=True):
    number: str
    home: str
    above: bool  # of a folder or an organization


@lru_cache(maxsize=4096)
def _agent(address: str) -> _Agent | None:
    found = AGENT.fullmatch(address)
    if found and (found[3].startswith(OF_AGENTS) or found[3] in GOOGLES):
        return _Agent(found[2], found[3], bool(found[1]))
    built_in = BUILT_IN.fullmatch(address)
    return _Agent(built_in[1], built_in[2], above=False) if built_in else None


def is_agent(member: Member) -> bool:
    """Whether a service account is Google's own: by its home, since anybody may call an account `service-1`."""
    return member.kind is MemberKind.SERVICE_ACCOUNT and _agent(member.id.lower()) is not None


def numbers_of(granted: Iterable[tuple[Member, str]]) -> frozenset[str]:
    """Give the numbers of the projects whose agents have their own roles: more than one, and somebody else's agents are among them."""
    found = ((_agent(member.id.lower()), role) for member, role in granted if member.kind is MemberKind.SERVICE_ACCOUNT)
    return frozenset(agent.number for agent, role in found if agent and not agent.above and _own(agent, role))


def setter(member: Member, role: str, level: Level, numbers: frozenset[str]) -> Setter:
    """Say who made a grant. `numbers`: those that the project may have; more than one leaves it open which."""
    if member.kind is MemberKind.CONVENIENCE and level is Level.BUCKET and LEGACY.fullmatch(role):
        return Setter.GOOGLE
    agent = _agent(member.id.lower()) if member.kind is MemberKind.SERVICE_ACCOUNT and not member.deleted else None
    if agent is None or not (_own(agent, role) or ROLE.fullmatch(role)):
        return Setter.SOMEBODY
    if not _own(agent, role):
        return Setter.DOUBT
    if agent.above:
        return Setter.GOOGLE
    if agent.number not in numbers:
        return Setter.SOMEBODY
    return Setter.GOOGLE if len(numbers) == 1 and level not in (Level.FOLDER, Level.ORGANIZATION) else Setter.DOUBT


def _own(agent: _Agent, role: str) -> bool:
    """Whether a role is the one that Google gives an agent. Projects named gcp-sa- are Google's, as far as is known."""
    if agent.home in BUILT_IN_ROLES:
        return role == BUILT_IN_ROLES[agent.home]
    found = ROLE.fullmatch(role)
    if found is None:
        return False
    service = role.removeprefix("roles/").partition(".")[0].partition("_")[0].lower()
    return agent.home in (*HOMES.get(service, ()), OF_AGENTS + service) or agent.home.startswith(f"{OF_AGENTS}{service}-")
