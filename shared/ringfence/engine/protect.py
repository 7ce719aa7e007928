"""The protected set: identities that no plan may touch. The template's explicit denies say the same again, in IAM.

Built in, and configuration can only add: the root user, service-linked roles, Identity Center's reserved roles, the product's own roles; by
name, the organisation's access roles and break-glass identities; the approvers; and what `never_touch` names.

Paths that only AWS can create in protect by themselves. Everything else *nominates*: what counts is the unique id that stood behind the
name when a census recorded it, so that nobody prints himself a badge of protection. Before there is a census of this configuration a
name protects: locking the owner out is worse than leaving something to a person.
"""

from collections.abc import Iterable

from ringfence.domain.arn import parse_arn
from ringfence.domain.census import Census
from ringfence.domain.glob import any_match, matches
from ringfence.domain.identity import Identity, Kind
from ringfence.engine.advice import ELSEWHERE, outside
from ringfence.engine.ids import IDENTITY_CENTER
from ringfence.settings import Settings

SERVICE_LINKED, RESERVED = "/aws-service-role/", "/aws-reserved/"
ORGANISATION_ACCESS = ("OrganizationAccountAccessRole", "AWSControlTowerExecution", "stacksets-exec-*")
SERVICE_LINKED_ROLE = "it is a service-linked role: only its service can change it, act at the service's own settings"
BREAK_GLASS = ("*break-glass*", "*breakglass*")


def protected(identity: Identity, settings: Settings, census: Census | None) -> str | None:
    """Say why an identity is out of reach, or None. Names are compared without regard to case, as IAM does."""
    if why := built_in(identity, settings):
        return why
    recorded = census.protected.get(identity.unique_id or "") if census else None
    if recorded:
        return f"{recorded} (unique id {identity.unique_id})"
    known = census is not None and census.config_hash == settings.config_hash and identity.unique_id is not None
    return None if known else nominated(identity, settings) or _named_like_aws_own(identity)


def any_protected(identities: Iterable[Identity], settings: Settings, census: Census | None) -> str | None:
    """Say which of the identities that a step affects is out of reach, and why; None where none is."""
    return next((f"{i.name}: {why}" for i in identities if (why := protected(i, settings, census))), None)


def nominated(identity: Identity, settings: Settings) -> str | None:
    """Say which pattern an identity matches by name; that alone protects nobody once a census was taken."""
    if identity.kind is Kind.ROLE and any_match(ORGANISATION_ACCESS, identity.name):
        return "it is how the organisation reaches this account"
    if glob := any_match(settings.never_touch, identity.arn, _pathless(identity)):
        return f"the configuration protects it ({glob})"
    if any_match(BREAK_GLASS, identity.name):
        return "it is a break-glass identity"
    if any((approver := Identity.from_arn(text)) and approver.same_as(identity) for text in settings.approvers):
        return "it is an approver"
    return None


def built_in(identity: Identity, settings: Settings) -> str | None:
    """Say why an identity is out of reach whatever was recorded; an undo needs to reach what is protected since."""
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
    return "it is one of Ringfence's own roles" if identity.arn in settings.deployment.own_roles else None


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


def _pathless(identity: Identity) -> str:
    return Identity.of(identity.kind, identity.name, identity.account, identity.partition).arn
