"""Which AI project an identity belongs to: declared first, then discovered by what AWS's AI services leave behind.

The most specific claim wins: named identity, then tag, then listed account, then "*". Sources of the patterns: AWS documentation
of the SageMaker, Bedrock, AgentCore and DataZone console roles, read in 2026-11.
"""

from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from ringfence.domain.finding import Unknown, Workload
from ringfence.domain.glob import any_match, matches
from ringfence.domain.identity import GOOGLE, Identity, Kind
from ringfence.domain.state import State
from ringfence.engine.discovery_gcp import claimed, is_workload
from ringfence.iam import Policy, parse
from ringfence.settings import DISCOVERED, Project, Settings

SERVICES = {
    "sagemaker.amazonaws.com": Workload.TRAINING,
    "job.sagemaker.amazonaws.com": Workload.TRAINING,
    "bedrock.amazonaws.com": Workload.INFERENCE,
    "bedrock-agentcore.amazonaws.com": Workload.AGENT,
}
ROLE_NAMES = {
    "AmazonSageMaker-ExecutionRole-*": Workload.NOTEBOOK,
    "AmazonSageMakerServiceCatalogProducts*": Workload.PIPELINE,
    "AmazonBedrockExecutionRoleFor*": Workload.AGENT,
    "AmazonBedrockAgentCore*": Workload.AGENT,
    "AgentCore-*": Workload.AGENT,
    "datazone_usr_role_*": Workload.NOTEBOOK,
    "SageMakerStudio*": Workload.NOTEBOOK,
}
USER_NAMES = {"BedrockAPIKey-*": Workload.BEDROCK_API_KEY}
POLICY_NAMES = ("AmazonSageMaker*", "AmazonBedrock*")
TAGS = ("ai-project", "AmazonDataZoneProject")


class Membership(Struct, frozen=True):
    """An identity's project and what the identity is for in it."""

    project: Project
    workload: Workload


def membership(identity: Identity, state: State | None, settings: Settings) -> Membership | Unknown | None:
    """Give the project of an identity; None where it belongs to none, Unknown where its state would be needed to tell."""
    if identity.partition == GOOGLE:
        claim_there = claimed(identity, settings)
        return None if claim_there is None else Membership(*claim_there)
    for claim in (_by_name, _by_tag, _by_account, _by_everywhere):
        for project in settings.projects:
            if project.accounts and not any_match(project.accounts, identity.account):
                continue  # the accounts say where to look
            workload = claim(project, identity, state)
            if workload is not None:
                return Membership(project, workload)
    trust = _trust(state)
    workload = _discovered(identity, state, _services(trust))
    if workload is not None:
        return Membership(DISCOVERED, workload)
    if state is None:
        return Unknown(f"whether {identity.name} is an AI identity is not known: its trust, tags and policies were not read")
    if trust is not None and trust.problems:
        first = trust.problems[0]
        return Unknown(f"whether {identity.name} is an AI identity cannot be told: its trust policy {first.where} {first.what}")
    return None


def project_of(account: str, settings: Settings) -> Project:
    """Give the project on whose account something that concerns everybody happened; the discovered one where none names the account."""
    return next((p for p in settings.projects if any_match((*p.accounts, *p.gcp_projects), account)), DISCOVERED)


def workload_of(identity: Identity, state: State | None) -> Workload:
    """Say what an identity is for, by its name and by the first service that may assume it."""
    return _workload(identity, state, _services(_trust(state)))


def _workload(identity: Identity, state: State | None, trusted: tuple[str, ...]) -> Workload:
    if (by_name := _named(identity.kind, identity.name)) is not None:
        return by_name
    if identity.kind is Kind.ROLE:
        by_trust = next((SERVICES[service] for service in trusted if service in SERVICES), None)
        return by_trust or Workload.UNKNOWN
    return Workload.HUMAN if identity.kind is Kind.GROUP or (state is not None and state.login) else Workload.UNKNOWN


def _trust(state: State | None) -> Policy | None:
    return None if state is None or state.trust is None else parse(state.trust)


def _services(trust: Policy | None) -> tuple[str, ...]:
    """Give the services that a role's trust policy allows to assume it."""
    found: list[str] = []
    for statement in trust.statements if trust is not None else ():
        named = statement.principal.get("Service", ()) if statement.allow and isinstance(statement.principal, (dict, Mapping)) else ()
        found += [named] if isinstance(named, str) else [s for s in named if isinstance(s, str)] if isinstance(named, (list, tuple)) else []
    return tuple(found)


def trusted_services(state: State | None) -> tuple[str, ...]:
    """Give the services that may assume a role, as far as it was read."""
    return _services(_trust(state))


def people_use(identity: Identity, state: State | None) -> bool:
    """Whether people can use an identity. Service accounts and agents of Google Cloud are workloads."""
    return not is_workload(identity) if identity.partition == GOOGLE else used_by_people(state)


def used_by_people(state: State | None) -> bool:
    """Whether people can use an identity: everything but a role that only services may assume. Not known counts as yes."""
    if state is None or state.identity.kind is not Kind.ROLE or state.trust is None:
        return True
    trust = parse(state.trust)
    allowed = [s.principal for s in trust.statements if s.allow]
    return bool(trust.problems) or not all(isinstance(p, Mapping) and p.keys() == {"Service"} for p in allowed)


@lru_cache(maxsize=4096)
def _named(kind: Kind, name: str) -> Workload | None:
    names = ROLE_NAMES if kind is Kind.ROLE else USER_NAMES
    return next((workload for glob, workload in names.items() if matches(glob, name)), None)


def _by_name(project: Project, identity: Identity, state: State | None) -> Workload | None:
    arns = (identity.arn, Identity.of(identity.kind, identity.name, identity.account, identity.partition).arn)
    if identity.kind is Kind.ROLE:
        named = next((p.workload for p in project.roles if any_match((p.glob,), *arns)), None)
        sets = any_match((f"AWSReservedSSO_{name}_*" for name in project.permission_sets), identity.name)
        return named or (Workload.HUMAN if sets else None)
    globs = project.groups if identity.kind is Kind.GROUP else project.users
    if not any_match(globs, *arns, identity.name):
        return None
    found = workload_of(identity, state)
    return Workload.HUMAN if found is Workload.UNKNOWN else found  # they are declared as people, with a password or not


def _by_tag(project: Project, identity: Identity, state: State | None) -> Workload | None:
    if state is None or not project.tags:
        return None
    return workload_of(identity, state) if all(state.tags.get(key) == value for key, value in project.tags.items()) else None


def _by_account(project: Project, identity: Identity, state: State | None) -> Workload | None:
    named = project.whole_accounts and identity.account in project.accounts
    return workload_of(identity, state) if named else None


def _by_everywhere(project: Project, identity: Identity, state: State | None) -> Workload | None:
    return workload_of(identity, state) if project.whole_accounts else None


def _discovered(identity: Identity, state: State | None, trusted: tuple[str, ...]) -> Workload | None:
    if identity.kind in (Kind.ROLE, Kind.USER) and (named := _named(identity.kind, identity.name)) is not None:
        return named
    if state is None:
        return None
    if any(service in SERVICES for service in trusted) or any(tag in state.tags for tag in TAGS):
        return _workload(identity, state, trusted)
    attached = (arn.rsplit("/", 1)[-1] for arn in state.attached or () if ":iam::aws:policy/" in arn)
    return _workload(identity, state, trusted) if any(any_match(POLICY_NAMES, name) for name in attached) else None
