"""aws-human-without-mfa: a person of an AI project can sign in, or use keys, without MFA, and had time enough to enrol."""

from datetime import datetime, timedelta

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict, Workload
from ringfence.domain.glob import any_match
from ringfence.domain.identity import Kind
from ringfence.domain.state import Facet, FactKind, State, read

REPORT = "CredentialReport"  # what `review` tells of each line of IAM's credential report


def check(case: Case) -> Verdict:
    """Fire when a console user, or a declared person who has only keys, has no device after the days of grace. Machines are left alone."""
    event = case.event
    if event is None or any_match(case.settings.mfa_exempt, case.identity.arn, case.identity.name):
        return None
    if case.identity.kind is Kind.ROOT:
        return None if event.parameters.get("mfa") else _finding(case, "is the root user", case.now)
    since = _since(event.parameters["since"]) if "since" in event.parameters else event.time
    if since is None:
        return Unknown(f"since when {case.identity.name} can sign in is not known")
    if case.now - since < timedelta(hours=case.settings.mfa_grace_hours):
        return None
    if case.state is None or case.state.mfa is None:
        return Unknown(f"whether {case.identity.name} has an MFA device is not known")
    how = _signs_in(case.state, case.workload)
    if case.state.mfa or not how:
        return None
    return _finding(case, how, since)


def _finding(case: Case, how: str, since: datetime) -> Finding:
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {how}, and has had no MFA device since {since:%Y-%m-%d}",
        evidence={"human": True, "since": since.isoformat()},
        actions=GUARDRAIL.actions,
        standing=True,
    )


def _signs_in(state: State, workload: Workload) -> str:
    if state.login:
        return "signs in to the console"
    active = any(c.kind is FactKind.ACCESS_KEY and c.status == "Active" for c in read(state.credentials, "credentials"))
    return "is a person and uses access keys" if active and workload is Workload.HUMAN else ""


def _since(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None


GUARDRAIL = Guardrail(
    id="aws-human-without-mfa",
    title="Human IAM user of an AI project has no MFA",
    severity=Severity.MEDIUM,
    why="MFA for everyone without exception: the one account that lacks it is the one that is found.",
    triggers=(Trigger(Source.CLOUDTRAIL, "CreateLoginProfile"), Trigger(Source.OTHER, REPORT)),
    reads=frozenset({Facet.MFA, Facet.LOGIN, Facet.KEYS}),
    actions=("aws.iam.require-mfa",),
    standards=Standards(attack=("T1078.004",), cis=("aws-v7:2.10", "aws-v5:1.9"), nist=("IA-2(1)", "IA-2(2)")),
    false_positives="Break-glass users whose hardware key lies in a safe: name them under `mfa.exempt`. People of an identity provider are out of sight: attest them there.",
    check=check,
)
