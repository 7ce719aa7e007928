"""remediator-tampered: somebody changed Ringfence itself - its rules, functions, roles, queues, table or policies."""

from collections.abc import Iterator, Mapping

from ringfence.domain.arn import parse_arn
from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Verdict
from ringfence.settings import Deployment

CHANGES: Mapping[str, tuple[str, ...]] = {
    "cloudformation": ("DeleteStack", "UpdateStack", "ExecuteChangeSet", "SetStackPolicy"),
    "dynamodb": ("DeleteTable", "UpdateTable", "UpdateContinuousBackups", "PutResourcePolicy"),
    "events": ("DeleteRule", "DisableRule", "PutRule", "PutTargets", "RemoveTargets"),
    "iam": (
        "AttachRolePolicy",
        "CreatePolicyVersion",
        "DeletePolicy",
        "DeleteRole",
        "DeleteRolePermissionsBoundary",
        "DeleteRolePolicy",
        "DeleteUserPermissionsBoundary",
        "DetachRolePolicy",
        "DetachUserPolicy",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        "PutUserPermissionsBoundary",
        "SetDefaultPolicyVersion",
        "UpdateAssumeRolePolicy",
    ),
    "kms": ("CancelKeyDeletion", "DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion"),
    "lambda": (
        "AddPermission20150331v2",
        "DeleteFunction20150331",
        "DeleteEventSourceMapping20150331",
        "PutFunctionConcurrency20171031",
        "UpdateEventSourceMapping20150331",
        "UpdateFunctionCode20150331v2",
        "UpdateFunctionConfiguration20150331v2",
    ),
    "logs": ("DeleteLogGroup", "PutRetentionPolicy"),
    "s3": (
        "DeleteBucket",
        "DeleteBucketPolicy",
        "PutBucketLifecycle",
        "PutBucketObjectLockConfiguration",
        "PutBucketPolicy",
        "PutBucketReplication",
        "PutBucketVersioning",
    ),
    "sqs": ("DeleteQueue", "PurgeQueue", "SetQueueAttributes"),
}
NAMES = (
    "functionName", "name", "rule", "ruleName", "roleName", "policyArn", "permissionsBoundary", "tableName", "resourceArn", "queueUrl",
    "stackName", "logGroupName", "eventSourceArn", "changeSetName", "bucketName", "keyId",
)  # fmt: skip
BY = "cloudformation.amazonaws.com"


def check(case: Case) -> Verdict:
    """Fire when a change is about something that the stack made, or takes one of our policies off somebody. Not when the stack itself changes it.

    The product does not fight over itself: it says so, loudly.
    """
    event = case.event
    if event is None or not case.settings.deployment.stack:
        return None
    if event.actor is not None and event.actor.via == BY:
        return None
    ours = next((name for name in _named(event.parameters) if _ours(name, case.settings.deployment)), "")
    if not ours:
        return None
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} changed Ringfence itself: {event.name} on {ours}",
        evidence={"what": ours, "call": event.name},
    )


def _named(parameters: Mapping[str, object]) -> Iterator[str]:
    return (value for key in NAMES if isinstance(value := parameters.get(key), str) and value)


def _ours(name: str, deployment: Deployment) -> bool:
    """Whether a name is of something that the stack made: CloudFormation begins each with the stack's name."""
    own = (deployment.quarantine_policy, deployment.require_mfa_policy, deployment.quarantine_boundary, deployment.no_bearer_policy)
    if name in own or name in deployment.own_roles or (deployment.seal_key and name in deployment.seal_key):
        return True
    arn = parse_arn(name)
    bare = (arn.resource if arn else name).replace(":", "/").removeprefix("/aws/lambda/")
    named = (deployment.stack, deployment.stack.lower())  # buckets are named in small letters
    return any(part in named or part.startswith(tuple(f"{name}-" for name in named)) for part in bare.split("/"))


GUARDRAIL = Guardrail(
    id="remediator-tampered",
    title="The remediation system itself was changed",
    severity=Severity.CRITICAL,
    why="Whoever controls the remediator controls IAM; to switch it off is the smart first move.",
    triggers=tuple(Trigger(Source.CLOUDTRAIL, name, Judged.ACTOR, service) for service, names in CHANGES.items() for name in names),
    standards=Standards(attack=("T1562.001",), nist=("AU-9", "CM-5", "SI-7")),
    false_positives="Updates of the stack: CloudFormation makes those, and is told apart by `invokedBy`.",
    check=check,
)
