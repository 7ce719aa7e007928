"""gcp-ai-job-with-privileged-sa: what runs on Vertex AI or Workbench runs as an account that is not the project's, or as a default one."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.glob import any_match
from ringfence.domain.identity import Identity
from ringfence.domain.member import parse_member
from ringfence.domain.raw import text
from ringfence.guardrails._gcp_data import asked, masked, project_at
from ringfence.guardrails._google import admin_like, impersonates, short
from ringfence.iam.google import unknown_roles

COMPUTE = "the default service account of Compute Engine"
CUSTOM_CODE = "the Custom Code service agent of Vertex AI"
AGENT = "the Reasoning Engine service agent of Vertex AI"
LITTLE = ""  # an account that reaches nothing of the project
OF_COMPUTE = "-compute@developer.gserviceaccount.com"
NUMBER = re.compile(r"projects/([0-9]+)(/|$)", re.ASCII)
ADDRESS = re.compile(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com", re.ASCII)  # what a request says beside that is never asked for


class Runs(Struct, frozen=True):
    """What a call starts: where the request holds it, where in that its account stands, and whom it runs as where none is named."""

    words: str
    what: str
    accounts: tuple[str, ...]
    default: str
    code: tuple[str, ...] = ()  # where one of these is, somebody's code is run; where none is named here, it always is


# Vertex AI API reference (v1, 2026-11) and Notebooks API reference (v1, v2): "If unspecified ..." of each `serviceAccount`.
CALLS: Mapping[str, Runs] = {
    "CreateCustomJob": Runs("a custom job", "customJob", ("jobSpec.serviceAccount",), CUSTOM_CODE),
    "CreateHyperparameterTuningJob": Runs("a tuning job", "hyperparameterTuningJob", ("trialJobSpec.serviceAccount",), CUSTOM_CODE),
    "CreateBatchPredictionJob": Runs("a batch prediction", "batchPredictionJob", ("serviceAccount",), LITTLE),
    "CreatePipelineJob": Runs("a pipeline", "pipelineJob", ("serviceAccount",), COMPUTE),
    "CreateTrainingPipeline": Runs(
        "a training pipeline",
        "trainingPipeline",
        ("trainingTaskInputs.serviceAccount", "trainingTaskInputs.trialJobSpec.serviceAccount"),
        CUSTOM_CODE,
        ("trainingTaskInputs.workerPoolSpecs", "trainingTaskInputs.trialJobSpec"),
    ),
    "DeployModel": Runs("a deployed model", "deployedModel", ("serviceAccount",), LITTLE),
    "CreateReasoningEngine": Runs("an agent", "reasoningEngine", ("spec.serviceAccount",), AGENT),
    "UpdateReasoningEngine": Runs("an agent", "reasoningEngine", ("spec.serviceAccount",), AGENT),
}
WORKBENCH = Runs("a Workbench instance", "instance", ("gceSetup.serviceAccounts", "serviceAccount"), COMPUTE)
AGENT_IDENTITY = "AGENT_IDENTITY"  # of its own, with no service account
SPEC = ("spec", "spec.serviceAccount")


def check(case: Case) -> Verdict:
    """Fire on an account that the project does not declare, on one that holds too much, and on a service agent that reaches all of the project.

    What an account holds is read of the project itself: what it has from a folder, the organisation or a group is not seen here.
    """
    event = case.event
    if event is None:
        return None
    runs = CALLS.get(event.heard_as, WORKBENCH)
    started = _started(event, runs)
    if not started:
        return Unknown(f"what {case.identity.name} started is not told")
    if named := _told(started, runs):
        return _named(case, event, runs, named)
    if event.heard_as == "UpdateReasoningEngine" and not set(SPEC) & set(masked(event.parameters["request"])):
        return None
    if runs.code and not any(asked(started, path) for path in runs.code):
        return None
    return None if asked(started, "spec.identityType") == AGENT_IDENTITY else _unnamed(case, event, runs)


def whom(event: Event) -> Identity | None:
    """Name the service account that something runs as: the one that is told, else the default one of Compute Engine where that is meant."""
    runs = CALLS.get(event.heard_as, WORKBENCH)
    address = _told(_started(event, runs), runs) or (_compute(event) if runs.default == COMPUTE else "")
    return Identity.member(f"serviceAccount:{address}", event.account) if ADDRESS.fullmatch(address) else None


def _compute(event: Event) -> str:
    """Give the address of the default account of Compute Engine, which has the number of the project; empty where nothing tells that."""
    places = (f"projects/{event.account}", event.parameters["resource"], text(event.parameters["response"], "name"))
    found = next(filter(None, map(NUMBER.match, places)), None)
    return f"{found[1]}{OF_COMPUTE}" if found else ""


def _started(event: Event, runs: Runs) -> Mapping[str, Any]:
    """Give what was started: as it was asked for, or as the reply has it. The last entry of a long operation may hold only that."""
    request, response = event.parameters["request"], event.parameters["response"]
    found = asked(request, runs.what) or asked(response, runs.what) or response
    return found if isinstance(found, dict) else {}


def _told(started: Mapping[str, Any], runs: Runs) -> str:
    return next((name for path in runs.accounts if (name := _address(asked(started, path)))), "")


def _address(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    address = first.get("email") if isinstance(first, dict) else first
    return address if isinstance(address, str) else ""


def _named(case: Case, event: Event, runs: Runs, account: str) -> Verdict:
    project = project_at(case)
    if any_match((p.glob for p in project.gcp_service_accounts), account):
        return None
    if project.gcp_service_accounts:
        return _finding(case, event, runs, account, f"{account}, which {project.name} does not declare")
    home = parse_member(f"serviceAccount:{account}").home
    elsewhere = bool(home) and not any_match((*project.gcp_projects, event.account), home)
    if elsewhere and not event.account.isdigit():
        return _finding(case, event, runs, account, f"{account}, an account of another project")
    held = _held(case, event, runs, account)
    return _unknown(event, account, f"whether {account} is of another project is not known") if held is None and elsewhere else held


def _unnamed(case: Case, event: Event, runs: Runs) -> Verdict:
    if not runs.default:
        return None
    if runs.default != COMPUTE:
        how = f"{runs.default}, which reaches all of the project"
        return _finding(case, event, runs, runs.default, how, Severity.MEDIUM)
    if any(pattern.glob.endswith(OF_COMPUTE) for pattern in project_at(case).gcp_service_accounts):
        return None
    return _held(case, event, runs, COMPUTE)


def _held(case: Case, event: Event, runs: Runs, account: str) -> Verdict:
    """Judge an account by what it holds on the project. A grant under a condition is in doubt, and so is a role that nobody here knows."""
    held = case.other.bindings if case.other else None
    if held is None:
        return _unknown(event, account, f"which roles {account} holds is not known")
    if much := [binding for binding in held if admin_like(binding.role) or impersonates(binding.role)]:
        roles = sorted({short(binding.role) for binding in much})
        found = _finding(case, event, runs, account, f"{account}, which holds {', '.join(roles)} on the project")
        return replace(found, evidence={**found.evidence, "roles": roles}, certain=any(binding.condition is None for binding in much))
    strange = unknown_roles(binding.role for binding in held)
    return _unknown(event, account, f"what {account} may do by {', '.join(strange)} is not known") if strange else None


def _unknown(event: Event, account: str, what: str) -> Unknown:
    hint = "declare it under `gcp.service_accounts` if it may be used"
    return Unknown(f"{what}: {hint}", cause=f"{GUARDRAIL.id} {event.account} {account}")


def _finding(case: Case, event: Event, runs: Runs, account: str, how: str, severity: Severity = Severity.HIGH) -> Finding:
    where = event.parameters["resource"]
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=severity,
        identity=case.identity,
        reason=f"{case.identity.name} lets {runs.words} run as {how} (in {where})",
        evidence={"method": event.name, "resource": where, "account": account},
        actions=GUARDRAIL.actions if severity is Severity.HIGH else (),
        cause=f"{event.account} {account}",
    )


GUARDRAIL = Guardrail(
    id="gcp-ai-job-with-privileged-sa",
    title="Vertex AI job, endpoint, Workbench or agent started with a privileged or default service account",
    severity=Severity.HIGH,
    why="Whoever starts a job runs code as its account: a default one reaches the whole project from a notebook.",
    triggers=(
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="aiplatform") for name in CALLS),
        Trigger(Source.GCP_AUDIT, "CreateInstance", judges=Judged.ACTOR, service="notebooks"),
    ),
    about=whom,
    actions=("gcp.iam.deny-principal",),
    standards=Standards(attack=("T1548.005", "T1078.004"), cis=("gcp-v5:1.6",), nist=("AC-6",)),
    false_positives="Projects whose default service account has lost Editor: declare it under `gcp.service_accounts`.",
    check=check,
)
