"""Settings: the compiled configuration, as the functions use it. The YAML that people write is in `ringfence.config`.

`Settings()` is right without a file: observe mode, AI identities by discovery.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from ringfence.domain.arn import parse_arn
from ringfence.domain.finding import Workload
from ringfence.domain.plan import ActionClass


class Mode(StrEnum):
    """How far the product goes by itself."""

    OBSERVE = "observe"  # everything but the acting
    GRADUATED = "graduated"  # reversals of fresh changes run, containment asks
    STRICT = "strict"  # containment of critical findings runs too


class Environment(StrEnum):
    """What a project is used for; a sandbox never goes beyond observe."""

    PROD = "prod"
    STAGING = "staging"
    SANDBOX = "sandbox"


class RolePattern(Struct, frozen=True, forbid_unknown_fields=True):
    """Roles of one kind of workload, by ARN glob."""

    workload: Workload
    glob: str


class DataPlace(Struct, frozen=True, forbid_unknown_fields=True):
    """A place where declared data lies, and which kinds of workload may touch it. Nobody else may: no kind named is no kind allowed."""

    at: str  # gs://bucket/prefix, s3://bucket/prefix, bq://project.dataset
    writers: tuple[Workload, ...] = ()
    readers: tuple[Workload, ...] = ()


class Project(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One AI project, declared or discovered."""

    name: str
    environment: Environment = Environment.PROD
    declared: bool = True
    accounts: tuple[str, ...] = ()
    whole_accounts: bool = False  # lists accounts and no identities: covers every identity in them
    tags: Mapping[str, str] = {}
    roles: tuple[RolePattern, ...] = ()
    users: tuple[str, ...] = ()  # globs over ARN or name
    groups: tuple[str, ...] = ()
    permission_sets: tuple[str, ...] = ()
    allowed_policies: tuple[str, ...] = ()
    require_boundary: tuple[str, ...] = ()  # boundaries of which each identity must have one
    buckets: tuple[str, ...] = ()  # that hold its data and models
    training: tuple[DataPlace, ...] = ()
    artifacts: tuple[DataPlace, ...] = ()
    approved_models: tuple[str, ...] = ()
    model_admins: tuple[str, ...] = ()  # globs over ARNs, members or addresses: look after the models
    gcp_projects: tuple[str, ...] = ()  # ids or numbers
    gcp_whole: bool = (
        False  # lists Google Cloud projects and no principals: covers whatever happens in them; what is granted in them counts anyway
    )
    gcp_service_accounts: tuple[RolePattern, ...] = ()
    gcp_agents: tuple[str, ...] = ()
    gcp_people: tuple[str, ...] = ()  # addresses of users and groups
    gcp_groups: tuple[str, ...] = ()  # those of them that are groups

    @property
    def data(self) -> tuple[DataPlace, ...]:
        """Every place of its data."""
        return (*self.training, *self.artifacts)


DISCOVERED = Project(name="discovered", declared=False, environment=Environment.STAGING)


class Exemption(Struct, frozen=True, forbid_unknown_fields=True):
    """One exception, with its reason and its end."""

    guardrail: str
    project: str
    principal: str  # glob over ARN, or `user/name`
    reason: str
    until: datetime


