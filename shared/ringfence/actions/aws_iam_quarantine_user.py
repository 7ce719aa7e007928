"""aws.iam.quarantine-user: deny everything to a user, then switch every credential off."""

from ringfence.actions._action import Action, Impossible, Permission, iam_call
from ringfence.actions._ladder import deny_step
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Credential, Facet, Fact, FactKind, read

# Which call sets the status of a credential, and what it calls the credential's id (botocore's IAM service model).
CALLS = {
    FactKind.ACCESS_KEY: ("UpdateAccessKey", "AccessKeyId"),
    FactKind.SERVICE_CREDENTIAL: ("UpdateServiceSpecificCredential", "ServiceSpecificCredentialId"),
    FactKind.SSH_KEY: ("UpdateSSHPublicKey", "SSHPublicKeyId"),
    FactKind.CERTIFICATE: ("UpdateSigningCertificate", "CertificateId"),
}


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """The deny first (one call covers the console and every session), then each active credential. The password stays: removing it is a loss."""
    if case.identity.kind is not Kind.USER:
        return Impossible(f"{case.identity.name} is a {case.identity.kind}, not a user")
    first = deny_step(case, ACTION.id)
    held = () if case.state is None else read(case.state.credentials, "credentials")
    rest = tuple(_deactivate(case.identity.name, c) for c in held if c.status == "Active")
    return (first, *rest)


def _deactivate(user: str, credential: Credential) -> Step:
    operation, parameter = CALLS[credential.kind]
    both = {parameter: credential.id}
    return Step(
        action=ACTION.id,
        action_class=ACTION.action_class,
        fact=Fact(credential.kind, credential.id),
        before="Active",
        after="Inactive",
        call=iam_call(operation, Kind.USER, user, **both, Status="Inactive"),
        inverse=iam_call(operation, Kind.USER, user, **both, Status="Active"),
    )


ACTION = Action(
    id="aws.iam.quarantine-user",
    title="Quarantine a user: deny everything, disable every credential",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.ATTACHED, Facet.INLINE, Facet.KEYS}),
    writes=(
        Permission("iam:AttachUserPolicy", "own-policies"),
        Permission("iam:DetachUserPolicy"),
        Permission("iam:PutUserPermissionsBoundary", "boundaries"),
        Permission("iam:DeleteUserPermissionsBoundary", "own-boundary"),
        Permission("iam:PutUserPolicy", powers="full"),
        Permission("iam:DeleteUserPolicy"),
        Permission("iam:UpdateAccessKey"),
        Permission("iam:UpdateServiceSpecificCredential"),
        Permission("iam:UpdateSSHPublicKey"),
        Permission("iam:UpdateSigningCertificate"),
    ),
    undo="Takes our deny off and sets each credential back to the status it had.",
    impact="Everything of that user stops; whatever uses its keys fails at once.",
    plan=plan,
)
