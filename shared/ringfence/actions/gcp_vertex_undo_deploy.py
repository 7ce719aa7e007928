"""gcp.vertex.undo-deploy: send an endpoint's traffic to the models that answered before.

Vertex AI API v1 reference, `projects.locations.endpoints.patch` with `updateMask: trafficSplit`. The model that was deployed stays deployed, and gets none.
"""

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.actions._google import call_on
from ringfence.actions._google_settings import parts, setting, target_of
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import VERTEX, location
from ringfence.domain.google_settings import Thing
from ringfence.domain.identity import Identity
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Facet

TRAFFIC, SPLIT, DEPLOYED = "traffic", "trafficSplit", "deployed"


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step, where it is known who answered before, and they can still."""
    endpoint = target_of(case, Thing.ENDPOINT)
    if endpoint is None:
        return Impossible("the finding is about no endpoint of Vertex AI")
    known = parts(case.target_state)
    now, old = known.get(TRAFFIC), parts(case.before).get(TRAFFIC)
    if now is None or old is None:
        return Impossible(f"which models answered before is not known: there is no snapshot of the endpoint. {_look(endpoint)}")
    if gone := sorted(old[SPLIT].keys() - known.get(DEPLOYED, old[SPLIT]).keys()):
        return Impossible(f"{', '.join(gone)} answered before and is deployed no more: deploy it again first. {_look(endpoint)}")
    put, back = (call_on(case, VERTEX, "UpdateEndpoint", **document) for document in (old, now))
    return (setting(ACTION, TRAFFIC, (now, old), put, back),)


def _look(endpoint: Identity) -> str:
    return f"See `gcloud ai endpoints describe {endpoint.name} --region={location(endpoint.arn)} --project={endpoint.arn.split('/')[1]}`"


ACTION = Action(
    id="gcp.vertex.undo-deploy",
    title="Send an endpoint's traffic back to the models that had it",
    before="another model answers",
    after="those that answered before answer again",
    action_class=ActionClass.CONTAINMENT,
    on=On.TARGET,
    reads=frozenset({Facet.SETTINGS}),
    writes=(Permission(f"{VERTEX}:UpdateEndpoint", grants=("aiplatform.endpoints.get", "aiplatform.endpoints.update")),),
    undo="Splits the traffic as it was split when the step was done.",
    impact="Live traffic changes the model that answers it. What was deployed stays deployed, and paid for.",
    plan=plan,
)
