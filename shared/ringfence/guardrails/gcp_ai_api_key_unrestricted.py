"""gcp-ai-api-key-unrestricted: an API key that anybody can call AI services with."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Verdict
from ringfence.domain.google_settings import AI_SERVICES, Thing, thing_of
from ringfence.domain.raw import items, table, text
from ringfence.domain.state import Facet

CLIENTS = ("browserKeyRestrictions", "serverKeyRestrictions", "androidKeyRestrictions", "iosKeyRestrictions")


def check(case: Case) -> Verdict:
    """Fire on a key of a declared project without any restriction of services, and anywhere on one for AI services that any client may use."""
    event = case.event
    if event is None:
        return None
    restrictions = table(event.parameters, "request", "key", "restrictions") or table(event.parameters, "response", "restrictions")
    what = _open_to(restrictions, declared=case.project.declared)
    if not what:
        return None
    name = text(event.parameters, "response", "name") or str(event.parameters.get("resource", ""))
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} made an API key {what}: {name}",
        evidence={"key": name, "restrictions": restrictions},
        actions=GUARDRAIL.actions if thing_of(name) is Thing.API_KEY else (),
    )


def _open_to(restrictions: Mapping[str, Any], *, declared: bool) -> str:
    targets = [text(target, "service") for target in items(restrictions, "apiTargets")]
    if not targets:
        return "that is restricted to no service" if declared else ""
    named = [service for service in targets if service in AI_SERVICES]
    return f"for {', '.join(named)} that any client may use" if named and not restrictions.keys() & set(CLIENTS) else ""


GUARDRAIL = Guardrail(
    id="gcp-ai-api-key-unrestricted",
    title="API key that can call AI services made or loosened",
    severity=Severity.HIGH,
    why="An API key is a password in an address: whoever sees it calls models at your cost.",
    triggers=tuple(
        Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="apikeys") for name in ("CreateKey", "UpdateKey", "UndeleteKey")
    ),
    reads_target=frozenset({Facet.SETTINGS}),
    actions=("gcp.apikeys.contain",),
    standards=Standards(
        attack=("T1098.001", "T1528"), atlas=("AML.T0055",), cis=("gcp-v5:1.13", "gcp-v5:1.14", "gcp-v5:1.15"), nist=("IA-5", "AC-6")
    ),
    false_positives="Keys for maps: restrict them to their services.",
    check=check,
)
