"""aws.iam.quarantine-user: deny everything to a user, then switch every credential off."""

from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._credentials import off
from ringfence.actions._ladder import deny_step
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet, read


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """The deny first (one call covers the console and every session), then each active credential. The password stays: removing it is a loss."""
    if case.identity.kind is not Kind.USER:
        return Impossible(f"{case.identity.name} is a {case.identity.kind}, not a user")
    first = deny_step(case, ACTION.id)
    held = () if case.state is None else read(case.state.credentials, "credentials")
    rest = tuple(off(ACTION.id, case.identity.name, c.kind, c.id) for c in held if c.status == "Active")
    return (first, *rest)


ACTION = Action(
    id="aws.iam.quarantine-user",
    title="Quarantine a user: deny everything, disable every credential",
    before="the user may do what its policies allow",
    after="everything is denied, every credential is Inactive",
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
