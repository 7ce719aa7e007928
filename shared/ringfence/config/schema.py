"""The schema of `ringfence.yaml`. Unknown keys are errors; patterns are globs; everything but a project's name and scope is optional."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ringfence.domain.plan import ActionClass
from ringfence.settings import Environment, Mode, OnTimeout

Text = Annotated[str, StringConstraints(min_length=1)]
AccountId = Annotated[str, StringConstraints(pattern=r"^([0-9]{12}|\*)$")]
OrganizationId = Annotated[str, StringConstraints(pattern=r"^o-[a-z0-9]{10,32}$")]  # Organizations API Reference, Organization
TeamId = Annotated[str, StringConstraints(pattern=r"^T[A-Z0-9]{2,}$")]
HoursText = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$")]
Uri = Annotated[str, StringConstraints(pattern=r"^(s3|gs|bq)://.+")]
Kind = Literal["training", "inference", "notebook", "pipeline", "agent"]


class Model(BaseModel):
    """Frozen, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Approval(Model):
    """Who is asked, where, and for how long."""

    channel: str = Field("#sec-approvals", description="Where approvals are asked for: with Slack, the id of a private channel.")
    timeout_minutes: int = Field(30, ge=1, le=1440, description="After this long without a decision the answer is no.")
    on_timeout: OnTimeout = Field(
        OnTimeout.ESCALATE,
        description="escalate: remind, ask the people under `escalation`, page. deny: no reminders. contain: containment of severity high or critical that can be taken off runs all the same, within the budgets.",
    )
    approvers: tuple[Text, ...] = Field(
        (),
        description="Names from `people`, or ARNs, that may approve. Empty: whoever IAM lets call the approve function, and nobody in a chat.",
    )
    two_person_for: tuple[Text, ...] = Field((), description="Actions that need two approvers.")
    command_line_for: tuple[Text, ...] = Field(
        (), description="Actions that are approved with `ringfence approve`, signed, and not in the chat."
    )
    quiet_hours: HoursText | None = Field(
        None,
        description='Such as "22:00-06:00", in UTC. What is less than high waits for their end and calls nobody; the rest calls everybody at once.',
    )
    escalation: tuple[Text, ...] = Field(
        (), description="Names from `people`, called in turn when half and four fifths of the time are over."
    )


class Mfa(Model):
    """Whom MFA is not asked of, and how long a new user has."""

    grace_hours: int = Field(24, ge=0, le=168)
    exempt: tuple[Text, ...] = ()


class Keys(Model):
    """What is allowed of long-lived credentials."""

    max_age_days: int = Field(90, ge=1)
    unused_days: int = Field(45, ge=1)
    allow_static_keys: bool = False
    allow_bedrock_api_keys: bool = False


class UnusedDays(Model):
    """After how many days without use access counts as unused."""

    role: int = Field(90, ge=1)
    permission: int = Field(90, ge=1)


class Defaults(Model):
    """What counts where nothing else is said."""

    mode: Mode = Field(
        Mode.OBSERVE,
        description="observe: everything but the acting. graduated: fresh changes are reversed, containment asks. strict: critical containment acts.",
    )
    fresh_window_minutes: int = Field(15, ge=1, le=1440, description="A change younger than this may be undone without asking.")
    approval: Approval = Approval()
    mfa: Mfa = Mfa()
    keys: Keys = Keys()
    unused_days: UnusedDays = UnusedDays()
    max_blast_radius: int = Field(5, ge=1, description="Identities that one automatic step may touch.")
    max_auto_actions_per_hour: int = Field(
        10,
        ge=0,
        description="Identities that reversals may touch by themselves within an hour, and containment likewise; then everything asks.",
    )
    max_auto_actions_per_guardrail: int = Field(8, ge=0, description="The same for one guardrail: a bad one on a Friday stops here.")
    max_auto_actions_per_actor: int = Field(
        6, ge=0, description="The same for one actor, below that of a guardrail: baits do not use up everybody's budget."
    )
    max_open_questions_per_actor: int = Field(10, ge=1, description="Questions that one actor can have open; what comes on top joins them.")
    max_guardrail_share_percent: int = Field(
        20,
        ge=1,
        le=100,
        description="A guardrail that finds something about a larger share of the AI identities only asks: then it is wrong.",
    )

    @model_validator(mode="after")
    def _baits_leave_something(self) -> Self:
        actor, guardrail = self.max_auto_actions_per_actor, self.max_auto_actions_per_guardrail
        if actor >= guardrail > 1:
            raise ValueError(
                f"max_auto_actions_per_actor ({actor}) must be below max_auto_actions_per_guardrail ({guardrail}): "
                "one actor's baits would use up the whole budget of a guardrail"
            )
        return self


class GuardrailSettings(Model):
    """What is different for one guardrail or playbook."""

    mode: Mode


class Trusted(Model):
    """Who and what is not outside."""

    aws_accounts: tuple[AccountId, ...] = ()
    aws_organizations: tuple[OrganizationId, ...] = Field(
        default=(), description="In trust policies. Where none is named, a condition on any organisation counts as one on yours: name it."
    )
    gcp_domains: tuple[Text, ...] = ()
    networks: tuple[Text, ...] = ()
    oidc_issuers: tuple[Text, ...] = ()
    audiences: tuple[Text, ...] = ()
    image_accounts: tuple[AccountId, ...] = ()
    features: tuple[Literal["role-manager", "outbound-federation"], ...] = ()


