"""aws-permission-boundary-removed: the permissions boundary of an AI identity was removed or replaced."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.glob import any_match

REMOVED = ("DeleteRolePermissionsBoundary", "DeleteUserPermissionsBoundary")
REPLACED = ("PutRolePermissionsBoundary", "PutUserPermissionsBoundary")
MADE = ("CreateRole", "CreateUser")


def check(case: Case) -> Verdict:
    """Fire when the ceiling is gone, is another than it was and none that the project names, or was never put where one is required."""
    event = case.event
    if event is None:
        return None
    told = event.parameters.get("permissionsBoundary")
    now = case.state.boundary if case.state is not None else told if isinstance(told, str) else None
    if now is not None and _allowed(case, now):
        return None
    if event.name in MADE:
        return (
            _finding(case, f"was made without the boundary that {case.project.name} requires", now)
            if case.project.require_boundary
            else None
        )
    if now is None and event.name in REPLACED and case.state is None:
        return Unknown("the event does not tell the new boundary")
    if now is None:
        return _finding(case, "has no permissions boundary any more", now)
    if case.before is None:
        return Unknown(f"which boundary {case.identity.name} had before is not known: there is no snapshot of it")
    if case.before.boundary in (None, now):
        return None  # a first ceiling takes permissions away
    return _finding(case, f"has the boundary {now} instead of {case.before.boundary}", now)


def _allowed(case: Case, boundary: str) -> bool:
    return bool(any_match(case.project.require_boundary, boundary)) or boundary == case.settings.deployment.quarantine_boundary


def _finding(case: Case, what: str, now: str | None) -> Finding:
    before = case.before.boundary if case.before else None
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"the AI {case.identity.kind} {case.identity.name} {what}",
        evidence={"boundary": now, "before": before},
        actions=GUARDRAIL.actions,
    )


GUARDRAIL = Guardrail(
    id="aws-permission-boundary-removed",
    title="Permissions boundary removed or replaced on an AI identity",
    severity=Severity.HIGH,
    why="The boundary is the ceiling that makes self-service safe: without it whoever may attach a policy may become anything.",
    triggers=tuple(Trigger(Source.CLOUDTRAIL, name) for name in (*REMOVED, *REPLACED, *MADE)),
    compares=True,
    vouches=frozenset({"boundary"}),
    actions=("aws.iam.restore-boundary",),
    standards=Standards(attack=("T1548.005", "T1562.001"), nist=("AC-6", "CM-5")),
    false_positives="A pipeline that replaces one version of a boundary by the next: name both under `aws.require_boundary`.",
    check=check,
)
