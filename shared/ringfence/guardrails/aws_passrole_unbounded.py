"""aws-passrole-unbounded: an AI identity may hand roles without bounds to a service that runs its code."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.state import Facet, read
from ringfence.iam import Escalation, Policy, admin_grants, escalations, parse
from ringfence.iam.granted import Rules

INLINE = ("PutRolePolicy", "PutUserPolicy", "PutGroupPolicy")
ATTACH = ("AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy")
VERSION = ("CreatePolicyVersion", "SetDefaultPolicyVersion")
AWS_OWNED = ":iam::aws:policy/"
ANSWERS = {
    **dict.fromkeys(INLINE, "aws.iam.delete-inline-policy"),
    **dict.fromkeys(ATTACH, "aws.iam.detach-managed-policy"),
    **dict.fromkeys(VERSION, "aws.iam.rollback-policy-version"),
}


def check(case: Case) -> Verdict:
    """Fire when passing a role and running code under it come together in what the identity holds, and the change brought part of it.

    Surely on any role: critical. On a pattern of roles, or under a condition that narrows it: medium, and it only asks.
    """
    event = case.event
    if event is None:
        return None
    name = _changed(event)
    if not name:
        return Unknown("the event does not name the policy")
    if AWS_OWNED in name:
        return None  # AWS's own policies are weighed by name, by aws-admin-policy-on-ai-identity
    documents = _documents(case, event)
    changed = documents.get(name)
    if changed is None:
        return None if case.state is not None else Unknown(f"what {name} grants is not known: its document was not read")
    policies = [changed, *(policy for other, policy in documents.items() if other != name)]
    if problems := [p for policy in policies[:1] for p in policy.problems]:
        return Unknown(f"what {name} grants cannot be judged: {problems[0].where} {problems[0].what}")
    if admin_grants(changed):
        return None  # the guardrails of administrator and wildcard grants have it
    found = [e for e in escalations(Rules(policies)) if e.path.kind == "pass" and any(g.policy == 0 for g in e.proof) and _unbounded(e)]
    return _finding(case, event, name, found) if found else None


def _changed(event: Event) -> str:
    name = event.parameters.get("policyName") if event.name in INLINE else event.parameters.get("policyArn")
    return name if isinstance(name, str) else ""


def _documents(case: Case, event: Event) -> Mapping[str, Policy]:
    """Give what the identity holds by name: as it is now, or as the event tells."""
    if case.state is None:
        told = event.parameters.get("policyDocument")
        return {} if told is None else {_changed(event): parse(told)}
    held = {**read(case.state.documents, "documents"), **read(case.state.inline, "inline policies")}
    return {name: parse(document) for name, document in held.items()}


def _unbounded(found: Escalation) -> bool:
    """Whether the roles that can be passed are a pattern; named ones are the owner's choice."""
    return any(g.action == "iam:PassRole" and "*" in g.resource for g in found.proof)


def _finding(case: Case, event: Event, name: str, found: list[Escalation]) -> Finding:
    first, certain = found[0], any(e.certain for e in found)
    evidence: dict[str, Any] = {
        "paths": [e.path.id for e in found],
        "grants": [{"action": g.action, "resource": g.resource, "conditions": g.conditions} for g in first.proof],
    }
    evidence |= {"policy_name": name, "document": _inline(case, event, name)} if event.name in INLINE else {"policy_arn": name}
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity if certain else Severity.MEDIUM,
        identity=case.identity,
        reason=f"with {name} the AI {case.identity.kind} {case.identity.name} can pass roles to {first.path.passes} and run code as them",
        evidence=evidence,
        actions=(ANSWERS[event.name],),
        certain=certain,
    )


def _inline(case: Case, event: Event, name: str) -> object:
    """Give the document of an inline policy as it is now, or as the event tells it where nobody read it."""
    return event.parameters.get("policyDocument") if case.state is None else read(case.state.inline, "inline policies").get(name)


GUARDRAIL = Guardrail(
    id="aws-passrole-unbounded",
    title="iam:PassRole without bounds together with an AI compute action",
    severity=Severity.CRITICAL,
    why="Whoever may pass any role to a service that runs their code is every role of the account.",
    triggers=tuple(Trigger(Source.CLOUDTRAIL, name) for name in (*INLINE, *ATTACH, *VERSION)),
    reads=frozenset({Facet.ATTACHED, Facet.INLINE, Facet.EVERY_DOCUMENT}),
    reads_target=frozenset({Facet.VERSIONS}),
    compares=True,
    actions=("aws.iam.delete-inline-policy", "aws.iam.detach-managed-policy", "aws.iam.rollback-policy-version"),
    standards=Standards(attack=("T1548.005", "T1098.003"), cis=("aws-v7:2.14", "aws-v5:1.15"), nist=("AC-6", "AC-6(1)")),
    false_positives="Grants on roles by name are the owner's choice; AWS's own policies, which pass roles under conditions, are weighed by name.",
    check=check,
)
