"""gcp.iam.disable-service-account: switch a service account off, its access tokens included."""

from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._google import named, service_account
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import IAM
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.state import Fact, FactKind


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step. While an account is disabled its access tokens are refused (IAM documentation, "Disable and enable service accounts")."""
    account = service_account(case.identity)
    if account is None:
        return Impossible(f"{case.identity.name} is no service account of yours: it cannot be disabled")
    return (off(ACTION.id, named(case.identity, account)),)


def off(action: str, name: str) -> Step:
    """Give the step that disables the service account of that name."""
    return Step(
        action=action,
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.SERVICE_ACCOUNT, name.rpartition("/")[2]),
        before="Active",
        after="Inactive",
        call=Call(IAM, "DisableServiceAccount", {"name": name}),
        inverse=Call(IAM, "EnableServiceAccount", {"name": name}),
    )


ACTION = Action(
    id="gcp.iam.disable-service-account",
    title="Disable a service account",
    before="the account works",
    after="it is disabled, and its access tokens are refused",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset(),
    writes=(
        Permission(f"{IAM}:DisableServiceAccount", grants=("iam.serviceAccounts.disable", "iam.serviceAccounts.get")),
        Permission(f"{IAM}:EnableServiceAccount", grants=("iam.serviceAccounts.enable",)),
    ),
    undo="Enables the account again. Tokens that were made before work again then: wait until they have expired, an hour by default.",
    impact="Whatever runs as this account stops: Vertex AI jobs and endpoints, Workbench, functions, virtual machines.",
    plan=plan,
)
