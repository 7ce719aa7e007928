"""aws-group-escalation: an AI user was added to a group that makes its members administrators, or as good as that."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.state import Facet, State
from ringfence.guardrails._policies import ADMINISTRATORS, in_words, proof
from ringfence.iam import Policy, admin_grants, escalations, parse
from ringfence.iam.granted import Rules


def check(case: Case) -> Verdict:
    """Fire when what the group grants makes an administrator, or opens a certain way to become one; a machine user belongs in no such group."""
    event = case.event
    if event is None:
        return None
    name = event.parameters.get("groupName")
    if not isinstance(name, str) or not name:
        return Unknown("the event does not name the group")
    if case.state is not None and name not in (case.state.groups or ()):
        return None  # already changed: the user is not in it any more
    group = case.target_state
    if group is None or group.documents is None or group.inline is None:
        return Unknown(f"what the group {name} grants is not known")
    why, grants = _powerful(group)
    if not why:
        unread = [p for d in (*group.documents.values(), *group.inline.values()) for p in parse(d).problems]
        return Unknown(f"what the group {name} grants cannot be judged: {unread[0].where} {unread[0].what}") if unread else None
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"the AI user {case.identity.name} was added to the group {name}: {why}",
        evidence={"group": name, "grants": grants},
        actions=GUARDRAIL.actions,
    )


def _powerful(group: State) -> tuple[str, list[Mapping[str, Any]]]:
    for arn in group.attached or ():
        if ":iam::aws:policy/" in arn and arn.partition(":policy/")[2] in ADMINISTRATORS:
            return f"its policy {arn.rpartition('/')[2]} makes its members administrators", []
    policies: list[Policy] = [parse(document) for document in (*(group.documents or {}).values(), *(group.inline or {}).values())]
    if grants := tuple(grant for policy in policies for grant in admin_grants(policy)):
        return f"it grants {in_words(grants)}", proof(grants)
    certain = [e.path.id for e in escalations(Rules(policies)) if e.certain]
    return (f"its members can become administrators ({', '.join(certain[:3])})", []) if certain else ("", [])


GUARDRAIL = Guardrail(
    id="aws-group-escalation",
    title="AI human or machine user added to a privileged group",
    severity=Severity.HIGH,
    why="Joining a group is the quietest way to gain rights: no policy is attached and none is changed.",
    triggers=(Trigger(Source.CLOUDTRAIL, "AddUserToGroup"),),
    reads=frozenset({Facet.GROUPS}),
    reads_target=frozenset({Facet.ATTACHED, Facet.INLINE, Facet.EVERY_DOCUMENT}),
    actions=("aws.iam.remove-from-group",),
    standards=Standards(
        attack=("T1098.003", "T1078.004"),
        cis=("aws-v7:2.13", "aws-v7:2.14", "aws-v5:1.14", "aws-v5:1.15"),
        nist=("AC-2", "AC-6"),
    ),
    false_positives="Onboarding by a pipeline: name it under `deployers`, then its changes are asked about.",
    check=check,
)
