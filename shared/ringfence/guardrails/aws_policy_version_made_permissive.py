"""aws-policy-version-made-permissive: another version of a managed policy that an AI identity holds became the default, and allows more."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.state import Document, Facet, State
from ringfence.guardrails._policies import SENSITIVE_SERVICES
from ringfence.iam import admin_grants, difference, parse
from ringfence.iam.catalogue import union

WATCHED = tuple(f"{service}:*" for service in SENSITIVE_SERVICES)


def check(case: Case) -> Verdict:
    """Fire when the default document allows sensitive actions that the last one did not. A version that allows less is fine."""
    if case.event is None or case.target is None:
        return None
    now, before = case.target_state, case.before
    told = _default(now)
    if now is None or told is None:
        return Unknown(f"what {case.target.arn} grants now is not known")
    document = parse(told)
    if document.problems:
        return Unknown(f"what {case.target.arn} grants cannot be judged: {document.problems[0].where} {document.problems[0].what}")
    old = _default(before)
    if old is None:
        if not admin_grants(document):
            return Unknown(f"what {case.target.arn} granted before is not known: there is no snapshot of it")
        words, certain = "makes its holders administrators", True
    else:
        grown = difference([parse(old)], [document])
        if not grown.actions & union(WATCHED):
            return None
        words, certain = grown.sentence, any(e.certain for e in grown.opened) or bool(admin_grants(document))
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=Severity.CRITICAL if certain else GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.target.name}, which the AI {case.identity.kind} {case.identity.name} holds, {words}",
        evidence={"policy_arn": case.target.arn, "version": now.default_version, "document_before": old},
        actions=GUARDRAIL.actions,
    )


def _default(state: State | None) -> Document | None:
    """Give the document of the default version, where it is known."""
    if state is None or state.versions is None or state.default_version is None:
        return None
    return state.versions.get(state.default_version)


GUARDRAIL = Guardrail(
    id="aws-policy-version-made-permissive",
    title="A managed policy's default version was switched to a wider one",
    severity=Severity.HIGH,
    why="An old, wide version that is made the default again grants everything without attaching anything: who watches attachments sees nothing.",
    triggers=tuple(Trigger(Source.CLOUDTRAIL, name) for name in ("SetDefaultPolicyVersion", "CreatePolicyVersion")),
    reads_target=frozenset({Facet.VERSIONS}),
    compares=True,
    vouches=frozenset({"default_version", "versions"}),
    actions=("aws.iam.rollback-policy-version",),
    standards=Standards(attack=("T1098.003", "T1548.005"), cis=("aws-v7:5.4", "aws-v5:4.4"), nist=("AC-6", "CM-3", "CM-5")),
    false_positives="Policies that a pipeline deploys: name it under `deployers`, then its changes are asked about.",
    check=check,
)
