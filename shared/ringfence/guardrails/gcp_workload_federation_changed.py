"""gcp-workload-federation-changed: who may come in from outside without a key was changed."""

import msgspec

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Guardrail, Judged, Severity, Standards, Trigger, Verdict
from ringfence.domain.glob import any_match
from ringfence.domain.google_settings import Thing, thing_of
from ringfence.domain.raw import table, text
from ringfence.domain.state import Facet
from ringfence.guardrails._google import changed

WHAT = {
    "CreateWorkloadIdentityPoolProvider": "made a provider of workload identities",
    "UpdateWorkloadIdentityPoolProvider": "changed a provider of workload identities",
    "CreateWorkloadIdentityPoolProviderKey": "gave a provider of workload identities a key",
    "AddAttestationRule": "let further workloads attest themselves",
    "CreateWorkforcePoolProvider": "made a provider of people's identities",
    "UpdateWorkforcePoolProvider": "changed a provider of people's identities",
    "CreateOauthClientCredential": "made a secret of an OAuth client",
}


def check(case: Case) -> Verdict:
    """Fire on each such change, but by those who look after identity providers, and of a provider that is trusted and says whom it lets in."""
    event = case.event
    if event is None or any_match(case.settings.security_admins, case.identity.arn, case.identity.name):
        return None
    provider = table(event.parameters, "request", "workloadIdentityPoolProvider")
    issuer = text(provider, "oidc", "issuerUri").removeprefix("https://").partition("/")[0]
    if issuer in case.settings.trusted_issuers and _bounds(text(provider, "attributeCondition").strip()):
        return None
    found = changed(case, event, GUARDRAIL, f"{WHAT[event.heard_as]}:")
    named = thing_of(case.target.arn) if case.target else None
    return found if named in (Thing.WORKLOADS, Thing.WORKFORCE) else msgspec.structs.replace(found, actions=())


def _bounds(condition: str) -> bool:
    """Whether a condition keeps anybody out: none does not, and neither does one that is always true."""
    from ringfence.iam.conditions import Truth
    from ringfence.iam.google.conditions import judge

    return bool(condition) and judge(condition, None).truth is not Truth.ALWAYS


GUARDRAIL = Guardrail(
    id="gcp-workload-federation-changed",
    title="Federation of workloads or people changed",
    severity=Severity.HIGH,
    why="A provider of one's own is a way in that needs no key and leaves with no password.",
    triggers=tuple(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR) for name in WHAT),
    reads_target=frozenset({Facet.SETTINGS}),
    actions=("gcp.federation.disable",),
    standards=Standards(attack=("T1484.002", "T1606"), nist=("IA-8", "AC-2")),
    false_positives="The team that looks after identity providers: name it under `security_admins`.",
    check=check,
)
