"""The protected set: identities that no plan may touch. The template's explicit denies say the same again, in IAM.

Built in, and configuration can only add: the root user, service-linked roles, Identity Center's reserved roles, the
organisation's access role, the product's own roles, and the approvers.
"""

from ringfence.domain.arn import parse_arn
from ringfence.domain.glob import any_match, matches
from ringfence.domain.identity import Identity, Kind
from ringfence.settings import Settings

SERVICE_LINKED, RESERVED = "/aws-service-role/", "/aws-reserved/"
ORGANISATION_ACCESS = ("OrganizationAccountAccessRole", "AWSControlTowerExecution", "stacksets-exec-*")
IDENTITY_CENTER = "AWSReservedSSO_*"


def protected(identity: Identity, settings: Settings) -> str | None:
    """Say why an identity is out of reach, or None. Names are compared without regard to case, as IAM does."""
    if why := built_in(identity, settings):
        return why
    if glob := any_match(settings.never_touch, identity.arn, _pathless(identity)):
        return f"the configuration protects it ({glob})"
    if any((approver := Identity.from_arn(text)) and approver.same_as(identity) for text in settings.approvers):
        return "it is an approver"
    return None


def built_in(identity: Identity, settings: Settings) -> str | None:
    """Say why an identity is out of reach whatever the configuration says; an undo needs to reach what is protected since."""
    arn = parse_arn(identity.arn)
    if arn is None:
        return "its ARN cannot be read"
    if identity.kind is Kind.ROOT:
        return "it is the root user: no IAM policy binds it, secure it by hand"
    if identity.kind is Kind.OUTSIDE:
        return "it is not an IAM identity of this account: act at its own directory or account"
    if identity.kind is Kind.ROLE and (why := _reserved_role(identity, arn.path)):
        return why
    return "it is one of Ringfence's own roles" if identity.arn in settings.deployment.own_roles else None


def _reserved_role(identity: Identity, path: str) -> str | None:
    if path.lower().startswith(SERVICE_LINKED) or (path == "/" and matches("AWSServiceRoleFor*", identity.name)):
        return "it is a service-linked role: only its service can change it"
    if path.lower().startswith(RESERVED) or matches(IDENTITY_CENTER, identity.name):
        return f"it belongs to Identity Center: change the permission set {identity.name.removeprefix('AWSReservedSSO_').rsplit('_', 1)[0]} instead"
    if any_match(ORGANISATION_ACCESS, identity.name):
        return "it is how the organisation reaches this account"
    return None


def _pathless(identity: Identity) -> str:
    return Identity.of(identity.kind, identity.name, identity.account, identity.partition).arn
