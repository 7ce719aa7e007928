"""aws-new-trust-path: a new way for somebody outside to get credentials of the account - an identity provider, an anchor, a delegation."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Verdict
from ringfence.domain.glob import any_match

WHAT = {
    "CreateSAMLProvider": "made a SAML provider",
    "UpdateSAMLProvider": "changed a SAML provider",
    "CreateOpenIDConnectProvider": "made an OIDC provider",
    "UpdateOpenIDConnectProviderThumbprint": "changed the thumbprint of an OIDC provider",
    "AddClientIDToOpenIDConnectProvider": "added a client to an OIDC provider",
    "EnableOutboundWebIdentityFederation": "switched outbound federation on",
    "AcceptDelegationRequest": "accepted a delegation",
    "SendDelegationToken": "sent a delegation's token",
    "AssociateDelegationRequest": "took a delegation over",
    "CreateTrustAnchor": "made a trust anchor of Roles Anywhere",
    "UpdateTrustAnchor": "changed a trust anchor of Roles Anywhere",
    "CreateProfile": "made a profile of Roles Anywhere",
    "UpdateProfile": "changed a profile of Roles Anywhere",
}
ANYWHERE = ("CreateTrustAnchor", "UpdateTrustAnchor", "CreateProfile", "UpdateProfile")
OUTBOUND = "EnableOutboundWebIdentityFederation"
NAMES = ("name", "sAMLProviderArn", "url", "openIDConnectProviderArn", "delegationRequestId", "trustAnchorId", "profileId")
FOUND = "Persistence:RolesAnywhere/AccountManipulation"


def check(case: Case) -> Verdict:
    """Fire when anybody but a security admin opens or changes such a way, or switches on what the owner does not use."""
    event = case.event
    if event is None or any_match(case.settings.security_admins, case.identity.arn):
        return None
    if event.name == OUTBOUND and "outbound-federation" in case.settings.trusted_features:
        return None
    named = next((value for name in NAMES if isinstance(value := event.parameters.get(name), str)), "")
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {WHAT.get(event.name, f'opened a way into the account ({event.name})')} {named}".rstrip(),
        evidence={"what": named, "call": event.name},
    )


GUARDRAIL = Guardrail(
    id="aws-new-trust-path",
    title="New federation, Roles Anywhere, temporary delegation or outbound identity path",
    severity=Severity.HIGH,
    why="Whoever can vouch for identities needs no key at all: they sign in as whom they like.",
    triggers=(
        *(Trigger(Source.CLOUDTRAIL, name, Judged.ACTOR, "rolesanywhere" if name in ANYWHERE else "iam") for name in WHAT),
        Trigger(Source.GUARDDUTY, FOUND, Judged.ACTOR),
    ),
    standards=Standards(attack=("T1484.002", "T1606.002", "T1098"), nist=("AC-2", "IA-8", "IA-5")),
    false_positives="The automation that rotates a provider's certificates: name it under `security_admins`.",
    check=check,
)
