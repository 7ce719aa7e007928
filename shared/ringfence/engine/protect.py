"""The protected set: identities that no plan may touch. The template's explicit denies say the same again, in IAM.

Built in, and configuration can only add: the root user, service-linked roles, Identity Center's reserved roles, the product's own roles; by
name, the organisation's access roles and break-glass identities; the approvers; and what `never_touch` names.

Paths that only AWS can create in protect by themselves. Everything else *nominates*: what counts is the unique id that stood behind the
name when a census recorded the pattern, so that nobody prints himself a badge of protection. A pattern that no census has recorded yet
protects by name: locking the owner out is worse than leaving something to a person. A unique id under `never_touch` always protects.
"""

import re
from collections.abc import Iterable, Iterator

from ringfence.domain.arn import parse_arn
from ringfence.domain.binding import comparable, same_member
from ringfence.domain.census import Census
from ringfence.domain.glob import any_match, matches
from ringfence.domain.identity import GOOGLE, Identity, Kind
from ringfence.domain.member import CONSUMER, parse_member
from ringfence.engine.advice import ELSEWHERE, outside
from ringfence.engine.ids import IDENTITY_CENTER, pathless
from ringfence.settings import Exemption, Settings

SERVICE_LINKED, RESERVED = "/aws-service-role/", "/aws-reserved/"
ORGANISATION_ACCESS = ("OrganizationAccountAccessRole", "AWSControlTowerExecution", "stacksets-exec-*")
SERVICE_LINKED_ROLE = "it is a service-linked role: only its service can change it, act at the service's own settings"
UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{7,124}", re.ASCII)  # IAM User Guide, "Unique identifiers"
BREAK_GLASS = ("*break-glass*", "*breakglass*")


def protected(identity: Identity, settings: Settings, census: Census | None) -> str | None:
    """Say why an identity is out of reach, or None. Names are compared without regard to case, as IAM does."""
    if why := built_in(identity, settings):
        return why
    unique_id = identity.unique_id
    if unique_id is not None and unique_id in settings.never_touch:
        return f"the configuration protects it ({unique_id})"
    if census is None or unique_id is None:
        return next((means(p, settings) for p in nominations(identity, settings)), None) or _named_like_aws_own(identity)
    if why := next((why for p in census.protected.get(unique_id, ()) if (why := means(p, settings))), None):
        return f"{why} (unique id {unique_id})"
    if unique_id in census.newly:
        return None
    return next((means(p, settings) for p in nominations(identity, settings) if p not in census.patterns), None)


def any_protected(identities: Iterable[Identity], settings: Settings, census: Census | None) -> str | None:
    """Say which of the identities that a step affects is out of reach, and why; None where none is."""
    return next((f"{i.name}: {why}" for i in identities if (why := protected(i, settings, census))), None)


def nominations(identity: Identity, settings: Settings) -> Iterator[str]:
    """Give the patterns that an identity matches by name. A pattern protects who matched it when a census recorded it."""
    for pattern in patterns(settings):
        approver = Identity.from_arn(pattern) if pattern in settings.approving else None
        of_roles = pattern in ORGANISATION_ACCESS and identity.kind is Kind.ROLE and matches(pattern, identity.name)
        by_name = pattern in BREAK_GLASS and matches(pattern, identity.name) and _may_be_ours(identity, settings)
        by_arn = pattern in settings.never_touch and any_match((pattern,), identity.arn, pathless(identity))
        of_google = pattern in settings.approving and identity.partition == GOOGLE and same_member(pattern, identity.arn)
        if of_roles or by_name or by_arn or of_google or (approver is not None and approver.same_as(identity)):
            yield pattern


def _may_be_ours(identity: Identity, settings: Settings) -> bool:
    """Whether somebody who bears a name that protects may be of this organisation: who makes an address elsewhere protects nobody by it."""
    if identity.partition != GOOGLE:
        return True
    member = parse_member(identity.arn)
    if member.home:
        named = [glob for project in settings.projects for glob in project.gcp_projects]
        return not named or any_match(named, member.home) is not None
    return member.domain in settings.trusted_domains if settings.trusted_domains else member.domain not in CONSUMER


