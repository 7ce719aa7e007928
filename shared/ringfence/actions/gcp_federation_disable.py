"""gcp.federation.disable: switch a provider of identities off: nobody who comes by it gets new tokens (IAM API v1 reference, providers)."""

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.actions._google import call_on
from ringfence.actions._google_settings import parts, setting, target_of
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import IAM
from ringfence.domain.google_settings import Thing, thing_of
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Document, Facet

DISABLED = "disabled"
OFF: Document = {"disabled": True}
ON: Document = {"disabled": False}
UPDATES = {Thing.WORKLOADS: "UpdateWorkloadIdentityPoolProvider", Thing.WORKFORCE: "UpdateWorkforcePoolProvider"}


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step for the provider that the event made or changed. The pool and its other providers go on."""
    provider = target_of(case, *UPDATES)
    thing = thing_of(provider.arn) if provider is not None else None
    if thing is None:
        return Impossible("the finding is about no provider of identities: look at what else was changed in its pool")
    now = parts(case.target_state).get(DISABLED, ON)
    put, back = (call_on(case, IAM, UPDATES[thing], **document) for document in (OFF, now))
    return (setting(ACTION, DISABLED, (now, OFF), put, back),)


ACTION = Action(
    id="gcp.federation.disable",
    title="Disable a provider of workload or workforce identities",
    before="identities come in by the provider",
    after="it is disabled",
    action_class=ActionClass.CONTAINMENT,
    on=On.TARGET,
    reads=frozenset({Facet.SETTINGS}),
    writes=(
        Permission(
            f"{IAM}:UpdateWorkloadIdentityPoolProvider",
            grants=("iam.googleapis.com/workloadIdentityPoolProviders.get", "iam.googleapis.com/workloadIdentityPoolProviders.update"),
        ),
        Permission(
            f"{IAM}:UpdateWorkforcePoolProvider",
            grants=("iam.googleapis.com/workforcePoolProviders.get", "iam.googleapis.com/workforcePoolProviders.update"),
        ),
    ),
    undo="Enables the provider again, as it is configured then.",
    impact="Pipelines and people who come by the provider get no new tokens. Those that they have work until they expire: they cannot be revoked.",
    plan=plan,
)
