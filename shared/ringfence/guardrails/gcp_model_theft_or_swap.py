"""gcp-model-theft-or-swap: a Vertex AI model or data set was taken out or changed by somebody unexpected, or taken to a place that is not declared."""

from typing import Any

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict, Workload
from ringfence.domain.glob import any_match
from ringfence.domain.member import parse_member
from ringfence.domain.state import Facet
from ringfence.guardrails._gcp_data import BUCKET, asked, masked, may, outside, project_at, telling
from ringfence.settings import Project

TAKES = {"ExportModel": "exported a model", "CopyModel": "copied a model", "ExportData": "exported a data set"}
CHANGES = {
    "UploadModel": "uploaded a model",
    "UpdateModel": "changed a model",
    "DeployModel": "deployed a model",
    "MutateDeployedModel": "changed a deployed model",
    "UpdateEndpoint": "changed what an endpoint serves",
    "ImportData": "imported data into a data set",
}
TRAFFIC = "trafficSplit"  # what of an endpoint says which model answers
UNDO, DENY = "gcp.vertex.undo-deploy", "gcp.iam.deny-principal"
# Where an export goes (Vertex AI API reference, ExportModelRequest and ExportDataConfig).
TO = (
    "outputConfig.artifactDestination.outputUriPrefix",
    "outputConfig.imageDestination.outputUri",
    "exportConfig.gcsDestination.outputUriPrefix",
)


def check(case: Case) -> Verdict:
    """Fire on whoever is not declared for it, where a project declares who is; and on an export elsewhere, where it declares where its data lies."""
    event = case.event
    if event is None:
        return None
    project = project_at(case)
    expected = _expected(case, project, event.heard_as)
    if event.heard_as == "UpdateEndpoint" and TRAFFIC not in masked(event.parameters["request"]):
        return _beside(case, event) if not expected and _turned(case) else None
    if not expected:
        return _finding(case, event, "and is not declared for it")
    if event.heard_as == "CopyModel" or event.heard_as in CHANGES or not any(data.at.startswith(BUCKET) for data in project.data):
        return None
    to: list[Any] = [asked(event.parameters["request"], path) for path in TO]
    places = [place for place in to if isinstance(place, str) and place]
    if not places:
        return Unknown(f"where {case.identity.name} exported it to is not told")
    away = telling(case, outside(case, places))
    return _finding(case, event, f"to {', '.join(away)}, which is not declared") if away else None


def _beside(case: Case, event: Event) -> Unknown:
    where = event.parameters["resource"]
    return Unknown(
        f"other models answer at {where} than before {case.identity.name} changed something else of it: who turned the traffic is not told"
    )


def _turned(case: Case) -> bool:
    """Whether an endpoint's traffic is known to go elsewhere than when it was last fine."""
    now, before = (state.settings if state is not None else None for state in (case.target_state, case.before))
    return before is not None and now is not None and now.get("traffic") != before.get("traffic")


def _expected(case: Case, project: Project, call: str) -> bool:
    """Whether somebody is one of those who deploy, look after the models, or are a workload for it. Where nobody is declared, all of the project are."""
    if any_match((*case.settings.deployers, *project.model_admins), case.identity.arn, case.identity.name):
        return True
    if not project.declared:
        return True
    if project.gcp_whole:
        home = parse_member(case.identity.arn).home
        return not home or any_match(project.gcp_projects, home) is not None
    data = project.training if call.endswith("Data") else project.artifacts
    kinds = {Workload.PIPELINE, *(kind for place in data for kind in (place.readers if call in TAKES else place.writers))}
    return may(case, project, kinds)


def _finding(case: Case, event: Event, why: str) -> Finding:
    where = event.parameters["resource"]
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {ALL[event.heard_as]} ({where}) {why}",
        evidence={"method": event.name, "resource": where},
        actions=GUARDRAIL.actions if event.heard_as == "UpdateEndpoint" or _turned(case) else (DENY,),
    )


ALL = {**TAKES, **CHANGES}
GUARDRAIL = Guardrail(
    id="gcp-model-theft-or-swap",
    title="Vertex AI model exported, copied, uploaded or deployed by an unexpected principal",
    severity=Severity.HIGH,
    why="A model that is exported is gone, and one that is swapped answers whatever somebody wants it to.",
    triggers=tuple(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="aiplatform") for name in ALL),
    reads_target=frozenset({Facet.SETTINGS}),
    compares=True,
    vouches=frozenset({"settings"}),
    actions=(UNDO, DENY),
    standards=Standards(attack=("T1530", "T1525"), atlas=("AML.T0025", "AML.T0018"), nist=("CM-5", "AC-3")),
    false_positives="The release pipeline: declare its service account under `pipeline`, or name it under `deployers`.",
    check=check,
)
