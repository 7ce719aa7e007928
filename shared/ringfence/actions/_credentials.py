"""Switching a credential of a user off: which call it takes, and whether that undoes a fresh creation or contains somebody."""

from ringfence.actions._action import iam_call
from ringfence.domain.finding import Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Credential, Fact, FactKind

# Which call sets the status of a credential, and what it calls the credential's id (botocore's IAM service model).
CALLS = {
    FactKind.ACCESS_KEY: ("UpdateAccessKey", "AccessKeyId"),
    FactKind.SERVICE_CREDENTIAL: ("UpdateServiceSpecificCredential", "ServiceSpecificCredentialId"),
    FactKind.SSH_KEY: ("UpdateSSHPublicKey", "SSHPublicKeyId"),
    FactKind.CERTIFICATE: ("UpdateSigningCertificate", "CertificateId"),
}


def off(action: str, user: str, kind: FactKind, credential: str, action_class: ActionClass = ActionClass.CONTAINMENT) -> Step:
    """Give the step that switches a credential off; its inverse switches it on again."""
    operation, parameter = CALLS[kind]
    both = {parameter: credential}
    return Step(
        action=action,
        action_class=action_class,
        fact=Fact(kind, credential),
        before="Active",
        after="Inactive",
        call=iam_call(operation, Kind.USER, user, **both, Status="Inactive"),
        inverse=iam_call(operation, Kind.USER, user, **both, Status="Active"),
    )


def class_of(credential: Credential | None, finding: Finding) -> ActionClass:
    """Undoing a creation is a reversal: of what the finding says was just made, and nobody ever used. Not known to be unused is used."""
    made = finding.evidence.get("created")
    fresh = credential is not None and credential.used is False and isinstance(made, (list, tuple)) and credential.id in made
    return ActionClass.REVERSAL if fresh else ActionClass.CONTAINMENT
