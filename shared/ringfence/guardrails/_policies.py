"""What several guardrails ask of an event about policies."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.finding import Case, some_of
from ringfence.iam import Grant, Policy, parse

# Services in which a whole-service grant opens identities, keys, data, code or the watch over them.
SENSITIVE_SERVICES = (
    "bedrock",
    "bedrock-agentcore",
    "cloudtrail",
    "ec2",
    "guardduty",
    "iam",
    "kms",
    "lambda",
    "organizations",
    "s3",
    "sagemaker",
    "secretsmanager",
    "ssm",
    "sso",
    "sts",
)
# AWS's own policies that make their holder administrator, by the part of the ARN after `policy/` (AWS managed policy reference, read in 2026-11).
ADMINISTRATORS = frozenset({"AdministratorAccess", "IAMFullAccess", "PowerUserAccess", "job-function/SystemAdministrator"})
DATA_ACTIONS = ("s3:getobject", "s3:putobject", "s3:deleteobject", "kms:decrypt", "secretsmanager:getsecretvalue", "sts:assumerole")
MODEL_ACTION = "bedrock:invokemodel"


def data_actions(case: Case) -> tuple[str, ...]:
    """Give the actions that must not be granted on every resource; invoking any model only where models are approved by name."""
    return (*DATA_ACTIONS, MODEL_ACTION) if case.project.approved_models else DATA_ACTIONS


def attached_document(case: Case, policy_arn: str) -> Policy | None:
    """Give the live document of an attached policy; None where it was not read."""
    document = (case.state.documents or {}).get(policy_arn) if case.state else None
    return None if document is None else parse(document)


def proof(grants: tuple[Grant, ...]) -> list[Mapping[str, Any]]:
    """Write grants as evidence."""
    return [{"statement": g.statement, "action": g.action, "resource": g.resource, "conditions": g.conditions} for g in grants]


def sure(grants: tuple[Grant, ...]) -> bool:
    """Whether at least one grant holds whatever the request: none of its conditions is unknown."""
    return any(g.certain for g in grants)


def in_words(grants: tuple[Grant, ...]) -> str:
    """Name the first grants in plain words."""
    return some_of([f"{g.action} on {g.resource}" for g in grants], 3)
