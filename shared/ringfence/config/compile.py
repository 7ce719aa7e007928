"""Compiles a checked configuration into the settings that the functions load."""

from datetime import UTC, datetime, time
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from ringfence.config.schema import AwsHumans, AwsProject, Config, DataSet, GcpProject, PersonEntry, ProjectEntry
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Workload
from ringfence.settings import DataPlace, Exemption, Hours, Person, Project, RolePattern, Settings, Slack

PACKAGE = Path(__file__).parents[1]
DESK = ("cli", "config", "demo", "report")


def compile_settings(config: Config) -> Settings:
    """Give the settings, with the hash by which every record names them."""
    defaults = config.defaults
    settings = Settings(
        mode=defaults.mode,
        overrides={name: entry.mode for name, entry in config.guardrails.items()},
        fresh_window_minutes=defaults.fresh_window_minutes,
        approval_timeout_minutes=defaults.approval.timeout_minutes,
        on_timeout=defaults.approval.on_timeout,
        approvers=defaults.approval.approvers,
        two_person_for=defaults.approval.two_person_for,
        command_line_for=defaults.approval.command_line_for,
        quiet_hours=_hours(defaults.approval.quiet_hours),
        escalation=defaults.approval.escalation,
        people=tuple(_person(entry, config) for entry in config.people),
        slack=_slack(config),
        account_names=config.chat.account_names,
        max_blast_radius=defaults.max_blast_radius,
        max_auto_actions_per_hour=defaults.max_auto_actions_per_hour,
        max_auto_actions_per_guardrail=defaults.max_auto_actions_per_guardrail,
        max_auto_actions_per_actor=defaults.max_auto_actions_per_actor,
        max_open_questions_per_actor=defaults.max_open_questions_per_actor,
        max_guardrail_share_percent=defaults.max_guardrail_share_percent,
        mfa_exempt=defaults.mfa.exempt,
        mfa_grace_hours=defaults.mfa.grace_hours,
        allow_static_keys=defaults.keys.allow_static_keys,
        allow_bedrock_api_keys=defaults.keys.allow_bedrock_api_keys,
        unused_key_days=defaults.keys.unused_days,
        unused_role_days=defaults.unused_days.role,
        trusted_accounts=config.trusted.aws_accounts,
        trusted_organizations=config.trusted.aws_organizations,
        trusted_domains=config.trusted.gcp_domains,
        trusted_issuers=config.trusted.oidc_issuers,
        trusted_features=config.trusted.features,
        security_admins=config.security_admins,
        never_touch=config.never_touch,
        deployers=config.deployers,
        projects=tuple(_project(entry) for entry in config.projects),
        exemptions=tuple(exemption for entry in config.projects for exemption in _exemptions(entry)),
    )
    return msgspec.structs.replace(settings, config_hash=digest(msgspec.to_builtins(settings)), code_hash=code_hash())


@cache
def code_hash() -> str:
    """Hash the package, as it is deployed: every file of code and data, by its place and its bytes. What only people need is not in a layer."""
    files = (path for path in sorted(PACKAGE.rglob("*")) if path.suffix in (".py", ".json") and path.name != "compiled.json")
    shipped = {path.relative_to(PACKAGE).as_posix(): path for path in files if path.relative_to(PACKAGE).parts[0] not in DESK}
    return digest({name: sha256(path.read_bytes()).hexdigest() for name, path in shipped.items()})


def _project(entry: ProjectEntry) -> Project:
    aws = entry.aws or AwsProject()
    named = bool(aws.roles or aws.tags or aws.humans != AwsHumans())
    return Project(
        name=entry.name,
        environment=entry.environment,
        accounts=aws.accounts,
        whole_accounts=bool(aws.accounts) and not named,
        tags=aws.tags,
        roles=tuple(RolePattern(Workload(kind), glob) for kind, globs in aws.roles.items() for glob in globs),
        users=aws.humans.users,
        groups=aws.humans.groups,
        permission_sets=aws.humans.permission_sets,
        allowed_policies=aws.allowed_policies,
        require_boundary=aws.require_boundary,
        buckets=tuple(
            dict.fromkeys(_bucket(data.at) for data in (*entry.data.training, *entry.data.artifacts) if data.at.startswith("s3://"))
        ),
        training=tuple(_place(data) for data in entry.data.training),
        artifacts=tuple(_place(data) for data in entry.data.artifacts),
        approved_models=entry.models.approved,
        model_admins=entry.models.admins,
        **_gcp(entry.gcp),
    )


def _gcp(gcp: GcpProject | None) -> dict[str, Any]:
    """Give what is declared of a project on Google Cloud."""
    if gcp is None:
        return {}
    people = (*gcp.humans.groups, *gcp.humans.users)
    return {
        "gcp_projects": gcp.projects,
        "gcp_whole": bool(gcp.projects) and not (gcp.service_accounts or gcp.agents or people),
        "gcp_service_accounts": tuple(RolePattern(Workload(kind), glob) for kind, globs in gcp.service_accounts.items() for glob in globs),
        "gcp_agents": gcp.agents,
        "gcp_people": people,
        "gcp_groups": gcp.humans.groups,
    }


def _person(entry: PersonEntry, config: Config) -> Person:
    team = config.chat.slack.team if config.chat.slack else ""
    return Person(
        name=entry.name,
        chat=tuple(f"slack:{team}/{user}" for user in entry.slack if team),
        cloud=entry.aws,
        projects=entry.projects,
        classes=entry.action_classes(),
        owns=entry.owns,
        owned_projects=tuple(project.name for project in config.projects if entry.name in project.owners),
    )


def _slack(config: Config) -> Slack | None:
    found = config.chat.slack
    return None if found is None else Slack(found.team, found.app, config.defaults.approval.channel, found.enterprise)


def _hours(text: str | None) -> Hours | None:
    if text is None:
        return None
    begin, end = ((int(part[:2]) * 60 + int(part[3:])) for part in text.split("-"))
    return Hours(begin, end)


def _place(data: DataSet) -> DataPlace:
    return DataPlace(data.at, tuple(Workload(kind) for kind in data.writers), tuple(Workload(kind) for kind in data.readers))


def _bucket(at: str) -> str:
    return at.removeprefix("s3://").partition("/")[0]


def _exemptions(entry: ProjectEntry) -> tuple[Exemption, ...]:
    """An exception holds until the end of its last day, UTC."""
    return tuple(
        Exemption(e.guardrail, entry.name, e.principal, e.reason, datetime.combine(e.until, time.max, UTC)) for e in entry.exceptions
    )
