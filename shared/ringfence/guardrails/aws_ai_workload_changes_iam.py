"""aws-ai-workload-changes-iam: a training job, an endpoint, a notebook, a pipeline, an agent or a Bedrock key changed IAM."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Verdict, Workload
from ringfence.domain.identity import Kind
from ringfence.domain.state import Facet

WRITES = (
    "AcquireRole",
    "AddUserToGroup",
    "AttachGroupPolicy",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "CreateAccessKey",
    "CreateLoginProfile",
    "CreatePolicyVersion",
    "CreateRole",
    "CreateServiceSpecificCredential",
    "CreateUser",
    "DeactivateMFADevice",
    "DeleteRolePermissionsBoundary",
    "PutGroupPolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "PutUserPolicy",
    "SetDefaultPolicyVersion",
    "UpdateAssumeRolePolicy",
    "UpdateLoginProfile",
)
PEOPLE = (Workload.HUMAN, Workload.UNKNOWN)
ANSWERS = {Kind.USER: "aws.iam.quarantine-user", Kind.ROLE: "aws.iam.quarantine-role"}


def check(case: Case) -> Verdict:
    """Fire when who made the change is known to be an AI workload: by its name, its project, or the service that takes the role."""
    event = case.event
    contain = ANSWERS.get(case.identity.kind)
    if event is None or contain is None or case.workload in PEOPLE:
        return None
    changed = event.subject or event.target
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"the {case.workload} {case.identity.kind} {case.identity.name} changed IAM: {event.name}{f' on {changed.name}' if changed else ''}",
        evidence={"call": event.name, "workload": case.workload},
        actions=(contain,),
    )


GUARDRAIL = Guardrail(
    id="aws-ai-workload-changes-iam",
    title="An AI workload identity changes IAM",
    severity=Severity.CRITICAL,
    why="Training jobs, endpoints, notebooks and agents never need to write IAM; when one does, it is escalation, or an agent gone wrong.",
    triggers=tuple(Trigger(Source.CLOUDTRAIL, name, Judged.ACTOR) for name in WRITES),
    reads=frozenset({Facet.ATTACHED}),
    actions=tuple(ANSWERS.values()),
    standards=Standards(
        attack=("T1098", "T1548.005"), atlas=("AML.T0053",), cis=("aws-v7:5.4", "aws-v5:4.4"), nist=("AC-6", "AC-6(9)", "SI-4")
    ),
    false_positives="SageMaker Canvas or Studio that sets up roles in a sandbox: an exception with its end. Pipelines that deploy are no AI workload.",
    check=check,
)