class AwsHumans(Model):
    """The people of a project on AWS."""

    permission_sets: tuple[Text, ...] = ()
    groups: tuple[Text, ...] = ()
    users: tuple[Text, ...] = ()


class AwsProject(Model):
    """A project on AWS."""

    accounts: tuple[AccountId, ...] = ()
    regions: tuple[Text, ...] = ()
    tags: dict[str, str] = Field(default_factory=dict)
    roles: dict[Kind, tuple[Text, ...]] = Field(default_factory=dict)
    require_boundary: tuple[Text, ...] = ()
    allowed_policies: tuple[Text, ...] = ()
    humans: AwsHumans = AwsHumans()


class GcpHumans(Model):
    """The people of a project on Google Cloud."""

    groups: tuple[Text, ...] = ()
    users: tuple[Text, ...] = ()


class GcpProject(Model):
    """A project on Google Cloud."""

    projects: tuple[Text, ...] = ()
    service_accounts: dict[Kind, tuple[Text, ...]] = Field(default_factory=dict)
    agents: tuple[Text, ...] = ()
    humans: GcpHumans = GcpHumans()


class DataSet(Model):
    """A place where data lies, and which kinds of workload may touch it."""

    at: Uri = Field(description="s3://bucket/prefix, gs://bucket/prefix, or bq://project.dataset as Vertex AI writes it.")
    writers: tuple[Kind, ...] = Field((), description="Kinds of workload that may write there. None named: nobody may.")
    readers: tuple[Kind, ...] = ()


class Data(Model):
    """Training data and model artefacts."""

    training: tuple[DataSet, ...] = ()
    artifacts: tuple[DataSet, ...] = ()


class Models(Model):
    """Which models a project may use."""

    approved: tuple[Text, ...] = ()
    guardrails: tuple[Text, ...] = ()
    admins: tuple[Text, ...] = ()


class ExceptionEntry(Model):
    """One exception: with a reason, and an end at most 180 days ahead."""

    guardrail: Text
    principal: Text
    reason: Text
    until: date
    approved_by: str = ""


class ProjectEntry(Model):
    """One AI project. It needs a name and a scope on at least one cloud."""

    name: Text
    environment: Environment = Environment.PROD
    owners: tuple[Text, ...] = ()
    aws: AwsProject | None = None
    gcp: GcpProject | None = None
    data: Data = Data()
    models: Models = Models()
    exceptions: tuple[ExceptionEntry, ...] = ()

    @model_validator(mode="after")
    def _has_a_scope(self) -> Self:
        aws, gcp = self.aws, self.gcp
        on_aws = aws is not None and (aws.accounts or aws.tags or aws.roles or aws.humans != AwsHumans())
        on_gcp = gcp is not None and (gcp.projects or gcp.service_accounts or gcp.agents or gcp.humans != GcpHumans())
        if not on_aws and not on_gcp:
            raise ValueError(
                "a project needs a scope: aws.accounts, aws.roles, aws.tags, aws.humans, gcp.projects, gcp.service_accounts, gcp.agents or gcp.humans"
            )
        return self


class PersonEntry(Model):
    """One human being under all their names. Names and addresses of a chat never count: people change them."""

    name: Text
    slack: tuple[Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,}$")], ...] = Field((), description="Member ids.")
    aws: tuple[Text, ...] = Field((), description="ARNs, globs over ARNs of sessions, and unique ids (AIDA...).")
    projects: tuple[Text, ...] = Field(("*",), description="Globs over the projects of which an approver may decide.")
    classes: tuple[Literal["reversal", "containment"], ...] = Field(
        ("reversal", "containment"), description="What an approver may decide about."
    )
    owns: tuple[Text, ...] = Field((), description="Globs over ARNs of identities: an owner is asked whether it was them, and has no vote.")

    def action_classes(self) -> tuple[ActionClass, ...]:
        """Give what they may decide about."""
        return tuple(ActionClass(name) for name in self.classes)


class SlackWorkspace(Model):
    """Whose requests count. The channel stands under `defaults.approval.channel`."""

    team: TeamId
    app: Annotated[str, StringConstraints(pattern=r"^A[A-Z0-9]{2,}$")]
    enterprise: Annotated[str, StringConstraints(pattern=r"^(E[A-Z0-9]{2,})?$")] = ""


class Chat(Model):
    """Where people are asked."""

    slack: SlackWorkspace | None = None
    account_names: dict[Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")], Text] = Field(
        default_factory=dict, description="How people call the accounts: shown beside their numbers."
    )


class Config(Model):
    """The whole file."""

    version: Literal[1]
    defaults: Defaults = Defaults()
    guardrails: dict[str, GuardrailSettings] = Field(default_factory=dict)
    trusted: Trusted = Trusted()
    never_touch: tuple[Text, ...] = Field((), description="Added to the built-in protected set; nothing can be taken from it.")
    deployers: tuple[Text, ...] = Field((), description="Changes by these are asked about, not reversed, unless critical.")
    security_admins: tuple[Text, ...] = ()
    people: tuple[PersonEntry, ...] = ()
    chat: Chat = Chat()
    projects: tuple[ProjectEntry, ...] = ()
