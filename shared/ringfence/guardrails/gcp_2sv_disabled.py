"""gcp-2sv-disabled: 2-step verification or strong authentication was switched off, for somebody of an AI project or for everybody."""

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.glob import any_match

FOR_ALL = {
    "enforceStrongAuthentication": "switched the enforcement of 2-step verification off",
    "allowStrongAuthentication": "switched 2-step verification off",
}
# Categories of Event Threat Detection on Google Workspace's logs, in words; the first part of some is written in two ways (SCC documentation, 2026-11).
FOUND_FOR_ALL = {
    "impair defenses strong authentication disabled": "switched 2-step verification off",
    "persistence strong authentication disabled": "switched 2-step verification off",
    "persistence sso settings changed": "changed the settings of single sign-on",
    "persistence sso enablement toggle": "switched single sign-on on or off",
}
FOR_ONE = {
    ("login", "2svDisable"): "switched 2-step verification off",
    ("admin", "unenrollUserFromStrongAuth"): "had 2-step verification taken away",
}
FOUND_FOR_ONE = {
    "impair defenses two step verification disabled": "switched 2-step verification off",
    "persistence two step verification disabled": "switched 2-step verification off",
    "initial access disabled password leak": "was disabled by Google: the password is leaked",
    "initial access suspicious login blocked": "was signed in to by somebody whom Google stopped",
}
DENY, SUSPEND = "gcp.iam.deny-principal", "gcp.workspace.suspend-user"
BLOCKED = "initial access suspicious login blocked"
OFF = ("false", "off")
ONE = {name for _, name in FOR_ONE} | set(FOUND_FOR_ONE)  # what is about one person, who can be contained
WORDS = {**FOR_ALL, **FOUND_FOR_ALL, **{name: words for (_, name), words in FOR_ONE.items()}, **FOUND_FOR_ONE}


def check(case: Case) -> Verdict:
    """Fire on what concerns everybody, and on somebody who is, or may be, one of a project's people."""
    event = case.event
    if event is None:
        return None
    if event.heard_as in FOUND_FOR_ALL:
        return _finding(case, event, " of the organisation")
    return _setting(case, event) if event.heard_as in FOR_ALL else _person(case, event)


def _setting(case: Case, event: Event) -> Verdict:
    said = event.parameters["user"]
    value, unit = said.get("new_value", ""), said.get("org_unit_name") or "the organisation"
    if not value:
        return Unknown("whether 2-step verification was switched on or off is not told")
    return _finding(case, event, f" for {unit}") if value.lower() in OFF else None


def _person(case: Case, event: Event) -> Verdict:
    if any_match(case.settings.mfa_exempt, case.identity.arn, case.identity.name):
        return None
    if any_match(case.project.gcp_people, case.identity.name):
        return _finding(case, event)
    if any(project.gcp_whole for project in case.settings.projects):
        return _finding(case, event, ", and may be one of the people of an AI project", certain=False)
    groups = ", ".join(group for project in case.settings.projects for group in project.gcp_groups)
    return Unknown(f"whether {case.identity.name} is in {groups} is not known: who is in a group was not read") if groups else None


def _finding(case: Case, event: Event, more: str = "", *, certain: bool = True) -> Finding:
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=Severity.MEDIUM if event.heard_as == BLOCKED else GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {WORDS[event.heard_as]}{more}",
        evidence={"event": event.name, "by": event.actor.display if event.actor else None},
        actions=_against_one(case) if event.heard_as in ONE else (),
        certain=certain,
    )


def _against_one(case: Case) -> tuple[str, ...]:
    """Give what contains one person: the directory is another team's, and a step for it only where this deployment may take it."""
    return (DENY, SUSPEND) if case.settings.deployment.workspace else (DENY,)


GUARDRAIL = Guardrail(
    id="gcp-2sv-disabled",
    title="2-step verification or strong authentication switched off",
    severity=Severity.HIGH,
    why="People of Google Cloud sign in with Cloud Identity: their MFA lives there, and no API of Google Cloud can ask for it.",
    triggers=(
        *(Trigger(Source.GCP_AUDIT, name, service=service) for service, name in FOR_ONE),
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="admin") for name in FOR_ALL),
        *(Trigger(Source.GCP_SCC, name) for name in FOUND_FOR_ONE),
        *(Trigger(Source.GCP_SCC, name, judges=Judged.ACTOR) for name in FOUND_FOR_ALL),
    ),
    actions=(DENY, SUSPEND),
    standards=Standards(attack=("T1556.006",), cis=("gcp-v5:1.3", "gcp-v5:1.4", "gcp-v5:2.2"), nist=("IA-2(1)",)),
    false_positives="People of an identity provider have no 2-step verification of Google: attest their MFA there, and name them under `mfa.exempt`.",
    check=check,
)
