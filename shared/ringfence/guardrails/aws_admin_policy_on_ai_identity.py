"""aws-admin-policy-on-ai-identity: an administrator-class policy was attached to an AI identity."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict, Workload
from ringfence.domain.state import Facet
from ringfence.guardrails._policies import ADMINISTRATORS, attached_document, in_words, proof, sure
from ringfence.iam import admin_grants
from ringfence.settings import Environment

# By the part of the ARN after `policy/`. Sources: AWS managed policy reference; documents read in 2026-11.
DATA_OWNERS = frozenset({"AmazonS3FullAccess", "SecretsManagerReadWrite", "AWSKeyManagementServicePowerUser"})
SAGEMAKER = "AmazonSageMakerFullAccess"  # what AWS's own consoles attach outside production
BEDROCK = "AmazonBedrockFullAccess"


def check(case: Case) -> Verdict:
    """Fire when the policy is one of AWS's powerful ones, or its document makes the holder an administrator."""
    event = case.event
    if event is None:
        return None
    if event.source is Source.CLOUDTRAIL:
        arn = event.parameters.get("policyArn")
        if not isinstance(arn, str) or not arn:
            return Unknown("the event does not say which policy was attached")
        if case.state is not None and case.state.attached is not None and arn not in case.state.attached:
            return None  # already changed: it is not attached any more
        return _judge(case, arn, standing=False)
    if case.state is None or case.state.attached is None:
        return Unknown("which policies the identity holds is not known")
    for arn in case.state.attached:
        verdict = _judge(case, arn, standing=True)
        if verdict is not None:
            return verdict
    return None


def _judge(case: Case, arn: str, *, standing: bool) -> Verdict:
    if arn in case.project.allowed_policies:
        return None
    if by_name := _powerful(case, arn):
        return _finding(case, arn, by_name, [], standing=standing)
    document = attached_document(case, arn)
    if document is None:
        return Unknown(f"what {arn} grants is not known: its document was not read")
    if document.problems:
        return Unknown(f"what {arn} grants cannot be judged: {document.problems[0].where} {document.problems[0].what}")
    if grants := admin_grants(document):
        return _finding(case, arn, f"its document grants {in_words(grants)}", proof(grants), standing=standing, certain=sure(grants))
    return None


def _powerful(case: Case, arn: str) -> str:
    owner, _, name = arn.partition(":policy/")
    if not owner.endswith(":iam::aws"):
        return ""
    if name in ADMINISTRATORS:
        return "it makes its holder an administrator or as good as one"
    if name in DATA_OWNERS:
        return "it opens every bucket, secret or key of the account"
    if name == SAGEMAKER and case.project.environment is Environment.PROD:
        return "it is far wider than a production workload needs"
    if name == BEDROCK and case.workload is not Workload.HUMAN:
        return "a workload invokes models, it does not administer Bedrock"
    return ""


def _finding(case: Case, arn: str, why: str, grants: list[Mapping[str, Any]], *, standing: bool, certain: bool = True) -> Finding:
    name = arn.rsplit("/", 1)[-1]
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{name} is attached to the AI {case.identity.kind} {case.identity.name}: {why}",
        evidence={"policy_arn": arn, "grants": grants},
        actions=GUARDRAIL.actions,
        standing=standing,
        certain=certain,
    )


GUARDRAIL = Guardrail(
    id="aws-admin-policy-on-ai-identity",
    title="Administrator-class policy attached to an AI identity",
    severity=Severity.CRITICAL,
    why="An AI role with administrator rights turns one poisoned notebook, agent prompt or leaked key into the loss of the account.",
    triggers=(
        *(Trigger(Source.CLOUDTRAIL, name) for name in ("AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy")),
        Trigger(Source.GUARDDUTY, "PrivilegeEscalation:IAM/AccountManipulation"),
    ),
    reads=frozenset({Facet.ATTACHED, Facet.DOCUMENTS}),
    actions=("aws.iam.detach-managed-policy",),
    standards=Standards(
        attack=("T1098.003",), cis=("aws-v7:2.14", "aws-v7:2.20", "aws-v5:1.15", "aws-v5:1.21"), nist=("AC-6", "AC-6(1)", "AC-6(5)")
    ),
    false_positives="Policies that a project names under `allowed_policies`; break-glass and platform roles under `never_touch`; service-linked roles.",
    check=check,
)
