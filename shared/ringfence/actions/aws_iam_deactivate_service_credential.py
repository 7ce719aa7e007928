"""aws.iam.deactivate-service-credential: switch service-specific credentials of a user off (Bedrock's long-term API keys among them)."""

from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._credentials import off
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet, FactKind


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step for each credential that the finding names (`credential_ids`). IAM does not tell whether one was ever used: it asks."""
    if case.identity.kind is not Kind.USER:
        return Impossible(f"{case.identity.name} is a {case.identity.kind}: only users have service-specific credentials")
    named = finding.evidence.get("credential_ids")
    found = [one for one in named if isinstance(one, str) and one] if isinstance(named, (list, tuple)) else []
    if not found:
        return Impossible("the finding names no service-specific credential")
    return tuple(off(ACTION.id, case.identity.name, FactKind.SERVICE_CREDENTIAL, one) for one in dict.fromkeys(found))


ACTION = Action(
    id="aws.iam.deactivate-service-credential",
    title="Switch a user's service-specific credentials off",
    before="the API key is Active",
    after="it is Inactive",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.KEYS}),
    writes=(Permission("iam:UpdateServiceSpecificCredential"),),
    undo="Sets the credentials active again.",
    impact="Applications that use the credential are refused. Short-term keys, presigned from a session, go on: deny bearer tokens for those.",
    plan=plan,
)