def patterns(settings: Settings) -> tuple[str, ...]:
    """Give every pattern that nominates for the protected set."""
    return tuple(dict.fromkeys((*ORGANISATION_ACCESS, *settings.never_touch, *BREAK_GLASS, *settings.approving)))


def exempts(exemption: Exemption, identity: Identity, census: Census | None) -> bool:
    """Whether an exception is about an identity. Like protection it goes by unique id: by who bore the name when it was recorded."""
    names = (identity.arn, f"{identity.kind}/{identity.name}", identity.name)
    if identity.unique_id is not None and exemption.principal == identity.unique_id:
        return True
    if UNIQUE_ID.fullmatch(exemption.principal):
        return False  # whoever is *named* like an id is not the one
    if census is not None and identity.unique_id is not None and exemption_pattern(exemption) in census.patterns:
        return exemption_pattern(exemption) in census.exempt.get(identity.unique_id, ())
    return any_match((exemption.principal,), *names) is not None


def exemption_pattern(exemption: Exemption) -> str:
    """Name an exception in the register."""
    return f"exempt {exemption.guardrail} {exemption.project} {exemption.principal}"


def means(pattern: str, settings: Settings) -> str | None:
    """Say what it means to be nominated by a pattern; None where the configuration does not have it any more."""
    if pattern in ORGANISATION_ACCESS:
        return "it is how the organisation reaches this account"
    if pattern in settings.never_touch:
        return f"the configuration protects it ({pattern})"
    if pattern in BREAK_GLASS:
        return "it is a break-glass identity"
    return "it is an approver" if pattern in settings.approving else None


def built_in(identity: Identity, settings: Settings) -> str | None:
    """Say why an identity is out of reach whatever was recorded; an undo needs to reach what is protected since."""
    if identity.partition == GOOGLE:
        return _googles(identity, settings)
    arn = parse_arn(identity.arn)
    if arn is None:
        return "its ARN cannot be read"
    if identity.kind is Kind.ROOT:
        return ELSEWHERE["Root"]
    if identity.kind is Kind.OUTSIDE:
        return outside(arn)
    home = settings.deployment.account
    if home and arn.account != home:
        return f"{ELSEWHERE['AWSAccount']} ({arn.account}, not {home})"
    if identity.kind is Kind.ROLE and (why := _aws_own(identity, arn.path)):
        return why
    if identity.kind is Kind.POLICY and identity.arn in _own_policies(settings):
        return "it is one of Ringfence's own policies"
    return "it is one of Ringfence's own roles" if identity.arn in settings.deployment.own_roles else None


def _googles(identity: Identity, settings: Settings) -> str | None:
    """Say why a principal of Google Cloud is out of reach: our own accounts, and what Google manages."""
    if comparable(identity.arn) in {comparable(own) for own in settings.deployment.own_roles}:
        return "it is one of Ringfence's own accounts"
    member = parse_member(identity.arn) if identity.kind is Kind.MEMBER else None
    if member is not None and member.service_agent:
        return "Google manages it: its service needs it; act at the service's own settings"
    return None


def _own_policies(settings: Settings) -> tuple[str, ...]:
    own = settings.deployment
    return own.quarantine_policy, own.require_mfa_policy, own.quarantine_boundary, own.no_bearer_policy


def _aws_own(identity: Identity, path: str) -> str | None:
    """Say why only AWS can change a role, by its path: nobody else can create one there."""
    if path.lower().startswith(SERVICE_LINKED):
        return SERVICE_LINKED_ROLE
    return _permission_set(identity) if path.lower().startswith(RESERVED) else None


def _named_like_aws_own(identity: Identity) -> str | None:
    """The same by name, where nobody has read the role: an event's ARN lacks the path."""
    if identity.kind is not Kind.ROLE:
        return None
    if matches("AWSServiceRoleFor*", identity.name):
        return SERVICE_LINKED_ROLE
    return _permission_set(identity) if matches(IDENTITY_CENTER, identity.name) else None


def _permission_set(identity: Identity) -> str:
    named = identity.name.removeprefix("AWSReservedSSO_").rsplit("_", 1)[0]
    return f"it belongs to Identity Center: change the permission set {named} instead, and end its sessions in the access portal"
