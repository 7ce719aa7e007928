"""aws-long-lived-credential-created: somebody gave an AI identity a key, a password or a certificate that lasts."""

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict, Workload
from ringfence.domain.identity import Kind
from ringfence.domain.state import Facet, FactKind

KEY, PASSWORD = "CreateAccessKey", "CreateLoginProfile"
WHAT = {
    KEY: "an access key",
    PASSWORD: "a console password",
    "UpdateLoginProfile": "another console password",
    "UploadSSHPublicKey": "an SSH key",
    "UploadSigningCertificate": "a signing certificate",
}


def check(case: Case) -> Verdict:
    """Fire when it is for a machine or a Bedrock key's user, for somebody else than who made it, or a second key beside an active one."""
    event = case.event
    if event is None or case.settings.allow_static_keys or case.identity.kind is not Kind.USER:
        return None
    why = _why(case, event)
    if isinstance(why, Unknown) or not why:
        return why or None
    made = _key(event)
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} got {WHAT[event.name]}: {why}",
        evidence={"access_key_ids": [made] if made else [], "created": [made] if made else []},
        actions=GUARDRAIL.actions if made else (),
    )


def _why(case: Case, event: Event) -> str | Unknown:
    if case.workload is Workload.BEDROCK_API_KEY:
        return "the user of a Bedrock API key needs none, and it outlives that key"
    actor = event.actor.identity if event.actor else None
    if actor is None or not actor.same_as(case.identity):
        return f"{event.actor.display if event.actor else 'somebody'} made it for somebody else"
    if event.name != KEY:
        return ""  # people set their own passwords
    if case.state is None or case.state.credentials is None:
        return Unknown(f"whether {case.identity.name} had an access key already is not known")
    if case.state.login is False:
        return "it is a machine, and machines live on roles"
    active = [c.id for c in case.state.credentials if c.kind is FactKind.ACCESS_KEY and c.status == "Active"]
    return "it had an active one already" if set(active) - {_key(event)} else ""


def _key(event: Event) -> str:
    reply = event.parameters.get("response")
    made = reply.get("accessKey") if isinstance(reply, dict) else None
    found = made.get("accessKeyId") if isinstance(made, dict) else None
    return found if isinstance(found, str) else ""


GUARDRAIL = Guardrail(
    id="aws-long-lived-credential-created",
    title="Long-lived credential added to an AI identity",
    severity=Severity.HIGH,
    why="A key, a password or a certificate is persistence: whoever has it comes back after everything else is cleaned up.",
    triggers=tuple(Trigger(Source.CLOUDTRAIL, name) for name in WHAT),
    reads=frozenset({Facet.LOGIN, Facet.KEYS}),
    actions=("aws.iam.deactivate-access-key",),
    standards=Standards(attack=("T1098.001", "T1136.003"), cis=("aws-v7:2.12", "aws-v5:1.13"), nist=("IA-5", "AC-2")),
    false_positives="Vendors that cannot use roles: an exception with its end, or `keys.allow_static_keys`.",
    check=check,
)
