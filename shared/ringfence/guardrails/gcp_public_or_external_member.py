"""gcp-public-or-external-member: everybody, or somebody outside, got access to what belongs to an AI project."""

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Verdict
from ringfence.domain.member import Member, MemberKind, parse_member
from ringfence.guardrails._google import CONSUMER, added, short

ADDRESSES = (MemberKind.USER, MemberKind.GROUP, MemberKind.DOMAIN)


def check(case: Case) -> Verdict:
    """Fire on whoever is everybody, has an address of no organisation, or of one that is not trusted where some are named."""
    found = [delta for delta in added(case.event) if delta["member"] == case.identity.arn]
    who = outside(parse_member(case.identity.arn), case.settings.trusted_domains)
    if not found or case.event is None or not who:
        return None
    where = case.event.parameters["resource"]
    roles = [short(delta["role"]) for delta in found]
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{who} got {', '.join(roles)} on {where}",
        evidence={"member": case.identity.arn, "roles": roles, "resource": where, "deltas": found},
    )


def outside(member: Member, trusted: tuple[str, ...]) -> str:
    """Say who somebody outside is; empty where they are not, or nobody can tell."""
    if member.kind is MemberKind.EVERYBODY:
        return "everybody" if member.id == "allUsers" else "everybody with a Google account"
    if member.kind not in ADDRESSES or not member.domain:
        return ""
    if member.domain in CONSUMER or (trusted and member.domain not in trusted):
        return f"{member.id}, outside the organisation,"
    return ""


GUARDRAIL = Guardrail(
    id="gcp-public-or-external-member",
    title="Public or outside member on what belongs to an AI project",
    severity=Severity.CRITICAL,
    why="allUsers on a data set is publication.",
    triggers=(Trigger(Source.GCP_AUDIT, "SetIamPolicy", service="*"),),
    standards=Standards(attack=("T1530", "T1537"), atlas=("AML.T0025",), cis=("gcp-v5:1.10", "gcp-v5:2.11"), nist=("AC-3", "SC-7")),
    false_positives="Data sets that are meant to be public: an exception with its end. Partners: name their domain under `trusted.gcp_domains`.",
    check=check,
)
