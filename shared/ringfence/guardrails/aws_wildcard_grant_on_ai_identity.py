"""aws-wildcard-grant-on-ai-identity: an AI identity was granted a whole service, or data on every resource."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.state import Facet
from ringfence.guardrails._policies import SENSITIVE_SERVICES, attached_document, data_actions, in_words, proof, sure
from ringfence.iam import Policy, admin_grants, parse, wildcard_grants

INLINE = ("PutRolePolicy", "PutUserPolicy", "PutGroupPolicy")
ATTACH = ("AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy")
AWS_OWNED = ":iam::aws:policy/"


def check(case: Case) -> Verdict:
    """Fire when the granted document holds a wildcard over a sensitive service or over data on every resource."""
    event = case.event
    if event is None:
        return None
    if event.name in INLINE:
        return _inline(case, event)
    if event.name in ATTACH:
        return _attached(case, event)
    return _version(case, event)


def _inline(case: Case, event: Event) -> Verdict:
    name = event.parameters.get("policyName")
    if not isinstance(name, str) or not name:
        return Unknown("the event does not name the inline policy")
    document: object = event.parameters.get("policyDocument")
    if case.state is not None and case.state.inline is not None:
        if name not in case.state.inline:
            return None  # already changed: there is no such policy any more
        document = case.state.inline[name]
    if document is None:
        return Unknown(f"what the inline policy {name} grants is not known")
    return _judge(
        case,
        parse(document),
        f"the inline policy {name}",
        {"policy_name": name, "document": document},
        actions=("aws.iam.delete-inline-policy",),
    )


def _attached(case: Case, event: Event) -> Verdict:
    arn = event.parameters.get("policyArn")
    if not isinstance(arn, str) or arn in case.project.allowed_policies or AWS_OWNED in arn:
        return None  # AWS's own policies are weighed by name, by aws-admin-policy-on-ai-identity
    if case.state is not None and case.state.attached is not None and arn not in case.state.attached:
        return None  # already changed
    policy = attached_document(case, arn)
    if policy is None:
        return Unknown(f"what {arn} grants is not known: its document was not read")
    if admin_grants(policy):
        return None  # aws-admin-policy-on-ai-identity has it
    return _judge(case, policy, arn, {"policy_arn": arn}, actions=("aws.iam.detach-managed-policy",))


def _version(case: Case, event: Event) -> Verdict:
    arn = event.parameters.get("policyArn")
    if event.parameters.get("setAsDefault") is not True or not isinstance(arn, str):
        return None  # a version that is not the default grants nothing
    if case.state is None:
        return Unknown(f"who holds {arn} is not known")
    document = event.parameters.get("policyDocument")
    policy = attached_document(case, arn) or parse(document)
    return _judge(case, policy, f"the new default version of {arn}", {"policy_arn": arn}, actions=("aws.iam.rollback-policy-version",))


def _judge(case: Case, policy: Policy, named: str, evidence: Mapping[str, Any], actions: tuple[str, ...]) -> Verdict:
    if policy.problems:
        return Unknown(f"{named} cannot be judged: {policy.problems[0].where} {policy.problems[0].what}")
    grants = wildcard_grants(policy, SENSITIVE_SERVICES, data_actions(case))
    if not grants:
        return None
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{named} gives the AI {case.identity.kind} {case.identity.name} {in_words(grants)}",
        evidence={**evidence, "grants": proof(grants)},
        actions=actions,
        certain=sure(grants),
    )


GUARDRAIL = Guardrail(
    id="aws-wildcard-grant-on-ai-identity",
    title="Wildcard or data-plane-wide permissions granted to an AI identity",
    severity=Severity.HIGH,
    why="A whole service, or data on every resource, is how one model project reads every other project's data.",
    triggers=tuple(Trigger(Source.CLOUDTRAIL, name) for name in (*INLINE, *ATTACH, "CreatePolicyVersion")),
    reads=frozenset({Facet.ATTACHED, Facet.DOCUMENTS, Facet.INLINE}),
    reads_target=frozenset({Facet.VERSIONS}),
    compares=True,
    actions=("aws.iam.delete-inline-policy", "aws.iam.detach-managed-policy", "aws.iam.rollback-policy-version"),
    standards=Standards(attack=("T1098.003",), cis=("aws-v7:2.14", "aws-v5:1.15"), nist=("AC-3", "AC-6", "AC-6(7)")),
    false_positives="Statements under a narrowing condition do not count; sandboxes are only observed; policies named under `allowed_policies`.",
    check=check,
)