class Person(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One human being under all their names: what they may decide, and what is theirs."""

    name: str
    chat: tuple[str, ...] = ()  # as `slack:TEAM/USER`: ids, never names or addresses
    cloud: tuple[str, ...] = ()  # ARNs, globs over ARNs of sessions, unique ids
    projects: tuple[str, ...] = ("*",)  # of which they may decide, where they are approvers at all
    classes: tuple[ActionClass, ...] = (ActionClass.REVERSAL, ActionClass.CONTAINMENT)
    owns: tuple[str, ...] = ()  # globs over ARNs of identities
    owned_projects: tuple[str, ...] = ()


class OnTimeout(StrEnum):
    """What follows where nobody decides in time. It never means yes, but for containment that somebody configured so."""

    ESCALATE = "escalate"
    DENY = "deny"
    CONTAIN = "contain"


class Hours(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of each day, in minutes since midnight UTC; it may go over midnight."""

    begin: int
    end: int


class Slack(Struct, frozen=True, forbid_unknown_fields=True):
    """The one workspace, app and channel that count."""

    team: str
    app: str
    channel: str
    enterprise: str = ""


class Deployment(Struct, frozen=True, forbid_unknown_fields=True):
    """What the stack made: the pre-made policies, the product's own roles, and what the writer may do."""

    quarantine_policy: str = ""
    require_mfa_policy: str = ""
    quarantine_boundary: str = ""
    own_roles: tuple[str, ...] = ()  # ARNs; on Google Cloud the members that the product's service accounts are
    boundaries: tuple[str, ...] = ()  # that `respond` may put back
    full_powers: bool = False  # inline deny allowed
    no_bearer_policy: str = ""
    stack: str = ""  # CloudFormation begins the names of what it makes with it
    seal_key: str = ""  # the key that signs the trail: its ARN, or the full name of its version
    deny_at: str = ""  # Google Cloud: the resource at which deny policies may be made; empty: nowhere
    workspace: bool = False  # it has an administrator's role in Google Workspace: users can be suspended

    @property
    def account(self) -> str:
        """The account that the stack runs in, empty where there is none."""
        arn = parse_arn(self.own_roles[0]) if self.own_roles else None
        return arn.account if arn else ""


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything the engine needs to know."""

    mode: Mode = Mode.OBSERVE
    overrides: Mapping[str, Mode] = {}  # guardrail id -> mode
    fresh_window_minutes: int = 15
    approval_timeout_minutes: int = 30
    on_timeout: OnTimeout = OnTimeout.ESCALATE
    approvers: tuple[str, ...] = ()  # names of people, or ARNs
    two_person_for: tuple[str, ...] = ()  # actions
    command_line_for: tuple[str, ...] = ()  # actions on which a vote in the chat does not count
    quiet_hours: Hours | None = None
    escalation: tuple[str, ...] = ()  # names of people, asked in turn
    people: tuple[Person, ...] = ()
    slack: Slack | None = None
    account_names: Mapping[str, str] = {}  # by account id, as people know them
    max_blast_radius: int = 5
    max_auto_actions_per_hour: int = 10
    max_auto_actions_per_guardrail: int = 8
    max_auto_actions_per_actor: int = 6
    max_open_questions_per_actor: int = 10
    max_guardrail_share_percent: int = 20
    mfa_exempt: tuple[str, ...] = ()
    mfa_grace_hours: int = 24
    allow_static_keys: bool = False
    allow_bedrock_api_keys: bool = False
    unused_key_days: int = 45
    unused_role_days: int = 90
    trusted_accounts: tuple[str, ...] = ()
    trusted_organizations: tuple[str, ...] = ()
    trusted_domains: tuple[str, ...] = ()  # of Google Workspace and Cloud Identity
    trusted_issuers: tuple[str, ...] = ()  # hosts of OIDC providers
    trusted_features: tuple[str, ...] = ()
    security_admins: tuple[str, ...] = ()  # globs over ARNs: may change identity providers and detectors
    never_touch: tuple[str, ...] = ()
    deployers: tuple[str, ...] = ()
    projects: tuple[Project, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    deployment: Deployment = Deployment()
    config_hash: str = "built-in"
    code_hash: str = ""  # of the package in the layer, as it was when these were compiled

    def mode_of(self, guardrail: str, project: Project) -> Mode:
        """Give the mode that counts for a guardrail in a project; observe on the deployment caps every override."""
        if (self.mode is Mode.OBSERVE and self.deployed) or project.environment is Environment.SANDBOX:
            return Mode.OBSERVE
        return self.overrides.get(guardrail, self.mode)

    @property
    def approving(self) -> tuple[str, ...]:
        """Name every identity in a cloud that approvers use."""
        named = {person.name: person.cloud for person in self.people}
        return tuple(dict.fromkeys(name for approver in self.approvers for name in named.get(approver, (approver,))))

    @property
    def deployed(self) -> bool:
        """Whether these settings belong to a stack."""
        return bool(self.deployment.own_roles)
